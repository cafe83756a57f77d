//! The distribution's own package manager.

use super::program::{self, LONG};

/// How a family's manager is spoken to.
struct Manager {
    program: &'static str,
    install: &'static [&'static str],
    /// Has files that somebody removed put back.
    again: &'static [&'static str],
    refresh: &'static [&'static str],
    /// Removes packages, and nothing that is merely no longer needed.
    remove: &'static [&'static str],
    /// Tells whether one package is installed, by its exit status.
    query: (&'static str, &'static [&'static str]),
    /// What it prints ends so, then.
    says: &'static str,
}

const APT: Manager = Manager {
    program: "apt-get",
    // What is in the way of a package is the administrator's to remove.
    install: &[
        "-y",
        "--no-remove",
        "-o",
        "DPkg::Lock::Timeout=120",
        "install",
    ],
    again: &[
        "-y",
        "--no-remove",
        "-o",
        "DPkg::Lock::Timeout=120",
        "install",
        "--reinstall",
    ],
    refresh: &["-q", "update"],
    remove: &["-y", "-o", "DPkg::Lock::Timeout=120", "purge"],
    query: ("dpkg-query", &["-W", "-f=${Status}"]),
    // dpkg remembers packages that were removed ("deinstall ok config-files"), and
    // those that were purged and others want ("unknown ok not-installed").
    says: " installed",
};

const DNF: Manager = Manager {
    program: "dnf",
    install: &["-y", "install"],
    again: &["-y", "reinstall"],
    refresh: &["-y", "makecache"],
    remove: &["-y", "--setopt=clean_requirements_on_remove=0", "remove"],
    query: ("rpm", &["-q"]),
    says: "",
};

const YUM: Manager = Manager {
    program: "yum",
    ..DNF
};

const ZYPPER: Manager = Manager {
    program: "zypper",
    install: &["--non-interactive", "install"],
    again: &["--non-interactive", "install", "--force"],
    refresh: &["--non-interactive", "refresh"],
    remove: &["--non-interactive", "remove"],
    query: ("rpm", &["-q"]),
    says: "",
};

const PACMAN: Manager = Manager {
    program: "pacman",
    install: &["-S", "--noconfirm", "--needed"],
    again: &["-S", "--noconfirm"],
    // Refreshing without upgrading is not supported: the administrator's to do.
    refresh: &["-Q"],
    remove: &["-R", "--noconfirm"],
    query: ("pacman", &["-Q"]),
    says: "",
};

const APK: Manager = Manager {
    program: "apk",
    install: &["add"],
    again: &["fix"],
    refresh: &["update"],
    remove: &["del"],
    query: ("apk", &["info", "-e"]),
    says: "",
};

/// The manager of a family of distributions.
fn manager(family: &str) -> Result<&'static Manager, String> {
    let manager = match family {
        "debian" => &APT,
        "rhel7" => &YUM,
        "rhel" | "fedora" => &DNF,
        "suse" => &ZYPPER,
        "arch" => &PACMAN,
        "alpine" => &APK,
        other => return Err(format!("no package manager is known for {other}")),
    };
    match program::find(manager.program) {
        Some(_) => Ok(manager),
        None => Err(format!("{} is not installed", manager.program)),
    }
}

impl Manager {
    fn has(&self, name: &str) -> bool {
        let (program, args) = self.query;
        let args = [args, &[name]].concat();
        let told = program::output(program, &args, program::SHORT);
        told.is_ok_and(|o| o.exit == Some(0) && o.stdout.trim_end().ends_with(self.says))
    }

    fn call(&self, how: &[&str], names: &[&str]) -> Result<String, String> {
        program::run(self.program, &[how, names].concat(), LONG)
    }

    /// Debian's lists may be older than what the mirror has.
    fn install(&self, how: &[&str], names: &[&str]) -> Result<(), String> {
        if names.is_empty() {
            return Ok(());
        }
        if self.call(how, names).is_ok() {
            return Ok(());
        }
        // Nothing is lost if it cannot be refreshed: the second try tells why.
        let _ = self.call(self.refresh, &[]);
        self.call(how, names).map(drop)
    }
}

fn all_plain(names: &[String]) -> Result<Vec<&str>, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._:".contains(c);
    let one = |name: &'_ str| !name.starts_with('-') && !name.is_empty() && name.chars().all(plain);
    match names.iter().find(|name| !one(name)) {
        Some(odd) => Err(format!("{odd:?} is no name of a package")),
        None => Ok(names.iter().map(String::as_str).collect()),
    }
}

/// Which packages an installation of `names` would add, so that they can be
/// removed again.
///
/// # Errors
/// In words: no manager, or a name that cannot be one.
pub fn new(family: &str, names: &[String]) -> Result<Vec<String>, String> {
    let manager = manager(family)?;
    let names = all_plain(names)?;
    if manager.program != "apt-get" {
        let missing = names.into_iter().filter(|name| !manager.has(name));
        return Ok(missing.map(str::to_owned).collect());
    }
    let simulate = || manager.call(&["-s", "install"], &names);
    let simulated = simulate().or_else(|_| {
        // A fresh image has no lists, or old ones.
        let _ = manager.call(manager.refresh, &[]);
        simulate()
    });
    let simulated = simulated.unwrap_or_default();
    let mut new = simulated_new(&simulated);
    let missing = names.into_iter().filter(|name| !manager.has(name));
    new.extend(missing.map(str::to_owned));
    new.sort_unstable();
    new.dedup();
    Ok(new)
}

