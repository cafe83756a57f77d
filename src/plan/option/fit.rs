//! Choices that do not go together: RootlessKit would refuse them, or they
//! would not do what was meant.

use thiserror::Error;

use super::chosen::{Chosen, Options, Source};
use super::driver::Net;
use super::table::Key;

/// Why choices do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The options it is about.
    pub keys: Vec<Key>,
    /// In words, with what would do.
    pub why: String,
}

/// A misfit, with the line of the file that asked for it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}{why}", .at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default())]
pub struct Contradiction {
    /// `setup.toml:3`, if a file asked for it.
    pub at: Option<String>,
    /// In words.
    pub why: String,
}

impl Misfit {
    pub(super) fn new(keys: &[Key], why: impl Into<String>) -> Self {
        Misfit {
            keys: keys.to_vec(),
            why: why.into(),
        }
    }

    /// The same, with who asked for it.
    pub fn told(self, asked: &Options) -> Contradiction {
        let sources = self.keys.iter().filter_map(|key| asked.get(*key));
        let at = sources
            .map(|named| &named.source)
            .find_map(|source| match source {
                Source::File { .. } => Some(source.to_string()),
                Source::Flag(_) => None,
            });
        Contradiction { at, why: self.why }
    }
}

/// Whether what was asked for goes together by itself; what is installed may
/// still add to it.
///
/// # Errors
/// The first choices that cannot be meant, whatever is installed.
pub fn of_asked(asked: &Options) -> Result<(), Contradiction> {
    let on = |key| asked.flagged(key) == Some(true);
    let misfit = match on(Key::Adopt) && on(Key::Keep) {
        true => Some(Misfit::new(
            &[Key::Keep, Key::Adopt],
            "--adopt replaces the unit and --keep leaves it: choose one of them",
        )),
        false => pairs(&asked.merge(&Chosen::default()), false),
    };
    misfit.map_or(Ok(()), |misfit| Err(misfit.told(asked)))
}

/// Whether all that will hold goes together.
///
/// # Errors
/// The first choices that do not, and what would.
pub fn of_all(chosen: &Chosen, asked: &Options) -> Result<(), Contradiction> {
    pairs(chosen, true).map_or(Ok(()), |misfit| Err(misfit.told(asked)))
}

/// With `whole`, what is not in `chosen` is Docker's own choice; else it may
/// still be installed.
fn pairs(chosen: &Chosen, whole: bool) -> Option<Misfit> {
    port_driver(chosen, whole)
}

/// A port driver that is not for this network driver.
fn port_driver(chosen: &Chosen, whole: bool) -> Option<Misfit> {
    let (port, net) = (chosen.port_driver()?, chosen.net());
    let keys = [Key::PortDriver, Key::Net];
    let name = port.name();
    match (port.net(), net) {
        (_, Some(net)) if port.fits(net) => None,
        (None, None) => None,
        (Some(_), None) if !whole => None,
        (Some(fit), net) => {
            let (with, instead) = match net {
                None => ("the one Docker chooses by itself", "auto"),
                Some(Net::Pasta) => (Net::Pasta.name(), "implicit"),
                Some(net) => (net.name(), "builtin"),
            };
            Some(Misfit::new(
                &keys,
                format!(
                    "the port driver {name} works only with the network driver {fit}, not with {with}; \
                     choose --net {fit} as well, or --port-driver {instead}"
                ),
            ))
        }
        (None, Some(_)) => Some(Misfit::new(
            &keys,
            format!(
                "the network driver pasta does not work with the port driver {name}; choose \
                 --port-driver implicit, or another --net"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::option::{Choice, PortDriver, Value};

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn drivers(net: Option<Net>, port: Option<PortDriver>) -> Result<(), String> {
        let mut chosen = Chosen::default();
        if let Some(net) = net {
            chosen.set(Key::Net, text(net.name()));
        }
        if let Some(port) = port {
            chosen.set(Key::PortDriver, text(port.name()));
        }
        of_all(&chosen, &Options::default()).map_err(|e| e.to_string())
    }

    #[test]
    fn drivers_that_go_together() {
        for net in Net::ALL {
            let right = match net {
                Net::Slirp4netns => vec![PortDriver::Builtin, PortDriver::Slirp4netns],
                Net::Pasta => vec![PortDriver::Implicit, PortDriver::Pesto],
                Net::Gvisor => vec![PortDriver::Builtin, PortDriver::Gvisor],
                Net::Vpnkit | Net::LxcUserNic => vec![PortDriver::Builtin],
            };
            for port in PortDriver::ALL {
                let fits = drivers(Some(net), Some(port)).is_ok();
                assert_eq!(fits, right.contains(&port), "{net} {port:?}");
            }
            assert_eq!(drivers(Some(net), None), Ok(()));
        }
        assert_eq!(drivers(None, Some(PortDriver::Builtin)), Ok(()));
        assert_eq!(
            drivers(None, Some(PortDriver::Implicit)),
            Err("the port driver implicit works only with the network driver pasta, not with the one Docker \
                 chooses by itself; choose --net pasta as well, or --port-driver auto".into())
        );
        assert_eq!(
            drivers(Some(Net::Pasta), Some(PortDriver::Builtin)),
            Err("the network driver pasta does not work with the port driver builtin; choose --port-driver \
                 implicit, or another --net".into())
        );
    }

    #[test]
    fn half_of_a_pair_may_be_installed() {
        let port = || Options::default().flag(Key::PortDriver, Choice::Set(text("implicit")));
        assert_eq!(of_asked(&port()), Ok(()));
        let mut both = port();
        both.set(
            Key::Net,
            Choice::Set(text("slirp4netns")),
            Source::File {
                path: "/s.toml".into(),
                line: 7,
            },
        );
        let error = of_asked(&both).expect_err("a wrong pair").to_string();
        assert!(
            error.starts_with("/s.toml:7: the port driver implicit"),
            "{error}"
        );
        let yes = || Choice::Set(Value::Flag(true));
        let two = Options::default()
            .flag(Key::Adopt, yes())
            .flag(Key::Keep, yes());
        assert!(of_asked(&two).is_err());
    }
}
