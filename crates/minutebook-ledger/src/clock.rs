//! The server's clock, and the day it is in the ledger's time zone. It is the only place that asks what time it is.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use minutebook_domain::dates::{Day, Timestamp};

/// Tells the time. The default is the clock of the machine.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock of one's own, for tests.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(|| {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The time zone of that name in the IANA database.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The day of an instant in a time zone. A clock that is outside the years that a day can have is far ahead.
pub(crate) fn day_in(zone: &TimeZone, at: Timestamp) -> Day {
    let day = || {
        let date = jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned_datetime(zone.clone()).date();
        Day::new(date.year(), u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?)
    };
    day().unwrap_or(Day::NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_in_the_zone() {
        let zone = zone("Europe/Amsterdam").expect("known");
        let before = day_in(&zone, Timestamp(1_559_339_999_999));
        let after = day_in(&zone, Timestamp(1_559_340_000_000));
        assert_eq!((Some(before), Some(after)), (Day::new(2019, 5, 31), Day::new(2019, 6, 1)));
    }
}
