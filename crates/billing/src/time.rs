use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// A point in civil time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// This crate never reads a clock; every call that needs the time takes one of these. Written
/// and read as RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);
    /// The earliest time this crate handles: the year -9999.
    pub(crate) const MIN: Self = Self(-377_705_023_201_000);
    /// The latest time this crate handles: the end of the year 9999, less the room a zone needs.
    pub(crate) const MAX: Self = Self(253_402_207_200_000);

    /// The point `millis` after the Unix epoch, held within the years -9999 to 9999.
    pub const fn from_unix_millis(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// The point `seconds` after the Unix epoch, held within the years -9999 to 9999.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self::from_unix_millis(seconds.saturating_mul(1000))
    }

    /// Reads an RFC 3339 timestamp with an offset; what lies below a millisecond is cut off.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming the field `time`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let stamp: jiff::Timestamp =
            text.parse().map_err(|_| Error::Malformed { field: "time", offset: 0 })?;
        Ok(Self::from_unix_millis(stamp.as_millisecond()))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// This point moved later, held within range.
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_millis(self.0.saturating_add(millis))
    }

    /// This point moved earlier, held within range.
    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_millis(self.0.saturating_sub(millis))
    }

    /// How far this point lies after `earlier`; zero if it lies before.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        if self.0 <= earlier.0 {
            Duration::ZERO
        } else {
            Duration::from_millis(self.0.abs_diff(earlier.0))
        }
    }

    /// The start of the window of `width` this point lies in, windows counted from the epoch.
    #[must_use]
    pub fn floor(self, width: Duration) -> Self {
        let width = i64::try_from(width.as_millis()).unwrap_or(i64::MAX).max(1);
        Self::from_unix_millis(self.0.div_euclid(width).saturating_mul(width))
    }

    pub(crate) fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default()
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_jiff(), f)
    }
}

impl std::str::FromStr for WallTime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_ends_of_time() {
        for millis in [i64::MIN, -1, 0, 1, i64::MAX] {
            let time = WallTime::from_unix_millis(millis);
            assert_eq!(WallTime::parse(&time.to_string()), Ok(time), "{millis}");
        }
    }

    #[test]
    fn windows_hold_times_before_the_epoch() {
        let width = Duration::from_mins(15);
        assert_eq!(WallTime(-1).floor(width), WallTime(-900_000));
        assert_eq!(WallTime(899_999).floor(width), WallTime(0));
    }
}
