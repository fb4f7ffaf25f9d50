//! The part that is filling up.

use airloom_media::{Duration, Timestamp};

use super::{Lane, Sink, Timed};
use crate::mp4::{self, Fragment, Stated};
use crate::{Output, Part};

impl Lane {
    #[expect(
        clippy::inline_always,
        reason = "a sample is moved once, not once a call: 5 % of all it costs"
    )]
    #[inline(always)]
    pub(super) fn push(&mut self, timed: Timed, duration: i64, sink: &mut Sink<'_>) {
        if self.part.duration + duration > self.part_target.unwrap_or(i64::MAX) {
            self.close_part(sink);
        }
        if self.part.samples.is_empty() {
            self.part.start = timed.decode_time;
        }
        self.part.duration += duration;
        self.part.bytes += timed.data.len();
        // The policy's bounds keep both in 32 bits.
        self.part.samples.push(Stated {
            duration: duration as u32,
            size: timed.data.len() as u32,
            composition_offset: timed.composition_offset,
            sync: timed.sync,
        });
        self.part.payload.push(timed.data);
        // The next one is taken to be as short as this one or the rule, whichever is less: a rule that
        // is no longer true must not close parts too early.
        if self.part.duration + duration.min(self.frame) > self.full {
            self.close_part(sink);
        }
    }

    pub(super) fn close_part(&mut self, sink: &mut Sink<'_>) {
        let Some(first) = self.part.samples.first() else { return };
        let (start, independent) = (self.part.start, first.sync);
        self.fragments = self.fragments.wrapping_add(1);
        let mut header = self.headers.begin();
        mp4::chunk_header(
            &mut header,
            &Fragment {
                track_id: self.number,
                number: self.fragments,
                base_media_decode_time: start.max(0).unsigned_abs(),
                samples: &self.part.samples,
                starts_segment: sink.policy.styp && self.segment.parts.is_empty(),
            },
            u32::try_from(self.part.bytes).unwrap_or(u32::MAX),
        );
        self.add_asides(&mut header, start, sink.policy);
        let header = self.headers.keep(header);
        let size = header.len() + self.part.bytes;
        let open = sink.schedule.segment(self.segment.sequence);
        let part = Part {
            track: self.id,
            sequence: self.segment.sequence,
            index: self.segment.parts.len() as u32,
            init: self.init,
            discontinuity: open.is_some_and(|open| open.discontinuity),
            start: Timestamp::new(start),
            duration: Duration::new(self.part.duration.unsigned_abs()),
            independent,
            header,
            payload: self.part.payload.drain(..).collect(),
            size,
        };
        self.part.samples.clear();
        self.part.duration = 0;
        self.part.bytes = 0;
        self.segment.size += size;
        if sink.policy.part.is_some() {
            sink.outputs.push_back(Output::Part(part.clone()));
        }
        self.segment.parts.push(part);
    }
}
