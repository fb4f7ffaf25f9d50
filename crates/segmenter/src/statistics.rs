use std::collections::VecDeque;
use std::time::Duration;

use airloom_media::{Sample, Timescale, Track};

/// Pieces the window is counted in: what leaves it leaves by a tenth.
const PIECES: usize = 10;

/// A step of more than so many usual ones is a gap.
const GAP: u64 = 3;

/// So many such steps in a row that are alike are no gaps but the new rate.
const NEW_RATE: usize = 4;

/// Watches the samples of one track as they come: what its encoder really sends, as opposed to what
/// it announces.
///
/// Stands beside the segmenter and costs a few operations a sample, and under a kilobyte. `now` is
/// any monotonic clock.
///
/// ```
/// use std::time::Duration;
///
/// use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac};
/// use airloom_segmenter::Statistics;
/// use bytes::Bytes;
///
/// let codec = Codec::Aac(aac::Config::decode(Bytes::from_static(&[0x11, 0x90]))?);
/// let id = TrackId::new(2);
/// let track = Track { id, timescale: Timescale::MILLIS, codec };
/// let mut statistics = Statistics::new(&track, Duration::from_secs(5));
/// for frame in 0..470 {
///     let time = frame * 1024 / 48;
///     statistics.handle_input(Duration::from_millis(time as u64), &Sample {
///         track: id, decode_time: Timestamp::new(time), composition_offset: Delta::ZERO,
///         duration: None, sync: true, data: Bytes::from_static(&[0; 320]),
///     });
/// }
/// let measured = statistics.measured();
/// assert!((119_000..121_000).contains(&measured.bitrate)); // 46.875 frames of 2560 bits a second
/// assert_eq!((measured.frame_millihertz + 50) / 100, 469);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Statistics {
    timescale: Timescale,
    piece: u64,
    /// The oldest first; the last is filling up.
    pieces: VecDeque<Piece>,
    /// When the last sample is decoded, when it came, and its bytes.
    last: Option<(i64, Duration, u64)>,
    /// Sixteen times the smoothed difference between steps of arrival and of media, in nanoseconds.
    jitter: u64,
    /// The usual step, smoothed, in 1/16 ticks.
    step: u64,
    /// Steps that are gaps, or the first of another rate.
    strange: Vec<Step>,
    gop: Gop,
    gaps: u64,
    longest_gap: u64,
    steps_back: u64,
}

/// How far the clock went on from one sample to the next, while how long passed.
#[derive(Debug, Clone, Copy)]
struct Step {
    ticks: u64,
    arrival: Duration,
    /// Of the sample it begins with.
    bytes: u64,
}

impl Step {
    /// Whether both may be of one rate: a quarter apart at most.
    fn is_like(&self, other: &Self) -> bool {
        self.ticks.abs_diff(other.ticks) <= self.ticks.max(other.ticks) / 4
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    ticks: u64,
    bytes: u64,
    frames: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Gop {
    since: Option<i64>,
    open: u64,
    frames: u64,
    ticks: u64,
    longest: u64,
}

/// What was measured: rates over the window, the rest since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// Payload bits a second of media time.
    pub bitrate: u64,
    /// Samples in a thousand seconds of media time: 29,970 for 30,000/1001 pictures a second.
    pub frame_millihertz: u64,
    /// Samples from the last sync sample but one to the last.
    pub gop_frames: u64,
    /// How long that was.
    pub gop: Duration,
    /// The longest time between two sync samples.
    pub longest_gop: Duration,
    /// How unevenly samples arrive, smoothed as RFC 3550, 6.4.1 does.
    pub jitter: Duration,
    /// How often the source's clock left out more than three usual steps. Four such steps in a row
    /// that are alike are not gaps but another rate, from which it goes on; so a gap is counted once
    /// it is known what follows.
    pub gaps: u64,
    /// The longest of these.
    pub longest_gap: Duration,
    /// How often the source's clock stood still or went back.
    pub steps_back: u64,
}

impl Statistics {
    /// Statistics of a track, with rates over about the last `window` of media.
    pub fn new(track: &Track, window: Duration) -> Self {
        let ticks = airloom_media::Duration::from_std(window, track.timescale).ticks();
        Self {
            timescale: track.timescale,
            piece: (ticks / PIECES as u64).max(1),
            pieces: VecDeque::with_capacity(PIECES + 1),
            last: None,
            jitter: 0,
            step: 0,
            strange: Vec::new(),
            gop: Gop::default(),
            gaps: 0,
            longest_gap: 0,
            steps_back: 0,
        }
    }

