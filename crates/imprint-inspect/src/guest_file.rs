//! Random access to the bytes of one file of a guest: what readers of databases and hives stand on.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::tree::{Place, Tree};

/// Bytes of a known length that can be read at any place.
pub(crate) trait Bytes {
    /// The length in bytes.
    fn size_bytes(&self) -> u64;

    /// Fills the whole buffer from `offset` on; [`Error::Corrupt`] when the range does not lie inside.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()>;
}

impl Bytes for Vec<u8> {
    fn size_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).map_err(|_| past_the_end())?;
        let end = start.checked_add(buf.len()).ok_or_else(past_the_end)?;
        buf.copy_from_slice(self.get(start..end).ok_or_else(past_the_end)?);
        Ok(())
    }
}

/// How much of a file is read at once.
const WINDOW_BYTES: usize = 128 << 10;

/// How many stretches of a file are kept.
const WINDOWS_MAX: usize = 64;

/// One file of a guest. Databases jump about in their files in small steps, and file systems may have to unpack for each
/// read: so the file is read in stretches, of which the last ones are kept.
pub(crate) struct GuestFile {
    place: Place,
    windows: RefCell<VecDeque<(u64, Vec<u8>)>>,
}

impl GuestFile {
    /// The file at a path, if there is one.
    pub(crate) fn open(tree: &Tree, path: &str) -> Result<Option<GuestFile>> {
        Ok(tree.open(path)?.map(|place| GuestFile { place, windows: RefCell::default() }))
    }

    /// Reads the stretch that begins at `start`, which is a multiple of [`WINDOW_BYTES`].
    fn load(&self, start: u64) -> Result<Vec<u8>> {
        let left = usize::try_from(self.size_bytes() - start).unwrap_or(WINDOW_BYTES);
        let mut window = vec![0; WINDOW_BYTES.min(left)];
        if self.place.read(start, &mut window)? < window.len() {
            return Err(Error::corrupt(format!("{} ends before its size", self.place.path)));
        }
        Ok(window)
    }

    /// Copies what one stretch holds of the range, and says how much that was.
    fn copy_some(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let start = offset - offset % WINDOW_BYTES as u64;
        let within = usize::try_from(offset - start).expect("less than a window");
        let mut windows = self.windows.borrow_mut();
        let place = windows.iter().position(|(at, _)| *at == start);
        let window = match place {
            Some(place) => windows.remove(place).expect("it was just found").1,
            None => self.load(start)?,
        };
        let count = buf.len().min(window.len() - within);
        buf[..count].copy_from_slice(&window[within..within + count]);
        windows.push_back((start, window));
        if windows.len() > WINDOWS_MAX {
            windows.pop_front();
        }
        Ok(count)
    }
}

impl Bytes for GuestFile {
    fn size_bytes(&self) -> u64 {
        self.place.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let end = offset.checked_add(buf.len() as u64).ok_or_else(past_the_end)?;
        if end > self.size_bytes() {
            return Err(past_the_end());
        }
        let mut done = 0;
        while done < buf.len() {
            done += self.copy_some(offset + done as u64, &mut buf[done..])?;
        }
        Ok(())
    }
}

fn past_the_end() -> Error {
    Error::corrupt("a place outside of the file")
}
