use std::collections::VecDeque;
use std::sync::Arc;

use airloom_media::{Codec, Duration, Kind, Rounding, Timescale, Timestamp, Track, TrackId};
use bytes::Bytes;

use super::policy::Policy;
use super::ratio::Ratio;
use super::schedule::Schedule;
use crate::mp4::Stated;
use crate::ts_segment::Closed;
use crate::{BitRate, Event, Gap, Output, Part, Segment};

mod asides;
mod headers;
mod measure;
mod part;

use asides::Asides;
use headers::Headers;

/// A sample with its place on the output's clock.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) decode_time: i64,
    /// `decode_time` in ticks of 90 kHz, rounded down.
    pub(super) mpeg: i64,
    pub(super) composition_offset: i32,
    pub(super) sync: bool,
    pub(super) data: Bytes,
    /// The track's new description, if it changes with this sample.
    pub(super) change: Option<Box<Reconfiguration>>,
}

impl Timed {
    /// Whether it begins a new description and no segment is decided for that.
    pub(super) fn is_undecided(&self) -> bool {
        self.change.as_ref().is_some_and(|change| change.sequence.is_none())
    }
}

/// A new description, and the segment that begins with it once that is decided.
#[derive(Debug)]
pub(super) struct Reconfiguration {
    pub(super) track: Track,
    pub(super) sequence: Option<u64>,
}

/// What all lanes write into.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    pub(super) policy: &'a Policy,
    pub(super) schedule: &'a mut Schedule,
    pub(super) outputs: &'a mut VecDeque<Output>,
}

/// The output side of one track: holds one sample back until the next says how long it lasts,
/// fills parts, and closes segments where the schedule says.
#[derive(Debug)]
pub(super) struct Lane {
    id: TrackId,
    /// `track_ID` in the files.
    number: u32,
    source: Timescale,
    output: Timescale,
    from_mpeg: Ratio,
    codec: Arc<Codec>,
    init: u32,
    /// Whether the current configuration's `Init` went out.
    announced: bool,
    /// Whether any `Init` went out.
    known: bool,
    /// How long a frame lasts as a rule.
    frame: i64,
    /// The most a part may last, once it is settled.
    part_target: Option<i64>,
    /// A part that lasts longer than this is closed at once: no further frame would fit.
    full: i64,
    /// Samples that wait for the part target to be settled.
    measuring: Vec<(Timed, i64)>,
    held: Option<Timed>,
    /// Where everything so far ends.
    end: Option<i64>,
    /// Counts fragments for `mfhd`.
    fragments: u32,
    /// What the encoder says it sends.
    bit_rate: Option<BitRate>,
    asides: Asides,
    headers: Headers,
    part: OpenPart,
    segment: OpenSegment,
    /// Where the segment ends, in ticks of 90 kHz; the schedule's value.
    ends: i64,
    /// The segment the schedule has open.
    open: u64,
    /// The longest a segment may be: in ticks of 90 kHz, and of the output.
    longest_mpeg: i64,
    longest: i64,
}

#[derive(Debug, Default)]
struct OpenPart {
    /// Decode time of the first sample.
    start: i64,
    samples: Vec<Stated>,
    payload: Vec<Bytes>,
    duration: i64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct OpenSegment {
    sequence: u64,
    parts: Vec<Part>,
    /// Of parts and open part together.
    duration: i64,
    size: usize,
    samples: usize,
    payload: usize,
}

impl Lane {
    pub(super) fn new(track: &Track, number: u32, sequence: u64) -> Self {
        let output = output_timescale(track);
        Self {
            id: track.id,
            number,
            source: track.timescale,
            output,
            from_mpeg: Ratio::new(Timescale::MPEG, output),
            codec: Arc::new(track.codec.clone()),
            init: 0,
            announced: false,
            known: false,
            frame: expected_frame(track),
            part_target: None,
            full: i64::MAX,
            measuring: Vec::new(),
            held: None,
            end: None,
            fragments: 0,
            bit_rate: None,
            asides: Asides::default(),
            headers: Headers::default(),
            part: OpenPart::default(),
            segment: OpenSegment { sequence, ..OpenSegment::default() },
            ends: i64::MAX,
            open: sequence,
            longest_mpeg: i64::MAX,
            longest: i64::MAX,
        }
    }

