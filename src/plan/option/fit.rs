//! Choices that do not go together: RootlessKit would refuse them, or they
//! would not do what was meant.

use thiserror::Error;

use super::chosen::{Chosen, Options, Source};
use super::driver::Net;
use super::table::{Key, Place};
use super::value::{Choice, Value};
use crate::facts::area::network::script::Script;
use crate::facts::version::Version;

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
    /// Options, and why they do not fit.
    pub fn new(keys: &[Key], why: impl Into<String>) -> Self {
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
        .or_else(|| slirp4netns(chosen))
        .or_else(|| rootlesskit_flags(chosen))
}

/// Whether the installed script does what was chosen.
///
/// # Errors
/// The first choice it knows nothing of.
pub fn of_script(chosen: &Chosen, asked: &Options, script: &Script) -> Result<(), Contradiction> {
    let misfit = unknown_variable(chosen, script).or_else(|| locked_and_detached(chosen, script));
    misfit.map_or(Ok(()), |misfit| Err(misfit.told(asked)))
}

fn unknown_variable(chosen: &Chosen, script: &Script) -> Option<Misfit> {
    chosen.iter().find_map(|(key, _)| match key.entry().place {
        Place::Variable { name, .. } if !script.variables.contains(name) => Some(Misfit::new(
            &[key],
            format!(
                "this Docker does not know {0}: {1} reads no DOCKERD_ROOTLESS_ROOTLESSKIT_{name}; \
                 leave {0} out, or choose --{0}=auto",
                key.name(),
                script.path
            ),
        )),
        _ => None,
    })
}

/// slirp4netns#317: RootlessKit refuses.
fn locked_and_detached(chosen: &Chosen, script: &Script) -> Option<Misfit> {
    let sandbox = chosen.flagged(Key::SlirpSandbox) == Some(true);
    let detaches = script.detaches && chosen.flagged(Key::DetachNetns) != Some(false);
    let why = "the sandbox of slirp4netns does not work with a detached network; choose \
               --detach-netns=no as well, or --slirp4netns-sandbox=auto";
    let keys = [Key::SlirpSandbox, Key::DetachNetns];
    (sandbox && detaches).then(|| Misfit::new(&keys, why))
}

/// Options of slirp4netns where another driver is chosen.
fn slirp4netns(chosen: &Chosen) -> Option<Misfit> {
    let net = chosen.net().filter(|net| *net != Net::Slirp4netns)?;
    let own = [Key::SlirpSandbox, Key::SlirpSeccomp];
    let key = own.into_iter().find(|key| chosen.get(*key).is_some())?;
    let why = format!(
        "{} does nothing with the network driver {net}; choose --net slirp4netns, or --{}=auto",
        key.name(),
        key.name()
    );
    Some(Misfit::new(&[key, Key::Net], why))
}

/// The first engine that takes proxies from `daemon.json`.
const PROXIES: Version = Version::new(23, 0, 0);

/// Flags that the script sets from other options; the later would win, and
/// nothing here would know.
const OWN_FLAGS: [(&str, &str); 9] = [
    ("--net", "--net"),
    ("--mtu", "--mtu"),
    ("--port-driver", "--port-driver"),
    ("--state-dir", "--state-dir"),
    ("--disable-host-loopback", "--host-loopback"),
    ("--detach-netns", "--detach-netns"),
    ("--slirp4netns-sandbox", "--slirp4netns-sandbox"),
    ("--slirp4netns-seccomp", "--slirp4netns-seccomp"),
    ("--propagation", ""),
];

/// Whether the installed RootlessKit takes these flags, by its `--help`.
///
/// # Errors
/// The first it does not know.
pub fn of_rootlesskit(flags: &[String], help: &str) -> Result<(), Misfit> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let known: Vec<&str> = help.split(ends).filter(|w| w.starts_with('-')).collect();
    let name = |flag: &'_ String| flag.split('=').next().unwrap_or_default().to_owned();
    let mut names = flags.iter().filter(|flag| flag.starts_with('-')).map(name);
    match names.find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Misfit::new(
            &[Key::RootlesskitFlags],
            format!("the installed RootlessKit knows no flag {name} (rootlesskit --help)"),
        )),
    }
}

/// Whether the engine takes what was asked for.
///
/// # Errors
/// The first option that came with a later one.
pub fn of_engine(asked: &Options, engine: Option<&Version>) -> Result<(), Misfit> {
    let Some(engine) = engine.filter(|version| **version < PROXIES) else {
        return Ok(());
    };
    let proxies = [Key::HttpProxy, Key::HttpsProxy, Key::NoProxy];
    let set = |key: &Key| asked.get(*key).is_some_and(|n| n.choice != Choice::Auto);
    match proxies.into_iter().find(set) {
        None => Ok(()),
        Some(key) => Err(Misfit::new(
            &[key],
            format!(
                "{} needs Docker {PROXIES}, and dockerd {engine} does not start with proxies in \
                 daemon.json; set HTTP_PROXY and HTTPS_PROXY with systemctl --user edit docker",
                key.name()
            ),
        )),
    }
}

