//! Choices that do not go together: RootlessKit would refuse them, or they
//! would not do what was meant.

#[cfg(test)]
mod tests;

use thiserror::Error;

use super::chosen::{Chosen, Options, Source};
use super::driver::{Net, PortDriver};
use super::table::{Key, Place};
use super::value::{Choice, Value};
use crate::facts::area::network::script::Script;
use crate::facts::version::Version;
use crate::plan::drop_in::Reach;

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
        .or_else(|| api(chosen, whole))
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

/// The files without which the API over TCP is everybody's.
const CERTIFICATES: [Key; 3] = [Key::TlsCa, Key::TlsCert, Key::TlsKey];

/// The API over TCP is for those who have a certificate.
fn api(chosen: &Chosen, whole: bool) -> Option<Misfit> {
    let insecure = chosen.flagged(Key::InsecureTcp) == Some(true);
    let has = |key: &Key| chosen.get(*key).is_some();
    let file = CERTIFICATES.into_iter().find(has);
    let missing = CERTIFICATES.into_iter().find(|key| !has(key));
    match (has(&Key::Tcp), insecure, file, missing) {
        (_, true, Some(file), _) => Some(Misfit::new(
            &[Key::InsecureTcp, file],
            format!(
                "insecure-tcp and {} contradict each other: choose one",
                file.name()
            ),
        )),
        (true, false, _, Some(missing)) if whole => Some(Misfit::new(
            &[Key::Tcp],
            format!(
                "{} is missing: whoever reaches the port has all that you have. Give --tls-ca, --tls-cert \
                 and --tls-key, or use ssh (docker -H ssh://), or say --insecure-tcp if it is meant",
                missing.name()
            ),
        )),
        (false, true, ..) if whole => Some(lonely(Key::InsecureTcp)),
        (false, _, Some(file), _) if whole => Some(lonely(file)),
        _ => None,
    }
}

fn lonely(key: Key) -> Misfit {
    let why = format!("{} does nothing without --tcp ADDRESS:PORT", key.name());
    Misfit::new(&[key], why)
}

/// Whether the API is to be had at the address that was chosen.
///
/// # Errors
/// One that pasta, or the port driver, cannot keep to.
pub fn of_reach(chosen: &Chosen, asked: &Options, reach: Reach) -> Result<(), Contradiction> {
    let Some(at) = chosen.tcp() else {
        return Ok(());
    };
    let (ip, port) = (at.ip(), at.port());
    // The port drivers of slirp4netns and gvisor-tap-vsock are told of IPv4 addresses only.
    let own = chosen.port_driver().and_then(PortDriver::net);
    let misfit = match reach {
        Reach::Forwarded if !ip.is_unspecified() => Misfit::new(
            &[Key::Tcp, Key::Net],
            format!(
                "pasta forwards at every address of the host, not only at {ip}; choose --tcp 0.0.0.0:{port}, \
                 or --net slirp4netns"
            ),
        ),
        Reach::Published if ip.is_ipv6() && own.is_some() => Misfit::new(
            &[Key::Tcp, Key::PortDriver],
            format!(
                "the port driver {} knows no IPv6 address such as {ip}; choose --tcp 0.0.0.0:{port}, \
                 or --port-driver builtin",
                chosen.port_driver().map_or("", PortDriver::name)
            ),
        ),
        _ => return Ok(()),
    };
    Err(misfit.told(asked))
}

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

/// What only `rootlesskit --help` tells.
const OF_ROOTLESSKIT: [Key; 3] = [Key::Net, Key::PortDriver, Key::RootlesskitFlags];

/// Something was asked for that the installed RootlessKit may not know.
pub fn asks_rootlesskit(asked: &Options) -> bool {
    let set = |key: &Key| asked.get(*key).is_some_and(|n| n.choice != Choice::Auto);
    OF_ROOTLESSKIT.iter().any(set)
}

/// Whether the installed RootlessKit takes what was asked for, by its `--help`.
///
/// # Errors
/// The first it does not know.
pub fn of_rootlesskit(asked: &Options, help: &str) -> Result<(), Misfit> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let known: Vec<&str> = help.split(ends).collect();
    for key in OF_ROOTLESSKIT {
        let choice = asked.get(key).map(|named| &named.choice);
        let (what, unknown) = match choice {
            Some(Choice::Set(Value::Text(driver))) if !known.contains(&driver.as_str()) => {
                let what = match key {
                    Key::Net => "network driver",
                    _ => "port driver",
                };
                (what, driver.clone())
            }
            Some(Choice::Set(Value::List(flags))) => match unknown_flag(flags, &known) {
                Some(flag) => ("flag", flag),
                None => continue,
            },
            _ => continue,
        };
        let why =
            format!("the installed RootlessKit knows no {what} {unknown} (rootlesskit --help)");
        return Err(Misfit::new(&[key], why));
    }
    Ok(())
}

fn unknown_flag(flags: &[String], known: &[&str]) -> Option<String> {
    let flags = flags.iter().filter(|flag| flag.starts_with('-'));
    let mut names = flags.filter_map(|flag| flag.split('=').next());
    names.find(|name| !known.contains(name)).map(str::to_owned)
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