    pub(super) fn codec(&self) -> &Codec {
        &self.codec
    }

    pub(super) fn output(&self) -> Timescale {
        self.output
    }

    pub(super) fn is_video(&self) -> bool {
        self.codec.kind() == Kind::Video
    }

    /// Sets what the next `Init` says of the bit rate.
    pub(super) fn declare(&mut self, bit_rate: Option<BitRate>) {
        self.bit_rate = bit_rate;
    }

    /// The segment the track is in.
    pub(super) fn sequence(&self) -> u64 {
        self.segment.sequence
    }

    /// Whether an `Init` went out.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// How long a frame lasts as a rule, in output ticks.
    pub(super) fn frame(&self) -> i64 {
        self.frame
    }

    /// Where the held sample starts, in ticks of 90 kHz.
    pub(super) fn held_at(&self) -> Option<(i64, bool)> {
        self.held.as_ref().map(|held| (held.mpeg, held.sync))
    }

    /// Where everything given out ends, in output ticks.
    pub(super) fn end(&self) -> Option<i64> {
        self.end
    }

    /// Whether the open segment holds anything, the held sample included.
    pub(super) fn has_content(&self) -> bool {
        self.held.is_some() || self.segment.samples > 0
    }

    /// Whether the open segment holds all it may.
    pub(super) fn is_full(&self, policy: &Policy) -> bool {
        // The held sample counts as one.
        self.segment.samples + 1 >= policy.limits.segment_samples
            || self.segment.payload >= policy.limits.segment_bytes
    }

    /// Sets how long a segment may be, in ticks of 90 kHz.
    pub(super) fn limit(&mut self, longest: i64) {
        self.longest_mpeg = longest;
        self.longest = self.from_mpeg.scale(longest, Rounding::Down).unwrap_or(i64::MAX);
    }

    /// Whether the segment that the held sample belongs to, if its end is not decided, would be too
    /// long or have a hole in it when a sample at `next` (output ticks) became part of it; without
    /// one, whether the held sample makes it too long.
    pub(super) fn is_overlong(&self, next: Option<i64>) -> bool {
        let decided = self.ends != i64::MAX;
        let (within, held) = match (&self.held, next) {
            // It will begin the segment after this one.
            (Some(held), _)
                if decided && (held.mpeg >= self.ends || self.would_overflow(self.frame)) =>
            {
                if self.open > self.segment.sequence.saturating_add(1) {
                    return false;
                }
                (0, held.decode_time)
            }
            _ if decided || !self.has_content() => return false,
            (Some(held), _) => (self.segment.duration, held.decode_time),
            (None, Some(next)) => {
                let end = self.end.unwrap_or(next);
                return next > end.saturating_add(self.frame)
                    || self.segment.duration.saturating_add(self.frame) > self.longest;
            }
            (None, None) => return false,
        };
        let lasts = next.map_or(self.frame, |next| next.saturating_sub(held));
        within.saturating_add(lasts) > self.longest
    }

    /// Tells the lane that the schedule has grown.
    pub(super) fn reschedule(&mut self, schedule: &Schedule) {
        self.ends = schedule.end(self.segment.sequence);
        self.open = schedule.open().map_or(self.segment.sequence, |open| open.sequence);
    }

    /// Whether the lane is in segment `sequence`, whose end is not decided, and waits for nothing.
    pub(super) fn is_steady(&self, sequence: u64) -> bool {
        let undecided = self.segment.sequence == sequence && self.ends == i64::MAX;
        undecided && self.announced && self.held.is_some()
    }

