//! What a Go program says of itself in its own file: the version it was linked
//! with, and what it needs to start. `dockerd --version` takes as long as
//! everything else together; the same string can be read in no time.

use std::cell::Cell;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use object::elf::FileHeader64;
use object::read::ReadCache;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, ReadRef};
use serde::{Deserialize, Serialize};

type Dyn64 = object::elf::Dyn64<Endianness>;

/// The section that Go's linker writes since Go 1.13, inline since 1.18.
const SECTION: &[u8] = b".go.buildinfo";
const MAGIC: &[u8] = b"\xff Go buildinf:";

/// No larger section, table or segment is read: those of Docker's own programs
/// have less than a tenth.
const MOST_PART: u64 = 1 << 20;

/// No more is read of one file, whatever its headers name.
const MOST_WHOLE: u64 = 4 << 20;

/// The longest name in a table of strings, and what an absent one costs.
const LONGEST_NAME: u64 = 4096;

/// A longer text is not that of a build.
const LONGEST_TEXT: usize = 256 << 10;

/// What stands in a Go executable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildInfo {
    /// Module and build settings, a line each, as `go version -m` shows them; empty for a
    /// program of Go before 1.18.
    pub text: String,
    /// ELF machine number (62 for x86-64).
    pub machine: u16,
    /// The dynamic loader it asks for; none for a static program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Shared libraries it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
}

/// Reads it; none where the file is no 64-bit ELF file of Go 1.13 or later.
pub fn read(path: &Path) -> std::io::Result<Option<BuildInfo>> {
    let flags =
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    Ok(parse(&ReadCache::new(file)))
}

/// Whether a program runs by itself, without a loader and libraries. Of what is
/// no 64-bit ELF file nobody knows.
pub fn is_static(program: &[u8]) -> bool {
    let loader = || {
        let header = FileHeader64::<Endianness>::parse(program).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, program).ok()?;
        let asks = |loader| !matches!(loader, Ok(None));
        Some(
            segments
                .iter()
                .any(|s| asks(s.interpreter(endian, program))),
        )
    };
    loader() == Some(false)
}

/// A file of which only so much is read: sizes and counts in its headers are
/// whatever its author wrote there.
#[derive(Clone, Copy)]
struct Limited<'left, R> {
    data: R,
    left: &'left Cell<u64>,
}

impl<R> Limited<'_, R> {
    fn spend(&self, size: u64) -> Result<(), ()> {
        self.left.set(self.left.get().checked_sub(size).ok_or(())?);
        Ok(())
    }
}

impl<'data, R: ReadRef<'data>> ReadRef<'data> for Limited<'_, R> {
    fn len(self) -> Result<u64, ()> {
        self.data.len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'data [u8], ()> {
        if size > MOST_PART {
            return Err(());
        }
        self.spend(size)?;
        self.data.read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, end: u8) -> Result<&'data [u8], ()> {
        self.spend(LONGEST_NAME)?;
        let range = range.start..range.end.min(range.start.saturating_add(LONGEST_NAME));
        let name = self.data.read_bytes_at_until(range, end)?;
        let unused = LONGEST_NAME.saturating_sub(name.len() as u64 + 256);
        self.left.set(self.left.get() + unused);
        Ok(name)
    }
}

/// Reads the build information of an executable, within limits.
pub fn parse<'data, R: ReadRef<'data>>(data: R) -> Option<BuildInfo> {
    let left = Cell::new(MOST_WHOLE);
    let data = Limited { data, left: &left };
    let header = FileHeader64::<Endianness>::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, data).ok()?;
    let (_, section) = sections.section_by_name(endian, SECTION)?;
    let text = module_text(section.data(endian, data).ok()?).unwrap_or_default();
    let mut info = BuildInfo {
        text,
        machine: header.e_machine(endian).0,
        ..BuildInfo::default()
    };
    for segment in header.program_headers(endian, data).ok()? {
        if let Some(loader) = segment.interpreter(endian, data).ok()? {
            if loader.len() as u64 >= LONGEST_NAME {
                return None;
            }
            info.interpreter = Some(String::from_utf8_lossy(loader).into_owned());
        }
    }
    if let Some((entries, strings)) = sections.dynamic(endian, data).ok()? {
        let strings = sections.strings(endian, data, strings).ok()?;
        let needed = |entry: &&Dyn64| entry.tag(endian) == object::elf::DT_NEEDED;
        for entry in entries.iter().filter(needed) {
            let name = strings.get(entry.val32(endian)?).ok()?;
            info.libraries
                .push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Some(info)
}

/// The second of the two strings behind the 32-byte header, without the
/// 16-byte marks around it.
fn module_text(section: &[u8]) -> Option<String> {
    let inline = section.get(15)? & 2 != 0;
    if !section.starts_with(MAGIC) || !inline {
        return None;
    }
    let (_go, rest) = string(section.get(32..)?)?;
    let (module, _) = string(rest)?;
    let text = module.get(16..module.len().checked_sub(16)?)?;
    if text.len() > LONGEST_TEXT {
        return None;
    }
    Some(String::from_utf8_lossy(text).into_owned())
}

/// A string behind its length as an unsigned varint.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_inline_form_is_read() {
        let mut section = MAGIC.to_vec();
        section.extend([8, 2]);
        section.resize(32, 0);
        section.extend(b"\x06go1.22");
        let module = [&[0_u8; 16][..], b"path\tx", &[0; 16]].concat();
        section.push(module.len() as u8);
        section.extend(&module);
        assert_eq!(module_text(&section).as_deref(), Some("path\tx"));
        section[15] = 0;
        assert_eq!(module_text(&section), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let mut section = MAGIC.to_vec();
            section.extend([8, 2]);
            section.resize(32, 0);
            section.extend(&bytes);
            module_text(&section);
            let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
            elf.extend(&bytes);
            parse(elf.as_slice());
        }
    }
}
