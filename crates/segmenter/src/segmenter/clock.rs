use airloom_media::{Codec, Duration, Rounding, Sample, Timescale, Track};

use super::policy::Policy;
use super::ratio::{Ratio, scale_moved};

/// Times beyond this are refused, so that sums of a few of them never leave 64 bits. On a clock
/// of 90 kHz it is 800,000 years.
const FARTHEST: i64 = 1 << 61;

/// Sound that is early is moved when it has been so for a second over this.
const EARLY_PER_SECOND: i64 = 2;

/// Where the samples of one track stand on the output's clock.
#[derive(Debug)]
pub(super) struct Clock {
    source: Timescale,
    output: Timescale,
    to_output: Ratio,
    to_mpeg: Ratio,
    /// What is added to source times, in ticks of 90 kHz.
    offset: i64,
    /// The same on the output's clock, rounded.
    offset_output: i64,
    /// Forward steps above this are a jump, in source ticks.
    jump: i64,
    /// Backward steps above this are one too.
    repair: i64,
    /// The last source time on this timeline.
    last_source: Option<i64>,
    /// The last decode time that was given out; all that follow are above it.
    last: i64,
    /// Audio: how long its frames are, how far the source may be from their count, and where the
    /// next frame starts by that count.
    frame: Option<Frame>,
    drift: i64,
    expected: Option<i64>,
    /// Audio: since when the source has been earlier than that by more than it may, by the count.
    early: Option<i64>,
}

/// How many samples of sound a frame holds.
#[derive(Debug)]
enum Frame {
    /// All the same.
    Fixed(i64),
    /// Each says so itself; one that does not is like the one before.
    Stated(Box<Codec>, i64),
}

impl Frame {
    fn of(&mut self, data: &[u8]) -> i64 {
        match self {
            Self::Fixed(length) => *length,
            Self::Stated(codec, last) => {
                *last = codec.frame_samples(data).map_or(*last, i64::from);
                *last
            }
        }
    }
}

/// A sample's place, in output ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) decode_time: i64,
    /// The same in ticks of 90 kHz, rounded down: comparing it with a whole tick is exact.
    pub(super) mpeg: i64,
    pub(super) composition_offset: i32,
    pub(super) change: Option<Change>,
}

/// What had to be done to place a sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// It was moved behind the one before it.
    Repaired,
    /// Audio was moved by this from where its count put it.
    Resync(i64),
}

/// The time is outside of what the output's clock can hold.
#[derive(Debug)]
pub(super) struct OutOfRange;

/// `source` in ticks of 90 kHz; `None` for a time too far to be placed.
pub(super) fn source_to_mpeg(source: i64, timescale: Timescale) -> Option<i64> {
    let mpeg = Ratio::new(timescale, Timescale::MPEG).scale(source, Rounding::Nearest);
    mpeg.filter(|mpeg| (-FARTHEST..=FARTHEST).contains(mpeg))
}

impl Clock {
    pub(super) fn new(track: &Track, policy: &Policy) -> Self {
        let (output, frame) = match track.codec.sound() {
            Some(sound) => {
                let usual = i64::from(sound.sampling_frequency.hz() / 50);
                let frame = sound.frame_length.map_or_else(
                    || Frame::Stated(Box::new(track.codec.clone()), usual),
                    |length| Frame::Fixed(length.into()),
                );
                (sound.sampling_frequency, Some(frame))
            }
            None => (Timescale::MPEG, None),
        };
        let from_mpeg = Ratio::new(Timescale::MPEG, track.timescale);
        let scaled =
            |ticks, ratio: Ratio| ratio.scale(ticks, Rounding::Nearest).unwrap_or(i64::MAX);
        Self {
            source: track.timescale,
            output,
            to_output: Ratio::new(track.timescale, output),
            to_mpeg: Ratio::new(output, Timescale::MPEG),
            offset: 0,
            offset_output: 0,
            jump: scaled(policy.jump, from_mpeg),
            repair: scaled(policy.repair, from_mpeg),
            last_source: None,
            // No segment can say a time below zero.
            last: -1,
            frame,
            drift: scaled(policy.audio_drift, Ratio::new(Timescale::MPEG, output)),
            expected: None,
            early: None,
        }
    }

