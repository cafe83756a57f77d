//! `--verify`: a container is run, really, and removed again.

use std::time::{Duration, Instant};

use super::request::Request;
use crate::apply::interrupt;
use crate::apply::verify::{Unproved, verify};
use crate::error::Error;
use crate::plan::present::Present;
use crate::ui;

/// Proves that containers run, if that was asked for.
///
/// # Errors
/// [`Error::Unproved`], with the daemon's words.
pub fn proved(request: &Request, present: &Present, network: bool) -> Result<(), Error> {
    if !request.verify {
        return Ok(());
    }
    if present.manager.known().is_none() {
        ui::tell("no container was run: the daemon has to be started first");
        return Ok(());
    }
    let busy = interrupt::busy();
    let end = Instant::now() + Duration::from_secs(request.timeout.max(60));
    let proof = ui::with_progress("Running a container ...", || {
        verify(&present.socket, network, end)
    });
    drop(busy);
    match proof {
        Ok(left) => {
            left.iter().for_each(|what| ui::warn(what));
            ui::tell("a container ran and said hello; it and its image are removed again");
            Ok(())
        }
        Err(why @ (Unproved::NotStatic | Unproved::Own(_))) => {
            ui::warn(&format!("no container was run: {why}"));
            Ok(())
        }
        Err(Unproved::Interrupted) => Err(Error::Interrupted(interrupt::standing())),
        Err(why) => Err(Error::Unproved(why.to_string())),
    }
}
