use std::collections::HashMap;
use std::time::Duration;

use crate::{Error, Name, WallTime};

/// Turns heartbeats and segment requests into viewing time that no second is in twice.
///
/// Each viewer's time is the union of the intervals it is known to have watched: a second tab
/// of one viewer, a player that fetches audio and video, and a request that comes again add
/// nothing. Where tabs are to be counted apart, name the viewer by tab.
///
/// ```
/// use airloom_billing::{Name, Viewer, Viewing, WallTime};
/// use std::time::Duration;
///
/// let mut viewing = Viewing::new(Default::default());
/// let viewer = Viewer { tenant: Name::new("acme")?, stream: Name::new("live")?, session: Name::new("c-1")? };
/// let at = |seconds: i64| WallTime::from_unix_seconds(1_700_000_000 + seconds);
/// // Video and audio of the same two seconds, then the next two.
/// assert_eq!(viewing.watched(&viewer, at(0), at(2))?, Duration::from_secs(2));
/// assert_eq!(viewing.watched(&viewer, at(0), at(2))?, Duration::ZERO);
/// assert_eq!(viewing.watched(&viewer, at(1), at(4))?, Duration::from_secs(2));
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Viewing {
    config: ViewingConfig,
    viewers: HashMap<Viewer, Watched>,
}

/// Whose viewing time it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Who pays.
    pub tenant: Name,
    /// What is watched.
    pub stream: Name,
    /// Who watches: a client, or one of its tabs.
    pub session: Name,
}

/// How viewing time is taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewingConfig {
    /// The longest silence between two heartbeats that still counts as watching.
    ///
    /// Default 30 seconds: two heartbeats of 15 seconds, one of them lost.
    pub gap: Duration,
    /// The longest interval one request may claim. Default 60 seconds.
    pub claim: Duration,
    /// After how much silence a viewer is forgotten.
    ///
    /// Default 5 minutes. Intervals further back than a viewer's newest less this are taken as
    /// counted, so that nothing forgotten can count twice.
    pub idle: Duration,
    /// Viewers at once. Default 1,000,000; about 300 bytes each.
    pub viewers: usize,
    /// Separate intervals kept of one viewer; the oldest gap is taken as watched before beyond.
    ///
    /// Default 64, 16 bytes each.
    pub intervals: usize,
}

impl Default for ViewingConfig {
    fn default() -> Self {
        Self {
            gap: Duration::from_secs(30),
            claim: Duration::from_mins(1),
            idle: Duration::from_mins(5),
            viewers: 1_000_000,
            intervals: 64,
        }
    }
}

#[derive(Debug)]
struct Watched {
    /// Everything before is counted or given up.
    floor: i64,
    /// Disjoint, in order, none touching the next.
    spans: Vec<(i64, i64)>,
    beat: Option<WallTime>,
}

impl Viewing {
    /// Nobody watching yet.
    pub fn new(config: ViewingConfig) -> Self {
        Self { config, viewers: HashMap::new() }
    }

    /// A viewer watched, or was sent, `from..to`; returns how much of it is new.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for one viewer more than [`ViewingConfig::viewers`].
    pub fn watched(
        &mut self,
        viewer: &Viewer,
        from: WallTime,
        to: WallTime,
    ) -> Result<Duration, Error> {
        let from = from.max(to.saturating_sub(self.config.claim));
        let (idle, intervals) = (self.config.idle, self.config.intervals);
        let watched = self.viewer(viewer, from)?;
        Ok(watched.add(from.unix_millis(), to.unix_millis(), idle, intervals))
    }

    /// A viewer says at `now` that it is still watching; returns how much time that adds.
    ///
    /// The time since its previous heartbeat counts if that is no longer ago than
    /// [`ViewingConfig::gap`]; a first heartbeat adds nothing yet.
    ///
    /// # Errors
    ///
    /// As [`Viewing::watched`].
    pub fn heartbeat(&mut self, viewer: &Viewer, now: WallTime) -> Result<Duration, Error> {
        let config = self.config.clone();
        let watched = self.viewer(viewer, now)?;
        let before = watched.beat.replace(watched.beat.map_or(now, |beat| beat.max(now)));
        Ok(match before {
            Some(before) if now.saturating_since(before) <= config.gap => {
                let (from, to) = (before.unix_millis(), now.unix_millis());
                watched.add(from, to, config.idle, config.intervals)
            }
            _ => Duration::ZERO,
        })
    }

    /// Forgets who has been silent for longer than [`ViewingConfig::idle`].
    pub fn handle_timeout(&mut self, now: WallTime) {
        let horizon = now.saturating_sub(self.config.idle);
        self.viewers.retain(|_, watched| watched.newest() >= horizon.unix_millis());
    }

    /// How many are known to watch.
    pub fn viewers(&self) -> usize {
        self.viewers.len()
    }

