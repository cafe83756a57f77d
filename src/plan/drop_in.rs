//! The drop-ins of the options: one file each in `docker.service.d/`.

use std::path::Path;

use thiserror::Error;

use super::options::{Chosen, Net, PortDriver, Value};
use super::quote::{self, Unquotable};
use super::template::filled;
use crate::facts::unit;

/// Network driver.
const NET: &str = "rootless-setup-net.conf";
/// Port driver.
const PORT_DRIVER: &str = "rootless-setup-port-driver.conf";
/// MTU.
const MTU: &str = "rootless-setup-mtu.conf";
/// Without iptables.
const IPTABLES: &str = "rootless-setup-iptables.conf";

/// Names of all of them, in the order in which systemd reads them.
pub const NAMES: [&str; 4] = [IPTABLES, MTU, NET, PORT_DRIVER];

/// Variables of `dockerd-rootless.sh`, without this in front.
const PREFIX: &str = "DOCKERD_ROOTLESS_ROOTLESSKIT_";

/// What one drop-in says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The network driver.
    Net(Net),
    /// The port driver.
    PortDriver(PortDriver),
    /// The MTU in bytes.
    Mtu(u32),
    /// The daemon leaves iptables alone.
    SkipIptables,
}

/// A drop-in that has one of our names and does not say what ours says:
/// somebody edited it, or a newer version wrote it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{name} does not say what rootless-setup writes there: {why}")]
pub struct Unread {
    /// Its name.
    pub name: String,
    /// What is missing or unknown.
    pub why: String,
}

/// Reads a drop-in back; none if the name is not one of ours.
///
/// # Errors
/// It is ours by name and not by what it says.
pub fn read(name: &str, text: &str) -> Result<Option<Setting>, Unread> {
    let variable = match name {
        NET => "NET",
        PORT_DRIVER => "PORT_DRIVER",
        MTU => "MTU",
        IPTABLES => return skips_iptables(text).map(Some),
        _ => return Ok(None),
    };
    let unread = |why: String| Unread {
        name: name.to_owned(),
        why,
    };
    let full = format!("{PREFIX}{variable}");
    let variables = drop_in(text).environment(Path::new("%h"));
    let value = variables
        .get(&full)
        .ok_or_else(|| unread(format!("it does not set {full}")))?;
    let setting = match name {
        NET => Net::parse(value).map(Setting::Net),
        PORT_DRIVER => PortDriver::parse(value).map(Setting::PortDriver),
        _ => <u32 as Value>::parse(value).map(Setting::Mtu),
    };
    let unknown = || unread(format!("{full} is {value:?}"));
    setting.map(Some).ok_or_else(unknown)
}

fn drop_in(text: &str) -> unit::DockerUnit {
    unit::DockerUnit {
        drop_ins: vec![unit::parse(Path::new(""), text)],
        ..unit::DockerUnit::default()
    }
}

fn skips_iptables(text: &str) -> Result<Setting, Unread> {
    let command = drop_in(text).exec_start().unwrap_or_default();
    match command
        .iter()
        .skip(1)
        .any(|word| word == "--iptables=false")
    {
        true => Ok(Setting::SkipIptables),
        false => Err(Unread {
            name: IPTABLES.to_owned(),
            why: "it does not start the daemon with --iptables=false".to_owned(),
        }),
    }
}

/// The drop-ins that say what was chosen.
pub(super) fn texts(
    chosen: &Chosen,
    script: &Path,
) -> Result<Vec<(&'static str, String)>, Unquotable> {
    let mut files = Vec::new();
    if chosen.skip_iptables {
        files.push((IPTABLES, iptables(script)?));
    }
    if let Some(mtu) = chosen.mtu {
        let line = variable("MTU", &mtu.to_string())?;
        files.push((MTU, text("the MTU of the daemon's network", &line)));
    }
    if let Some(net) = chosen.net {
        files.push((NET, net_text(net, chosen.port_driver)?));
    }
    if let Some(driver) = chosen.port_driver {
        let line = variable("PORT_DRIVER", driver.name())?;
        files.push((PORT_DRIVER, text("the port driver", &line)));
    }
    Ok(files)
}

