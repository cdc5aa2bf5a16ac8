//! Points in time, and the clock that gives them. Nothing else in Imprint asks the system for the time,
//! so a test can step it.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The same time with the part below one second cut off.
    pub fn whole_seconds(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1_000_000))
    }

    /// This time plus `duration`; stays at the end of time instead of overflowing.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// This time minus `duration`; stays at the beginning of time instead of overflowing.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// `2026-11-22T01:28:36Z`, the form most APIs use.
    pub fn to_rfc3339_seconds(self) -> String {
        format!("{}Z", self.civil().strftime("%Y-%m-%dT%H:%M:%S"))
    }

    /// `2026-11-22T01:28:36.447974`, without a zone.
    pub fn to_iso_micros(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
    }

    /// Reads ISO 8601: a date, or a date and time, with or without fraction and zone (no zone means UTC).
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(Self(instant.as_microsecond()));
        }
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp().as_microsecond()))
    }

    fn civil(self) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        jiff::tz::Offset::UTC.to_datetime(instant)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Where the time comes from.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(micros(since))
    }
}

/// A clock that stands still until it is told to move; for tests.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.0)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.0.fetch_add(micros(duration), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_wire_wants_them() {
        let time = Timestamp(1_795_310_916_447_974);
        assert_eq!(time.to_rfc3339_seconds(), "2026-11-22T01:28:36Z");
        assert_eq!(time.to_iso_micros(), "2026-11-22T01:28:36.447974");
        assert_eq!(time.whole_seconds().to_iso_micros(), "2026-11-22T01:28:36.000000");
    }

    #[test]
    fn iso_times_are_read_with_and_without_zone() {
        let expected = Some(Timestamp(1_795_310_916_000_000));
        for text in ["2026-11-22T01:28:36Z", "2026-11-22T01:28:36", "2026-11-22 01:28:36", "2026-11-22T02:28:36+01:00"]
        {
            assert_eq!(Timestamp::parse_iso8601(text), expected, "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", &"9".repeat(100)] {
            assert_eq!(Timestamp::parse_iso8601(bad), None, "{bad}");
        }
    }
}
