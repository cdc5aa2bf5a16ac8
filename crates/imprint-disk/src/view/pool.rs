//! Things that are costly to make and can be used by one thread at a time.

use std::io;

use parking_lot::Mutex;

/// Idle things kept; more threads than that make their own.
const KEPT: usize = 16;

/// Idle codecs and the like, for whoever comes next.
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<T>>,
}

impl<T> Pool<T> {
    /// Nothing is made before it is needed.
    pub(crate) fn new() -> Pool<T> {
        Pool { idle: Mutex::new(Vec::new()) }
    }

    /// Lends an idle one, or a new one; one whose use failed is not lent again.
    ///
    /// # Errors
    /// What making or using it answers.
    pub(crate) fn with<R>(
        &self,
        make: impl FnOnce() -> io::Result<T>,
        work: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        let idle = self.idle.lock().pop();
        let mut lent = idle.map_or_else(make, Ok)?;
        let result = work(&mut lent)?;
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(lent);
        }
        Ok(result)
    }
}
