use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, WallTime};

/// A time zone by its name in the IANA database, of which this crate carries its own copy: what
/// a statement says does not change with the machine it is made on.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone called `name`: `Europe/Berlin`, `UTC`.
    ///
    /// # Errors
    ///
    /// [`Error::Zone`] where there is none of that name.
    pub fn new(name: &str) -> Result<Self, Error> {
        TimeZoneDatabase::bundled().get(name).map(Self).map_err(|_| Error::Zone)
    }

    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// A time as its clocks show it, to the minute: `2026-03-01 00:00`.
    pub(crate) fn show(&self, time: WallTime) -> String {
        time.to_jiff().to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The first instant of a day: midnight, or the end of a gap that swallows it.
    fn start(&self, date: Date) -> WallTime {
        let start = date.to_zoned(self.0.clone()).and_then(|day| day.start_of_day());
        match start {
            Ok(start) => WallTime::from_unix_millis(start.timestamp().as_millisecond()),
            Err(_) if date.year() < 0 => WallTime::MIN,
            Err(_) => WallTime::MAX,
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// How long a period is, in the tenant's own calendar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cycle {
    /// A day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    #[default]
    Month,
}

/// One period of one tenant's calendar: from an instant up to, and without, another.
///
/// Each period begins at the first instant of its first day in the tenant's zone and ends where
/// the next begins, so that no usage is in two or in none, whatever clocks do.
///
/// ```
/// use airloom_billing::{Cycle, Period, WallTime, Zone};
///
/// let march = Period::containing(
///     WallTime::parse("2026-03-15T12:00:00Z")?,
///     &Zone::new("Europe/Berlin")?,
///     Cycle::Month,
/// );
/// assert_eq!(march.from(), WallTime::parse("2026-02-28T23:00:00Z")?);
/// // Summer time has begun.
/// assert_eq!(march.to(), WallTime::parse("2026-03-31T22:00:00Z")?);
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    from: WallTime,
    to: WallTime,
}

/// Where a period stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not ended.
    Open,
    /// It has ended, and usage may still be on its way.
    Grace,
    /// It can be closed.
    Due,
}

impl Period {
    /// The period that `time` lies in.
    pub fn containing(time: WallTime, zone: &Zone, cycle: Cycle) -> Self {
        let day = time.to_jiff().to_zoned(zone.0.clone()).date();
        let first = match cycle {
            Cycle::Day => day,
            Cycle::Week => monday(day),
            Cycle::Month => day.first_of_month(),
        };
        let period = Self { from: zone.start(first), to: zone.start(after(first, cycle)) };
        // A zone that skips a whole day leaves its period empty; what matters is that the
        // instants on both sides of it belong to exactly one period each.
        if period.from == period.to { period.next(zone, cycle) } else { period }
    }

    /// The period after this one.
    #[must_use]
    pub fn next(self, zone: &Zone, cycle: Cycle) -> Self {
        Self::containing(self.to, zone, cycle)
    }

    /// The period before this one.
    #[must_use]
    pub fn previous(self, zone: &Zone, cycle: Cycle) -> Self {
        Self::containing(self.from.saturating_sub(Duration::from_millis(1)), zone, cycle)
    }

    /// The first instant.
    pub const fn from(self) -> WallTime {
        self.from
    }

    /// The first instant after it.
    pub const fn to(self) -> WallTime {
        self.to
    }

    /// Whether `time` lies in it.
    pub fn contains(self, time: WallTime) -> bool {
        self.from <= time && time < self.to
    }

    /// Where it stands at `now`, with so much `grace` after its end.
    pub fn phase(self, now: WallTime, grace: Duration) -> Phase {
        if now < self.to {
            Phase::Open
        } else if now < self.to.saturating_add(grace) {
            Phase::Grace
        } else {
            Phase::Due
        }
    }

    pub(crate) const fn new(from: WallTime, to: WallTime) -> Self {
        Self { from, to }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

fn monday(day: Date) -> Date {
    let back = i64::from(day.weekday().since(Weekday::Monday));
    day.saturating_sub(jiff::Span::new().days(back))
}

fn after(first: Date, cycle: Cycle) -> Date {
    let span = jiff::Span::new();
    first.saturating_add(match cycle {
        Cycle::Day => span.days(1),
        Cycle::Week => span.weeks(1),
        Cycle::Month => span.months(1),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> WallTime {
        WallTime::parse(text).expect("a time")
    }

    /// Clocks in Beirut and Santiago skip midnight when summer time begins.
    #[test]
    fn a_day_without_midnight_begins_when_its_clocks_do() {
        let beirut = Zone::new("Asia/Beirut").expect("a zone");
        let day = Period::containing(time("2025-03-30T10:00:00Z"), &beirut, Cycle::Day);
        assert_eq!(day.from(), time("2025-03-29T22:00:00Z"));
        assert_eq!(day.to().saturating_since(day.from()), Duration::from_hours(23));
    }

    #[test]
    fn a_day_that_was_never_is_in_no_period() {
        // Samoa went from Thursday 29 to Saturday 31 December 2011.
        let apia = Zone::new("Pacific/Apia").expect("a zone");
        let thursday = Period::containing(time("2011-12-30T09:59:59Z"), &apia, Cycle::Day);
        let saturday = thursday.next(&apia, Cycle::Day);
        assert_eq!(saturday.from(), time("2011-12-30T10:00:00Z"));
        assert_eq!(saturday.previous(&apia, Cycle::Day), thursday);
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_without_gap_or_overlap(
            seconds in 0i64..4_000_000_000,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Asia/Beirut",
                "America/Santiago", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Cairo",
            ]),
            cycle in prop::sample::select(vec![Cycle::Day, Cycle::Week, Cycle::Month]),
        ) {
            let zone = Zone::new(zone).expect("a zone");
            let time = WallTime::from_unix_seconds(seconds);
            let period = Period::containing(time, &zone, cycle);
            prop_assert!(period.contains(time));
            let (before, after) = (period.previous(&zone, cycle), period.next(&zone, cycle));
            prop_assert_eq!((before.to(), after.from()), (period.from(), period.to()));
        }
    }
}
