//! What to undo where no journal tells: an installation that
//! `dockerd-rootless-setuptool.sh` made, or one whose journal is lost. Only
//! what is certainly theirs or ours is listed.

use super::docker_service::{self, Origin};
use super::present::{Found, Present};
use super::step::{Seen, UNIT};
use super::undo::Undo;
use super::{cli_config, context};

/// The way back, in the order in which it was installed; `hash` is SHA-256 in
/// hexadecimal.
pub fn undoing(present: &Present, hash: &dyn Fn(&[u8]) -> String) -> Vec<Undo> {
    let mut list = unit(present, hash);
    list.extend(meta(present, hash));
    list.extend(current_context(present));
    list
}

fn unit(present: &Present, hash: &dyn Fn(&[u8]) -> String) -> Vec<Undo> {
    let Some(seen) = file(&present.unit) else {
        return Vec::new();
    };
    if docker_service::origin(&seen.text) == Origin::Other {
        return Vec::new();
    }
    let mut list = vec![Undo::RemoveFile {
        path: present.unit_dir.join(UNIT),
        sha256: hash(seen.text.as_bytes()),
    }];
    let state = present.manager.known().map(|manager| &manager.docker);
    // Without a manager to ask, what may be so is undone: it does no harm.
    if state.is_none_or(|unit| unit.unit_file_state != "disabled") {
        list.push(Undo::Disable {
            unit: UNIT.into(),
            link: present.link(),
            dir_mode: None,
        });
    }
    if state.is_none_or(|unit| unit.active_state != "inactive") {
        list.push(Undo::Stop { unit: UNIT.into() });
    }
    list
}

/// A context that leads to the user's own socket, as the setup script makes it.
fn meta(present: &Present, hash: &dyn Fn(&[u8]) -> String) -> Vec<Undo> {
    let Some(seen) = file(&present.meta) else {
        return Vec::new();
    };
    let host = format!("unix://{}", present.socket.display());
    if seen.text != context::meta(&host) {
        return Vec::new();
    }
    let path = present.meta_path();
    let dir = path
        .parent()
        .map(|dir| Undo::RemoveDir { path: dir.into() });
    let sha256 = hash(seen.text.as_bytes());
    let mut list: Vec<Undo> = dir.into_iter().collect();
    list.push(Undo::RemoveFile { path, sha256 });
    list
}

fn current_context(present: &Present) -> Option<Undo> {
    let Found::File { seen, real, .. } = &present.config else {
        return None;
    };
    let current = cli_config::current_context(&seen.text).ok().flatten();
    (current.as_deref() == Some(context::NAME)).then(|| Undo::CurrentContext {
        path: real.clone(),
        previous: None,
        former: None,
        // No content has this hash: only the one key is taken out.
        sha256: String::new(),
    })
}

fn file(found: &Found) -> Option<&Seen> {
    match found {
        Found::File { seen, .. } => Some(seen),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Ground, subject};
    use crate::host::Recorded;
    use crate::testing::TestHost;

    fn undoing_of(host: TestHost) -> Vec<String> {
        let host = Recorded::new(
            host.with(|b| b.user_manager = Some(crate::fact::Fact::Absent))
                .0,
        );
        let subject = subject::find(&host, None).unwrap();
        let ground = Ground::collect(&host, subject);
        let present = Present::collect(&host, &ground).unwrap();
        let list = undoing(&present, &|_| String::new());
        list.iter().map(Undo::title).collect()
    }

    #[test]
    fn what_the_setup_script_made_goes_and_nothing_else() {
        let unit = "/home/alice/.config/systemd/user/docker.service";
        let theirs = "[Service]\nExecStart=/usr/bin/dockerd-rootless.sh\n";
        assert_eq!(undoing_of(TestHost::new().file(unit, theirs)), [""; 0]);
        assert_eq!(undoing_of(TestHost::new()), [""; 0]);

        let path = "/usr/bin:/bin";
        let script = std::path::Path::new("/usr/bin/dockerd-rootless.sh");
        let ours = docker_service::text(&docker_service::Service { script, path }).unwrap();
        let host = TestHost::new().file(unit, &ours).file(
            "/home/alice/.docker/config.json",
            "{\"currentContext\": \"rootless\"}",
        );
        let list = undoing_of(host);
        assert_eq!(list[0], format!("remove {unit}"));
        assert_eq!(list[1], "disable docker.service");
        assert!(list[2].starts_with("stop docker.service"));
        assert!(list[3].starts_with("make default the current context"));
        assert_eq!(list.len(), 4);
    }
}
