//! Where the user's daemon listens, for all who ask: by the words of its
//! command line, else by `hosts` of its `daemon.json`, else at `docker.sock` in
//! its runtime directory. dockerd refuses to start with both of the former.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Ground;

/// Directories of which `dockerd-rootless.sh` gives the daemon copies of its own
/// (`--copy-up`): what is made right in them is nowhere on the host. What was a
/// directory in them before is a link to the host's.
pub const COPIES: [&str; 3] = ["/run", "/var/run", "/etc"];

/// Where the daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listens {
    /// Nobody says: at `docker.sock` in its runtime directory.
    Usual,
    /// At this socket; of several, the one in the runtime directory, else the first.
    At(PathBuf),
    /// At no socket of the host, or at one that cannot be told, and why.
    Unknown(String),
}

impl Ground {
    /// Addresses at which the daemon is to be had on the host, as clients write
    /// them; none where nobody says.
    ///
    /// # Errors
    /// Why they cannot be told.
    pub fn addresses(&self) -> Result<Option<Vec<String>>, String> {
        let drop_in = |path: &Path| {
            path.parent()
                .is_some_and(|d| d.ends_with("docker.service.d"))
        };
        let mut hidden = self.unit.unreadable.iter();
        let hidden = hidden.find(|(path, _)| self.unit.file.is_none() || drop_in(path));
        if let Some((path, why)) = hidden {
            return Err(format!("{}: {why}", path.display()));
        }
        let words = self.unit.arguments(self.home_path(), &self.runtime_dir);
        let mut said = by_words(&words, &self.variables())?;
        if said.is_empty() {
            // No daemon starts with one that cannot be read.
            said = self.daemon_json.settings().unwrap_or_default().hosts;
        }
        let usual = self.runtime_dir.join("docker.sock");
        let usual = format!("unix://{}", usual.display());
        let whole = |address: &String| match address.trim() {
            "" => usual.clone(),
            "unix://" => "unix:///var/run/docker.sock".to_owned(),
            address => address.to_owned(),
        };
        let all = (!said.is_empty()).then(|| said.iter().map(whole).collect());
        Ok(all)
    }

    /// Where the daemon listens, for clients of this host.
    pub fn listens(&self) -> Listens {
        let addresses = match self.addresses() {
            Ok(Some(addresses)) => addresses,
            Ok(None) => return Listens::Usual,
            Err(why) => return Listens::Unknown(why),
        };
        let usual = self.runtime_dir.join("docker.sock");
        let paths = addresses.iter().filter_map(|a| a.strip_prefix("unix://"));
        let paths: Vec<&Path> = paths.map(Path::new).collect();
        let mut on_host = paths.iter().filter(|path| is_on_host(path));
        match on_host.next() {
            Some(_) if paths.contains(&usual.as_path()) => Listens::At(usual),
            Some(first) => Listens::At(first.to_path_buf()),
            None if !paths.is_empty() => Listens::Unknown(format!(
                "{} is no place where the host would see it",
                paths[0].display()
            )),
            None if addresses.iter().any(|a| a.starts_with("fd://")) => {
                Listens::Unknown("it gets its socket from systemd (-H fd://)".into())
            }
            None => Listens::Unknown("it listens at no socket, only on TCP".into()),
        }
    }

    /// Variables that systemd puts into the command line.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.unit.environment(self.home_path());
        let usual = [
            ("HOME", self.home_path()),
            ("XDG_RUNTIME_DIR", &self.runtime_dir),
        ];
        for (name, path) in usual {
            let value = || path.display().to_string();
            variables.entry(name.to_owned()).or_insert_with(value);
        }
        variables
    }
}

/// A socket at this path is the host's.
fn is_on_host(path: &Path) -> bool {
    let copied = |dir: &Path| COPIES.iter().any(|copy| dir == Path::new(copy));
    path.is_absolute() && !path.parent().is_some_and(copied)
}

/// An address that leads to a daemon on this host which names it so.
pub fn is_address(address: &str) -> bool {
    let path = address.strip_prefix("unix://");
    path.is_none_or(|path| is_on_host(Path::new(path)))
}

/// What `-H` and `--host` say.
fn by_words(words: &[String], variables: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let mut said = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let joined = ["--host=", "-H=", "-H"];
        let value = match word.as_str() {
            "-H" | "--host" => words.next().map(String::as_str),
            word => joined.iter().find_map(|flag| word.strip_prefix(flag)),
        };
        match value {
            Some(value) => said.push(substituted(value, variables)?),
            // A shell that starts it, or a name for several words.
            None if word.contains("unix://") || word.contains("-H ") => {
                return Err(format!("its command line says {word:?}"));
            }
            None => {}
        }
    }
    Ok(said)
}

