use std::collections::VecDeque;

use airloom_media::{Codec, Duration, Rounding, Timescale, Track};

use super::clock::Clock;
use super::lane::{Lane, Timed};
use super::policy::Policy;
use super::ratio::Ratio;

/// One track from its arrival to its lane.
#[derive(Debug)]
pub(super) struct Input {
    /// As it was last described, or will be once the samples before are through.
    pub(super) track: Track,
    pub(super) clock: Clock,
    pub(super) lane: Lane,
    pub(super) presence: Presence,
    /// Whether its samples may go the short way while the stream is steady.
    pub(super) steady: bool,
    /// Samples that wait for the pacer to come as far.
    pub(super) queue: VecDeque<Timed>,
    /// Payload bytes in `queue`.
    pub(super) queued: usize,
    /// The latest decode time, in ticks of 90 kHz.
    pub(super) newest: Option<i64>,
    /// How far behind the others its samples come, in ticks of 90 kHz: they wait so much longer.
    pub(super) lag: i64,
    /// A new description that takes effect with the next sample.
    pub(super) pending: Option<Box<Track>>,
    /// While a timeline turns: what is known of this track's new one.
    pub(super) turned: Option<Turned>,
    /// While a timeline turns: whether the track went on with the old one.
    pub(super) continues: bool,
}

/// A track's new timeline, as far as it has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turned {
    /// Its first and its last time, in ticks of 90 kHz by the source's clock; without one where no
    /// clock can hold it.
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
    /// What its samples are counted in, which may be new with it.
    pub(super) timescale: Timescale,
    /// Where the other tracks were when it turned, in ticks of 90 kHz.
    pub(super) beside: Option<i64>,
}

/// Whether the others wait for a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Announced before the stream began: they wait for a while.
    Expected,
    /// It delivers: they wait for a while.
    Present,
    /// It is behind by more than they wait, or was announced while they were under way.
    Late,
}

impl Input {
    pub(super) fn new(
        track: Track,
        number: u32,
        sequence: u64,
        presence: Presence,
        policy: &Policy,
    ) -> Self {
        Self {
            clock: Clock::new(&track, policy),
            lane: Lane::new(&track, number, sequence),
            track,
            presence,
            steady: false,
            queue: VecDeque::new(),
            queued: 0,
            newest: None,
            lag: 0,
            pending: None,
            turned: None,
            continues: false,
        }
    }

    /// Whether the track has not begun.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.newest.is_none() && self.turned.is_none()
    }

    /// Whether its samples may carry parameter sets.
    pub(super) fn has_sets(&self) -> bool {
        matches!(self.track.codec, Codec::Avc(_) | Codec::Hevc(_))
    }

    /// Describes the track anew, while nothing of it is under way.
    pub(super) fn replace(&mut self, track: Track, policy: &Policy) {
        self.clock = self.clock.reconfigured(&track, policy);
        self.lane.reconfigure(&track);
        self.track = track;
        self.pending = None;
    }

    /// Counts the samples that follow by another description.
    #[cold]
    pub(super) fn count_by(&mut self, track: &Track, policy: &Policy, longest_step: i64) {
        self.clock = self.clock.reconfigured(track, policy);
        self.clock.limit_jump(longest_step);
    }

    #[inline]
    pub(super) fn push(&mut self, timed: Timed) {
        self.queued += timed.data.len();
        self.queue.push_back(timed);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Timed> {
        let timed = self.queue.pop_front()?;
        self.queued -= timed.data.len();
        Some(timed)
    }

    /// Where everything of the track so far ends, in ticks of 90 kHz.
    pub(super) fn end(&self) -> Option<i64> {
        let ratio = Ratio::new(self.lane.output(), Timescale::MPEG);
        self.lane.end().and_then(|end| ratio.scale(end, Rounding::Up))
    }

    /// How long a frame of the track lasts as a rule, in ticks of 90 kHz.
    pub(super) fn frame(&self) -> i64 {
        self.in_mpeg(self.lane.frame())
    }

    /// How long the sample that is held lasts where no next one ends it, in ticks of 90 kHz.
    pub(super) fn tail(&self) -> i64 {
        self.in_mpeg(self.lane.tail())
    }

    fn in_mpeg(&self, output: i64) -> i64 {
        let ratio = Ratio::new(self.lane.output(), Timescale::MPEG);
        ratio.scale(output, Rounding::Up).unwrap_or(0)
    }

    /// Notes how long a sample lasts by its own word.
    #[cold]
    pub(super) fn state(&mut self, decode_time: i64, duration: Duration) {
        if let Some(lasts) = self.clock.lasts(duration) {
            self.lane.state(decode_time, lasts);
        }
    }
}