    /// The clock of the same track under another description; times go on behind the last.
    pub(super) fn reconfigured(&self, track: &Track, policy: &Policy) -> Self {
        let mut clock = Self::new(track, policy);
        clock.set_offset(self.offset);
        let ratio = Ratio::new(self.output, clock.output);
        clock.last = ratio.scale(self.last, Rounding::Up).unwrap_or(self.last);
        clock
    }

    /// A new timeline: source times stand for these plus `offset` ticks of 90 kHz from now on,
    /// and nothing is placed before `end`.
    pub(super) fn begin(&mut self, offset: i64, end: Option<i64>) {
        self.set_offset(offset);
        self.last_source = None;
        self.expected = None;
        self.early = None;
        self.not_before(end);
    }

    /// Nothing is placed before `end`, in output ticks, from now on.
    pub(super) fn not_before(&mut self, end: Option<i64>) {
        self.last = self.last.max(end.map_or(-1, |end| end - 1));
    }

    fn set_offset(&mut self, offset: i64) {
        self.offset = offset;
        self.offset_output = Ratio::new(Timescale::MPEG, self.output)
            .scale(offset, Rounding::Nearest)
            .unwrap_or(i64::MAX);
    }

    /// Sets the longest step forward, in ticks of 90 kHz.
    pub(super) fn limit_jump(&mut self, mpeg: i64) {
        self.jump = Ratio::new(Timescale::MPEG, self.source)
            .scale(mpeg, Rounding::Nearest)
            .unwrap_or(i64::MAX);
    }

    /// How far `source` is from the last time of this timeline, if that is further than a step
    /// may be.
    pub(super) fn jump(&self, source: i64) -> Option<i64> {
        let step = source.saturating_sub(self.last_source?);
        (step > self.jump || step < -self.repair).then_some(step)
    }

    /// The last decode time that was given out.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// The last source time placed on this timeline.
    pub(super) fn last_source(&self) -> Option<i64> {
        self.last_source
    }

