//! What is kept of the stream: bounded windows at known offsets and a ring with the last bytes.

use crate::limits::TAIL_BYTES;

/// A window of the stream that fills up as the bytes pass.
#[derive(Debug, Default)]
pub(crate) struct Window {
    start: u64,
    len: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(crate) fn new(start: u64, len: u64) -> Window {
        Window { start, len, bytes: Vec::new() }
    }

    /// Takes what belongs to the window from `slice`, which lies at `at` in the stream. Slices come in stream order.
    pub(crate) fn offer(&mut self, at: u64, slice: &[u8]) {
        let filled = self.bytes.len() as u64;
        if filled >= self.len {
            return;
        }
        let Some(skip) = self.start.checked_add(filled).and_then(|wanted| wanted.checked_sub(at)) else {
            return;
        };
        let Some(rest) = usize::try_from(skip).ok().and_then(|skip| slice.get(skip..)) else { return };
        let take = usize::try_from(self.len - filled).map_or(rest.len(), |room| room.min(rest.len()));
        self.bytes.extend_from_slice(&rest[..take]);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() as u64 >= self.len
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The last [`TAIL_BYTES`] bytes of the stream, as a ring: each call copies at most that many.
#[derive(Debug)]
pub(crate) struct Tail {
    ring: [u8; TAIL_BYTES],
    next: usize,
}

impl Tail {
    pub(crate) fn new() -> Tail {
        Tail { ring: [0; TAIL_BYTES], next: 0 }
    }

    pub(crate) fn push(&mut self, slice: &[u8]) {
        let last = &slice[slice.len().saturating_sub(TAIL_BYTES)..];
        let (front, wrapped) = last.split_at(last.len().min(TAIL_BYTES - self.next));
        self.ring[self.next..self.next + front.len()].copy_from_slice(front);
        self.ring[..wrapped.len()].copy_from_slice(wrapped);
        self.next = (self.next + last.len()) % TAIL_BYTES;
    }

    /// The bytes in stream order; `total` is the length of the stream, which may be shorter than the ring.
    fn into_vec(self, total: u64) -> Vec<u8> {
        let mut bytes = self.ring[self.next..].to_vec();
        bytes.extend_from_slice(&self.ring[..self.next]);
        let held = usize::try_from(total).map_or(TAIL_BYTES, |total| total.min(TAIL_BYTES));
        bytes.split_off(TAIL_BYTES - held)
    }
}

/// The evidence a format's check works on, complete once the stream has ended.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The length of the whole stream.
    pub(crate) total: u64,
    /// Its first bytes, at most [`crate::limits::HEAD_BYTES`].
    pub(crate) head: Vec<u8>,
    /// Its last bytes, at most [`TAIL_BYTES`].
    pub(crate) tail: Vec<u8>,
    /// What was captured for VHDX, when the head called for it.
    pub(crate) vhdx: Option<crate::formats::vhdx::Capture>,
}

impl Evidence {
    pub(crate) fn new(total: u64, head: Window, tail: Tail, vhdx: Option<crate::formats::vhdx::Capture>) -> Evidence {
        Evidence { total, head: head.bytes, tail: tail.into_vec(total), vhdx }
    }

    /// The last `len` bytes, if the stream is that long. `len` is at most [`TAIL_BYTES`].
    pub(crate) fn last(&self, len: usize) -> Option<&[u8]> {
        self.tail.get(self.tail.len().checked_sub(len)?..)
    }
}
