//! Bits into bytes, the lowest first.

/// Bits that become bytes of a buffer.
pub(super) struct Bits<'a> {
    out: &'a mut Vec<u8>,
    /// Where the next byte goes.
    at: usize,
    /// Not yet written, the first in the lowest place.
    waiting: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Bits behind what `out` holds; at most `room` bytes of them.
    pub(super) fn new(out: &'a mut Vec<u8>, room: usize) -> Bits<'a> {
        let at = out.len();
        out.resize(at + room + size_of::<u64>(), 0);
        Bits { out, at, waiting: 0, count: 0 }
    }

    /// Adds `count` bits of `value`, which has no others. Between two calls of [`Bits::flush`] up to 56 may be added.
    #[inline]
    pub(super) fn add(&mut self, value: u64, count: u32) {
        self.waiting |= value << self.count;
        self.count += count;
    }

    /// Writes all whole bytes; fewer than 8 bits remain.
    #[inline]
    pub(super) fn flush(&mut self) {
        // eight bytes at once are faster than counted ones; those that are too many are written over
        self.out[self.at..self.at + size_of::<u64>()].copy_from_slice(&self.waiting.to_le_bytes());
        self.at += (self.count / 8) as usize;
        // fewer than 64 bits wait, so that this does not shift everything away
        self.waiting >>= self.count & !7;
        self.count &= 7;
    }

    /// Fills up the last byte with zeros.
    pub(super) fn align(&mut self) {
        self.count = self.count.next_multiple_of(8);
        self.flush();
    }

    /// Adds whole bytes behind whole bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.align();
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Fills up the last byte and gives back the room that was not needed.
    pub(super) fn finish(mut self) {
        self.align();
        self.out.truncate(self.at);
    }
}
