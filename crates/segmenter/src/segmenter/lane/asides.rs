//! What goes in front of a part beside its media: event messages and the time of production.

use std::time::Duration;

use airloom_media::{Rounding, Timestamp};
use bytes::Bytes;

use super::Lane;
use crate::EventMessage;
use crate::mp4::{self, Subsegment};
use crate::segmenter::clock::Clock;
use crate::segmenter::policy::Policy;

/// What waits for the next part, and what the open segment has had.
#[derive(Debug, Default)]
pub(super) struct Asides {
    /// Messages and when they happen, in ticks of 90 kHz.
    messages: Vec<(i64, EventMessage)>,
    /// A point of the output, in ticks of 90 kHz, and when it was produced, since 1970.
    produced: Option<(i64, Duration)>,
    /// ID3 tags of the open segment and when they are for, in ticks of 90 kHz.
    tags: Vec<(i64, Bytes)>,
    /// What came while the track's place on the output's timeline was not known, if anything did.
    early: Option<Box<Early>>,
    /// What the messages and tags of all of these cost.
    bytes: usize,
}

/// By the source's times.
#[derive(Debug, Default)]
struct Early {
    messages: Vec<EventMessage>,
    produced: Option<(Timestamp, Duration)>,
}

impl Asides {
    /// The ID3 tags of a segment that ends.
    pub(super) fn take_tags(&mut self) -> Vec<(i64, Bytes)> {
        let tags = std::mem::take(&mut self.tags);
        self.bytes -= tags.iter().map(|(_, tag)| EventMessage::cost_of_tag(tag)).sum::<usize>();
        tags
    }
}

impl Lane {
    /// Takes a message in; it goes in front of the next part once it is [placed](Self::place_early).
    pub(in crate::segmenter) fn message(&mut self, message: EventMessage) {
        self.asides.bytes += message.cost();
        self.asides.early.get_or_insert_default().messages.push(message);
    }

    /// Bytes of messages that wait for a part, and of tags for the end of their segment.
    pub(in crate::segmenter) fn waiting_bytes(&self) -> usize {
        self.asides.bytes
    }

    /// Says when a point of the source was produced; parts tell once that is
    /// [placed](Self::place_early).
    pub(in crate::segmenter) fn produced(&mut self, time: Timestamp, wall: Duration) {
        self.asides.early.get_or_insert_default().produced = Some((time, wall));
    }

    /// A timeline ends: what is produced from now on is not as much later as its place in the
    /// output says.
    pub(in crate::segmenter) fn forget_produced(&mut self) {
        self.asides.produced = None;
    }

    /// Whether anything waits for its place on the output's timeline.
    #[inline]
    pub(in crate::segmenter) fn has_early(&self) -> bool {
        self.asides.early.is_some()
    }

    /// Gives what came by the source's times its place, now that `clock` knows it.
    #[cold]
    pub(in crate::segmenter) fn place_early(&mut self, clock: &Clock) {
        let Some(early) = self.asides.early.take() else { return };
        let Early { messages, produced } = *early;
        for message in messages {
            match clock.mpeg(message.time.ticks()) {
                Some(mpeg) => self.asides.messages.push((mpeg, message)),
                // Looked at when it came; only another clock since then can put it out of range.
                None => self.asides.bytes -= message.cost(),
            }
        }
        if let Some((time, wall)) = produced
            && let Some(mpeg) = clock.mpeg(time.ticks())
        {
            self.asides.produced = Some((mpeg, wall));
        }
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
            self.asides.bytes -= message.cost();
            if policy.ts && message.scheme == EventMessage::ID3 {
                self.asides.bytes += EventMessage::cost_of_tag(&message.data);
                self.asides.tags.push((mpeg, message.data));
            }
        }
        let moof = self.styp(policy).min(header.len());
        let mut front = Vec::new();
        if policy.sidx {
            // The index comes first (ISO/IEC 14496-12, 8.16.5.1 has `prft` follow it), and what
            // stands behind it belongs to what it is of.
            let size = boxes.len() + header.len() - moof + self.part.bytes;
            mp4::sidx(&mut front, &self.subsegment(start, size));
        }
        front.append(&mut boxes);
        header.splice(moof..moof, front);
    }

    /// Bytes of the `styp` that the next header starts with.
    fn styp(&self, policy: &Policy) -> usize {
        if policy.styp && self.segment.parts.is_empty() { mp4::STYP } else { 0 }
    }

    /// What a segment index says of the part that is complete, which has `size` bytes behind the
    /// index.
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
