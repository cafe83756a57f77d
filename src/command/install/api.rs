//! The API over TCP before it is set up: certificates that are there, valid and
//! belong together, and a port that nobody has.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::fact::Fact;
use crate::facts::Ground;
use crate::host::Host;
use crate::plan::certificate::{self, Unfit};
use crate::plan::listening;
use crate::plan::option::Key;
use crate::plan::option::fit::Misfit;
use crate::plan::unit_texts::Texts;
use crate::ui;

/// Where the kernel tells who listens, and from which port on users may.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
const FIRST_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// A table of many connections is long.
const LONGEST: u64 = 32 << 20;

/// Looks, if the API over TCP was asked for.
///
/// # Errors
/// The first thing that keeps it from working.
pub fn check(host: &dyn Host, ground: &Ground, texts: &Texts) -> Result<(), Misfit> {
    let Some(at) = texts.chosen.tcp() else {
        return Ok(());
    };
    let file = |key| texts.chosen.text(key);
    if let (Some(ca), Some(cert), Some(key)) =
        (file(Key::TlsCa), file(Key::TlsCert), file(Key::TlsKey))
    {
        certificates(host, [ca, cert, key])?;
    }
    match texts
        .installed
        .tcp()
        .is_some_and(|now| now.port() == at.port())
    {
        // It is the daemon's own.
        true => Ok(()),
        false => port(host, ground, at),
    }
}

fn certificates(host: &dyn Host, [ca, cert, key]: [&str; 3]) -> Result<(), Misfit> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_secs());
    let authority = text(host, Key::TlsCa, ca)?;
    let own = text(host, Key::TlsCert, cert)?;
    let secret = text(host, Key::TlsKey, key)?;
    let unfit = |option: Key, path: &str, why: Unfit| {
        Misfit::new(&[option], format!("{}: {path} {why}", option.name()))
    };
    certificate::authority(&authority, now).map_err(|why| unfit(Key::TlsCa, ca, why))?;
    certificate::own(&own, now).map_err(|why| unfit(Key::TlsCert, cert, why))?;
    certificate::key(&secret, &own).map_err(|why| unfit(Key::TlsKey, key, why))?;
    let open = host
        .stat(Path::new(key))
        .known()
        .is_some_and(|s| s.mode & 0o077 != 0);
    if open {
        ui::warn(&format!("others can read {key}: chmod 600 {key}"));
    }
    Ok(())
}

fn text(host: &dyn Host, key: Key, path: &str) -> Result<String, Misfit> {
    let why = match host.read(Path::new(path)) {
        Fact::Known(text) => return Ok(text),
        Fact::Absent => "is not there".to_owned(),
        Fact::Unreadable(why) => format!("cannot be read: {}", why.text),
    };
    Err(Misfit::new(&[key], format!("{}: {path} {why}", key.name())))
}

/// Nobody listens there, and a user may.
fn port(host: &dyn Host, ground: &Ground, at: SocketAddr) -> Result<(), Misfit> {
    let misfit = |why: String| Err(Misfit::new(&[Key::Tcp], why));
    for table in TABLES {
        let text = host.read_up_to(Path::new(table), LONGEST).into_known();
        if text.is_some_and(|text| listening::is_taken(&text, at)) {
            return misfit(format!(
                "tcp: another program listens on port {} already (ss -tlnp names it); choose another",
                at.port()
            ));
        }
    }
    let first = host.read(Path::new(FIRST_PORT)).into_known();
    let first = first.and_then(|text| text.trim().parse::<u16>().ok());
    let rootlesskit = ground.tools.first("rootlesskit");
    let may = || rootlesskit.is_some_and(|hit| host.capability(&hit.real).known().is_some());
    match first.filter(|first| at.port() < *first && !may()) {
        None => Ok(()),
        Some(first) => misfit(format!(
            "tcp: users may listen on ports from {first} up here; choose such a port, or \
             sudo rootless-setup prepare --user NAME --only network.privileged-ports"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::subject;
    use crate::host::Recorded;
    use crate::plan::option::{Chosen, Value};
    use crate::testing::TestHost;

    macro_rules! pem {
        ($name:literal) => {
            include_str!(concat!("../../../tests/tls/", $name, ".pem"))
        };
    }

    fn host() -> TestHost {
        TestHost::new()
            .file("/c/ca.pem", pem!("rsa-cert"))
            .file("/c/cert.pem", pem!("ec-cert"))
            .file("/c/key.pem", pem!("ec-key"))
            .file(FIRST_PORT, "1024\n")
    }

    fn chosen(port: u16) -> Chosen {
        let text = |text: &str| Value::Text(text.into());
        Chosen::default()
            .with(Key::Tcp, text(&format!("0.0.0.0:{port}")))
            .with(Key::TlsCa, text("/c/ca.pem"))
            .with(Key::TlsCert, text("/c/cert.pem"))
            .with(Key::TlsKey, text("/c/key.pem"))
    }

    fn checked(host: TestHost, chosen: Chosen, installed: Chosen) -> Result<(), String> {
        let host = Recorded::new(host.0);
        let ground = Ground::collect(&host, subject::find(&host, None).expect("subject"));
        let texts = Texts {
            chosen,
            installed,
            ..Texts::default()
        };
        check(&host, &ground, &texts).map_err(|misfit| misfit.why)
    }

    #[test]
    fn files_are_looked_at_before_anything_is_written() {
        let of = |host| checked(host, chosen(2376), Chosen::default());
        assert_eq!(of(host()), Ok(()));
        let wrong = of(host().file("/c/key.pem", pem!("rsa-key"))).expect_err("mismatch");
        assert_eq!(
            wrong,
            "tls-key: /c/key.pem does not belong to the certificate"
        );
        let empty = of(host().file("/c/ca.pem", "")).expect_err("empty");
        assert_eq!(empty, "tls-ca: /c/ca.pem holds no certificate in PEM form");
        let gone = of(host().with(|b| drop(b.files.remove("/c/cert.pem")))).expect_err("gone");
        assert_eq!(gone, "tls-cert: /c/cert.pem is not there");
    }

    #[test]
    fn the_port_has_to_be_free() {
        let line = "  sl  local_address rem_address   st\n   0: 0100007F:0948 00000000:0000 0A 0\n";
        let taken = || host().file("/proc/net/tcp", line);
        let refused = checked(taken(), chosen(2376), Chosen::default()).expect_err("taken");
        assert!(refused.contains("port 2376"), "{refused}");
        assert_eq!(
            checked(taken(), chosen(2376), chosen(2376)),
            Ok(()),
            "its own"
        );
        assert_eq!(checked(taken(), chosen(2377), Chosen::default()), Ok(()));
        let low = checked(host(), chosen(443), Chosen::default()).expect_err("privileged");
        assert!(low.contains("from 1024 up"), "{low}");
    }
}
