//! Facts of the area `lsm`: what AppArmor and SELinux do on this host.

pub(crate) mod glob;
pub mod profile;

use std::path::{Path, PathBuf};

use self::glob::Variables;
use self::profile::Profile;
use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::limits::Allowance;
use crate::host::Host;

/// Where profiles lie.
const PROFILES: &str = "/etc/apparmor.d";

/// A larger file is no profile: those of distributions have a tenth.
const LARGEST: u64 = 256 << 10;

/// No more doubts are named.
const MOST_DOUBTS: usize = 32;

/// Where links to profiles lie that are not to be loaded.
const DISABLED: &str = "/etc/apparmor.d/disable";

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// AppArmor is part of the running kernel and switched on.
    pub apparmor: bool,
    /// `kernel.apparmor_restrict_unprivileged_userns`, since Ubuntu 23.10.
    pub restrict: Fact<u64>,
    /// The profiles that could attach to the unit's rootlesskit.
    pub rootlesskit: Option<Attached>,
    /// Names of the profiles the kernel has; only root may ask.
    pub loaded: Fact<Vec<String>>,
    /// SELinux: `Known(true)` enforcing, `Known(false)` permissive, `Absent` off.
    pub selinux: Fact<bool>,
    /// Label of this process, as AppArmor or SELinux gives it.
    pub label: Fact<String>,
    /// `dockerd-rootless.sh` relabels its `/run` for iptables (since 20.10.7).
    pub relabels_run: Fact<bool>,
}

/// Profiles judged against one executable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// The executable, every link resolved.
    pub path: PathBuf,
    /// Profiles whose attachment matches, with their file.
    pub covering: Vec<(PathBuf, Profile)>,
    /// Profiles for a rootlesskit somewhere else.
    pub elsewhere: Vec<(PathBuf, String)>,
    /// Why the list may not be complete.
    pub doubts: Vec<String>,
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let text = |path: &str| cx.host.read(Path::new(path)).map(|t| t.trim().to_owned());
    let apparmor = text("/sys/module/apparmor/parameters/enabled") == Fact::Known("Y".to_owned());
    let rootlesskit = cx.ground.tools.first("rootlesskit");
    Facts {
        apparmor,
        restrict: flag(text(
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        )),
        rootlesskit: rootlesskit
            .filter(|_| apparmor)
            .map(|hit| attached(cx.host, &hit.real)),
        loaded: match apparmor {
            true => loaded(cx),
            false => Fact::Absent,
        },
        selinux: flag(text("/sys/fs/selinux/enforce")).map(|n| n != 0),
        label: text("/proc/self/attr/current").map(|l| l.trim_end_matches('\0').to_owned()),
        relabels_run: relabels_run(cx),
    }
}

fn flag(text: Fact<String>) -> Fact<u64> {
    text.and_then(|text| match text.parse() {
        Ok(number) => Fact::Known(number),
        Err(_) => Fact::unreadable("not a number"),
    })
}

fn loaded(cx: Context<'_>) -> Fact<Vec<String>> {
    let path = Path::new("/sys/kernel/security/apparmor/profiles");
    let text = cx.host.read_up_to(path, 4 << 20);
    // `name (mode)`, and the name may hold spaces.
    let name = |line: &str| line.rsplit_once(" (").map(|(name, _)| name.to_owned());
    text.map(|text| text.lines().filter_map(name).collect())
}

fn relabels_run(cx: Context<'_>) -> Fact<bool> {
    let script = cx.ground.tools.first("dockerd-rootless.sh");
    let text = script.map_or(Fact::Absent, |hit| cx.host.read(&hit.path));
    text.map(|text| text.contains("iptables_var_run_t"))
}

/// Files with a profile that attaches to an executable, or may do so.
pub fn attaching(host: &dyn Host, path: &Path) -> Vec<PathBuf> {
    let found = attached(host, path);
    let doubtful = found.doubts.into_iter().map(PathBuf::from);
    let covering = found.covering.into_iter().map(|(file, _)| file);
    covering.chain(doubtful).collect()
}