/// `${NAME}`, `$NAME` alone, and `$$`, as systemd replaces them.
fn substituted(word: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let unknown = || format!("its command line says -H {word:?}");
    if let Some(value) = word.strip_prefix('$').and_then(|name| variables.get(name)) {
        return Ok(value.clone());
    }
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        rest = match after.strip_prefix('$') {
            Some(rest) => {
                text.push('$');
                rest
            }
            None => {
                let named = after
                    .strip_prefix('{')
                    .and_then(|name| name.split_once('}'));
                let (name, rest) = named.ok_or_else(unknown)?;
                text.push_str(variables.get(name).ok_or_else(unknown)?);
                rest
            }
        };
    }
    text.push_str(rest);
    // A specifier that is not known here.
    match text.contains('%') {
        true => Err(unknown()),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::subject;
    use crate::host::Recorded;
    use crate::testing::TestHost;

    const USUAL: &str = "/run/user/1000/docker.sock";

    fn ground(host: TestHost) -> Ground {
        let host = Recorded::new(host.0);
        let subject = subject::find(&host, None).expect("subject");
        Ground::collect(&host, subject)
    }

    fn unit(words: &str) -> TestHost {
        TestHost::new().file(
            "/home/alice/.config/systemd/user/docker.service",
            &format!(
                "[Service]\nEnvironment=D=/srv/d\nExecStart=/usr/bin/dockerd-rootless.sh {words}\n"
            ),
        )
    }

    fn listens(words: &str) -> Listens {
        ground(unit(words)).listens()
    }

    fn at(path: &str) -> Listens {
        Listens::At(path.into())
    }

    #[test]
    fn sockets_of_the_command_line() {
        assert_eq!(listens(""), Listens::Usual);
        assert_eq!(
            listens("--iptables=false --hosts-gateway x"),
            Listens::Usual
        );
        for words in [
            "-H unix:///a/d.sock",
            "-H=unix:///a/d.sock",
            "-Hunix:///a/d.sock --debug",
            "--host unix:///a/d.sock",
            "\"--host=unix:///a/d.sock\" -H tcp://0.0.0.0:2376",
            "-H unix:///a/d.sock -H unix:///b/d.sock",
            "-H fd:// -H unix:///a/d.sock",
            "-H unix:///run/docker.sock -H unix:///a/d.sock",
        ] {
            assert_eq!(listens(words), at("/a/d.sock"), "{words}");
        }
        let both = format!("-H unix:///a/d.sock -H unix://{USUAL}");
        assert_eq!(listens(&both), at(USUAL));
        assert_eq!(listens("-H unix:///a/d.sock -H \"\""), at(USUAL));
    }

    #[test]
    fn what_systemd_expands() {
        assert_eq!(listens("-H unix://%h/d.sock"), at("/home/alice/d.sock"));
        assert_eq!(listens("-H unix://%t/x.sock"), at("/run/user/1000/x.sock"));
        assert_eq!(
            listens("-H unix://${XDG_RUNTIME_DIR}/docker.sock"),
            at(USUAL)
        );
        assert_eq!(listens("-H unix://${D}/d.sock"), at("/srv/d/d.sock"));
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        for words in [
            "-H fd://",
            "-H tcp://0.0.0.0:2376",
            "-H unix:///var/run/docker.sock",
            "-H unix://",
            "-H unix://docker.sock",
            "-H unix://$XDG_RUNTIME_DIR/d.sock",
            "-H unix://${NOBODY}/d.sock",
            "-H unix:///srv/%i/d.sock",
            "-c \"dockerd-rootless.sh -H unix:///a/d.sock\"",
        ] {
            let found = listens(words);
            assert!(matches!(found, Listens::Unknown(_)), "{words}: {found:?}");
        }
    }

    #[test]
    fn drop_ins_and_daemon_json() {
        let dir = "/home/alice/.config/systemd/user/docker.service.d";
        let text = "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd-rootless.sh\n";
        let reset = unit("-H unix:///a/d.sock").file(&format!("{dir}/x.conf"), text);
        assert_eq!(ground(reset).listens(), Listens::Usual);
        let hosts = "{\"hosts\": [\"tcp://0.0.0.0:2376\", \"unix:///b/d.sock\"]}";
        let file = |host: TestHost| host.file("/home/alice/.config/docker/daemon.json", hosts);
        assert_eq!(ground(file(unit(""))).listens(), at("/b/d.sock"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(words in "[-H$%{}a-z:/ \"]*|.*") {
            let words = [words.clone(), "-H".into(), words];
            let _ = by_words(&words, &BTreeMap::new());
        }
    }
}
