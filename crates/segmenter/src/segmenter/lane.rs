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
    /// Moves it to `decode_time`, if that is later; it is shown when it was to be, where that is not
    /// before it is decoded.
    fn put_off(&mut self, decode_time: i64) {
        let by = decode_time.saturating_sub(self.decode_time);
        if by > 0 {
            let offset = i64::from(self.composition_offset);
            let left = if offset >= 0 { (offset - by).max(0) } else { offset - by };
            self.composition_offset = i32::try_from(left).unwrap_or(i32::MIN);
            self.decode_time = decode_time;
        }
    }

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
    longest_mpeg: (i64, i64),
    longest: i64,
    /// The longest a sample may be that no next one ends, in output ticks.
    longest_tail: i64,
    /// A sample that says itself how long it lasts: its decode time, and that.
    stated: Option<(i64, i64)>,
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
            longest_mpeg: (i64::MAX, i64::MAX),
            longest: i64::MAX,
            longest_tail: i64::MAX,
            stated: None,
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

    /// Whether segment `sequence`, if the track is in that, began without a sync sample.
    pub(super) fn is_blind(&self, sequence: u64) -> bool {
        let first = self.segment.parts.first().map(|part| part.independent);
        let first = first.or(self.part.samples.first().map(|sample| sample.sync));
        let first = first.or(self.measuring.first().map(|(timed, _)| timed.sync));
        let first = first.or(self.held.as_ref().map(|held| held.sync));
        self.segment.sequence == sequence && first == Some(false)
    }

    /// Whether the open segment holds all it may.
    pub(super) fn is_full(&self, policy: &Policy) -> bool {
        // The held sample counts as one.
        self.segment.samples + 1 >= policy.limits.segment_samples
            || self.segment.payload >= policy.limits.segment_bytes
    }

    /// Sets how long a segment may be, and its last sample, in ticks of 90 kHz.
    pub(super) fn limit(&mut self, longest: i64, tail: i64) {
        let scale = |mpeg| self.from_mpeg.scale(mpeg, Rounding::Down).unwrap_or(i64::MAX);
        self.longest_mpeg = (longest, tail);
        self.longest = scale(longest);
        self.longest_tail = scale(tail);
    }

    /// Notes that the sample at `decode_time` says itself how long it lasts.
    pub(super) fn state(&mut self, decode_time: i64, duration: i64) {
        self.stated = Some((decode_time, duration));
    }

    /// How long the held sample lasts where no next one ends it: as it says itself, or else as a
    /// frame does.
    pub(super) fn tail(&self) -> i64 {
        self.stated_tail().map_or(self.frame, |stated| stated.min(self.longest_tail))
    }

    fn stated_tail(&self) -> Option<i64> {
        self.said(self.held.as_ref()?.decode_time)
    }

    /// How long the sample at `decode_time` lasts by its own word.
    pub(super) fn said(&self, decode_time: i64) -> Option<i64> {
        self.stated.filter(|(at, _)| *at == decode_time).map(|(_, duration)| duration)
    }

    /// Whether the segment that the held sample belongs to, if its end is not decided, would be too
    /// long or have a hole in it when a sample at `next` (output ticks) became part of it; without
    /// one, whether the held sample makes it too long.
    pub(super) fn is_overlong(&self, next: Option<i64>) -> bool {
        let decided = self.ends != i64::MAX;
        let (within, held) = match (&self.held, next) {
            // It will begin the segment after this one.
            (Some(held), _)
                if decided && (held.mpeg >= self.ends || self.would_overflow(self.tail())) =>
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
        let lasts = next.map_or(self.tail(), |next| next.saturating_sub(held));
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
            (Some(held), _) => timed.put_off(held.decode_time + 1),
            (None, Some(end)) => self.resume(end, &mut timed, sink),
            (None, None) => {}
        }
        let begins = self.begins(&timed);
        if let Some(held) = self.held.take() {
            let step = timed.decode_time - held.decode_time;
            let duration = if step > 2 * self.frame {
                self.enter(held.mpeg, self.frame, sink);
                let said = self.said(held.decode_time).is_some_and(|said| said >= step);
                self.bridge(step, timed.mpeg, said, sink)
            } else {
                step
            };
            let sequence = self.append(held, duration, sink);
            self.advance(begins, sink);
            if duration < step && self.segment.sequence == sequence {
                // A segment has no holes: what comes after one is in the next.
                self.close_segment(sink);
            }
        } else {
            self.advance(begins, sink);
        }
        self.held = Some(timed);
    }

    /// Where a sample counts from, in ticks of 90 kHz, when it comes to which segment it is in: a
    /// keyframe that is early by less than half a frame begins the segment that the deciding
    /// track's begins.
    fn begins(&self, timed: &Timed) -> i64 {
        let early = self.ends.saturating_sub(timed.mpeg);
        let keyframe = timed.sync && self.is_video();
        if keyframe && (1..=self.frame / 2).contains(&early) { self.ends } else { timed.mpeg }
    }

    /// The first sample after one whose length was a guess, which ended at `end`.
    #[cold]
    fn resume(&mut self, end: i64, timed: &mut Timed, sink: &mut Sink<'_>) {
        let step = timed.decode_time - end;
        if step <= 0 {
            // What the guess has filled stays filled.
            timed.put_off(end);
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
        if let Some(end) = self.end {
            timed.put_off(end);
        }
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
        self.limit(self.longest_mpeg.0, self.longest_mpeg.1);
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
    fn bridge(&self, duration: i64, next: i64, said: bool, sink: &mut Sink<'_>) -> i64 {
        let decided = self.ends != i64::MAX;
        let overflows = self.segment.duration + duration > self.longest;
        if decided && (duration > self.longest || (next >= self.ends && overflows)) {
            // The segment cannot be that long: what is missing lies between two segments.
            self.leave_gap(duration - self.frame, sink);
            return self.frame;
        }
        if !said && duration > self.part_target.unwrap_or(i64::MAX).max(4 * self.frame) {
            sink.outputs.push_back(Output::Event(Event::GapBridged {
                track: self.id,
                duration: Duration::new(duration.unsigned_abs()),
            }));
        }
        duration
    }

    /// Completes the held sample, which no next one ends.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) {
        let (stated, tail) = (self.stated_tail(), self.tail());
        let Some(held) = self.held.take() else { return };
        // The rounding of the source's clock should not push a last frame out of its part.
        let room = self.part_target.map_or(tail, |target| target - self.part.duration);
        let fits = (tail - self.jitter()..tail).contains(&room);
        let duration = if fits { room } else { tail };
        self.append(held, duration.max(1), sink);
        if let Some(stated) = stated.filter(|stated| *stated > tail) {
            self.leave_gap(stated - tail, sink);
        }
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
