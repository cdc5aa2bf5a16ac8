//! The bounds that a check works inside, whatever the disk claims.

use std::ops::Deref;
use std::sync::Arc;
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

/// Bytes that are held; given back when dropped. `B` borrows the budget, or shares it where what is held lives longer.
#[derive(Debug)]
pub struct Held<B: Deref<Target = Budget>> {
    budget: B,
    bytes: u64,
}

/// A value with the bytes that it was charged, given back together.
#[derive(Debug)]
pub(crate) struct Charged<T, B: Deref<Target = Budget>> {
    value: T,
    _held: Held<B>,
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
    pub fn hold(&self, bytes: u64) -> Result<Held<&Budget>> {
        self.keep(bytes)?;
        Ok(Held { budget: self, bytes })
    }

    /// As [`Budget::hold`], for what lives in something that shares the budget.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn hold_shared(self: &Arc<Budget>, bytes: u64) -> Result<Held<Arc<Budget>>> {
        self.keep(bytes)?;
        Ok(Held { budget: self.clone(), bytes })
    }

    /// So many bytes are about to be kept until the check ends: they are never given back.
    ///
    /// # Errors
    /// [`Error::Exhausted`]; nothing is charged then.
    pub fn keep(&self, bytes: u64) -> Result<()> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limits.held_bytes {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Error::Exhausted("too much memory"));
        }
        Ok(())
    }

    /// Bytes held now.
    #[must_use]
    pub fn bytes_held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Steps taken so far.
    #[must_use]
    pub fn steps_taken(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
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

impl<B: Deref<Target = Budget>> Held<B> {
    /// So many more bytes are about to be held.
    ///
    /// # Errors
    /// [`Error::Exhausted`]; as many are held as before then.
    pub fn grow(&mut self, bytes: u64) -> Result<()> {
        self.budget.keep(bytes)?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Ties what is held to the value that it was charged for.
    pub(crate) fn with<T>(self, value: T) -> Charged<T, B> {
        Charged { value, _held: self }
    }
}

impl<B: Deref<Target = Budget>> Drop for Held<B> {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl<T, B: Deref<Target = Budget>> Deref for Charged<T, B> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back_and_what_does_not_fit_is_not_charged() {
        let budget = Arc::new(Budget::new(Limits { held_bytes: 100, ..Limits::default() }));
        let mut held = budget.hold_shared(40).unwrap();
        held.grow(30).unwrap();
        assert!(held.grow(31).is_err() && budget.hold(u64::MAX).is_err());
        assert_eq!(budget.bytes_held(), 70);
        let charged = held.with("value");
        assert_eq!((*charged, budget.bytes_held()), ("value", 70));
        drop(charged);
        budget.keep(100).unwrap();
        assert_eq!((budget.bytes_held(), budget.keep(1).is_err()), (100, true));
    }
}
