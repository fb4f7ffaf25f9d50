use std::fmt;
use std::time::Duration;

use crate::decimal::Micros;

/// A moment of UTC, in nanoseconds since the Unix epoch; leap seconds are not counted.
///
/// Covers 1970 to 2262. What lies outside is clamped: a server whose clock is that wrong has no
/// better answer.
///
/// ```
/// use airloom_playlist::WallTime;
/// use std::time::Duration;
///
/// let moment = WallTime::from_unix(Duration::from_millis(1_700_000_000_123));
/// assert_eq!(moment.to_string(), "2023-11-14T22:13:20.123Z");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// The Unix epoch, 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The moment `since_epoch` after the Unix epoch, as
    /// `SystemTime::now().duration_since(UNIX_EPOCH)` gives it.
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }

    /// How long after the Unix epoch this is.
    pub const fn since_unix(self) -> Duration {
        Duration::from_nanos(self.0.unsigned_abs())
    }

    pub(crate) fn from_nanos(nanos: i64) -> Self {
        Self(nanos.max(0))
    }

    /// The moment `length` later.
    pub(crate) fn after(self, length: Micros) -> Self {
        let nanos = i64::try_from(length.0.saturating_mul(1000)).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to this moment, nothing if it is later.
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    pub(crate) const fn nanos(self) -> i64 {
        self.0
    }
}

/// RFC 3339 in UTC with milliseconds, rounded down: `2023-11-14T22:13:20.123Z`. This is the form
/// of `EXT-X-PROGRAM-DATE-TIME` and of `xs:dateTime` in an MPD.
impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In range by construction: 1970 to 2262 lies within jiff's years.
        let moment =
            jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_err(|_| fmt::Error)?;
        write!(f, "{moment:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_always_written_and_rounded_down() {
        let at = |nanos| WallTime(nanos).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(1_999_999), "1970-01-01T00:00:00.001Z");
        assert_eq!(at(951_782_400_000_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(i64::MAX), "2262-04-11T23:47:16.854Z");
    }

    #[test]
    fn what_lies_outside_is_clamped() {
        assert_eq!(WallTime::from_unix(Duration::MAX), WallTime(i64::MAX));
        assert_eq!(WallTime::from_nanos(-1), WallTime::UNIX_EPOCH);
    }
}