    /// Whether nothing was placed on this timeline yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.last_source.is_none()
    }

    /// A duration of the source in output ticks.
    pub(super) fn lasts(&self, duration: Duration) -> Option<i64> {
        self.to_output.scale(i64::try_from(duration.ticks()).ok()?, Rounding::Nearest)
    }

    /// `source` in ticks of 90 kHz on the output's timeline.
    pub(super) fn mpeg(&self, source: i64) -> Option<i64> {
        source_to_mpeg(source, self.source)?.checked_add(self.offset)
    }

    /// Where a sample belongs that goes on as the one before it does: nothing has to be done to its
    /// times. `None` for any other, which [`place`](Self::place) sees to.
    #[inline]
    pub(super) fn glance(&self, sample: &Sample) -> Option<Place> {
        let source = sample.decode_time.ticks();
        // A step back is more than any forward, seen without a sign.
        let step = source.wrapping_sub(self.last_source?).cast_unsigned();
        if step > self.jump.cast_unsigned() {
            return None;
        }
        let scaled = self.to_output.scale(source, Rounding::Nearest)?;
        let wanted = scaled.checked_add(self.offset_output).filter(|it| *it <= FARTHEST)?;
        let decode_time = match self.frame {
            Some(_) => self.expected.filter(|it| (wanted - it).abs() <= self.drift)?,
            None => Some(wanted).filter(|it| *it > self.last)?,
        };
        let composition_offset = match sample.composition_offset.ticks() {
            0 => 0,
            offset => i32::try_from(self.shown_after(scaled, source, offset)?).ok()?,
        };
        let mpeg = self.in_mpeg(decode_time).ok()?;
        Some(Place { decode_time, mpeg, composition_offset, change: None })
    }

    /// How long after `scaled`, which is `source` on the output's clock, a sample is shown.
    #[inline]
    fn shown_after(&self, scaled: i64, source: i64, offset: i64) -> Option<i64> {
        let exact = self.to_output.scale_exactly(offset);
        if exact.is_some() { exact } else { self.shown(source, offset)?.checked_sub(scaled) }
    }

    /// When a sample is shown, rounded by itself: not by as much as its decode time was.
    #[cold]
    fn shown(&self, source: i64, offset: i64) -> Option<i64> {
        self.to_output.scale(source.checked_add(offset)?, Rounding::Nearest)
    }

    /// Goes on behind a sample whose place was found by a [`glance`](Self::glance).
    #[inline]
    pub(super) fn go_on(&mut self, sample: &Sample, place: &Place) {
        self.last_source = Some(sample.decode_time.ticks());
        self.last = place.decode_time;
        if let Some(frame) = &mut self.frame {
            self.expected = Some(place.decode_time + frame.of(&sample.data));
            self.early = None;
        }
    }

    /// Gives the next sample of the track its place.
    pub(super) fn place(&mut self, sample: &Sample) -> Result<Place, OutOfRange> {
        let source = sample.decode_time.ticks();
        let scaled = self.to_output.scale(source, Rounding::Nearest).ok_or(OutOfRange)?;
        let wanted = scaled.checked_add(self.offset_output).ok_or(OutOfRange)?;
        let offset = match sample.composition_offset.ticks() {
            0 => 0,
            offset => self
                .shown_after(scaled, source, offset)
                .filter(|offset| i32::try_from(*offset).is_ok())
                .ok_or(OutOfRange)?,
        };
        if !(-FARTHEST..=FARTHEST).contains(&wanted) {
            return Err(OutOfRange);
        }
        let place = match &mut self.frame {
            Some(frame) => {
                let frame = frame.of(&sample.data);
                self.count(source, wanted, frame, offset)?
            }
            None => self.follow(wanted, offset)?,
        };
        self.last_source = Some(source);
        self.last = place.decode_time;
        Ok(place)
    }

    /// Pictures: the source's own times, moved only where they do not rise. The presentation time
    /// stays, unless that would put it before the decode time where the source did not.
    fn follow(&mut self, wanted: i64, offset: i64) -> Result<Place, OutOfRange> {
        let (decode_time, composition_offset, change) = if wanted <= self.last {
            let moved = self.last + 1;
            let rest = offset - (moved - wanted);
            let rest = if offset >= 0 { rest.max(0) } else { rest };
            (moved, rest, Some(Change::Repaired))
        } else {
            (wanted, offset, None)
        };
        let composition_offset = i32::try_from(composition_offset).unwrap_or(i32::MIN);
        Ok(Place { decode_time, mpeg: self.in_mpeg(decode_time)?, composition_offset, change })
    }

    /// Sound: frames follow each other without a gap, as long as the source stays near.
    fn count(
        &mut self,
        source: i64,
        wanted: i64,
        frame: i64,
        offset: i64,
    ) -> Result<Place, OutOfRange> {
        // Captures stamp several frames alike, at the time of the first: the last of these look
        // early, and the next ones do not.
        let early = self.expected.filter(|expected| expected - wanted > self.drift);
        self.early = early.map(|expected| self.early.unwrap_or(expected));
        let stays = early.zip(self.early).is_some_and(|(now, since)| {
            now - since < i64::from(self.output.hz()) / EARLY_PER_SECOND
        });
        let (decode_time, change) = match self.expected {
            Some(expected) if stays || (wanted - expected).abs() <= self.drift => (expected, None),
            Some(expected) => {
                let exact = self.exact(source)?;
                // Half a frame at least: what overlaps is taken back over several frames.
                let moved = exact.max(expected - frame / 2);
                (moved, Some(Change::Resync(moved - expected)))
            }
            None => (self.exact(source)?.max(self.last + 1), None),
        };
        let composition_offset = offset as i32;
        let mpeg = self.in_mpeg(decode_time)?;
        self.expected = Some(decode_time + frame);
        Ok(Place { decode_time, mpeg, composition_offset, change })
    }

    fn exact(&self, source: i64) -> Result<i64, OutOfRange> {
        scale_moved(source, self.source, self.offset, self.output).ok_or(OutOfRange)
    }

    /// A time of the output in ticks of 90 kHz. Slow clocks reach further than that one may.
    #[inline]
    fn in_mpeg(&self, output: i64) -> Result<i64, OutOfRange> {
        let mpeg = self.to_mpeg.scale(output, Rounding::Down).ok_or(OutOfRange)?;
        if mpeg <= FARTHEST { Ok(mpeg) } else { Err(OutOfRange) }
    }
}
