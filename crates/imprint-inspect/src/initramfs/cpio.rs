//! The entries of a cpio archive in the `newc` form (magic 070701, or 070702 with sums), as kernels unpack it.
//!
//! What lives here: names and lengths, one after another, out of a stream. What never does: unpacking anything.

use std::io::{self, Read};

use imprint_disk::corrupt;

/// Length of an entry's header: a magic of 6 and 13 fields of 8 hexadecimal digits.
const HEADER_BYTES: usize = 110;
/// How long a name may be: Linux's `PATH_MAX`, as its unpacker has it.
const NAME_BYTES_MAX: usize = 4096;
/// The name that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// An archive that is being read: the header of an entry, its name, its bytes, and so on.
pub(super) struct Archive<'a, R: Read> {
    stream: &'a mut R,
    scratch: Vec<u8>,
}

/// Whether bytes begin an archive.
pub(super) fn is_archive(start: &[u8]) -> bool {
    start.starts_with(b"070701") || start.starts_with(b"070702")
}

impl<'a, R: Read> Archive<'a, R> {
    /// An archive whose first byte comes next.
    pub(super) fn new(stream: &'a mut R) -> Archive<'a, R> {
        Archive { stream, scratch: vec![0; 16 << 10] }
    }

    /// The name of the next entry, its bytes skipped; nothing at the trailer.
    pub(super) fn next_name(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut header = [0; HEADER_BYTES];
        self.stream.read_exact(&mut header)?;
        if !is_archive(&header) {
            return Err(corrupt("no header where an entry of the archive should begin"));
        }
        let file_bytes = field(&header, 6)?;
        let name_bytes = field(&header, 11)? as usize;
        if name_bytes == 0 || name_bytes > NAME_BYTES_MAX {
            return Err(corrupt("a name in the archive is longer than a path may be"));
        }
        let mut name = vec![0; name_bytes + padding((HEADER_BYTES + name_bytes) as u64)];
        self.stream.read_exact(&mut name)?;
        name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name_bytes));
        if name == TRAILER {
            return Ok(None);
        }
        self.skip(u64::from(file_bytes) + padding(u64::from(file_bytes)) as u64)?;
        Ok(Some(name))
    }

    fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 {
            let part = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.scratch.len());
            self.stream.read_exact(&mut self.scratch[..part])?;
            bytes -= part as u64;
        }
        Ok(())
    }
}

/// The `index`-th field behind the magic.
fn field(header: &[u8; HEADER_BYTES], index: usize) -> io::Result<u32> {
    let digits = &header[6 + 8 * index..14 + 8 * index];
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    text.and_then(|text| u32::from_str_radix(text, 16).ok())
        .ok_or_else(|| corrupt("a field of the archive is no number"))
}

/// How many bytes are missing to a multiple of four.
fn padding(bytes: u64) -> usize {
    (bytes.wrapping_neg() % 4) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::archive;

    fn names(bytes: &[u8]) -> io::Result<Vec<String>> {
        let mut stream = bytes;
        let mut archive = Archive::new(&mut stream);
        let mut names = Vec::new();
        while let Some(name) = archive.next_name()? {
            names.push(String::from_utf8(name).unwrap());
        }
        Ok(names)
    }

    #[test]
    fn names_come_in_order_whatever_their_padding() {
        let expected = ["a", "ab", "abc", "abcd", "lib/modules/x.ko"];
        assert_eq!(names(&archive(&expected)).unwrap(), expected);
    }

    #[test]
    fn a_cut_or_senseless_archive_is_an_error() {
        let whole = archive(&["a", "b"]);
        assert!(names(&whole[..whole.len() - 20]).is_err());
        let mut long_name = whole.clone();
        long_name[94..102].copy_from_slice(b"FFFFFFFF");
        assert!(names(&long_name).is_err());
        let mut no_number = whole;
        no_number[54..62].copy_from_slice(b"+0000001");
        assert!(names(&no_number).is_err());
    }
}
