//! What only a look at this host tells of the options: whether its programs
//! take them. Nothing is written, and what was not asked for is not looked at.

use std::time::Duration;

use crate::error::Error;
use crate::facts::Ground;
use crate::host::{Host, Program};
use crate::plan::asked::NoPlan;
use crate::plan::option::fit::{self, Misfit};
use crate::plan::option::{Key, Value};
use crate::plan::unit_texts::Texts;

use super::request::Request;

/// How long a program may take to tell what it can do.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks.
///
/// # Errors
/// The first option that this host cannot have, and why.
pub fn check(
    host: &dyn Host,
    ground: &Ground,
    request: &Request,
    texts: &Texts,
) -> Result<(), Error> {
    let options = &request.asked.options;
    let told = |misfit: Misfit| NoPlan::Options(misfit.told(options));
    if let Some(Value::List(flags)) = texts.chosen.get(Key::RootlesskitFlags)
        && options.get(Key::RootlesskitFlags).is_some()
        && let Some(help) = help(host, ground)
    {
        fit::of_rootlesskit(flags, &help).map_err(told)?;
    }
    Ok(())
}

/// `rootlesskit --help`; none if it does not say anything.
fn help(host: &dyn Host, ground: &Ground) -> Option<String> {
    let output = host.run(&Program {
        key: "rootlesskit --help",
        path: ground
            .tools
            .first("rootlesskit")?
            .path
            .display()
            .to_string(),
        args: vec!["--help".into()],
        env: vec![("PATH".into(), ground.unit_path.clone())],
        deadline: PATIENCE,
        enough: None,
    });
    let output = output.into_known()?;
    Some(output.stdout + &output.stderr).filter(|help| help.contains("--copy-up"))
}