    /// Takes note of a sample that arrives at `now`.
    pub fn handle_input(&mut self, now: Duration, sample: &Sample) {
        let time = sample.decode_time.ticks();
        if let Some((last, arrived, bytes)) = self.last {
            match u64::try_from(time.saturating_sub(last)) {
                Ok(ticks @ 1..) => {
                    self.step(Step { ticks, arrival: now.abs_diff(arrived), bytes });
                }
                _ => self.steps_back += 1,
            }
        }
        self.last = Some((time, now, sample.data.len() as u64));
        self.gop(time, sample.sync);
    }

    fn step(&mut self, step: Step) {
        let usual = step.ticks.saturating_mul(16) <= self.step.saturating_mul(GAP);
        if self.step == 0 || usual {
            self.leave_gaps();
            return self.count(step);
        }
        if self.strange.first().is_some_and(|first| !first.is_like(&step)) {
            self.leave_gaps();
        }
        self.strange.push(step);
        if self.strange.len() == NEW_RATE {
            self.step = 0;
            for step in std::mem::take(&mut self.strange) {
                self.count(step);
            }
        }
    }

    /// What was strange so far were gaps.
    fn leave_gaps(&mut self) {
        for gap in self.strange.drain(..) {
            self.gaps += 1;
            self.longest_gap = self.longest_gap.max(gap.ticks);
        }
    }

    fn count(&mut self, Step { ticks, arrival, bytes }: Step) {
        // The first step, then a sixteenth of each.
        self.step = match self.step {
            0 => ticks.saturating_mul(16),
            usual => (usual - usual / 16).saturating_add(ticks),
        };
        if self.pieces.back().is_none_or(|piece| piece.ticks >= self.piece) {
            if self.pieces.len() > PIECES {
                self.pieces.pop_front();
            }
            self.pieces.push_back(Piece::default());
        }
        if let Some(piece) = self.pieces.back_mut() {
            piece.ticks = piece.ticks.saturating_add(ticks);
            piece.bytes = piece.bytes.saturating_add(bytes);
            piece.frames += 1;
        }
        let media = airloom_media::Duration::new(ticks).to_std(self.timescale);
        let difference = u64::try_from(arrival.abs_diff(media).as_nanos()).unwrap_or(u64::MAX);
        self.jitter = (self.jitter - self.jitter / 16).saturating_add(difference);
    }

    fn gop(&mut self, time: i64, sync: bool) {
        if sync {
            if let Some(since) = self.gop.since {
                self.gop.frames = self.gop.open;
                self.gop.ticks = u64::try_from(time.saturating_sub(since)).unwrap_or(0);
                self.gop.longest = self.gop.longest.max(self.gop.ticks);
            }
            (self.gop.since, self.gop.open) = (Some(time), 0);
        }
        self.gop.open += 1;
    }

    /// What it came to so far.
    pub fn measured(&self) -> Measured {
        let hz = u128::from(self.timescale.hz());
        let sum = |of: fn(&Piece) -> u64| self.pieces.iter().map(of).fold(0, u64::saturating_add);
        let ticks = u128::from(sum(|piece| piece.ticks));
        let a_second = |count: u64, times: u128| {
            let rate = (u128::from(count) * times * hz).checked_div(ticks).unwrap_or(0);
            u64::try_from(rate).unwrap_or(u64::MAX)
        };
        let lasting = |ticks| airloom_media::Duration::new(ticks).to_std(self.timescale);
        Measured {
            bitrate: a_second(sum(|piece| piece.bytes), 8),
            frame_millihertz: a_second(sum(|piece| piece.frames), 1000),
            gop_frames: self.gop.frames,
            gop: lasting(self.gop.ticks),
            longest_gop: lasting(self.gop.longest),
            jitter: Duration::from_nanos(self.jitter / 16),
            gaps: self.gaps,
            longest_gap: lasting(self.longest_gap),
            steps_back: self.steps_back,
        }
    }
}

#[cfg(test)]
mod tests {
    use airloom_media::{Delta, Timestamp, TrackId};
    use bytes::Bytes;

