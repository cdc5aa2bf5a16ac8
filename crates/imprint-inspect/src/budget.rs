//! The bounds that a check works inside, whatever the disk claims.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How much one check may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// Steps: records, entries, nodes, cells looked at.
    pub steps: u64,
    /// Bytes of the disk that may be read.
    pub read_bytes: u64,
    /// Bytes that may be held at once in buffers whose size the disk decides.
    pub held_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: Duration::from_mins(1), steps: 50_000_000, read_bytes: 4 << 30, held_bytes: 192 << 20 }
    }
}

/// What is left of the [`Limits`] of a check under way. Shared by everything that reads the disk.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    began: Instant,
    steps: AtomicU64,
    read: AtomicU64,
    held: AtomicU64,
}

/// Bytes that are held; given back when dropped.
#[derive(Debug)]
pub struct Held<'a> {
    budget: &'a Budget,
    bytes: u64,
}

/// How many steps lie between two looks at the clock.
const STEPS_PER_LOOK: u64 = 1024;

impl Budget {
    /// A whole budget, whose time begins now.
    #[must_use]
    pub fn new(limits: Limits) -> Budget {
        Budget { limits, began: Instant::now(), steps: 0.into(), read: 0.into(), held: 0.into() }
    }

    /// One more record was looked at. Every loop whose length the disk decides calls this.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn step(&self) -> Result<()> {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        if steps >= self.limits.steps {
            return Err(Error::Exhausted("too many records"));
        }
        if steps.is_multiple_of(STEPS_PER_LOOK) { self.look_at_the_clock() } else { Ok(()) }
    }

    /// So many more bytes of the disk are about to be read.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn read(&self, bytes: u64) -> Result<()> {
        let before = self.read.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limits.read_bytes {
            return Err(Error::Exhausted("too many bytes read"));
        }
        self.look_at_the_clock()
    }

    /// So many bytes are about to be allocated because the disk says so.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn hold(&self, bytes: u64) -> Result<Held<'_>> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { budget: self, bytes };
        if before.saturating_add(bytes) > self.limits.held_bytes {
            return Err(Error::Exhausted("too much memory"));
        }
        Ok(held)
    }

    /// Bytes of the disk read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    fn look_at_the_clock(&self) -> Result<()> {
        if self.began.elapsed() > self.limits.time { Err(Error::Exhausted("too much time")) } else { Ok(()) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