    /// Whether a sample at `decode_time` simply ends the held one, and that belongs to the segment
    /// that is open: only parts have a say then.
    #[inline]
    pub(super) fn goes_on(&self, decode_time: i64) -> bool {
        let Some(held) = &self.held else { return false };
        let step = decode_time - held.decode_time;
        let regular = (1..=2 * self.frame).contains(&step);
        regular
            && self.announced
            && self.ends == i64::MAX
            && self.segment.duration + step <= self.longest
    }

    /// [`take`](Self::take) for a sample that [`goes_on`](Self::goes_on).
    #[expect(
        clippy::inline_always,
        reason = "a sample is moved once, not once a call: 5 % of all it costs"
    )]
    #[inline(always)]
    pub(super) fn go_on(&mut self, timed: Timed, sink: &mut Sink<'_>) {
        let decode_time = timed.decode_time;
        let Some(held) = self.held.replace(timed) else { return };
        let duration = decode_time - held.decode_time;
        self.end = Some(decode_time);
        self.segment.duration += duration;
        self.segment.samples += 1;
        self.segment.payload += held.data.len();
        self.push(held, duration, sink);
    }

    /// Takes the next sample; the one before it is complete now.
    pub(super) fn take(&mut self, mut timed: Timed, sink: &mut Sink<'_>) {
        if timed.change.is_some() {
            return self.take_changed(timed, sink);
        }
        match (&self.held, self.end) {
            // Times that were placed before a guess filled theirs.
            (Some(held), _) => timed.decode_time = timed.decode_time.max(held.decode_time + 1),
            (None, Some(end)) => self.resume(end, &mut timed, sink),
            (None, None) => {}
        }
        if let Some(held) = self.held.take() {
            let step = timed.decode_time - held.decode_time;
            let duration = if step > 2 * self.frame {
                self.enter(held.mpeg, self.frame, sink);
                self.bridge(step, timed.mpeg, sink)
            } else {
                step
            };
            let sequence = self.append(held, duration, sink);
            self.advance(timed.mpeg, sink);
            if duration < step && self.segment.sequence == sequence {
                // A segment has no holes: what comes after one is in the next.
                self.close_segment(sink);
            }
        } else {
            self.advance(timed.mpeg, sink);
        }
        self.held = Some(timed);
    }

    /// The first sample after one whose length was a guess, which ended at `end`.
    #[cold]
    fn resume(&mut self, end: i64, timed: &mut Timed, sink: &mut Sink<'_>) {
        let step = timed.decode_time - end;
        if step <= 0 {
            // What the guess has filled stays filled.
            timed.decode_time = end;
        } else if self.segment.samples > 0 && self.ends == i64::MAX {
            // A segment has no holes: the sample begins where the guess ended, and is shown when
            // it has to be.
            let offset = i64::from(timed.composition_offset) + step;
            timed.composition_offset = i32::try_from(offset).unwrap_or(i32::MAX);
            timed.decode_time = end;
        } else {
            if self.segment.samples > 0 {
                self.close_segment(sink);
            }
            let open = sink.schedule.segment(self.segment.sequence);
            if !open.is_some_and(|open| open.discontinuity) {
                self.leave_gap(step, sink);
            }
        }
    }

    #[cold]
    fn leave_gap(&self, duration: i64, sink: &mut Sink<'_>) {
        let duration = Duration::new(duration.max(0).unsigned_abs());
        sink.outputs.push_back(Output::Event(Event::GapLeft { track: self.id, duration }));
    }

    /// The first sample of another configuration: ends what is there and begins a segment.
    #[cold]
    fn take_changed(&mut self, mut timed: Timed, sink: &mut Sink<'_>) {
        let Some(change) = timed.change.take() else { return };
        let same_clock = output_timescale(&change.track) == self.output;
        if let Some(held) = self.held.take() {
            let step = timed.decode_time.saturating_sub(held.decode_time);
            let regular = same_clock
                && (1..=2 * self.frame).contains(&step)
                && self.segment.duration.saturating_add(step) <= self.longest;
            let duration = if regular { step } else { self.frame };
            if let Some(sequence) = change.sequence {
                // The held sample is of the old description, whatever its time.
                while self.segment.sequence.saturating_add(1) < sequence
                    && (self.ends <= held.mpeg || self.would_overflow(duration))
                {
                    self.close_segment(sink);
                }
                self.ends = i64::MAX;
            }
            self.append(held, duration, sink);
        }
        match change.sequence {
            Some(sequence) => self.advance_to(sequence, sink),
            None => self.advance(timed.mpeg, sink),
        }
        self.settle(sink);
        self.reconfigure(&change.track);
        timed.decode_time = self.end.map_or(timed.decode_time, |end| end.max(timed.decode_time));
        self.held = Some(timed);
    }

    /// Describes the track anew; nothing of the old description is pending.
    pub(super) fn reconfigure(&mut self, track: &Track) {
        let output = output_timescale(track);
        let ratio = Ratio::new(self.output, output);
        self.end = self.end.and_then(|end| ratio.scale(end, Rounding::Up));
        // The target is for life: rounded down, it stays true on the new clock.
        self.part_target = self.part_target.and_then(|target| ratio.scale(target, Rounding::Down));
        self.output = output;
        self.source = track.timescale;
        self.from_mpeg = Ratio::new(Timescale::MPEG, output);
        self.limit(self.longest_mpeg);
        self.codec = Arc::new(track.codec.clone());
        self.frame = expected_frame(track);
        self.full = i64::MAX;
        if self.announced {
            self.init = self.init.wrapping_add(1);
        }
        self.announced = false;
    }

    /// How long the held sample lasts when the next one comes much later than a frame.
    #[cold]
    fn bridge(&self, duration: i64, next: i64, sink: &mut Sink<'_>) -> i64 {
        let decided = self.ends != i64::MAX;
        let overflows = self.segment.duration + duration > self.longest;
        if decided && (duration > self.longest || (next >= self.ends && overflows)) {
            // The segment cannot be that long: what is missing lies between two segments.
            self.leave_gap(duration - self.frame, sink);
            return self.frame;
        }
        if duration > self.part_target.unwrap_or(i64::MAX).max(4 * self.frame) {
            sink.outputs.push_back(Output::Event(Event::GapBridged {
                track: self.id,
                duration: Duration::new(duration.unsigned_abs()),
            }));
        }
        duration
    }

    /// Completes the held sample with the length of a frame, since no next one says otherwise.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) {
        let Some(held) = self.held.take() else { return };
        // The rounding of the source's clock should not push a last frame out of its part.
        let room = self.part_target.map_or(self.frame, |target| target - self.part.duration);
        let fits = (self.frame - self.jitter()..self.frame).contains(&room);
        let duration = if fits { room } else { self.frame };
        self.append(held, duration.max(1), sink);
    }

    /// By how much a frame may differ from the rule when its source counts in coarser ticks.
    fn jitter(&self) -> i64 {
        match self.codec.kind() {
            Kind::Audio => 0,
            _ => Ratio::new(self.source, self.output).scale(2, Rounding::Up).unwrap_or(0),
        }
    }

    /// Goes to the segment of a sample at `mpeg` that lasts `duration`.
    #[inline]
    fn enter(&mut self, mpeg: i64, duration: i64, sink: &mut Sink<'_>) {
        self.advance(mpeg, sink);
        if self.ends != i64::MAX && self.would_overflow(duration) {
            // Its end is set but not reached: a track that runs long goes over early.
            self.close_segment(sink);
        }
    }

    /// Whether the open segment has something, and no room for so much more.
    fn would_overflow(&self, duration: i64) -> bool {
        self.segment.samples > 0 && self.segment.duration + duration > self.longest
    }

    /// Puts a sample into its segment, and says which that is.
    #[inline]
    fn append(&mut self, timed: Timed, duration: i64, sink: &mut Sink<'_>) -> u64 {
        self.enter(timed.mpeg, duration, sink);
        self.end = Some(timed.decode_time + duration);
        self.segment.duration += duration;
        self.segment.samples += 1;
        self.segment.payload += timed.data.len();
        if self.announced {
            self.push(timed, duration, sink);
        } else {
            self.measuring.push((timed, duration));
            self.measure(sink);
        }
        self.segment.sequence
    }

    /// Leaves every segment that ends at or before `mpeg`.
    pub(super) fn advance(&mut self, mpeg: i64, sink: &mut Sink<'_>) {
        while self.ends <= mpeg {
            self.close_segment(sink);
        }
    }

    /// Leaves every segment before `sequence`.
    pub(super) fn advance_to(&mut self, sequence: u64, sink: &mut Sink<'_>) {
        while self.segment.sequence < sequence {
            self.close_segment(sink);
        }
    }

    /// Ends the segment: it goes out, or the gap in its place.
    pub(super) fn close_segment(&mut self, sink: &mut Sink<'_>) {
        self.settle(sink);
        self.close_part(sink);
        let sequence = self.segment.sequence;
        let (from, discontinuity) = sink
            .schedule
            .segment(sequence)
            .map_or((0, false), |boundary| (boundary.start, boundary.discontinuity));
        if let Some(first) = self.segment.parts.first() {
            let segment = Segment {
                track: self.id,
                sequence,
                init: self.init,
                start: first.start,
                duration: Duration::new(self.segment.duration.unsigned_abs()),
                independent: first.independent,
                discontinuity,
                parts: self.segment.parts.drain(..).collect::<Arc<[_]>>(),
                size: self.segment.size,
            };
            if sink.policy.ts {
                sink.schedule.keep(Closed {
                    segment: segment.clone(),
                    codec: Arc::clone(&self.codec),
                    timescale: self.output,
                    tags: self.asides.take_tags(),
                });
            }
            sink.outputs.push_back(Output::Segment(segment));
        } else if self.known {
            let to = match sink.schedule.end(sequence) {
                i64::MAX => from,
                end => end,
            };
            let scale = |mpeg| self.from_mpeg.scale(mpeg, Rounding::Nearest).unwrap_or(0);
            sink.outputs.push_back(Output::Gap(Gap {
                track: self.id,
                sequence,
                start: Timestamp::new(scale(from)),
                duration: Duration::new((scale(to) - scale(from)).max(0).unsigned_abs()),
                discontinuity,
            }));
        }
        let parts = std::mem::take(&mut self.segment.parts);
        self.segment =
            OpenSegment { sequence: sequence.saturating_add(1), parts, ..OpenSegment::default() };
        self.reschedule(sink.schedule);
    }
}

fn output_timescale(track: &Track) -> Timescale {
    track.codec.sound().map_or(Timescale::MPEG, |sound| sound.sampling_frequency)
}

/// What the configuration says of a frame's length, in output ticks; a thirtieth of a second where
/// it says nothing.
fn expected_frame(track: &Track) -> i64 {
    if let Some(sound) = track.codec.sound() {
        // 20 ms: what Opus is sent in.
        return sound.frame_length.unwrap_or(sound.sampling_frequency.hz() / 50).max(1).into();
    }
    let stated = track.codec.picture().and_then(|picture| picture.frame_duration);
    let frame = stated.and_then(|(ticks, timescale)| {
        Duration::new(ticks).rescale(timescale, Timescale::MPEG, Rounding::Nearest)
    });
    // Between a thousandth of a second and ten seconds, whatever the stream claims.
    frame.map_or(3000, |frame| frame.ticks().clamp(90, 900_000) as i64)
}
