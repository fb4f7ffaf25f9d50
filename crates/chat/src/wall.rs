use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;
use crate::cursor::as_string;

/// A moment of UTC, in milliseconds since the Unix epoch; leap seconds are not counted.
///
/// Covers 1970 to 9999. What lies outside is clamped: a server whose clock is that wrong has no
/// better answer.
///
/// ```
/// use airloom_chat::WallTime;
/// use std::time::Duration;
///
/// let moment = WallTime::from_unix(Duration::from_millis(1_700_000_000_123));
/// assert_eq!(moment.to_string(), "2023-11-14T22:13:20.123Z");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

/// 9999-12-30T22:00:00Z, the last moment that jiff holds, less the milliseconds.
const LAST: u64 = 253_402_207_200_000;

impl WallTime {
    /// The Unix epoch, 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The moment `since_epoch` after the Unix epoch, as
    /// `SystemTime::now().duration_since(UNIX_EPOCH)` gives it, rounded down to a millisecond.
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self(u64::try_from(since_epoch.as_millis()).unwrap_or(LAST).min(LAST))
    }

    /// How long after the Unix epoch this is.
    pub const fn since_unix(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// RFC 3339 in UTC with milliseconds: `2023-11-14T22:13:20.123Z`.
impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_millisecond(self.0 as i64).map_err(|_| fmt::Error)?;
        write!(f, "{moment:.3}")
    }
}

impl FromStr for WallTime {
    type Err = Error;

    /// Reads RFC 3339 with any offset and fraction.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| Error::Malformed { field: "at" })?;
        Ok(Self(u64::try_from(moment.as_millisecond()).unwrap_or(0).min(LAST)))
    }
}

as_string!(WallTime);

/// Ties the monotonic clock that drives a room to the clock on the wall.
///
/// The runtime takes both readings at one moment; from then on wall time is reckoned from the
/// monotonic one, so that a room's entries never run backwards when somebody sets the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Anchor {
    /// The monotonic reading.
    pub now: Duration,
    /// The wall reading at the same moment.
    pub wall: WallTime,
}

impl Anchor {
    /// What the wall says when the monotonic clock says `now`.
    pub fn wall_at(self, now: Duration) -> WallTime {
        let since = self.wall.since_unix();
        WallTime::from_unix(since.saturating_add(now).saturating_sub(self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_back_and_extremes_are_clamped() {
        for millis in [0, 1, 951_782_400_000, 1_700_000_000_123, LAST] {
            let moment = WallTime(millis);
            assert_eq!(moment.to_string().parse(), Ok(moment));
        }
        assert_eq!(WallTime::from_unix(Duration::MAX), WallTime(LAST));
        assert_eq!("1969-12-31T23:59:59Z".parse(), Ok(WallTime::UNIX_EPOCH));
        assert_eq!("yesterday".parse::<WallTime>(), Err(Error::Malformed { field: "at" }));
    }

    #[test]
    fn the_wall_follows_the_monotonic_clock() {
        let anchor = Anchor { now: Duration::from_secs(5), wall: WallTime(1_000_000) };
        assert_eq!(anchor.wall_at(Duration::from_secs(7)), WallTime(1_002_000));
        assert_eq!(anchor.wall_at(Duration::from_secs(4)), WallTime(999_000));
    }
}
