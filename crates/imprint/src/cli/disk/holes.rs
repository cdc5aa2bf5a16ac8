//! Not writing what is nothing: where a file has holes, and where a disk's data turns out to be zeros.

use std::fs::File;
use std::io;
use std::sync::Arc;

use imprint_disk::{FileBytes, ReadAt, Run, RunKind};
use rustix::fs::SeekFrom;
use rustix::io::Errno;

/// Data is looked at in blocks of this size, at multiples of it: no format's unit is smaller than what this saves.
const BLOCK_BYTES: u64 = 64 * 1024;
/// Most blocks that hold anything do so here, and need not be read further.
const GLANCE_BYTES: usize = 4096;
/// Looked at by one call at most.
const LOOK_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Whether all is zero; a block at a time, which is fast and ends early.
pub(super) fn is_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(1024).all(|block| block.iter().fold(0, |all, &byte| all | byte) == 0)
}

/// A file that knows its holes, where its file system does.
pub(super) struct FileWithHoles {
    bytes: FileBytes,
    /// For asking; reading keeps no position.
    file: File,
}

impl FileWithHoles {
    pub(super) fn new(file: File) -> io::Result<FileWithHoles> {
        Ok(FileWithHoles { bytes: FileBytes::new(file.try_clone()?)?, file })
    }

    /// Where data (or a hole) begins at or behind `offset`; `None` when there is none, or nobody knows.
    fn next(&self, from: SeekFrom) -> Option<Result<u64, Errno>> {
        match rustix::fs::seek(&self.file, from) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOTTY | Errno::SPIPE) => None,
            answer => Some(answer),
        }
    }
}

impl ReadAt for FileWithHoles {
    fn size_bytes(&self) -> u64 {
        self.bytes.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.bytes.read_at(offset, buf)
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let rest = Run { len: self.size_bytes().saturating_sub(offset), kind: RunKind::Data };
        let data = match self.next(SeekFrom::Data(offset)) {
            None => return Ok(rest),
            // no data from here on
            Some(Err(Errno::NXIO)) => return Ok(Run { kind: RunKind::Hole, ..rest }),
            Some(answer) => answer?,
        };
        if data > offset {
            return Ok(Run { len: (data - offset).min(rest.len), kind: RunKind::Hole });
        }
        match self.next(SeekFrom::Hole(offset)) {
            Some(Ok(hole)) if hole > offset => Ok(Run { len: (hole - offset).min(rest.len), kind: RunKind::Data }),
            _ => Ok(rest),
        }
    }
}

/// A disk whose data is looked at to tell what is zeros. Asking where data is costs reading some of it.
pub(super) struct Looking(pub(super) Arc<dyn ReadAt>);

impl Looking {
    /// Whether as many bytes as `block` has room for are zeros.
    fn is_zeros(&self, at: u64, block: &mut [u8]) -> io::Result<bool> {
        let (first, rest) = block.split_at_mut(GLANCE_BYTES.min(block.len()));
        self.0.read_at(at, first)?;
        if !is_zeros(first) || rest.is_empty() {
            return Ok(is_zeros(first));
        }
        self.0.read_at(at + first.len() as u64, rest)?;
        Ok(is_zeros(rest))
    }
}

impl ReadAt for Looking {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buf)
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let run = self.0.run_at(offset)?;
        if run.kind.is_zero() {
            return Ok(run);
        }
        let mut found: Option<Run> = None;
        let end = offset + run.len.min(LOOK_BYTES_MAX);
        let mut block = Vec::new();
        let mut at = offset;
        while at < end {
            let next = (at + 1).next_multiple_of(BLOCK_BYTES).min(end);
            block.resize(usize::try_from(next - at).map_err(io::Error::other)?, 0);
            let kind = if self.is_zeros(at, &mut block)? { RunKind::Zero } else { RunKind::Data };
            match &mut found {
                Some(found) if found.kind == kind => found.len += next - at,
                Some(_) => break,
                None => found = Some(Run { len: next - at, kind }),
            }
            at = next;
        }
        Ok(found.unwrap_or(run))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn runs(disk: &dyn ReadAt) -> Vec<(u64, bool)> {
        let mut runs: Vec<(u64, bool)> = Vec::new();
        let mut at = 0;
        while at < disk.size_bytes() {
            let run = disk.run_at(at).expect("memory can be read");
            match runs.last_mut() {
                Some(last) if last.1 == run.kind.is_zero() => last.0 += run.len,
                _ => runs.push((run.len, run.kind.is_zero())),
            }
            at += run.len;
        }
        runs
    }

    #[test]
    fn zeros_are_found_by_looking() {
        let mut disk = vec![0; 20 << 20];
        disk[70_000] = 1;
        disk[(9 << 20) + GLANCE_BYTES + 1] = 1;
        let expected = [
            (1 << 16, true),
            (1 << 16, false),
            ((9 << 20) - (2 << 16), true),
            (1 << 16, false),
            ((11 << 20) - (1 << 16), true),
        ];
        assert_eq!(runs(&Looking(Arc::new(disk))), expected);
    }

    #[test]
    fn a_file_of_holes_has_the_right_bytes_where_it_says_data() {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(64 << 20).expect("grows");
        file.write_all_at(&[7; 5000], 10 << 20).expect("writes");
        let file = FileWithHoles::new(file).expect("opens");
        let mut at = 0;
        for (len, is_zero) in runs(&file) {
            let mut bytes = vec![1; usize::try_from(len).expect("small")];
            file.read_at(at, &mut bytes).expect("reads");
            assert!(!is_zero || is_zeros(&bytes), "{len} bytes at {at}");
            at += len;
        }
        assert_eq!(at, 64 << 20);
    }
}