/// `Inst slirp4netns (1.2.0-1 Debian:12.0/stable [amd64])`; one that is
/// upgraded shows its old version in brackets after its name.
fn simulated_new(text: &str) -> Vec<String> {
    let one = |line: &str| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        (!rest.starts_with('[')).then(|| name.to_owned())
    };
    text.lines().filter_map(one).collect()
}

/// Installs what is missing, and has what is installed put its files back.
///
/// # Errors
/// The manager's last words.
pub fn install(family: &str, names: &[String]) -> Result<(), String> {
    let manager = manager(family)?;
    let (there, missing): (Vec<&str>, Vec<&str>) = all_plain(names)?
        .into_iter()
        .partition(|name| manager.has(name));
    manager.install(manager.install, &missing)?;
    manager.install(manager.again, &there)
}

/// Removes packages; those that are gone already are no error. One that others
/// need stays, for they would go with it: which, and for whom, in words.
///
/// # Errors
/// The manager's last words.
pub fn remove(family: &str, names: &[String]) -> Result<Option<String>, String> {
    let manager = manager(family)?;
    let there: Vec<&str> = all_plain(names)?
        .into_iter()
        .filter(|name| manager.has(name))
        .collect();
    let (stay, go) = manager.needed(&there)?;
    if !go.is_empty() {
        manager.call(manager.remove, &go)?;
    }
    Ok((!stay.is_empty()).then(|| stay.join("; ")))
}

impl Manager {
    /// Why which packages stay, and those that can go.
    fn needed<'a>(&self, names: &[&'a str]) -> Result<(Vec<String>, Vec<&'a str>), String> {
        match self.query.0 {
            _ if names.is_empty() => Ok(Default::default()),
            "dpkg-query" => self.needed_as_apt_tells(names),
            // It takes all or none.
            "rpm" => Ok(
                match program::run("rpm", &[&["-e", "--test"], names].concat(), LONG) {
                    Ok(_) => (Vec::new(), names.to_vec()),
                    Err(why) => (
                        vec![format!("{} stays installed: {why}", names.join(", "))],
                        Vec::new(),
                    ),
                },
            ),
            // pacman and apk remove nothing that is needed.
            _ => Ok((Vec::new(), names.to_vec())),
        }
    }

    fn needed_as_apt_tells<'a>(
        &self,
        names: &[&'a str],
    ) -> Result<(Vec<String>, Vec<&'a str>), String> {
        let (mut stay, mut go) = (Vec::new(), Vec::new());
        for name in names {
            let simulated = self.call(&["-s", "purge"], &[name])?;
            let others: Vec<&str> = simulated_gone(&simulated)
                .filter(|gone| !names.contains(gone))
                .collect();
            match others.is_empty() {
                true => go.push(*name),
                false => stay.push(format!("{name} stays installed, for {}", needers(&others))),
            }
        }
        Ok((stay, go))
    }
}

/// `docker.io and 2 more need it`: the manager tells the rest.
fn needers(others: &[&str]) -> String {
    match others {
        [one] => format!("{one} needs it"),
        [one, two] => format!("{one} and {two} need it"),
        more => format!("{} and {} more need it", more[0], more.len() - 1),
    }
}

/// `Remv docker.io [20.10.24+dfsg1-1]`, or `Purg`.
fn simulated_gone(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = line
            .strip_prefix("Remv ")
            .or_else(|| line.strip_prefix("Purg "))?;
        rest.split(' ').next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_simulation_would_add() {
        let text = "Reading package lists...\n\
            Inst libslirp0 (4.7.0-1 Debian:12.0/stable [amd64])\n\
            Inst tzdata [2024a-0] (2025b-0 Debian:12.0/stable [all])\n\
            Inst slirp4netns (1.2.0-1 Debian:12.0/stable [amd64])\n\
            Conf libslirp0 (4.7.0-1)\n";
        assert_eq!(simulated_new(text), ["libslirp0", "slirp4netns"]);
    }

    #[test]
    fn what_a_simulation_would_take_away() {
        let text = "The following packages will be REMOVED:\n  docker.io* uidmap*\n\
            Purg docker.io [20.10.24+dfsg1-1+b3]\n\
            Remv uidmap [1:4.13+dfsg1-1]\n";
        let gone: Vec<&str> = simulated_gone(text).collect();
        assert_eq!(gone, ["docker.io", "uidmap"]);
        assert_eq!(needers(&gone), "docker.io and uidmap need it");
    }

    #[test]
    fn a_name_is_never_an_option() {
        assert!(all_plain(&["-oDebug=1".into()]).is_err());
        assert!(all_plain(&["a;b".into()]).is_err());
        assert!(all_plain(&["libc6:i386".into(), "g++".into()]).is_ok());
    }
}