/// Reads every profile and keeps those that are about this executable.
fn attached(host: &dyn Host, path: &Path) -> Attached {
    let mut found = Attached {
        path: path.into(),
        ..Attached::default()
    };
    let tunables = tunables(host);
    let listed = host.list(Path::new(DISABLED));
    // A link of the same name in `disable` switches a file off, unless it dangles.
    let disabled = |name: &String| {
        let link = Path::new(DISABLED).join(name);
        listed.known().is_none_or(|names| names.contains(name))
            && matches!(host.stat(&link), Fact::Known(_))
    };
    let mut left = Allowance::system();
    for name in files(host, PROFILES) {
        if disabled(&name) || backup(&name) {
            continue;
        }
        let file = Path::new(PROFILES).join(name);
        match read(host, &file, &mut left) {
            Fact::Known(text) => found.judge(host, &file, &text, &tunables),
            Fact::Unreadable(why) if why.text != "not a regular file" => {
                found.doubt(format!("{}: {}", file.display(), why.text));
            }
            _ => {}
        }
    }
    found
}

/// What apparmor_parser passes over in a directory.
fn backup(name: &str) -> bool {
    let ends = [
        ".dpkg-new",
        ".dpkg-old",
        ".dpkg-dist",
        ".dpkg-bak",
        ".dpkg-remove",
        ".rpmnew",
        ".rpmsave",
        ".orig",
        ".rej",
        "~",
    ];
    name.starts_with('.') || ends.iter().any(|end| name.ends_with(end))
}

fn files(host: &dyn Host, dir: &str) -> Vec<String> {
    host.list(Path::new(dir)).into_known().unwrap_or_default()
}

/// Reads a profile, which costs many times the memory of its text.
fn read(host: &dyn Host, file: &Path, left: &mut Allowance) -> Fact<String> {
    let text = host.read_up_to(file, LARGEST);
    text.and_then(|text| match left.spend(&text) {
        Ok(()) => Fact::Known(text),
        Err(why) => Fact::unreadable(why),
    })
}

impl Attached {
    fn doubt(&mut self, why: String) {
        if self.doubts.len() < MOST_DOUBTS {
            self.doubts.push(why);
        }
    }

    fn judge(&mut self, host: &dyn Host, file: &Path, text: &str, tunables: &Variables) {
        let parsed = profile::parse(text);
        let mut variables = tunables.clone();
        parsed.extend(&mut variables);
        let path = self.path.to_string_lossy().into_owned();
        for mut profile in parsed.profiles {
            let Some(pattern) = &profile.attachment else {
                continue;
            };
            match glob::matches(pattern, &variables, &path) {
                Some(true) => {
                    profile.userns |= profile.includes.iter().any(|i| includes_userns(host, i));
                    self.covering.push((file.into(), profile));
                }
                Some(false) if pattern.ends_with("rootlesskit") => {
                    self.elsewhere.push((file.into(), pattern.clone()));
                }
                // Only a pattern that could be about rootlesskit leaves a doubt.
                None if pattern.contains("rootless") || pattern.ends_with(['*', '}']) => {
                    self.doubt(format!("{}: {pattern}", file.display()));
                }
                _ => {}
            }
        }
    }
}

/// A site's addition to a profile has the rule.
fn includes_userns(host: &dyn Host, name: &str) -> bool {
    let local = name.starts_with("local/") && !name.contains("..");
    let text = local.then(|| host.read(&Path::new(PROFILES).join(name)));
    text.and_then(Fact::into_known)
        .is_some_and(|text| profile::grants_userns(&text))
}

/// Variables of `/etc/apparmor.d/tunables`, on top of what every release has.
fn tunables(host: &dyn Host) -> Variables {
    let mut variables = Variables::new();
    let usual = "@{HOMEDIRS}=/home/\n@{HOME}=@{HOMEDIRS}/*/ /root/\n\
        @{bin}=/{,usr/}{,s}bin\n@{sbin}=/{,usr/}{,s}bin\n@{exec_path}=\n";
    profile::parse(usual).extend(&mut variables);
    let dir = "/etc/apparmor.d/tunables";
    let mut left = Allowance::default();
    for name in files(host, dir) {
        let path = format!("{dir}/{name}");
        if name.ends_with(".d") {
            for inner in files(host, &path) {
                extend(host, &format!("{path}/{inner}"), &mut left, &mut variables);
            }
        } else {
            extend(host, &path, &mut left, &mut variables);
        }
    }
    variables
}

fn extend(host: &dyn Host, path: &str, left: &mut Allowance, variables: &mut Variables) {
    if let Fact::Known(text) = read(host, Path::new(path), left) {
        profile::parse(&text).extend(variables);
    }
}
