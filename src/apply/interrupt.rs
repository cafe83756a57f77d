//! Ctrl-C while changes are made: they are taken back, in order, instead of
//! the process ending between two of them.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static BUSY: AtomicBool = AtomicBool::new(false);
static WAS_BUSY: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicBool = AtomicBool::new(false);

/// Changes are being made while this lives.
#[derive(Debug)]
pub struct Busy(());

/// From now on a signal asks for an orderly end.
pub fn busy() -> Busy {
    WAS_BUSY.store(true, SeqCst);
    BUSY.store(true, SeqCst);
    Busy(())
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.store(false, SeqCst);
    }
}

/// A signal came. False if nothing is being changed: then end at once.
pub fn ask() -> bool {
    ASKED.store(true, SeqCst);
    BUSY.load(SeqCst)
}

/// Whether an orderly end was asked for.
pub fn asked() -> bool {
    ASKED.load(SeqCst)
}

/// How things stand for whoever ends the program at once, in words.
pub fn standing() -> &'static str {
    match WAS_BUSY.load(SeqCst) {
        false => "nothing was changed",
        true => "the changes are made; rootless-setup status tells how things stand",
    }
}