    fn viewer(&mut self, viewer: &Viewer, now: WallTime) -> Result<&mut Watched, Error> {
        if !self.viewers.contains_key(viewer) {
            if self.viewers.len() >= self.config.viewers {
                let limit = self.config.viewers as u64;
                return Err(Error::Limit { what: "viewers", limit });
            }
            let floor = now.saturating_sub(self.config.idle).unix_millis();
            let watched = Watched { floor, spans: Vec::new(), beat: None };
            self.viewers.insert(viewer.clone(), watched);
        }
        self.viewers.get_mut(viewer).ok_or(Error::Limit { what: "viewers", limit: 0 })
    }
}

impl Watched {
    fn newest(&self) -> i64 {
        let end = self.spans.last().map_or(self.floor, |(_, end)| *end);
        end.max(self.beat.map_or(end, WallTime::unix_millis))
    }

    /// Adds an interval to the union and returns what is new of it.
    fn add(&mut self, from: i64, to: i64, idle: Duration, intervals: usize) -> Duration {
        let from = from.max(self.floor);
        if from >= to {
            return Duration::ZERO;
        }
        let first = self.spans.partition_point(|(_, end)| *end < from);
        let last = self.spans.partition_point(|(start, _)| *start <= to);
        let (mut start, mut end, mut known) = (from, to, 0);
        for &(one, two) in self.spans.get(first..last).unwrap_or_default() {
            start = start.min(one);
            end = end.max(two);
            known += two.min(to) - one.max(from);
        }
        self.spans.splice(first..last, [(start, end)]);
        let horizon = self.newest().saturating_sub(idle.as_millis() as i64);
        let old = self.spans.partition_point(|(_, end)| *end <= horizon);
        let crowd = self.spans.len().saturating_sub(intervals.max(1));
        for (_, end) in self.spans.drain(..old.max(crowd)) {
            self.floor = self.floor.max(end);
        }
        self.floor = self.floor.max(horizon);
        Duration::from_millis((to - from).abs_diff(known))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn viewer(session: &str) -> Viewer {
        let name = |text| Name::new(text).expect("a name");
        Viewer { tenant: name("t"), stream: name("s"), session: name(session) }
    }

    fn at(millis: i64) -> WallTime {
        WallTime::from_unix_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn heartbeats_count_the_time_between_them_unless_it_is_too_long() {
        let mut viewing = Viewing::default();
        let beats = [0, 15_000, 15_000, 30_000, 90_000, 100_000, 95_000];
        let added: Vec<_> = beats
            .iter()
            .map(|&beat| viewing.heartbeat(&viewer("v"), at(beat)).expect("room").as_millis())
            .collect();
        assert_eq!(added, [0, 15_000, 0, 15_000, 0, 10_000, 0]);
    }

    #[test]
    fn two_tabs_are_one_viewer_unless_named_apart() {
        let mut viewing = Viewing::default();
        let mut sum = |session: &str| {
            viewing.watched(&viewer(session), at(0), at(2_000)).expect("room").as_millis()
        };
        assert_eq!((sum("v"), sum("v"), sum("v#2")), (2_000, 0, 2_000));
    }

    #[test]
    fn memory_is_bounded_and_the_silent_are_forgotten() {
        let config = ViewingConfig { viewers: 2, ..ViewingConfig::default() };
        let mut viewing = Viewing::new(config);
        for session in ["a", "b"] {
            viewing.heartbeat(&viewer(session), at(0)).expect("room");
        }
        assert!(viewing.heartbeat(&viewer("c"), at(0)).is_err());
        viewing.handle_timeout(at(400_000));
        assert_eq!(viewing.viewers(), 0);
        assert!(viewing.heartbeat(&viewer("c"), at(400_000)).is_ok());
    }

    proptest! {
        /// Against a bit for every millisecond.
        #[test]
        fn the_sum_is_the_length_of_the_union(
            claims in prop::collection::vec((0i64..3_000, 0i64..400), 1..60)
        ) {
            let mut viewing = Viewing::default();
            let mut seen = vec![false; 4_000];
            let mut sum = 0;
            for (from, len) in claims {
                sum += viewing.watched(&viewer("v"), at(from), at(from + len)).expect("room").as_millis();
                seen[from as usize..(from + len) as usize].fill(true);
            }
            prop_assert_eq!(sum, seen.iter().filter(|seen| **seen).count() as u128);
        }

        /// However little is kept, nothing counts twice.
        #[test]
        fn forgetting_never_counts_twice(
            claims in prop::collection::vec((0i64..100_000, 0i64..4_000), 1..100)
        ) {
            let config = ViewingConfig {
                idle: Duration::from_secs(10),
                intervals: 3,
                ..ViewingConfig::default()
            };
            let mut viewing = Viewing::new(config);
            let mut seen = vec![false; 104_000];
            let mut sum = 0;
            for (from, len) in claims {
                sum += viewing.watched(&viewer("v"), at(from), at(from + len)).expect("room").as_millis();
                seen[from as usize..(from + len) as usize].fill(true);
            }
            prop_assert!(sum <= seen.iter().filter(|seen| **seen).count() as u128);
        }
    }
}
