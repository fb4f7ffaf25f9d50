//! What goes in front of a part beside its media: event messages and the time of production.

use std::time::Duration;

use airloom_media::Rounding;
use bytes::Bytes;

use super::Lane;
use crate::EventMessage;
use crate::mp4::{self, Subsegment};
use crate::segmenter::policy::Policy;

/// What waits for the next part, and what the open segment has had.
#[derive(Debug, Default)]
pub(super) struct Asides {
    /// Messages and when they happen, in ticks of 90 kHz.
    messages: Vec<(i64, EventMessage)>,
    /// A point of the output, in ticks of 90 kHz, and when it was produced, since 1970.
    produced: Option<(i64, Duration)>,
    /// ID3 tags of the open segment and when they are for, in ticks of 90 kHz.
    pub(super) tags: Vec<(i64, Bytes)>,
}

impl Lane {
    /// Puts a message in front of the next part.
    pub(in crate::segmenter) fn message(&mut self, mpeg: i64, message: EventMessage) {
        self.asides.messages.push((mpeg, message));
    }

    /// Bytes of messages that wait.
    pub(in crate::segmenter) fn waiting_bytes(&self) -> usize {
        self.asides.messages.iter().map(|(_, message)| message.data.len()).sum()
    }

    /// Says when a point of the output was produced; parts tell from now on.
    pub(in crate::segmenter) fn produced(&mut self, mpeg: i64, wall: Duration) {
        self.asides.produced = Some((mpeg, wall));
    }

    /// Puts what waits in front of the `moof` of a part's header. The part starts at `start`.
    pub(super) fn add_asides(&mut self, header: &mut Vec<u8>, start: i64, policy: &Policy) {
        let idle = self.asides.messages.is_empty() && self.asides.produced.is_none();
        if idle && !policy.sidx {
            return;
        }
        let mut boxes = Vec::new();
        if let Some((mpeg, wall)) = self.asides.produced {
            let since = self.to_mpeg(start).saturating_sub(mpeg);
            let distance = Duration::from_nanos(since.unsigned_abs().saturating_mul(100_000) / 9);
            let wall = if since < 0 {
                wall.saturating_sub(distance)
            } else {
                wall.saturating_add(distance)
            };
            mp4::prft(&mut boxes, self.number, wall, start.max(0).unsigned_abs());
        }
        for (mpeg, message) in std::mem::take(&mut self.asides.messages) {
            let scale = |ticks| self.from_mpeg.scale(ticks, Rounding::Nearest).unwrap_or(0);
            let duration = message.duration.and_then(|duration| {
                let ticks = duration.rescale(self.source, self.output, Rounding::Nearest)?.ticks();
                u32::try_from(ticks).ok()
            });
            let time = scale(mpeg).max(0).unsigned_abs();
            mp4::emsg(&mut boxes, self.output.hz(), time, duration, &message);
            if message.scheme == EventMessage::ID3 {
                self.asides.tags.push((mpeg, message.data));
            }
        }
        if policy.sidx {
            let size = header.len() - self.styp() + self.part.bytes;
            mp4::sidx(&mut boxes, &self.subsegment(start, size));
        }
        let moof = self.styp().min(header.len());
        header.splice(moof..moof, boxes);
    }

    /// Bytes of the `styp` that the next header starts with.
    fn styp(&self) -> usize {
        if self.segment.parts.is_empty() { mp4::STYP } else { 0 }
    }

    /// What a segment index says of the part that is complete, whose `moof` and `mdat` have `size`
    /// bytes.
    fn subsegment(&self, start: i64, size: usize) -> Subsegment {
        let mut time = start;
        let shown = self.part.samples.iter().map(|sample| {
            let shown = time.saturating_add(sample.composition_offset.into());
            time = time.saturating_add(sample.duration.into());
            shown
        });
        let earliest = shown.min().unwrap_or(start);
        let first = self.part.samples.first().filter(|first| first.sync);
        let sap_type = first.map(|first| {
            let leading = start.saturating_add(first.composition_offset.into()) > earliest;
            mp4::sap_type(&self.codec, leading)
        });
        Subsegment {
            track_id: self.number,
            timescale: self.output.hz(),
            earliest_presentation_time: earliest.max(0).unsigned_abs(),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            duration: u32::try_from(self.part.duration).unwrap_or(u32::MAX),
            sap_type,
        }
    }

    fn to_mpeg(&self, output: i64) -> i64 {
        crate::segmenter::ratio::Ratio::new(self.output, airloom_media::Timescale::MPEG)
            .scale(output, Rounding::Nearest)
            .unwrap_or(output)
    }
}
