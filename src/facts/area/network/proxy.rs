//! Which proxies the shell has and whether the daemon would have them too.
//! Only whether they are set: a value may hold a password.

use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::limits::Allowance;

use super::launch;

/// The variables Go's net/http reads, in both cases.
const NAMES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"];

/// Proxies here and there.
#[derive(Debug, Default)]
pub struct Proxies {
    /// Names that are set in this shell.
    pub shell: Vec<&'static str>,
    /// The file, or the manager, that gives one to the unit.
    pub unit: Option<String>,
    /// Why the manager could not be asked, where it had to be.
    pub unanswered: Option<String>,
}

/// Looks for them; the user's manager is asked only when the files do not tell.
pub fn collect(cx: Context<'_>) -> Proxies {
    let is_set = |name: &&str| cx.host.env_is_set(name).into_known() == Some(true);
    let mut proxies = Proxies {
        shell: NAMES.into_iter().filter(is_set).collect(),
        ..Proxies::default()
    };
    if proxies.shell.is_empty() {
        return proxies;
    }
    proxies.unit = in_unit(cx).or_else(|| in_files(cx));
    if proxies.unit.is_none() {
        ask_manager(cx, &mut proxies);
    }
    proxies
}

fn in_unit(cx: Context<'_>) -> Option<String> {
    let variables = cx.ground.unit.environment(cx.ground.home_path());
    let set = |name: &str| variables.get(name).is_some_and(|v| !v.is_empty());
    NAMES
        .iter()
        .any(|n| set(n))
        .then(|| "docker.service".to_owned())
}

fn in_files(cx: Context<'_>) -> Option<String> {
    let mut paths = launch::environment_files(cx);
    paths.extend(launch::environment_d(cx).0);
    let mut left = Allowance::system();
    let sets = |path: &std::path::PathBuf| {
        let text = left.read(cx.host, path).into_known().unwrap_or_default();
        let mut found = launch::assignments(&text);
        found.any(|(name, value)| NAMES.contains(&name.as_str()) && !value.is_empty())
    };
    let path = paths.into_iter().find(sets)?;
    Some(path.to_string_lossy().into_owned())
}

/// A desktop session hands its environment to the manager, and units inherit it.
fn ask_manager(cx: Context<'_>, proxies: &mut Proxies) {
    let names = |line: &String| {
        let (name, value) = line.split_once('=').unwrap_or_default();
        NAMES.contains(&name) && !value.is_empty()
    };
    match cx.host.user_manager(&cx.ground.runtime_dir) {
        Fact::Known(manager) if manager.environment.iter().any(names) => {
            proxies.unit = Some("the user's systemd manager".to_owned());
        }
        Fact::Known(_) | Fact::Absent => {}
        Fact::Unreadable(why) => proxies.unanswered = Some(why.text),
    }
}
