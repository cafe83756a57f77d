//! Cases that can be mended: each is broken, mended by `prepare` and, in
//! another guest, by the script of `fix`, and must then install and run a
//! container; `prepare --undo` must give every file back.

use super::case::{Case, Expect, Step, Who};
use super::suite::Suite;
use serde::Deserialize;

/// `[fixable]` of a case.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fixable {
    /// Only on these guests; by default on all of the case's.
    pub guests: Vec<Suite>,
    /// Also in the default selection, on the first of the guests.
    pub usually: bool,
    /// Breaks the guest instead of the case's own script.
    #[serde(rename = "break")]
    pub breaks: String,
    /// More options for `prepare`.
    pub options: String,
    /// Run by root after the script: what stands for logging in again.
    pub then: String,
    /// Checks that must pass after; by default those the case expects to fail or warn.
    pub pass: Vec<String>,
    /// Paths below /etc that may differ after all.
    pub aside: Vec<String>,
}

/// The cases that follow from one that is fixable.
pub fn derived(case: &Case) -> Vec<Case> {
    let Some(fixable) = &case.fixable else {
        return Vec::new();
    };
    let by = |how: &str, steps: Vec<Step>| Case {
        name: format!("{}.{how}", case.name),
        title: format!("{}: mended by {how}", case.title),
        guests: match fixable.guests.is_empty() {
            true => case.guests.clone(),
            false => fixable.guests.clone(),
        },
        usually: Vec::new(),
        full_matrix_only: !fixable.usually,
        breaks: match fixable.breaks.is_empty() {
            true => case.breaks.clone(),
            false => fixable.breaks.clone(),
        },
        steps,
        fixable: None,
        // What doctor says of it is the case's own matter.
        expect: Expect::default(),
        on: Default::default(),
        works: Some(true),
        ..case.clone()
    };
    vec![
        by("prepare", by_prepare(case, fixable)),
        by("script", by_script(case, fixable)),
    ]
}

const PATIENCE: u64 = 600;

fn step(who: Who, run: String) -> Step {
    Step {
        who,
        reboot: false,
        run,
        exit: 0,
        prints: Vec::new(),
        silent: Vec::new(),
        patience: PATIENCE,
    }
}

fn by_prepare(case: &Case, fixable: &Fixable) -> Vec<Step> {
    let aside: Vec<String> = fixable
        .aside
        .iter()
        .map(|path| format!("'{path}'"))
        .collect();
    // Its index is made anew at every change of the set of libraries.
    let tree = format!(
        "{{ tree /etc ld.so.cache {}; dpkg-query -W -f='${{db:Status-Abbrev}} ${{Package}}\\n' | grep ^ii; }}",
        aside.join(" ")
    );
    let options = &fixable.options;
    vec![
        step(Who::Alice, fails(case, fixable)),
        step(
            Who::Root,
            format!(
                "{tree} >/var/tmp/before\n\
                 rootless-setup prepare --user alice --yes {options} || test $? = 4\n\
                 echo '--- once more'\n\
                 rootless-setup prepare --user alice --yes {options} | grep 'Nothing is to be done'"
            ),
        ),
        step(Who::Alice, OWN_PART.into()),
        step(Who::Alice, passes(case, fixable)),
        step(Who::Alice, WORKS.into()),
        step(Who::Alice, OWN_PART_BACK.into()),
        step(
            Who::Root,
            format!(
                "rootless-setup prepare --undo --yes\n\
                 {tree} | diff /var/tmp/before -\n\
                 ! ls -d /var/lib/rootless-setup"
            ),
        ),
    ]
}

fn by_script(case: &Case, fixable: &Fixable) -> Vec<Step> {
    // The script has exactly what was chosen; nothing of it is root's in some cases.
    let write = "rootless-setup fix --yes --script /var/tmp/root.sh || test $? = 4 || test $? = 1";
    vec![
        step(Who::Alice, write.into()),
        step(
            Who::Root,
            "[ ! -e /var/tmp/root.sh ] || { sh /var/tmp/root.sh; echo '--- once more'; busybox sh /var/tmp/root.sh; }"
                .to_owned()
                + "\n"
                + &fixable.then,
        ),
        step(Who::Alice, OWN_PART.into()),
        step(Who::Alice, passes(case, fixable)),
        step(Who::Alice, WORKS.into()),
        step(Who::Alice, OWN_PART_BACK.into()),
    ]
}

/// The checks that are to be mended, by name.
fn ids(case: &Case, fixable: &Fixable) -> String {
    use super::case::Status::{Fail, Warn};
    let bad = case
        .expect
        .checks
        .iter()
        .filter(|(_, s)| matches!(s, Fail | Warn));
    let ids: Vec<&str> = match fixable.pass.as_slice() {
        [] => bad.map(|(id, _)| id.as_str()).collect(),
        named => named.iter().map(String::as_str).collect(),
    };
    ids.join(" ")
}

fn fails(case: &Case, fixable: &Fixable) -> String {
    let ids = ids(case, fixable);
    format!(
        "rootless-setup doctor --verbose --timeout 60 >/var/tmp/doctor || true\n\
         for id in {ids}; do\n\
             ! grep -E \"^ok +$id( |\\$)\" /var/tmp/doctor || exit 1\n\
         done"
    )
}

fn passes(case: &Case, fixable: &Fixable) -> String {
    let ids = ids(case, fixable);
    format!(
        "rootless-setup doctor --verbose --timeout 60 >/var/tmp/doctor || {{ cat /var/tmp/doctor; exit 1; }}\n\
         for id in {ids}; do\n\
             grep -E \"^(ok|skip) +$id( |\\$)\" /var/tmp/doctor || {{ cat /var/tmp/doctor; exit 1; }}\n\
         done"
    )
}

/// Some of it is the user's own to mend, and some is nobody's but by hand: doctor
/// is asked next. dockerd makes the directories above its data.
const OWN_PART: &str = "mkdir -p ~/.local/share ~/.config\n\
    tree ~ .config/docker >/var/tmp/home\n\
    rootless-setup fix --yes || test $? = 4";

const OWN_PART_BACK: &str = "rootless-setup fix --undo --yes\n\
    tree ~ .config/docker | diff /var/tmp/home -";

const WORKS: &str = "rootless-setup install --yes --no-linger --timeout 300\n\
    hello | grep '^hello$'\n\
    rootless-setup uninstall --yes";
