//! The streaming inspector: bytes in, [`Inspection`] out.

use crate::evidence::{Evidence, Tail, Window};
use crate::formats::vhdx;
use crate::limits::HEAD_BYTES;
use crate::{Inspection, detect};

/// Watches an image's bytes go past and keeps only the few header regions that recognition and safety checks need
/// (less than 512 KiB, whatever the image claims). It never looks at a byte twice and, once the header regions are
/// full, copies at most the last 1,536 bytes of each slice.
#[derive(Debug)]
pub struct Inspector {
    position: u64,
    head: Window,
    tail: Tail,
    vhdx: Option<vhdx::Capture>,
}

impl Default for Inspector {
    fn default() -> Inspector {
        Inspector::new()
    }
}

impl Inspector {
    /// An inspector at the start of a stream.
    #[must_use]
    pub fn new() -> Inspector {
        Inspector { position: 0, head: Window::new(0, HEAD_BYTES), tail: Tail::new(), vhdx: None }
    }

    /// Takes the next bytes of the stream, in order; slices may have any size. Never fails: trouble shows in
    /// [`Inspector::finish`].
    pub fn feed(&mut self, slice: &[u8]) {
        if slice.is_empty() {
            return;
        }
        if !self.head.is_full() {
            self.head.offer(self.position, slice);
            if self.head.is_full() && vhdx::recognise(self.head.bytes()) {
                self.vhdx = Some(vhdx::Capture::new());
            }
        }
        if let Some(vhdx) = &mut self.vhdx {
            vhdx.offer(self.position, slice);
        }
        self.tail.push(slice);
        // no stream is 2^64 bytes long; saturating keeps a wrong caller from wrapping the offsets
        self.position = self.position.saturating_add(slice.len() as u64);
    }

    /// How many bytes of the stream are held, the fixed tail aside.
    #[cfg(test)]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.head.bytes().len() + self.vhdx.as_ref().map_or(0, vhdx::Capture::kept_bytes)
    }

    /// Ends the stream and says what it was.
    #[must_use]
    pub fn finish(self) -> Inspection {
        detect::conclude(&Evidence::new(self.position, self.head, self.tail, self.vhdx))
    }
}
