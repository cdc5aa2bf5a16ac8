//! A few things that were made last, kept in case they are asked for again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The last `count` values, found by their key. Looking goes through them one by one, so `count` is for tens.
pub(crate) struct Recent<V> {
    kept: Mutex<VecDeque<(u64, V)>>,
    count: usize,
}

impl<V: Clone> Recent<V> {
    pub(crate) fn new(count: usize) -> Recent<V> {
        Recent { kept: Mutex::new(VecDeque::with_capacity(count)), count }
    }

    /// The value of that key, which thereby becomes the newest.
    pub(crate) fn get(&self, key: u64) -> Option<V> {
        let mut kept = self.lock();
        let place = kept.iter().rposition(|(of, _)| *of == key)?;
        let found = kept.remove(place)?;
        let value = found.1.clone();
        kept.push_back(found);
        Some(value)
    }

    /// Keeps a value; the oldest makes room.
    pub(crate) fn put(&self, key: u64, value: V) {
        let mut kept = self.lock();
        kept.retain(|(of, _)| *of != key);
        if kept.len() >= self.count {
            kept.pop_front();
        }
        kept.push_back((key, value));
    }

    /// What is kept is whole at any moment, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, V)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_asking_makes_young() {
        let recent = Recent::new(2);
        recent.put(1, 'a');
        recent.put(2, 'b');
        assert_eq!(recent.get(1), Some('a'));
        recent.put(3, 'c');
        assert_eq!((recent.get(1), recent.get(2), recent.get(3)), (Some('a'), None, Some('c')));
        recent.put(3, 'd');
        assert_eq!((recent.get(1), recent.get(3)), (Some('a'), Some('d')));
    }
}
