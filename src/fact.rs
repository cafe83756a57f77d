//! What was found out about one thing of the host: known, absent, or not to be had.
//!
//! The third state is what keeps the tool honest. A file that could not be
//! read is neither "there" nor "not there", and a check that needs it must say
//! `unknown`, never `pass` and never `fail`.

use std::io;

use serde::{Deserialize, Serialize};

use crate::check::Undetermined;

/// One fact about the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It is there, and this is what it is.
    Known(T),
    /// It is certainly not there (ENOENT, no such unit, variable not set).
    Absent,
    /// Nobody can tell from here, and why.
    Unreadable(Why),
}

/// Why a fact could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The error number of the system call that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// A fragment fit for "could not be determined: …".
    pub text: String,
    /// Nobody asked, on purpose (`--no-probe`, not this user's to ask): a check
    /// that needs it is skipped, not undetermined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
}

impl Why {
    /// A reason without an error number.
    pub fn new(text: impl Into<String>) -> Self {
        Why {
            errno: None,
            text: text.into(),
            off: false,
        }
    }

    /// A question that was not asked, on purpose.
    pub fn off(text: impl Into<String>) -> Self {
        Why {
            off: true,
            ..Why::new(text)
        }
    }
}

impl From<&io::Error> for Why {
    fn from(error: &io::Error) -> Self {
        Why {
            errno: error.raw_os_error(),
            text: plain(error),
            off: false,
        }
    }
}

/// The words of an error without its number, which a person has no use for.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error.raw_os_error().map(|n| format!(" (os error {n})"));
    match number.and_then(|number| text.strip_suffix(&number).map(str::to_owned)) {
        Some(words) => words,
        None => text,
    }
}

impl<T> Fact<T> {
    /// A fact that could not be had, with the reason.
    pub fn unreadable(text: impl Into<String>) -> Self {
        Fact::Unreadable(Why::new(text))
    }

    /// Sorts an I/O result: no such file is `Absent`, any other error `Unreadable`.
    pub fn from_io(result: io::Result<T>) -> Self {
        match result {
            Ok(value) => Fact::Known(value),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Fact::Absent,
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => Fact::Absent,
            Err(e) => Fact::Unreadable(Why::from(&e)),
        }
    }

    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            _ => None,
        }
    }

    /// The value by move, if it is known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Fact::Known(value) => Some(value),
            _ => None,
        }
    }

    /// True if the thing is certainly not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Fact::Absent)
    }

    /// Applies `f` to a known value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        self.and_then(|value| Fact::Known(f(value)))
    }

    /// Applies `f`, which may itself fail to tell, to a known value.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Fact<U>) -> Fact<U> {
        match self {
            Fact::Known(value) => f(value),
            Fact::Absent => Fact::Absent,
            Fact::Unreadable(why) => Fact::Unreadable(why),
        }
    }

    /// A view that borrows the value.
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Fact::Known(value) => Fact::Known(value),
            Fact::Absent => Fact::Absent,
            Fact::Unreadable(why) => Fact::Unreadable(why.clone()),
        }
    }

    /// The value, or the check is undetermined: for what a rule cannot do without.
    ///
    /// # Errors
    /// [`Undetermined`], naming `what`, when the fact is absent or unreadable.
    pub fn need(&self, what: &str) -> Result<&T, Undetermined> {
        match self {
            Fact::Known(value) => Ok(value),
            Fact::Absent => Err(Undetermined::new(format!("{what}: not there"))),
            Fact::Unreadable(why) => Err(Undetermined {
                why: format!("{what}: {}", why.text),
                off: why.off,
            }),
        }
    }

    /// `Some` if known, `None` if absent: for what a rule may find missing.
    ///
    /// # Errors
    /// [`Undetermined`], naming `what`, when the fact is unreadable.
    pub fn ask(&self, what: &str) -> Result<Option<&T>, Undetermined> {
        match self {
            Fact::Absent => Ok(None),
            _ => self.need(what).map(Some),
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Fact::Absent, Fact::Known)
    }
}
