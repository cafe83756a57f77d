//! What RootlessKit says when it cannot make its namespaces, sorted by what
//! stood in its way. One text has many causes; the host's facts rank them.

/// What stood in RootlessKit's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// EPERM at the child's start: sysctl, seccomp, an LSM or a chroot.
    NotPermitted,
    /// EACCES at the child's start: AppArmor or SELinux.
    Denied,
    /// ENOSPC at the child's start: a limit of namespaces, or too deep a nesting.
    NoSpace,
    /// EINVAL or ENOSYS at the child's start: no user namespaces in this kernel.
    NoKernel,
    /// EAGAIN wherever a process or thread is started: a limit of processes.
    NoProcess,
    /// The user has no range in `/etc/subuid` or `/etc/subgid`.
    NoRange,
    /// A line of one of those files ends RootlessKit's own parser.
    BadLine,
    /// One of those files is not there, or not to be read by the user.
    NoFile,
    /// newuidmap or newgidmap is not on the PATH.
    NoHelper,
    /// They ran without privilege, or the range is not known to the parent.
    HelperUnprivileged,
    /// They do not find the range among the user's own.
    RangeRefused,
    /// The kernel refused a map that has an id twice.
    MappedTwice,
    /// The effective group is not the account's primary one.
    WrongGroup,
    /// They failed and said nothing: a file they will not open.
    HelperSilent,
    /// The account is not to be found.
    NoAccount,
    /// The namespaces are there; something inside was refused.
    Inside,
    /// None of these.
    Other,
}

impl Obstacle {
    /// It in words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Obstacle::NotPermitted => "user namespaces are refused: operation not permitted",
            Obstacle::Denied => "user namespaces are refused: permission denied",
            Obstacle::NoSpace => "no more namespaces may be created",
            Obstacle::NoKernel => "this kernel does not make user namespaces",
            Obstacle::NoProcess => "no more processes may be started",
            Obstacle::NoRange => "rootlesskit finds no subordinate ids",
            Obstacle::BadLine => "rootlesskit cannot parse /etc/subuid or /etc/subgid",
            Obstacle::NoFile => "rootlesskit cannot open /etc/subuid or /etc/subgid",
            Obstacle::NoHelper => "newuidmap or newgidmap is missing",
            Obstacle::HelperUnprivileged => "newuidmap may not write the id map",
            Obstacle::RangeRefused => "newuidmap does not accept the range",
            Obstacle::MappedTwice => "the id map has an id twice",
            Obstacle::WrongGroup => "the effective group is not the primary one",
            Obstacle::HelperSilent => "newuidmap failed without a word",
            Obstacle::NoAccount => "rootlesskit cannot find the account",
            Obstacle::Inside => "rootlesskit is refused inside its namespaces",
            Obstacle::Other => "rootlesskit does not start",
        }
    }
}

/// An obstacle with the line that told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What stood in the way.
    pub obstacle: Obstacle,
    /// RootlessKit's words, without its prefix.
    pub words: String,
}

/// Follow-on messages that say nothing of the cause.
const NOISE: [&str; 2] = ["parsing message from fd", "child exited: "];

/// RootlessKit made its namespaces and started the program in them; whatever
/// happened to the program then is not RootlessKit's failure.
pub fn entered(stderr: &str) -> bool {
    errors(stderr).any(|words| words.starts_with("command [") && words.contains("] exited: "))
}

/// Why RootlessKit ended, if it said so.
pub fn classify(stderr: &str) -> Option<Refusal> {
    let told = errors(stderr).find(|words| !NOISE.iter().any(|n| words.starts_with(n)));
    let Some(words) = told else {
        return crashed(stderr);
    };
    let inside = stderr.contains(&format!("[rootlesskit:child ] error: {words}"));
    Some(Refusal {
        obstacle: obstacle(words, inside),
        words: words.chars().take(300).collect(),
    })
}

/// The Go runtime gives up before RootlessKit can say anything.
fn crashed(stderr: &str) -> Option<Refusal> {
    let of_thread = |l: &&str| l.contains("pthread_create failed") || l.contains("new OS thread");
    let line = stderr.lines().find(of_thread)?;
    Some(Refusal {
        obstacle: Obstacle::NoProcess,
        words: line.chars().take(300).collect(),
    })
}

/// What follows `error: `, a line each.
fn errors(stderr: &str) -> impl Iterator<Item = &str> {
    stderr.lines().filter_map(|line| {
        let (before, words) = line.split_once("error: ")?;
        (before.is_empty() || before.starts_with("[rootlesskit:")).then(|| words.trim())
    })
}

fn obstacle(words: &str, inside: bool) -> Obstacle {
    let has = |part: &str| words.contains(part);
    match () {
        () if has("resource temporarily unavailable") => Obstacle::NoProcess,
        () if has("failed to start the child") || has("fork/exec /proc/self/exe") => start(words),
        () if has("no matching entries in passwd") || has("unknown userid") => Obstacle::NoAccount,
        () if has("failed to compute") || has("subid ranges found") => ranges(words),
        () if has("newuidmap") || has("newgidmap") => helper(words),
        () if inside => Obstacle::Inside,
        () => Obstacle::Other,
    }
}

fn start(words: &str) -> Obstacle {
    let by_text = [
        ("operation not permitted", Obstacle::NotPermitted),
        ("permission denied", Obstacle::Denied),
        ("no space left on device", Obstacle::NoSpace),
        // Linux before 4.9 says EUSERS where later ones say ENOSPC.
        ("too many users", Obstacle::NoSpace),
        ("invalid argument", Obstacle::NoKernel),
        ("function not implemented", Obstacle::NoKernel),
    ];
    let found = by_text.iter().find(|(text, _)| words.contains(text));
    found.map_or(Obstacle::Other, |(_, obstacle)| *obstacle)
}