/// With pasta goes `implicit`, unless another port driver is chosen: scripts
/// before 28.5.2 (moby#51162) would take `builtin`, which RootlessKit refuses.
fn net_text(net: Net, port: Option<PortDriver>) -> Result<String, Unquotable> {
    let mut lines = variable("NET", net.name())?;
    if net == Net::Pasta && port.is_none() {
        lines.push('\n');
        lines.push_str(&variable("PORT_DRIVER", PortDriver::Implicit.name())?);
    }
    Ok(text("the network driver", &lines))
}

fn variable(name: &str, value: &str) -> Result<String, Unquotable> {
    let word = quote::assignment(&format!("{PREFIX}{name}"), value)?;
    Ok(format!("Environment={word}"))
}

/// An empty `ExecStart=` takes back the unit's own.
fn iptables(script: &Path) -> Result<String, Unquotable> {
    let program = quote::program(script)?;
    let lines = format!("ExecStart=\nExecStart={program} --iptables=false");
    Ok(text("the daemon leaves iptables alone", &lines))
}

fn text(why: &str, settings: &str) -> String {
    let template = include_str!("../../templates/drop-in.conf");
    filled(template, &[("why", why), ("settings", settings)])
}

#[cfg(test)]
mod tests {
    use super::super::options::Options;
    use super::*;

    const SCRIPT: &str = "/home/a b/50%$x/dockerd-rootless.sh";

    fn files(chosen: &Chosen) -> Vec<(&'static str, String)> {
        chosen.drop_ins(Path::new(SCRIPT)).expect("texts")
    }

    #[test]
    fn one_file_an_option() {
        let chosen = Chosen {
            net: Some(Net::Slirp4netns),
            port_driver: Some(PortDriver::Slirp4netns),
            mtu: Some(1400),
            skip_iptables: true,
        };
        let files = files(&chosen);
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, NAMES);
        assert_eq!(
            files[0].1,
            "# Written by rootless-setup: the daemon leaves iptables alone\n\n[Service]\nExecStart=\n\
             ExecStart=\"/home/a b/50%%$x/dockerd-rootless.sh\" --iptables=false\n"
        );
        assert_eq!(
            files[2].1,
            "# Written by rootless-setup: the network driver\n\n[Service]\n\
             Environment=\"DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns\"\n"
        );
    }

    #[test]
    fn pasta_brings_its_port_driver() {
        let mut chosen = Chosen {
            net: Some(Net::Pasta),
            ..Chosen::default()
        };
        let implicit = "Environment=\"DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=implicit\"";
        assert!(files(&chosen)[0].1.contains(implicit));
        chosen.port_driver = Some(PortDriver::Pesto);
        assert!(!files(&chosen)[0].1.contains("PORT_DRIVER"));
    }

    #[test]
    fn they_are_read_back() {
        for net in Net::ALL.map(Some).into_iter().chain([None]) {
            for port_driver in PortDriver::ALL.map(Some).into_iter().chain([None]) {
                for (mtu, skip_iptables) in [(Some(68), true), (None, false)] {
                    let chosen = Chosen {
                        net,
                        port_driver,
                        mtu,
                        skip_iptables,
                    };
                    let mut options = Options::default();
                    for (name, text) in files(&chosen) {
                        options.set(read(name, &text).expect("readable").expect("ours"));
                    }
                    assert_eq!(
                        super::super::options::merge(&Options::default(), &options),
                        chosen
                    );
                }
            }
        }
    }

    #[test]
    fn edited_ones_are_told() {
        assert_eq!(read("override.conf", "[Service]\n"), Ok(None));
        let why = |name, text| read(name, text).expect_err("edited").to_string();
        assert!(why(NET, "").contains("does not set DOCKERD_ROOTLESS_ROOTLESSKIT_NET"));
        let text = "[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_MTU=9\n";
        assert!(why(MTU, text).ends_with("DOCKERD_ROOTLESS_ROOTLESSKIT_MTU is \"9\""));
        assert!(why(IPTABLES, "[Service]\nExecStart=/x\n").contains("--iptables=false"));
        assert!(why(PORT_DRIVER, "\u{fffd}\0").contains("does not set"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            for name in NAMES {
                let _ = read(name, &text);
            }
        }
    }
}
