//! What goes where: the one path that both measuring and writing take.

use airloom_media::Duration;

use super::adaptation::{Adaptation, Clock};
use super::counters::{Counter, Counters};
use super::packet::{PACKET, Pid};
use super::pcr::{PCR_INTERVAL, PCR_LEAD};
use super::pes::{Header, Pes};
use super::program::{Program, Streams};
use super::{AccessUnit, Error, Measured, Stream, stream_type};

/// What a layout is told to: one that writes, and one that does not care.
pub(super) trait Sink {
    /// The two tables, a packet each.
    fn tables(&mut self, pat: Counter, pmt: Counter, version: u8, streams: Streams);
    /// A packet with nothing but a clock.
    fn clock(&mut self, pid: Pid, counter: Counter, clock: Clock);
    /// An access unit, exactly [`Pes::packets`] packets.
    fn unit(&mut self, pes: &Pes<'_>, counter: Counter);
}

/// Counting needs no more than the layout does anyway.
#[derive(Debug)]
pub(super) struct Nothing;

impl Sink for Nothing {
    fn tables(&mut self, _: Counter, _: Counter, _: u8, _: Streams) {}
    fn clock(&mut self, _: Pid, _: Counter, _: Clock) {}
    fn unit(&mut self, _: &Pes<'_>, _: Counter) {}
}

/// Lays the units out as one segment.
pub(super) fn segment<'a>(
    program: &Program,
    units: impl Iterator<Item = AccessUnit<'a>>,
    counters: Counters,
    sink: &mut impl Sink,
) -> Result<Measured, Error> {
    let streams = program.streams();
    let mut layout = Layout {
        streams,
        fill: program.limits().pcr_fill,
        psi_interval: program.psi_interval(),
        counters,
        packets: 0,
        tables_at: None,
        sink,
    };
    layout.start();
    let limit = program.limits().segment;
    for (index, unit) in units.enumerate() {
        layout.unit(program, &unit, index)?;
        if layout.packets > limit / PACKET {
            return Err(Error::SegmentTooLong { unit: index, limit });
        }
    }
    Ok(Measured { counters: layout.counters, len: layout.packets * PACKET })
}

struct Layout<'s, S> {
    streams: Streams,
    fill: u32,
    psi_interval: Duration,
    counters: Counters,
    packets: usize,
    /// The decode time the tables were last written at, once a unit has told the time.
    tables_at: Option<i64>,
    sink: &'s mut S,
}

impl<S: Sink> Layout<'_, S> {
    fn start(&mut self) {
        let counters = &mut self.counters;
        if counters.streams.is_some_and(|before| before != self.streams) {
            counters.version = (counters.version + 1) & 0x1F;
        }
        counters.streams = Some(self.streams);
        self.tables();
    }

    fn unit(
        &mut self,
        program: &Program,
        unit: &AccessUnit<'_>,
        index: usize,
    ) -> Result<(), Error> {
        let Some((payload, random_access)) = program.payload(unit, index)? else { return Ok(()) };
        let decode = unit.decode_time.ticks();
        let (pid, stream_type) = match unit.stream {
            Stream::Video => (Pid::VIDEO, self.streams.video),
            Stream::Audio => (Pid::AUDIO, self.streams.audio),
            Stream::Metadata => (Pid::METADATA, None),
        };
        self.repeat_tables(decode);
        let carries_clock = pid == self.streams.pcr_pid();
        let clock = self.advance(decode, carries_clock);
        let adaptation = Adaptation { random_access: random_access && carries_clock, clock };
        let presentation = unit.presentation_time.ticks();
        // Nothing decodes a tag: it has the time it is for, and no other.
        let dts = if unit.stream == Stream::Metadata { presentation } else { decode };
        let stream_id = stream_type.map_or(stream_type::PRIVATE, |kind| kind.stream_id);
        let header = Header::new(stream_id, presentation, dts, payload.len());
        let pes = Pes { pid, adaptation, header, payload };
        let counter = match unit.stream {
            Stream::Video => &mut self.counters.video,
            Stream::Audio => &mut self.counters.audio,
            Stream::Metadata => &mut self.counters.metadata,
        };
        self.sink.unit(&pes, *counter);
        let packets = pes.packets();
        *counter = counter.advanced(packets);
        self.packets += packets;
        Ok(())
    }

    /// Brings the clock up to `decode` with packets of its own; returns the clock that the unit
    /// itself is to carry, if it can.
    ///
    /// The clock never steps back. It is told at most [`PCR_INTERVAL`] apart while a gap is
    /// within the limit of filling packets, and else takes one marked step: forward over a
    /// longer gap, or back to a unit that would be decoded before the clock of the stream.
    fn advance(&mut self, decode: i64, carried: bool) -> Option<Clock> {
        let Some(mut last) = self.counters.clock else {
            return self.tell(Clock { ticks: decode, discontinuity: false }, carried);
        };
        let gap = decode.saturating_sub(last);
        let fills = gap.saturating_sub(1) / PCR_INTERVAL.ticks() as i64;
        if gap < -(PCR_LEAD.ticks() as i64) || fills > i64::from(self.fill) {
            return self.tell(Clock { ticks: decode, discontinuity: true }, carried);
        }
        for _ in 0..fills {
            last += PCR_INTERVAL.ticks() as i64;
            self.tell(Clock { ticks: last, discontinuity: false }, false);
        }
        if carried && decode > last {
            return self.tell(Clock { ticks: decode, discontinuity: false }, true);
        }
        None
    }

    /// Sets the clock; told here and now, unless it is `carried` by the unit that follows.
    fn tell(&mut self, clock: Clock, carried: bool) -> Option<Clock> {
        self.counters.clock = Some(clock.ticks);
        if carried {
            return Some(clock);
        }
        let pid = self.streams.pcr_pid();
        let counter = match self.streams.video {
            Some(_) => self.counters.video,
            None => self.counters.audio,
        };
        self.sink.clock(pid, counter, clock);
        self.packets += 1;
        None
    }

    fn repeat_tables(&mut self, decode: i64) {
        if let Some(at) = self.tables_at {
            if decode.saturating_sub(at).unsigned_abs() < self.psi_interval.ticks() {
                return;
            }
            self.tables();
        }
        self.tables_at = Some(decode);
    }

    fn tables(&mut self) {
        let counters = &mut self.counters;
        self.sink.tables(counters.pat, counters.pmt, counters.version, self.streams);
        counters.pat = counters.pat.advanced(1);
        counters.pmt = counters.pmt.advanced(1);
        self.packets += 2;
    }
}
