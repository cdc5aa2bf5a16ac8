//! Which disk format some bytes are, from their beginning and their end: enough to declare it. The service looks at
//! every byte and has the last word.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use imprint_disk::{Format, Inspector};

/// The beginning that is looked at; holds every header that tells formats apart.
pub(super) const HEAD_BYTES: usize = 1 << 20;
/// The end that is looked at; holds every trailer.
const TAIL_BYTES: usize = 4096;

/// The format to declare for a file of `size_bytes`.
pub(super) fn of_file(file: &File, size_bytes: u64) -> io::Result<&'static str> {
    let head = read(file, 0, size_bytes.min(HEAD_BYTES as u64))?;
    let rest = size_bytes - head.len() as u64;
    let tail_len = rest.min(TAIL_BYTES as u64);
    let tail = read(file, size_bytes - tail_len, tail_len)?;
    Ok(declared(&head, &tail))
}

/// The format to declare for bytes that begin and end so.
pub(super) fn declared(head: &[u8], tail: &[u8]) -> &'static str {
    let mut inspector = Inspector::new();
    inspector.feed(head);
    inspector.feed(tail);
    match inspector.finish().format {
        Format::Qcow2 => "qcow2",
        Format::Vmdk => "vmdk",
        Format::Vhd => "vhd",
        Format::Vhdx => "vhdx",
        Format::Vdi => "vdi",
        Format::Iso => "iso",
        Format::Ploop => "ploop",
        // a disk with a partition table is a raw one; what is packed is opaque to a service; and what that refuses anyway
        // is declared as nothing else
        _ => "raw",
    }
}

fn read(file: &File, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_beginning_or_end() {
        let mut qcow2 = vec![0; HEAD_BYTES];
        qcow2[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        assert_eq!(declared(&qcow2, &[]), "qcow2");
        assert_eq!(declared(b"anything else", &[]), "raw");
        assert_eq!(declared(&[], &[]), "raw");
    }
}
