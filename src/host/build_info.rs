//! What a Go program says of itself in its own file: the version it was linked
//! with, and what it needs to start. `dockerd --version` takes as long as
//! everything else together; the same string can be read in no time.

use std::fs::File;
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

fn parse<'data, R: ReadRef<'data>>(data: R) -> Option<BuildInfo> {
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
