//! The bytes of an initramfs as they lie in the file: read ahead, looked at, consumed.

use std::io::{self, BufRead, Read};

use crate::error::Error;
use crate::tree::Place;

/// How much is read from the file at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Something with bytes at places: a file of the guest, or bytes of a test.
pub(crate) trait At {
    /// Reads from `offset` on and says how many bytes there were.
    fn read(&self, offset: u64, buf: &mut [u8]) -> crate::Result<usize>;
}

impl At for Place {
    fn read(&self, offset: u64, buf: &mut [u8]) -> crate::Result<usize> {
        Place::read(self, offset, buf)
    }
}

/// A stretch of a [`Place`], as a file of its own.
pub(crate) struct Part {
    /// The file it is in.
    pub(crate) file: Place,
    /// Where it begins.
    pub(crate) offset: u64,
    /// How long it is.
    pub(crate) len: u64,
}

impl At for Part {
    fn read(&self, offset: u64, buf: &mut [u8]) -> crate::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = buf.len().min(left);
        self.file.read(self.offset.saturating_add(offset), &mut buf[..len])
    }
}

/// A file read once from its beginning to its end, of which the next bytes can be looked at before they are consumed.
pub(super) struct Source<'a> {
    file: &'a dyn At,
    next: u64,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a dyn At) -> Source<'a> {
        Source { file, next: 0, buffer: vec![0; BUFFER_BYTES], begin: 0, end: 0 }
    }

    /// The next `count` bytes, or fewer at the end. `count` is small.
    pub(super) fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.begin < count {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
            let read = self.file.read(self.next, &mut self.buffer[self.end..]).map_err(into_io)?;
            self.next += read as u64;
            self.end += read;
        }
        Ok(&self.buffer[self.begin..self.end.min(self.begin + count)])
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.begin == self.end {
            self.look(1)?;
        }
        Ok(&self.buffer[self.begin..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.begin = (self.begin + count).min(self.end);
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        self.consume(len);
        Ok(len)
    }
}

/// An error of the check on its way through a decoder.
pub(super) fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// The error of the check that a decoder passed on, or what the decoder said of the bytes.
pub(super) fn from_io(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        // Whatever a decoder says is said of the bytes: the disk below answers with the check's own errors.
        Err(error) => Error::corrupt(error.to_string()),
    }
}
