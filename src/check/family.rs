//! The distribution family, which decides the words of a remedy.

use crate::facts::os_release::OsRelease;
use crate::plan::mend::action::Action;

/// How a family installs packages: the command a person would type.
const INSTALL: [(&str, &str); 8] = [
    ("debian", "sudo apt-get install -y"),
    ("rhel7", "sudo yum install -y"),
    ("rhel", "sudo dnf install -y"),
    ("fedora", "sudo dnf install -y"),
    ("suse", "sudo zypper install -y"),
    ("arch", "sudo pacman -S --needed"),
    ("alpine", "sudo apk add"),
    ("nixos", "nix-env -iA"),
];

/// Every key a remedy may use, the most particular first for no host in particular.
pub const KEYS: [&str; 10] = [
    "default", "debian", "ubuntu", "fedora", "rhel", "rhel7", "rhel8", "suse", "arch", "alpine",
];

/// The keys under which a remedy for this host is looked up, most particular
/// first; the last is always `default`.
pub fn keys(os: &OsRelease) -> Vec<String> {
    let mut keys = Vec::new();
    let ids = std::iter::once(os.id.as_str()).chain(os.id_like.iter().map(String::as_str));
    for id in ids {
        match id {
            "ubuntu" => keys.extend(["ubuntu".into(), "debian".into()]),
            "debian" | "raspbian" => keys.push("debian".into()),
            "rhel" | "centos" | "rocky" | "almalinux" | "ol" | "amzn" => {
                keys.extend([
                    format!("rhel{}", os.major()),
                    "rhel".into(),
                    "fedora".into(),
                ]);
            }
            "fedora" => keys.push("fedora".into()),
            "suse" | "sles" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" => {
                keys.push("suse".into());
            }
            "arch" | "archlinux" | "manjaro" => keys.push("arch".into()),
            "alpine" => keys.push("alpine".into()),
            "nixos" => keys.push("nixos".into()),
            _ => {}
        }
    }
    keys.push("default".into());
    let mut seen = Vec::new();
    keys.retain(|key| {
        !seen.contains(key) && {
            seen.push(key.clone());
            true
        }
    });
    keys
}

/// Installing `names` on a host with these keys, if its manager is known.
pub fn packages(keys: &[String], names: &str) -> Option<Action> {
    let known = |key: &&String| INSTALL.iter().any(|(name, _)| name == key);
    let family = keys.iter().find(known)?.clone();
    // Nix has no imperative install worth advising; the note says what to add.
    (family != "nixos").then(|| Action::Packages {
        family,
        names: names.split_whitespace().map(str::to_owned).collect(),
    })
}

/// The command that installs packages on a host of this family, if known.
pub fn install_command(family: &str, packages: &str) -> Option<String> {
    let (_, command) = INSTALL.iter().find(|(name, _)| *name == family)?;
    Some(format!("{command} {packages}"))
}