    use super::*;
    use crate::testing::avc_codec;

    fn watched(times: impl Iterator<Item = (i64, bool, u64)>) -> Measured {
        let id = TrackId::new(1);
        let track = Track { id, timescale: Timescale::MILLIS, codec: avc_codec() };
        let mut statistics = Statistics::new(&track, Duration::from_secs(2));
        for (time, sync, late) in times {
            let now = Duration::from_millis(time.unsigned_abs().saturating_add(late));
            let sample = Sample {
                track: id,
                decode_time: Timestamp::new(time),
                composition_offset: Delta::ZERO,
                duration: None,
                sync,
                data: Bytes::from_static(&[0; 1000]),
            };
            statistics.handle_input(now, &sample);
        }
        statistics.measured()
    }

    #[test]
    fn a_steady_stream() {
        let measured = watched((0..500).map(|n| (n * 40, n % 50 == 0, 0)));
        assert_eq!(measured.frame_millihertz / 1000, 25);
        assert_eq!(measured.bitrate / 10_000, 20);
        assert_eq!((measured.gop_frames, measured.gop), (50, Duration::from_secs(2)));
        assert_eq!((measured.jitter, measured.gaps, measured.steps_back), (Duration::ZERO, 0, 0));
    }

    #[test]
    fn gaps_and_steps_back_are_counted_and_do_not_spoil_the_rates() {
        let time = |n: i64| n * 40 + if n >= 300 { 60_000 } else { 0 } - i64::from(n == 400) * 50;
        let measured = watched((0..500).map(|n| (time(n), n % 50 == 0, 0)));
        assert_eq!((measured.gaps, measured.longest_gap.as_millis()), (1, 60_040));
        assert_eq!(measured.steps_back, 1);
        assert_eq!(measured.frame_millihertz / 1000, 25);
        assert_eq!(measured.longest_gop, Duration::from_secs(62));
    }

    /// A first step that is short, and a rate that falls to a quarter, are no gaps.
    #[test]
    fn a_change_of_rate_is_no_gap_for_ever() {
        let short = (0..600).map(|n| if n == 0 { 0 } else { 10 + (n - 1) * 33 });
        let falling = (0..600).map(|n| if n < 300 { n * 33 } else { 9900 + (n - 300) * 133 });
        for (times, rate) in [(short.collect::<Vec<i64>>(), 30_303), (falling.collect(), 7518)] {
            let measured = watched(times.into_iter().map(|time| (time, time % 2 == 0, 0)));
            assert_eq!((measured.gaps, measured.longest_gap), (0, Duration::ZERO));
            assert_eq!(measured.frame_millihertz, rate);
        }
    }

    #[test]
    fn gaps_that_are_not_a_rate_are_counted() {
        // Three alike and one that is not; then one, twice, with a usual step between.
        let steps = [40, 40, 400, 400, 400, 900, 40, 400, 40, 400, 40].into_iter();
        let times = steps.scan(0, |time, step| {
            *time += step;
            Some((*time, true, 0))
        });
        let measured = watched(times);
        assert_eq!((measured.gaps, measured.longest_gap.as_millis()), (6, 900));
        assert_eq!(measured.frame_millihertz / 1000, 25);
    }

    #[test]
    fn no_time_is_too_far() {
        for far in [[0, i64::MAX, 0, i64::MAX], [i64::MIN, i64::MAX, 0, 1], [0, 1, i64::MAX, 2]] {
            let times = (0..12).map(|n| (far[n % 4], true, 0));
            assert!(watched(times).steps_back > 0);
        }
    }

    #[test]
    fn jitter_is_that_of_arrival() {
        let measured = watched((0..500).map(|n| (n * 40, true, if n % 2 == 0 { 10 } else { 0 })));
        assert!((9..=10).contains(&measured.jitter.as_millis()), "{:?}", measured.jitter);
    }

    #[test]
    fn nothing_is_known_of_nothing() {
        assert_eq!(watched(std::iter::empty()), Measured::default());
        assert_eq!(watched(std::iter::once((i64::MIN, true, 0))).bitrate, 0);
    }
}
