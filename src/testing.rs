//! For unit tests of rules: a small host, changed in one place, examined whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::check::catalogue::Catalogue;
use crate::check::{engine, site};
use crate::facts::programs::{Purpose, Running};
use crate::facts::{Facts, Ground, subject};
use crate::host::{Bundle, FileSystem, Host, Identity, Node, Output, Recorded, Unlisted};
use crate::report::{CheckResult, Report};

/// Advice that gives root away, or that opens the whole host, is worse than none.
pub const GIVES_ROOT_AWAY: [&str; 9] = [
    "usermod -aG docker",
    "gpasswd -a",
    "apparmor_restrict_unprivileged_userns=0",
    "setenforce 0",
    "chmod 777",
    "chmod -R 777",
    "--privileged",
    "curl ",
    "sudo rm -rf",
];

/// The published schema of that name is `schema`. `UPDATE_SCHEMA=1 cargo test schema`
/// writes the file anew.
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads and writes its fixture"
)]
pub fn assert_published(name: &str, schema: &schemars::Schema) {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
    let path = format!("{dir}/{name}-v1.schema.json");
    let schema = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), schema);
}

/// A recorded host under construction. Paths that are not listed do not exist.
pub struct TestHost(pub Bundle);

impl TestHost {
    /// Alice (uid 1000) on Debian 12 with nothing but an account, a home and a PATH.
    pub fn new() -> Self {
        let mut bundle = Bundle::capture(Identity {
            uid: 1000,
            euid: 1000,
            gid: 1000,
            egid: 1000,
            groups: vec![1000],
        });
        bundle.unlisted = Unlisted::Absent;
        bundle.file_systems.insert(
            "/".into(),
            FileSystem {
                magic: 0xef53,
                ..FileSystem::default()
            },
        );
        TestHost(bundle)
            .env("HOME", "/home/alice")
            .env("USER", "alice")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("XDG_RUNTIME_DIR", "/run/user/1000")
            .file(
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\n",
            )
            .file(
                "/etc/os-release",
                "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
            )
            .file("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
            .file(
                "/proc/self/mountinfo",
                "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n",
            )
            .node(
                "/home/alice",
                Node {
                    kind: Some(crate::host::Kind::Dir),
                    uid: 1000,
                    gid: 1000,
                    ..Node::default()
                },
            )
    }

    /// Adds or replaces a path.
    pub fn node(mut self, path: &str, node: Node) -> Self {
        self.0.files.insert(path.into(), node);
        self
    }

    /// A file with this text, root's, 0644.
    pub fn file(self, path: &str, text: &str) -> Self {
        self.node(
            path,
            Node {
                text: Some(text.into()),
                ..Node::default()
            },
        )
    }

    /// An executable of root's; `mode` such as `"4755"`.
    pub fn exe(self, path: &str, mode: &str) -> Self {
        self.node(
            path,
            Node {
                mode: Some(mode.into()),
                ..Node::default()
            },
        )
    }

    /// Sets a variable of the shell.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env.insert(name.into(), value.into());
        self
    }

    /// What a program prints, by its key.
    pub fn prints(mut self, key: &str, stdout: &str) -> Self {
        let output = Output {
            stdout: stdout.into(),
            exit: Some(0),
            ..Output::default()
        };
        let run = crate::host::Run {
            output: Some(output),
            ..crate::host::Run::default()
        };
        self.0.programs.insert(key.into(), run);
        self
    }

    /// Changes anything else.
    pub fn with(mut self, change: impl FnOnce(&mut Bundle)) -> Self {
        change(&mut self.0);
        self
    }

    /// Every check's result, by id.
    pub fn examine(self) -> BTreeMap<String, CheckResult> {
        let user = self.0.user.clone();
        let host: Arc<dyn Host> = Arc::new(Recorded::new(self.0));
        let subject = subject::find(&*host, user.as_deref()).unwrap();
        let ground = Ground::collect(&*host, subject);
        let built_in = Catalogue::built_in().unwrap();
        let (extended, refused) = site::extend(built_in, &*host, &ground);
        assert!(refused.is_empty(), "{refused:?}");
        let catalogue = extended.as_ref().unwrap_or(built_in);
        let programs = Running::start(&host, &ground, Duration::from_secs(5), Purpose::Report);
        let facts = Facts::collect(&host, ground, programs, catalogue, Duration::from_secs(5));
        let checked = engine::run(catalogue, &facts);
        let report = Report::new(&facts.ground, &checked, "test", 0);
        report
            .checks
            .into_iter()
            .map(|c| (c.id.clone(), c))
            .collect()
    }

    /// One check's result.
    pub fn check(self, id: &str) -> CheckResult {
        self.examine().remove(id).unwrap()
    }
}
