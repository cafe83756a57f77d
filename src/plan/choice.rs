//! What the command line says of one option, and the words it takes.

use std::str::FromStr;

use thiserror::Error;

use super::options::{LARGEST_MTU, Net, PortDriver, SMALLEST_MTU};

/// What was said about one option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice<T> {
    /// Nothing: it stays as it is installed.
    #[default]
    Keep,
    /// Back to Docker's own default.
    Auto,
    /// This.
    Set(T),
}

impl<T> Choice<T> {
    /// What holds after it, where `installed` held before.
    pub(super) fn over(self, installed: Choice<T>) -> Option<T> {
        match (self, installed) {
            (Choice::Set(value), _) | (Choice::Keep, Choice::Set(value)) => Some(value),
            _ => None,
        }
    }
}

/// A word that an option does not take.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{word:?} is not one of {expected}")]
pub struct Unknown {
    /// What was given.
    pub word: String,
    /// What the option takes, for people.
    pub expected: String,
}

/// A value of an option.
pub trait Value: Sized {
    /// Reads it.
    fn parse(word: &str) -> Option<Self>;

    /// The words it takes besides `auto`, for completions; none for a number.
    fn words() -> Vec<&'static str>;

    /// What it takes besides `auto`, for people.
    fn expected() -> String {
        Self::words().join(", ")
    }
}

impl Value for Net {
    fn parse(word: &str) -> Option<Self> {
        Net::parse(word)
    }

    fn words() -> Vec<&'static str> {
        Net::ALL.map(Net::name).to_vec()
    }
}

impl Value for PortDriver {
    fn parse(word: &str) -> Option<Self> {
        PortDriver::parse(word)
    }

    fn words() -> Vec<&'static str> {
        PortDriver::ALL.map(PortDriver::name).to_vec()
    }
}

/// An MTU in bytes.
impl Value for u32 {
    fn parse(word: &str) -> Option<Self> {
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        let number = word.parse().ok().filter(|_| digits)?;
        (SMALLEST_MTU..=LARGEST_MTU)
            .contains(&number)
            .then_some(number)
    }

    fn words() -> Vec<&'static str> {
        Vec::new()
    }

    fn expected() -> String {
        format!("{SMALLEST_MTU} to {LARGEST_MTU}")
    }
}

impl Value for bool {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            _ => None,
        }
    }

    fn words() -> Vec<&'static str> {
        vec!["yes", "no"]
    }
}

impl<T: Value> FromStr for Choice<T> {
    type Err = Unknown;

    fn from_str(word: &str) -> Result<Self, Unknown> {
        if word == "auto" {
            return Ok(Choice::Auto);
        }
        let unknown = || Unknown {
            word: word.to_owned(),
            expected: format!("{}, auto", T::expected()),
        };
        T::parse(word).map(Choice::Set).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line() {
        assert_eq!("auto".parse(), Ok(Choice::<Net>::Auto));
        assert_eq!("pasta".parse(), Ok(Choice::Set(Net::Pasta)));
        assert_eq!(
            "gvisor-tap-vsock".parse(),
            Ok(Choice::Set(PortDriver::Gvisor))
        );
        assert_eq!("1500".parse(), Ok(Choice::Set(1500)));
        assert_eq!("no".parse(), Ok(Choice::Set(false)));
        for bad in [
            "67",
            "65522",
            "-1",
            "+1500",
            "",
            "1 500",
            "99999999999",
            "0x5dc",
        ] {
            assert!(bad.parse::<Choice<u32>>().is_err(), "{bad}");
        }
        let error = "Pasta".parse::<Choice<Net>>().expect_err("case matters");
        assert_eq!(
            error.to_string(),
            "\"Pasta\" is not one of slirp4netns, pasta, vpnkit, gvisor-tap-vsock, lxc-user-nic, auto"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(word in ".*") {
            let _ = word.parse::<Choice<u32>>();
            let _ = word.parse::<Choice<Net>>();
        }
    }
}