fn rootlesskit_flags(chosen: &Chosen) -> Option<Misfit> {
    let Value::List(flags) = chosen.get(Key::RootlesskitFlags)? else {
        return None;
    };
    let misfit = |why: String| Some(Misfit::new(&[Key::RootlesskitFlags], why));
    if let Some(first) = flags.first().filter(|first| !first.starts_with('-')) {
        return misfit(format!(
            "rootlesskit-flags begins with {first:?}, which is no flag of RootlessKit"
        ));
    }
    let name = |flag: &String| flag.split('=').next().unwrap_or_default().to_owned();
    let own = |flag: &String| OWN_FLAGS.into_iter().find(|(own, _)| *own == name(flag));
    match flags.iter().find_map(own)? {
        (flag, "") => misfit(format!(
            "rootlesskit-flags has {flag}, without which rootless Docker does not work as it \
             is set by dockerd-rootless.sh; leave it out"
        )),
        (flag, option) => misfit(format!(
            "rootlesskit-flags has {flag}, which is an option of its own: choose {option}"
        )),
    }
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
    use crate::facts::area::network::script;
    use crate::plan::option::PortDriver;

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

    fn why(chosen: &Chosen) -> String {
        let misfit = of_all(chosen, &Options::default());
        misfit.expect_err("a misfit").to_string()
    }

    #[test]
    fn what_would_do_nothing_is_refused() {
        let seccomp = Chosen::default().with(Key::SlirpSeccomp, Value::Flag(false));
        assert_eq!(of_all(&seccomp, &Options::default()), Ok(()));
        let pasta = seccomp.with(Key::Net, text("pasta"));
        assert!(
            why(&pasta)
                .starts_with("slirp4netns-seccomp does nothing with the network driver pasta")
        );
        let flags = |flags: &[&str]| {
            let flags = flags.iter().map(ToString::to_string).collect();
            Chosen::default().with(Key::RootlesskitFlags, Value::List(flags))
        };
        assert!(
            why(&flags(&["--ipv6", "--mtu=9"])).ends_with("an option of its own: choose --mtu")
        );
        assert!(why(&flags(&["--propagation=rprivate"])).contains("leave it out"));
        assert!(why(&flags(&["pasta"])).contains("no flag of RootlessKit"));
        let fine = flags(&["--mtu-of-mine", "-p", "80:80/tcp"]);
        assert_eq!(of_all(&fine, &Options::default()), Ok(()));
    }

    #[test]
    fn the_installed_rootlesskit_decides() {
        let help = "OPTIONS:\n    --cidr value    CIDR for slirp4netns network\n    --publish value, -p value  x\n";
        let of = |flags: &[&str]| {
            let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
            of_rootlesskit(&flags, help).map_err(|misfit| misfit.why)
        };
        assert_eq!(of(&["--cidr=10.0.3.0/24", "-p", "80:80/tcp"]), Ok(()));
        assert!(
            of(&["--cidr", "x", "--ipv6"])
                .expect_err("old")
                .contains("no flag --ipv6")
        );
        assert!(of(&["--cid=x"]).is_err());
    }

    #[test]
    fn the_installed_script_decides() {
        let of = |chosen: &Chosen, script: &str| {
            let script = script::parse("/usr/bin/dockerd-rootless.sh", script);
            of_script(chosen, &Options::default(), &script).map_err(|e| e.to_string())
        };
        let old = ": ${DOCKERD_ROOTLESS_ROOTLESSKIT_NET:=} $DOCKERD_ROOTLESS_ROOTLESSKIT_SLIRP4NETNS_SANDBOX\n";
        let new = format!("{old}${{DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS:=}} --detach-netns\n");
        let detach = |yes| Chosen::default().with(Key::DetachNetns, Value::Flag(yes));
        let refused = of(&detach(false), old).expect_err("unknown");
        assert!(
            refused.contains("reads no DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS"),
            "{refused}"
        );
        assert_eq!(of(&detach(false), &new), Ok(()));
        let locked = |chosen: Chosen| chosen.with(Key::SlirpSandbox, Value::Flag(true));
        assert_eq!(of(&locked(Chosen::default()), old), Ok(()));
        assert_eq!(of(&locked(detach(false)), &new), Ok(()));
        let refused = of(&locked(Chosen::default()), &new).expect_err("slirp4netns#317");
        assert!(refused.contains("--detach-netns=no"), "{refused}");
    }

    #[test]
    fn the_installed_engine_decides() {
        let proxy = Options::default().flag(Key::HttpProxy, Choice::Set(text("http://p")));
        let of = |asked: &Options, version| of_engine(asked, version).map_err(|m| m.why);
        let old = Version::new(20, 10, 24);
        let refused = of(&proxy, Some(&old)).expect_err("old");
        assert!(
            refused.contains("dockerd 20.10.24 does not start"),
            "{refused}"
        );
        assert_eq!(of(&proxy, Some(&PROXIES)), Ok(()));
        assert_eq!(of(&proxy, None), Ok(()));
        let auto = Options::default().flag(Key::HttpProxy, Choice::Auto);
        assert_eq!(of(&auto, Some(&old)), Ok(()));
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
