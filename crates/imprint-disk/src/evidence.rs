//! What is kept of the stream: bounded windows at known offsets and a ring with the last bytes.

use std::io;

use crate::ReadAt;
use crate::formats::vhdx;
use crate::limits::{HEAD_BYTES, TAIL_BYTES};

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

    /// The part that has not been seen: where it starts and how long it is.
    pub(crate) fn missing(&self) -> (u64, u64) {
        let filled = self.bytes.len() as u64;
        (self.start.saturating_add(filled), self.len.saturating_sub(filled))
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
    pub(crate) vhdx: Option<vhdx::Capture>,
}

impl Evidence {
    pub(crate) fn new(total: u64, head: Window, tail: Tail, vhdx: Option<vhdx::Capture>) -> Evidence {
        Evidence { total, head: head.bytes, tail: tail.into_vec(total), vhdx }
    }

    /// The same evidence from a file that can be read anywhere.
    ///
    /// # Errors
    /// What the file answers.
    pub(crate) fn gather(file: &dyn ReadAt) -> io::Result<Evidence> {
        let total = file.size_bytes();
        let read = |start: u64, len: u64| {
            let len = len.min(total.saturating_sub(start));
            let mut bytes = vec![0; usize::try_from(len).expect("windows are small")];
            file.read_at(start, &mut bytes)?;
            io::Result::Ok(bytes)
        };
        let head = read(0, HEAD_BYTES)?;
        let tail = read(total.saturating_sub(TAIL_BYTES as u64), TAIL_BYTES as u64)?;
        let mut vhdx = None;
        if vhdx::recognise(&head) {
            let mut capture = vhdx::Capture::new();
            while let Some((start, len)) = capture.wanted().filter(|&(start, _)| start < total) {
                let bytes = read(start, len)?;
                capture.offer(start, &bytes);
                if bytes.len() as u64 != len {
                    break;
                }
            }
            vhdx = Some(capture);
        }
        Ok(Evidence { total, head, tail, vhdx })
    }

    /// The last `len` bytes, if the stream is that long. `len` is at most [`TAIL_BYTES`].
    pub(crate) fn last(&self, len: usize) -> Option<&[u8]> {
        self.tail.get(self.tail.len().checked_sub(len)?..)
    }
}
