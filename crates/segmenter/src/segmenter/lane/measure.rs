//! How long frames last, and from that the part target.

use airloom_media::{Codec, Duration, Kind, Rounding};

use super::{Lane, Sink};
use crate::mp4::{self, Presentation};
use crate::part_target::{Frames, UNEVEN, part_target, whole_frames};
use crate::segmenter::ratio::Ratio;
use crate::{Init, Output};

/// Without parts there is no target to measure frames over; this long is enough.
const MEASURED: std::time::Duration = std::time::Duration::from_millis(200);

/// Fewer frames than these say little about their rule.
const FEWEST: usize = 3;
/// And fewer steps than these whether they keep to it.
const FEWEST_STEPS: i128 = 4;

/// What may be stated of a picture's length, in ticks of 90 kHz: a thousandth of a second to ten
/// seconds.
const CREDIBLE: std::ops::RangeInclusive<u64> = 90..=900_000;

impl Lane {
    /// Settles the part target as soon as there is enough to measure.
    #[cold]
    pub(super) fn measure(&mut self, sink: &mut Sink<'_>) {
        let enough = match self.codec.kind() {
            Kind::Audio => true,
            // A first picture that lasts long must not pass for the rule.
            _ if self.part_target.is_some() => {
                self.measuring.len() >= FEWEST.min(sink.policy.limits.segment_samples)
            }
            _ => {
                let wanted = sink.policy.part.unwrap_or(MEASURED);
                let wanted = Duration::from_std(wanted, self.output).ticks() as i64;
                let limit = sink.policy.limits.segment_samples.min(1024);
                let span = self.segment.duration;
                (span >= wanted && self.measuring.len() >= FEWEST) || self.measuring.len() >= limit
            }
        };
        if enough {
            self.settle(sink);
        }
    }

    /// Announces the track and passes on what waited for that.
    pub(super) fn settle(&mut self, sink: &mut Sink<'_>) {
        if self.announced || self.measuring.is_empty() {
            return;
        }
        let frames = self.frames();
        self.frame = Duration::new(frames.ticks)
            .rescale(frames.timescale, self.output, Rounding::Nearest)
            .map_or(self.frame, |ticks| (ticks.ticks() / frames.count) as i64)
            .clamp(1, i64::from(self.output.hz()));
        if let Some(part) = sink.policy.part {
            let target = self.part_target.unwrap_or_else(|| {
                let target = match self.codec.kind() {
                    Kind::Audio => whole_frames(part, frames, self.output, self.output),
                    _ if self.is_even(frames) => {
                        whole_frames(part, frames, self.source, self.output)
                    }
                    _ => part_target(part, frames, self.source, self.output),
                };
                target as i64
            });
            self.part_target = Some(target);
            // A sample may be shorter than the rule by its source's rounding and still fit.
            self.full = target.saturating_add(self.jitter().min(self.frame - 1));
        }
        let presentation = Presentation {
            track_id: self.number,
            timescale: self.output,
            codec: &self.codec,
            bit_rate: self.bit_rate,
        };
        if let Some(data) = mp4::init(presentation) {
            sink.outputs.push_back(Output::Init(Init {
                track: self.id,
                id: self.init,
                number: self.number,
                codec: Codec::clone(&self.codec),
                timescale: self.output,
                data,
                part_target: Duration::new(self.part_target.unwrap_or(0).unsigned_abs()),
                frame_duration: Duration::new(self.frame.unsigned_abs()),
                presentation_delay: self.presentation_delay(),
                bit_rate: self.bit_rate,
            }));
        }
        self.announced = true;
        self.known = true;
        for (timed, duration) in std::mem::take(&mut self.measuring) {
            self.push(timed, duration, sink);
        }
    }

    /// From the first decode time to the earliest presentation time of what was measured.
    fn presentation_delay(&self) -> Duration {
        let shown = self.measuring.iter().map(|(timed, _)| {
            timed.decode_time.saturating_add(i64::from(timed.composition_offset))
        });
        let first = self.measuring.first().map_or(0, |(timed, _)| timed.decode_time);
        let delay = shown.min().unwrap_or(first).saturating_sub(first);
        Duration::new(u64::try_from(delay).unwrap_or(0))
    }

