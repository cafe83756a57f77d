//! The only room that touches the machine to find something out.
//!
//! [`Host`] is the door: [`Live`] asks the kernel, systemd and the programs,
//! [`Recorded`] answers from a [`Bundle`], and [`Recorder`] writes a bundle
//! while somebody else asks. Nothing here judges; that is `check`'s business.

pub mod as_user;
mod build_info;
mod bundle;
mod bus;
pub mod docker_api;
mod dpkg;
mod live;
mod memory;
mod model;
mod mounts;
mod own_tmp;
mod planned;
pub mod probe;
pub(crate) mod program;
mod recorded;
mod recorder;
pub mod root_owned;
pub mod secret;
pub(crate) mod socket;
pub(crate) mod systemd;
pub mod unit_log;

use std::path::{Path, PathBuf};

pub use as_user::{Account, AsUser};
pub use build_info::{BuildInfo, is_static};
pub use bundle::{Bundle, BundleError, Node, Origin, Run, Unlisted};
pub use live::Live;
pub use memory::Memory;
pub use model::{
    FileSystem, Identity, Kind, LoginUser, Output, Program, Stat, SystemBus, Unit, UserManager,
};
pub use mounts::{ALIVE, touch};
pub use planned::Planned;
pub use recorded::Recorded;
pub use recorder::Recorder;

use crate::fact::Fact;

/// Everything a check may ask of a machine. No call changes anything on it.
pub trait Host: Send + Sync {
    /// The ids of this process.
    fn identity(&self) -> Identity;

    /// An environment variable of this process; set but empty is `Known("")`.
    fn env(&self, name: &str) -> Fact<String>;

    /// Whether a variable is set and not empty, without taking its value:
    /// for those that may hold a password, such as `https_proxy`.
    fn env_is_set(&self, name: &str) -> Fact<bool>;

    /// Text of a regular file (or of one below `/proc` or `/sys`), links
    /// followed, at most `limit` bytes; a larger one is unreadable. Bytes that
    /// are not UTF-8 become U+FFFD.
    fn read_up_to(&self, path: &Path, limit: u64) -> Fact<String>;

    /// [`Host::read_up_to`] with the ordinary limit of 1 MiB.
    fn read(&self, path: &Path) -> Fact<String> {
        self.read_up_to(path, 1 << 20)
    }

    /// stat(2), links followed.
    fn stat(&self, path: &Path) -> Fact<Stat>;

    /// Where a symbolic link points (one step); `Absent` if it is not a link.
    fn link(&self, path: &Path) -> Fact<PathBuf>;

    /// The path with every link resolved.
    fn real_path(&self, path: &Path) -> Fact<PathBuf>;

    /// Names in a directory, sorted, at most 4096.
    fn list(&self, dir: &Path) -> Fact<Vec<String>>;

    /// Whether the file system tells what kind the entries of a directory are
    /// (`d_type`, which XFS made with `ftype=0` does not); `Absent` if the
    /// directory is empty.
    fn tells_types(&self, dir: &Path) -> Fact<bool>;

    /// When the content of a file was last changed, in seconds since 1970.
    fn modified(&self, path: &Path) -> Fact<i64>;

    /// Whether the user under examination may write to `path`
    /// (create files in it, for a directory).
    fn writable(&self, path: &Path) -> Fact<bool>;

    /// The extended attribute `security.capability`, raw.
    fn capability(&self, path: &Path) -> Fact<Vec<u8>>;

    /// statfs(2) of the file system that holds `path`.
    fn file_system(&self, path: &Path) -> Fact<FileSystem>;

    /// Connects to a stream socket and hangs up: `Known(())` if somebody
    /// accepts, `Unreadable` with the errno (13 EACCES, 111 ECONNREFUSED) if not.
    fn connect(&self, socket: &Path) -> Fact<()>;

    /// Opens a device node for reading and closes it: `Known(())` if that
    /// works, `Unreadable` with the errno (19 ENODEV, 13 EACCES, 1 EPERM) if not.
    fn open_device(&self, path: &Path) -> Fact<()>;

    /// What a Go executable says of itself; `Absent` if it is none that does.
    fn build_info(&self, path: &Path) -> Fact<BuildInfo>;

    /// The version of the package that brought one of Docker's programs, without an
    /// epoch; `Absent` unless the file is surely still the package's.
    fn package_version(&self, path: &Path) -> Fact<String>;

    /// Runs a program as the user under examination, never as root for
    /// somebody else; `Unreadable` if it cannot be started, hangs, or programs
    /// are switched off.
    fn run(&self, program: &Program) -> Fact<Output>;

    /// Asks the user's systemd manager over the bus in `runtime_dir`; asked
    /// once, however often this is called.
    fn user_manager(&self, runtime_dir: &Path) -> Fact<UserManager>;

    /// Asks systemd and logind on the system bus about the user under
    /// examination; asked once, however often this is called.
    fn system_bus(&self, uid: u32) -> Fact<SystemBus>;
}

/// Ends every program that still runs and lets no other start: for the moment
/// before this process ends.
pub fn end_all() {
    program::end_all();
    as_user::end_all();
}

/// No program that root starts gets a descriptor which whoever started root's
/// command had open: a file of root's, perhaps.
pub fn keep_descriptors() {
    // An ordinary user's `nsenter` may hand some on.
    if rustix::process::geteuid().is_root() {
        close_fds::set_fds_cloexec(3, &[]);
    }
}

/// Lets the calling thread give way to the probe: it takes longest, and on two cores
/// whatever else is read takes its time.
pub fn give_way() {
    // Less is always allowed; if it is not, everything takes a little longer.
    let _ = rustix::process::setpriority_process(None, GIVE_WAY);
}

/// For setpriority(2): a tenth of the share that a thread has at 0.
const GIVE_WAY: i32 = 10;
