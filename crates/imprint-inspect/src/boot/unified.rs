//! Unified kernel images: a kernel, its initramfs and its words as sections of one EFI program.

use crate::guest::Guest;
use crate::tree::Place;

use super::entry::Entry;

/// How much of the program's start is looked at: headers and the table of sections.
const START_BYTES: usize = 4 << 10;
/// How many sections there may be.
const SECTIONS_MAX: usize = 96;
/// How long the texts may be.
const TEXT_BYTES_MAX: u64 = 16 << 10;

/// A section of an EFI program, in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// The entry that a unified image is; nothing when it holds no kernel.
pub(super) fn entry(guest: &Guest, path: &str) -> Option<Entry> {
    let file = guest.open(path)?;
    let sections = sections(&guest.start(path, START_BYTES)?);
    sections.iter().find(|section| section.name == ".linux")?;
    let text = |name: &str| {
        let section = sections.iter().find(|section| section.name == name)?;
        read_text(guest, &file, section)
    };
    let id = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".efi").to_owned();
    let title =
        text(".osrel").and_then(|text| crate::settings::assigned(&text, "PRETTY_NAME")).unwrap_or_else(|| id.clone());
    let has_initrd = sections.iter().any(|section| section.name == ".initrd");
    Some(Entry {
        chain: vec![[String::new(), title.clone(), id]],
        title,
        kernel: Some(path.to_owned()),
        initrds: has_initrd.then(|| path.to_owned()).into_iter().collect(),
        command_line: text(".cmdline").unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
        version: text(".uname").map(|text| text.trim().to_owned()),
        ..Entry::default()
    })
}

/// Where the initramfs lies in a unified image.
pub(crate) fn initrd(guest: &Guest, path: &str) -> Option<(u64, u64)> {
    let sections = sections(&guest.start(path, START_BYTES)?);
    sections.into_iter().find(|section| section.name == ".initrd").map(|section| (section.offset, section.len))
}

fn read_text(guest: &Guest, file: &Place, section: &Section) -> Option<String> {
    let len = usize::try_from(section.len.min(TEXT_BYTES_MAX)).unwrap_or_default();
    let mut bytes = vec![0; len];
    let read = guest.told(&file.path, file.read(section.offset, &mut bytes))?;
    let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
    Some(text.trim_matches('\0').to_owned())
}

/// The sections of an EFI program, by its first bytes.
pub(super) fn sections(start: &[u8]) -> Vec<Section> {
    table(start).unwrap_or_default()
}

fn table(start: &[u8]) -> Option<Vec<Section>> {
    let word = |at: usize| Some(u32::from_le_bytes(start.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(start.get(at..at.checked_add(2)?)?.try_into().ok()?));
    let header = word(0x3c)? as usize;
    if start.get(..2)? != b"MZ" || start.get(header..header.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let count = usize::from(half(header + 6)?).min(SECTIONS_MAX);
    let first = header + 24 + usize::from(half(header + 20)?);
    let mut sections = Vec::new();
    for at in (0..count).map(|index| first + 40 * index) {
        let Some(name) = start.get(at..at + 8) else { break };
        let (virtual_len, len, offset) = (word(at + 8)?, word(at + 16)?, word(at + 20)?);
        sections.push(Section {
            name: String::from_utf8_lossy(name).trim_end_matches('\0').to_owned(),
            offset: u64::from(offset),
            len: u64::from(if virtual_len == 0 { len } else { len.min(virtual_len) }),
        });
    }
    Some(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_and_a_cut_table_ends() {
        let mut start = vec![0; 512];
        start[..2].copy_from_slice(b"MZ");
        start[0x3c] = 0x80;
        start[0x80..0x84].copy_from_slice(b"PE\0\0");
        start[0x86] = 2;
        start[0x94] = 0x10;
        let at = 0x80 + 24 + 0x10;
        start[at..at + 6].copy_from_slice(b".linux");
        start[at + 40..at + 48].copy_from_slice(b".cmdline");
        start[at + 48] = 5;
        start[at + 57] = 2;
        start[at + 61] = 4;
        let found = sections(&start);
        assert_eq!(found[0].name, ".linux");
        assert_eq!(found[1], Section { name: ".cmdline".into(), offset: 0x400, len: 5 });
        start[0x86] = 0xff;
        assert!(sections(&start).len() < 16);
        assert!(sections(b"MZ").is_empty());
    }
}
