//! Failed log-ins are counted per user and address, and refused once there are too many.
//!
//! The refusal is 429 with `Retry-After`, not the 401 of a wrong password: the widespread clients show the text of a
//! 429 to the person who waits, while a 401 would send them off to reset a password that is right; and a 401 makes
//! clients try again at once, which never lets the window pass. It gives nothing away: users who do not exist are
//! counted alike. Right log-ins are never counted, so any number of them may come from one address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use imprint_model::{Clock, Timestamp};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::{Error, Settings};

/// Pairs of user and address that are watched; when more fail, those seen least are forgotten.
const WATCHED_MAX: usize = 16_384;

/// Whose log-ins are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Suspect([u8; 32]);

impl Suspect {
    /// `user` is however the user was named; any text.
    pub(crate) fn new(user: &str, address: IpAddr) -> Self {
        Self(Sha256::new().chain_update(address.to_string()).chain_update([0]).chain_update(user).finalize().into())
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Timestamp,
    count: u32,
}

/// Counts failures.
pub(crate) struct Throttle {
    watched: Cache<Suspect, Failures>,
    failures_max: u32,
    window: Duration,
    clock: Arc<dyn Clock>,
}

impl Throttle {
    pub(crate) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            watched: Cache::new(WATCHED_MAX),
            failures_max: settings.login_failures_max.max(1),
            window: Duration::from_secs(settings.login_window_secs.into()),
            clock,
        }
    }

    /// Refuses when there were too many failures.
    pub(crate) fn admit(&self, suspect: Suspect) -> Result<(), Error> {
        let Some(failures) = self.watched.get(&suspect) else {
            return Ok(());
        };
        let ends = failures.since.after(self.window);
        let left = ends.0.saturating_sub(self.clock.now().0);
        if failures.count < self.failures_max || left <= 0 {
            return Ok(());
        }
        let left_secs = u64::try_from(left).unwrap_or(0).div_ceil(1_000_000);
        Err(Error::Throttled { retry_after: Duration::from_secs(left_secs) })
    }

    /// Notes a failure.
    pub(crate) fn failed(&self, suspect: Suspect) {
        let now = self.clock.now();
        let failures = match self.watched.get(&suspect) {
            Some(before) if now < before.since.after(self.window) => {
                Failures { since: before.since, count: before.count.saturating_add(1) }
            }
            _ => Failures { since: now, count: 1 },
        };
        self.watched.insert(suspect, failures);
    }

    /// Forgets the failures of one who then succeeded.
    pub(crate) fn succeeded(&self, suspect: Suspect) {
        self.watched.remove(&suspect);
    }
}

#[cfg(test)]
mod tests {
    use imprint_model::ManualClock;

    use super::*;

    #[test]
    fn too_many_failures_are_refused_until_the_window_ends() {
        let clock = ManualClock::new(Timestamp(0));
        let settings = Settings { login_failures_max: 3, login_window_secs: 60, ..Settings::default() };
        let throttle = Throttle::new(&settings, Arc::new(clock.clone()));
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let suspect = Suspect::new("ann", here);
        for _ in 0..3 {
            assert!(throttle.admit(suspect).is_ok());
            throttle.failed(suspect);
        }
        clock.advance(Duration::from_millis(500));
        let refusal = throttle.admit(suspect).expect_err("three failures");
        assert!(matches!(refusal, Error::Throttled { retry_after } if retry_after == Duration::from_secs(60)));
        assert!(throttle.admit(Suspect::new("ann", there)).is_ok());
        assert!(throttle.admit(Suspect::new("bob", here)).is_ok());
        clock.advance(Duration::from_secs(60));
        assert!(throttle.admit(suspect).is_ok());
    }

    #[test]
    fn success_clears_the_count() {
        let settings = Settings { login_failures_max: 2, ..Settings::default() };
        let throttle = Throttle::new(&settings, Arc::new(ManualClock::new(Timestamp(0))));
        let suspect = Suspect::new("ann", IpAddr::from([10, 0, 0, 1]));
        for _ in 0..10 {
            throttle.failed(suspect);
            assert!(throttle.admit(suspect).is_ok());
            throttle.succeeded(suspect);
        }
    }
}