    /// Whether the pictures that were measured come as their rule says, but for being rounded to
    /// the source's clock: then those that follow do, and parts need no room.
    fn is_even(&self, frames: Frames) -> bool {
        let times = || self.measuring.iter().map(|(timed, _)| i128::from(timed.decode_time));
        let steps = self.measuring.len().saturating_sub(1) as i128;
        let (Some(first), Some(last)) = (times().next(), times().next_back()) else { return true };
        // A frame is `ticks / per` ticks of the output.
        // A rate that is measured is that of a few steps, which make little of what is off.
        let stated = frames.timescale != self.output;
        if !stated && steps < FEWEST_STEPS {
            return false;
        }
        let (ticks, per) = if stated {
            let ticks = i128::from(frames.ticks) * i128::from(self.output.hz());
            (ticks, i128::from(frames.count.max(1)) * i128::from(frames.timescale.hz()))
        } else {
            (last - first, steps)
        };
        let tick = Ratio::new(self.source, self.output).scale(1, Rounding::Up).unwrap_or(1);
        let off = || times().enumerate().map(|(n, time)| (time - first) * per - n as i128 * ticks);
        off()
            .max()
            .zip(off().min())
            .is_none_or(|(most, least)| most - least <= i128::from(tick) * per)
    }

    /// How long frames last: what the parameter sets say where the samples bear it out, else what
    /// the samples say.
    fn frames(&self) -> Frames {
        if let Some(sound) = self.codec.sound() {
            // Where frames may differ, those that follow are taken to be like the first: like what
            // is in it, not like the time until the second.
            let first = self.measuring.first();
            let first = first.and_then(|(timed, _)| self.codec.frame_samples(&timed.data));
            let usual = self.frame.max(1).unsigned_abs();
            let ticks = sound.frame_length.or(first).map_or(usual, u64::from).max(1);
            return Frames { ticks, count: 1, timescale: self.output };
        }
        let stated = self.codec.picture().and_then(|picture| picture.frame_duration);
        // One tick of the source, and what is shorter was repaired and says nothing.
        let tick = Ratio::new(self.source, self.output).scale(1, Rounding::Up).unwrap_or(1);
        let tick = tick.unsigned_abs();
        let durations = self.measuring.iter().map(|(_, duration)| duration.unsigned_abs());
        let mut durations: Vec<_> = durations.filter(|duration| *duration >= tick).collect();
        durations.sort_unstable();
        let median = durations.get(durations.len() / 2).copied();
        let median = median.unwrap_or(0);
        let (mut ticks, mut count) = (0, 0);
        for duration in durations {
            if (median / 2..=median * 2).contains(&duration) {
                (ticks, count) = (ticks + duration, count + 1);
            }
        }
        // A pause at the start is not a rate.
        let (ticks, count) = match count {
            0 => (self.frame.unsigned_abs(), 1),
            1 | 2 => (ticks.min(u64::from(self.output.hz()) * count), count),
            _ => (ticks, count),
        };
        let measured = ticks / count;
        if let Some((stated, timescale)) = stated
            && let Some(frame) =
                Duration::new(stated).rescale(timescale, self.output, Rounding::Nearest)
            && CREDIBLE.contains(&frame.ticks())
        {
            let frame = frame.ticks();
            // A pause makes a picture last longer than the rule; nothing makes it much shorter.
            let unrefuted = count < FEWEST as u64 && frame <= 2 * measured;
            let uneven = Duration::from_std(UNEVEN, self.output).ticks();
            let tolerance = frame / 200 + uneven.max(tick) / count;
            if unrefuted || frame.abs_diff(measured) <= tolerance {
                return Frames { ticks: stated, count: 1, timescale };
            }
        }
        // What was measured may be short by one tick of the source.
        Frames { ticks: ticks + tick, count, timescale: self.output }
    }
}
