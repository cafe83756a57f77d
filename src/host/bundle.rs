//! A recorded host: everything a diagnosis asked, and what it was told.
//!
//! A bundle is TOML, so that a person can read it, trim it and write one from
//! documents. Readers tolerate unknown fields; a bundle of a newer *major*
//! form is refused by name rather than misread.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::build_info::BuildInfo;
use super::model::{FileSystem, Identity, Kind, Output, SystemBus, UserManager};
use crate::fact::{Fact, Why};

/// The form of bundle this program writes, and the newest it reads.
pub const BUNDLE_VERSION: u32 = 1;

/// A recorded host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bundle {
    /// Form of the bundle; see [`BUNDLE_VERSION`].
    pub bundle_version: u32,
    /// Program that wrote it.
    #[serde(default)]
    pub tool: String,
    /// What a path means that is not listed.
    #[serde(default)]
    pub unlisted: Unlisted,
    /// Where the facts come from.
    #[serde(default)]
    pub origin: Origin,
    /// The user who was examined, where root asked for somebody (`--user`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Who asked.
    #[serde(default)]
    pub identity: Identity,
    /// Environment variables that were asked for and set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files, directories, links, sockets and device nodes by absolute path.
    #[serde(default)]
    pub files: BTreeMap<String, Node>,
    /// File systems by a path they hold; the longest prefix answers.
    #[serde(default)]
    pub file_systems: BTreeMap<String, FileSystem>,
    /// Paths whose file system does not answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dead_file_systems: BTreeMap<String, Why>,
    /// Programs that were run, by [`super::Program::key`].
    #[serde(default)]
    pub programs: BTreeMap<String, Run>,
    /// The user's systemd manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_manager: Option<Fact<UserManager>>,
    /// systemd and logind on the system bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_bus: Option<Fact<SystemBus>>,
}

/// What a path means that a bundle does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlisted {
    /// Nobody looked: `unknown`. What a capture writes.
    #[default]
    Unknown,
    /// It does not exist: for bundles that describe a whole host from documents.
    Absent,
}

/// Where a bundle comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// `machine` for a capture, `documents` for one written from published facts.
    pub kind: String,
    /// One sentence on the host.
    pub note: String,
    /// Documents it is built from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// One path of a recorded host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Certainly not there.
    #[serde(skip_serializing_if = "is_false")]
    pub absent: bool,
    /// stat(2) failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Why>,
    /// Kind; without one, a directory if `entries` is given, else a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Permission bits in octal, such as `"4755"`; default 0644 or 0755.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Owner.
    #[serde(skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// Group.
    #[serde(skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Size; default the length of `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Inode number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// Major and minor number of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<(u32, u32)>,
    /// Where the link points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The path with all links resolved; default the path itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real: Option<String>,
    /// Names in the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<String>>,
    /// The file system tells what kind the directory's entries are (`d_type`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tells_types: Option<bool>,
    /// When its content was last changed, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// The user may write here; default by mode bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable: Option<bool>,
    /// `security.capability` in hexadecimal; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// errno of connect(2), 0 for accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<i32>,
    /// errno of open(2) on a device, 0 for opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<i32>,
    /// What a Go executable says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_info: Option<BuildInfo>,
    /// The version of the package whose file it still is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Reading failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_error: Option<Why>,
    /// Contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A program that was run, or could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Executable that was started.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Why there is no output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Why>,
    /// What it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
}

/// Why a file is not a bundle this program can replay.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Not TOML, or not of a bundle's shape.
    #[error("not a recorded host: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error(
        "recorded in form {0}, and this program reads up to form {BUNDLE_VERSION}: replay it with a newer rootless-setup"
    )]
    Newer(u32),
}

#[derive(Deserialize)]
struct Head {
    bundle_version: u32,
}

impl Bundle {
    /// An empty capture.
    pub fn capture(identity: Identity) -> Self {
        Bundle {
            bundle_version: BUNDLE_VERSION,
            tool: concat!("rootless-setup ", env!("CARGO_PKG_VERSION")).into(),
            unlisted: Unlisted::Unknown,
            origin: Origin {
                kind: "machine".into(),
                ..Origin::default()
            },
            user: None,
            identity,
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            file_systems: BTreeMap::new(),
            dead_file_systems: BTreeMap::new(),
            programs: BTreeMap::new(),
            user_manager: None,
            system_bus: None,
        }
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`BundleError`] when the text is not a bundle, or one of a newer form.
    pub fn parse(text: &str) -> Result<Self, BundleError> {
        let malformed = |e: toml::de::Error| BundleError::Malformed(one_line(&e));
        let head: Head = toml::from_str(text).map_err(malformed)?;
        if head.bundle_version > BUNDLE_VERSION {
            return Err(BundleError::Newer(head.bundle_version));
        }
        toml::from_str(text).map_err(malformed)
    }

    /// The bundle as TOML.
    ///
    /// # Errors
    /// [`BundleError::Malformed`] if a recorded value has no TOML form.
    pub fn to_toml(&self) -> Result<String, BundleError> {
        toml::to_string_pretty(self).map_err(|e| BundleError::Malformed(e.to_string()))
    }
}

fn one_line(error: &toml::de::Error) -> String {
    let at = error.span().map(|s| format!(" (byte {})", s.start));
    format!("{}{}", error.message(), at.unwrap_or_default())
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
