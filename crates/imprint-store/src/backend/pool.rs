//! Read buffers that are used again. A fresh buffer of a MiB must be zeroed and faulted in before the first byte is
//! read into it, which costs as much as the read; a used one costs nothing. Never grows beyond a fixed sum.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Memory kept for later reads at most.
const KEPT_BYTES: usize = 16 << 20;
/// Shorter buffers are not worth keeping.
const SMALLEST_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, Default)]
pub(crate) struct BufferPool(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl BufferPool {
    /// `len` bytes that `fill` writes; what they were before is unspecified.
    pub(crate) fn fill<E>(&self, len: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Bytes, E> {
        if len < SMALLEST_BYTES {
            let mut buffer = vec![0; len];
            fill(&mut buffer)?;
            return Ok(buffer.into());
        }
        let mut lent = Lent { buffer: self.take(len), len, pool: self.clone() };
        fill(&mut lent.buffer[..len])?;
        Ok(Bytes::from_owner(lent))
    }

    fn take(&self, len: usize) -> Vec<u8> {
        let mut kept = self.0.lock();
        match kept.buffers.iter().rposition(|buffer| buffer.len() >= len) {
            Some(place) => {
                let buffer = kept.buffers.swap_remove(place);
                kept.bytes -= buffer.len();
                buffer
            }
            None => {
                drop(kept);
                vec![0; len.next_multiple_of(SMALLEST_BYTES)]
            }
        }
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut kept = self.0.lock();
        if kept.bytes + buffer.len() <= KEPT_BYTES {
            kept.bytes += buffer.len();
            kept.buffers.push(buffer);
        }
    }
}

struct Lent {
    buffer: Vec<u8>,
    len: usize,
    pool: BufferPool,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(buffer: &mut [u8], byte: u8) -> Result<(), ()> {
        buffer.fill(byte);
        Ok(())
    }

    #[test]
    fn a_buffer_comes_back_and_keeps_to_the_asked_length() {
        let pool = BufferPool::default();
        let first = pool.fill(200_000, |buffer| set(buffer, 1)).unwrap();
        assert_eq!(first.len(), 200_000);
        drop(first);
        assert_eq!(pool.0.lock().buffers.len(), 1);
        let second = pool.fill(100_000, |buffer| set(buffer, 2)).unwrap();
        assert_eq!(pool.0.lock().buffers.len(), 0);
        assert!(second.len() == 100_000 && second.iter().all(|&byte| byte == 2));
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let pool = BufferPool::default();
        let lent: Vec<_> = (0..40).map(|_| pool.fill::<()>(1 << 20, |_| Ok(())).unwrap()).collect();
        drop(lent);
        assert_eq!(pool.0.lock().bytes, KEPT_BYTES);
    }
}
