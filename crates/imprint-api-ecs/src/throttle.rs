//! How fast an account may ask: a bucket of tokens for the account, and one for each operation it asks for. Buckets
//! live in this process's memory, a bounded number of them; several nodes together admit more.

use std::time::Duration;

use imprint_model::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::HashMap;

use crate::fault::{Fault, code};

/// Buckets that are remembered. When there are more, those that are full again are forgotten, which changes nothing
/// for their owners; when none is, all are.
const BUCKETS_MAX: usize = 65_536;

/// How fast accounts may ask.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Calls a second of one account to one operation.
    pub api_per_second: u32,
    /// Calls of one account to one operation that may come at once.
    pub api_burst: u32,
    /// Calls a second of one account.
    pub user_per_second: u32,
    /// Calls of one account that may come at once.
    pub user_burst: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { api_per_second: 1_000, api_burst: 2_000, user_per_second: 2_000, user_burst: 4_000 }
    }
}

/// Counts calls.
#[derive(Debug)]
pub(crate) struct Throttle {
    rates: Rates,
    buckets: Mutex<HashMap<(String, Option<&'static str>), Bucket>>,
}

/// What is left of a burst, in millionths of a call, and when that was.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    at: Timestamp,
}

const CALL: u64 = 1_000_000;

impl Throttle {
    pub(crate) fn new(rates: Rates) -> Self {
        Self { rates, buckets: Mutex::default() }
    }

    /// Admits one call of an account to an operation.
    ///
    /// # Errors
    /// `Throttling.User`, `Throttling.Api`.
    pub(crate) fn admit(&self, account: &str, op: &'static str, now: Timestamp) -> Result<(), Fault> {
        let Rates { api_per_second, api_burst, user_per_second, user_burst } = self.rates;
        let mut buckets = self.buckets.lock();
        if buckets.len() >= BUCKETS_MAX {
            forget(&mut buckets, self.rates, now);
        }
        let mut take = |op, per_second, burst| {
            let full = Bucket { left: u64::from(burst) * CALL, at: now };
            let bucket = buckets.entry((account.to_owned(), op)).or_insert(full);
            bucket.refill(per_second, burst, now);
            bucket.take()
        };
        if !take(None, user_per_second, user_burst) {
            return Err(code::THROTTLING_USER.fault());
        }
        if !take(Some(op), api_per_second, api_burst) {
            return Err(code::THROTTLING_API.fault());
        }
        Ok(())
    }
}

impl Bucket {
    fn refill(&mut self, per_second: u32, burst: u32, now: Timestamp) {
        // microseconds times calls a second are millionths of a call; a clock that steps back refills nothing
        let passed = u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or(0);
        let most = u64::from(burst) * CALL;
        self.left = passed.saturating_mul(u64::from(per_second)).saturating_add(self.left).min(most);
        self.at = now;
    }

    fn take(&mut self) -> bool {
        match self.left.checked_sub(CALL) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

fn forget(buckets: &mut HashMap<(String, Option<&'static str>), Bucket>, rates: Rates, now: Timestamp) {
    let filled = |burst: u32, per_second: u32| Duration::from_secs(u64::from(burst.div_ceil(per_second.max(1))));
    let longest = filled(rates.api_burst, rates.api_per_second).max(filled(rates.user_burst, rates.user_per_second));
    buckets.retain(|_, bucket| bucket.at.after(longest) > now);
    if buckets.len() >= BUCKETS_MAX {
        buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { api_per_second: 2, api_burst: 3, user_per_second: 10, user_burst: 5 };

    fn code_of(outcome: Result<(), Fault>) -> &'static str {
        outcome.map_or_else(|fault| fault.code, |()| "")
    }

    #[test]
    fn a_burst_is_admitted_and_then_a_rate_for_each_operation_and_account() {
        let throttle = Throttle::new(RATES);
        let at = |micros| Timestamp(micros);
        let ask = |account, op, now| code_of(throttle.admit(account, op, now));
        for _ in 0..3 {
            assert_eq!(ask("a", "X", at(0)), "");
        }
        assert_eq!(ask("a", "X", at(0)), "Throttling.Api");
        assert_eq!(ask("b", "X", at(0)), "");
        assert_eq!(ask("a", "Y", at(0)), "");
        assert_eq!(ask("a", "Z", at(0)), "Throttling.User");
        assert_eq!(ask("a", "X", at(500_000)), "");
        assert_eq!(ask("a", "X", at(500_000)), "Throttling.Api");
    }

    #[test]
    fn memory_is_bounded_and_time_may_step_back() {
        let throttle = Throttle::new(RATES);
        for account in 0..BUCKETS_MAX {
            assert_eq!(code_of(throttle.admit(&account.to_string(), "X", Timestamp(0))), "");
        }
        assert!(throttle.buckets.lock().len() <= BUCKETS_MAX + 2);
        assert_eq!(code_of(throttle.admit("a", "X", Timestamp(10))), "");
        assert_eq!(code_of(throttle.admit("a", "X", Timestamp(i64::MIN))), "");
    }
}
