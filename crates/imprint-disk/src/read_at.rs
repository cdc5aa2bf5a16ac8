//! Random access to bytes: what every reader of a format stands on, and what it is itself.

use std::fs::File;
use std::io;
use std::sync::Arc;

/// Bytes that can be read at any place: a file, a stored disk, the disk inside a file, the file that a disk would be.
///
/// Reading keeps no position, so one value serves many threads. Nothing here can open anything: what is not handed over
/// is not read.
pub trait ReadAt: Send + Sync {
    /// The length in bytes.
    fn size_bytes(&self) -> u64;

    /// Fills the whole buffer from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the range does not lie inside, [`io::ErrorKind::InvalidData`] when the
    /// format's own records contradict themselves, and whatever the bytes below answer.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// What stands at `offset`, and for how many bytes at least. The run neither is empty nor passes the end; the next
    /// run may be of the same kind. `offset` lies inside.
    ///
    /// # Errors
    /// As [`ReadAt::read_at`].
    fn run_at(&self, offset: u64) -> io::Result<Run> {
        Ok(Run { len: self.size_bytes().saturating_sub(offset), kind: RunKind::Data })
    }
}

/// A stretch of bytes of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its length in bytes.
    pub len: u64,
    /// What it holds.
    pub kind: RunKind,
}

/// What a stretch of bytes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunKind {
    /// Bytes that must be read to be known (they may be zeros).
    Data,
    /// Zeros, said to be by a record.
    Zero,
    /// Nothing was ever stored here; reads as zeros.
    Hole,
}

impl RunKind {
    /// Whether the run reads as zeros without looking.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self != RunKind::Data
    }
}

/// The error of a range that does not lie inside.
#[must_use]
pub fn past_the_end() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the range does not lie inside")
}

/// The error of records that contradict themselves.
#[must_use]
pub fn corrupt(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn size_bytes(&self) -> u64 {
        (**self).size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buf)
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        (**self).run_at(offset)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn size_bytes(&self) -> u64 {
        (**self).size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buf)
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        (**self).run_at(offset)
    }
}

impl ReadAt for Vec<u8> {
    fn size_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| past_the_end())?;
        let end = start.checked_add(buf.len()).ok_or_else(past_the_end)?;
        buf.copy_from_slice(self.get(start..end).ok_or_else(past_the_end)?);
        Ok(())
    }
}

/// An open file whose length was asked for once.
#[derive(Debug)]
pub struct FileBytes {
    file: File,
    size: u64,
}

impl FileBytes {
    /// A file that the caller opened. Block devices have a length, too: it is where seeking to the end leads.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn new(mut file: File) -> io::Result<FileBytes> {
        let size = io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        Ok(FileBytes { file, size })
    }
}

impl ReadAt for FileBytes {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
    }
}