fn ranges(words: &str) -> Obstacle {
    let has = |part: &str| words.contains(part);
    match () {
        () if has("ranges found") => Obstacle::NoRange,
        () if has("Cannot parse") || has("conversion failed") => Obstacle::BadLine,
        () if has("open /etc/sub") => Obstacle::NoFile,
        () => Obstacle::Other,
    }
}

fn helper(words: &str) -> Obstacle {
    let has = |part: &str| words.contains(part);
    match () {
        () if has("executable file not found") => Obstacle::NoHelper,
        () if has("owned by a different user") => Obstacle::WrongGroup,
        () if has("not allowed") || has("overflow detected") => Obstacle::RangeRefused,
        () if has("Invalid argument") => Obstacle::MappedTwice,
        () if has("Operation not permitted") || has("Could not set caps") => {
            Obstacle::HelperUnprivileged
        }
        () if words.ends_with("failed:") || has("failed: : exit status") => Obstacle::HelperSilent,
        () => Obstacle::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stderr: &str) -> Option<Obstacle> {
        classify(stderr).map(|r| r.obstacle)
    }

    /// Every text was printed by RootlessKit 1.1.0, or stands in the issue named in the catalogue.
    #[test]
    fn texts_as_rootlesskit_prints_them() {
        let parent = |words: &str| {
            of(&format!(
                "[rootlesskit:parent] error: {words}\n: exit status 1\n"
            ))
        };
        let start = "failed to start the child: fork/exec /proc/self/exe: ";
        let map = "failed to setup UID/GID map: ";
        for (words, expected) in [
            (
                format!("{start}operation not permitted"),
                Obstacle::NotPermitted,
            ),
            (format!("{start}permission denied"), Obstacle::Denied),
            (format!("{start}no space left on device"), Obstacle::NoSpace),
            (format!("{start}invalid argument"), Obstacle::NoKernel),
            (
                format!("{start}resource temporarily unavailable"),
                Obstacle::NoProcess,
            ),
            (
                format!(
                    "{map}failed to compute uid/gid map: No subuid ranges found for user 1001 (\"alice\")"
                ),
                Obstacle::NoRange,
            ),
            (
                format!(
                    "{map}failed to compute uid/gid map: Cannot parse subuid/gid information: Format not correct for /etc/subuid file"
                ),
                Obstacle::BadLine,
            ),
            (
                format!(
                    "{map}failed to compute uid/gid map: String to int conversion failed during subuid/gid parsing of /etc/subuid: strconv.Atoi: parsing \"0x10000\": invalid syntax"
                ),
                Obstacle::BadLine,
            ),
            (
                format!("{map}failed to compute uid/gid map: open /etc/subuid: permission denied"),
                Obstacle::NoFile,
            ),
            (
                format!(
                    "{map}newuidmap 22 [0 1001 1 1 100000 65536] failed: : exec: \"newuidmap\": executable file not found in $PATH"
                ),
                Obstacle::NoHelper,
            ),
            (
                format!(
                    "{map}newuidmap 22 [0 1001 1 1 100000 65536] failed: newuidmap: write to uid_map failed: Operation not permitted"
                ),
                Obstacle::HelperUnprivileged,
            ),
            (
                format!(
                    "{map}newuidmap 22 [0 1001 1 1 100000 65536 65537 100000 65536] failed: newuidmap: write to uid_map failed: Invalid argument"
                ),
                Obstacle::MappedTwice,
            ),
            (
                format!(
                    "{map}newuidmap 22 [0 1001 1 1 100000 65536] failed: newuidmap: uid range [1-65537) -> [100000-165536) not allowed"
                ),
                Obstacle::RangeRefused,
            ),
            (
                format!(
                    "{map}newuidmap 22 [0 1001 1 1 100000 65536] failed: newuidmap: Target process 22 is owned by a different user: uid:1001 pw_uid:1001 st_uid:1001, gid:100 pw_gid:1001 st_gid:100"
                ),
                Obstacle::WrongGroup,
            ),
            (
                format!("{map}newuidmap 22 [0 1001 1 1 100000 65536] failed: : exit status 1"),
                Obstacle::HelperSilent,
            ),
            (
                format!("{map}failed to compute uid map: no matching entries in passwd file"),
                Obstacle::NoAccount,
            ),
            ("something new".to_owned(), Obstacle::Other),
        ] {
            assert_eq!(parent(&words), Some(expected), "{words}");
        }
    }

    #[test]
    fn noise_is_passed_over_and_a_failed_program_is_no_refusal() {
        let text = "time=\"x\" level=warning msg=\"error: no\"\n\
            [rootlesskit:child ] error: parsing message from fd 3: EOF\n\
            [rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: permission denied\n";
        assert_eq!(of(text), Some(Obstacle::Denied));
        let ran = "[rootlesskit:child ] error: command [/home/a/x __inside] exited: fork/exec /home/a/x: permission denied\n\
            [rootlesskit:parent] error: child exited: exit status 1\n";
        assert!(entered(ran) && !entered(text));
        let share = "[rootlesskit:child ] error: failed to share mount point: /: permission denied\n\
            [rootlesskit:parent] error: child exited: exit status 1\n";
        assert_eq!(of(share), Some(Obstacle::Inside));
        assert_eq!(of(""), None);
        let crash = "runtime/cgo: pthread_create failed: Resource temporarily unavailable\nSIGABRT: abort\n";
        assert_eq!(of(crash), Some(Obstacle::NoProcess));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(error: )?.*") {
            classify(&text);
            entered(&text);
        }
    }
}
