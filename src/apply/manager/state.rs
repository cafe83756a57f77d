//! What systemd tells of a unit, and of its links.

use std::path::PathBuf;

use crate::host::systemd::{Change, Properties};

/// A link that systemd made or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// `symlink` or `unlink`.
    pub kind: String,
    /// The link.
    pub path: PathBuf,
    /// Where it points; empty for one that is gone.
    pub target: PathBuf,
}

impl From<Change> for Link {
    fn from((kind, path, target): Change) -> Self {
        Link {
            kind,
            path: path.into(),
            target: target.into(),
        }
    }
}

/// A service as systemd sees it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitState {
    /// `loaded`, `not-found`, `bad-setting`, `masked`, `error`.
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active_state: String,
    /// `running`, `dead`, `auto-restart`, …
    pub sub_state: String,
    /// `enabled`, `disabled`, … or empty.
    pub unit_file_state: String,
    /// File the unit was loaded from.
    pub fragment_path: String,
    /// Drop-ins that apply.
    pub drop_in_paths: Vec<String>,
    /// The files on disk changed since systemd read them.
    pub need_daemon_reload: bool,
    /// `success`, `exit-code`, `start-limit-hit`, …
    pub result: String,
    /// How the main process ended: 1 it exited, 2 a signal killed it, 3 with a
    /// core dump; 0 it did not end.
    pub exec_main_code: i32,
    /// Its exit status, or the number of the signal.
    pub exec_main_status: i32,
    /// Restarts since it was last started by somebody.
    pub restarts: u32,
    /// Main process id, 0 for none.
    pub main_pid: u32,
    /// Id of the latest start, 32 hexadecimal digits; empty if there was none.
    pub invocation: String,
    /// `Type=`: `notify`, `simple`, …
    pub kind: String,
}

impl UnitState {
    pub(super) fn new(mut unit: Properties, mut service: Properties) -> Self {
        let invocation: Vec<u8> = unit.take("InvocationID");
        UnitState {
            load_state: unit.take("LoadState"),
            active_state: unit.take("ActiveState"),
            sub_state: unit.take("SubState"),
            unit_file_state: unit.take("UnitFileState"),
            fragment_path: unit.take("FragmentPath"),
            drop_in_paths: unit.take("DropInPaths"),
            need_daemon_reload: unit.take("NeedDaemonReload"),
            result: service.take("Result"),
            exec_main_code: service.take("ExecMainCode"),
            exec_main_status: service.take("ExecMainStatus"),
            restarts: service.take("NRestarts"),
            main_pid: service.take("MainPID"),
            invocation: invocation.iter().map(|b| format!("{b:02x}")).collect(),
            kind: service.take("Type"),
        }
    }

    /// systemd waits a moment and will start it again.
    pub fn will_retry(&self) -> bool {
        is_between(&self.sub_state)
    }
}

/// `auto-restart`, since systemd 254 `auto-restart-queued` too.
pub(super) fn is_between(sub_state: &str) -> bool {
    sub_state.starts_with("auto-restart")
}
