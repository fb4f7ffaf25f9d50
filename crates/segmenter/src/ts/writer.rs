use bytes::Bytes;

use super::adaptation::{Adaptation, Clock};
use super::counters::Counter;
use super::layout::Sink;
use super::packet::{self, ADAPTATION, BODY, PAYLOAD, Pid, UNIT_START};
use super::pes::Pes;
use super::program::Streams;
use super::{pat, pmt};

/// Writes a segment into one buffer that is taken once, at its measured size.
#[derive(Debug)]
pub(super) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn new(len: usize) -> Self {
        Self { out: Vec::with_capacity(len) }
    }

    pub(super) fn finish(self) -> Bytes {
        Bytes::from(self.out)
    }
}

impl Sink for Writer {
    fn tables(&mut self, pat: Counter, pmt: Counter, version: u8, streams: Streams) {
        self.out.extend_from_slice(&pat::packet(pat.next()));
        self.out.extend_from_slice(&pmt::packet(pmt.next(), version, streams));
    }

    fn clock(&mut self, pid: Pid, counter: Counter, clock: Clock) {
        self.out.extend_from_slice(&packet::header(pid, 0, ADAPTATION, counter.last()));
        let adaptation = Adaptation { random_access: false, clock: Some(clock) };
        adaptation.write(BODY, &mut self.out);
    }

    fn unit(&mut self, pes: &Pes<'_>, counter: Counter) {
        let mut packets =
            Packets { out: &mut self.out, pid: pes.pid, counter, left: pes.len(), room: 0 };
        packets.open(UNIT_START, pes.adaptation);
        packets.put(pes.header.bytes());
        pes.payload.pieces(|piece| packets.put(piece));
    }
}

/// Cuts a PES packet into transport packets.
struct Packets<'o> {
    out: &'o mut Vec<u8>,
    pid: Pid,
    counter: Counter,
    /// Bytes of the PES packet still to come.
    left: usize,
    /// Bytes of payload that the open packet still takes.
    room: usize,
}

impl Packets<'_> {
    /// Starts a packet; one that the rest does not fill gets its stuffing here, in front.
    fn open(&mut self, start: u8, adaptation: Adaptation) {
        let said = adaptation.len();
        let field = said.max(BODY.saturating_sub(self.left));
        let control = if field == 0 { PAYLOAD } else { PAYLOAD | ADAPTATION };
        self.out.extend_from_slice(&packet::header(self.pid, start, control, self.counter.next()));
        adaptation.write(field, self.out);
        self.counter = self.counter.advanced(1);
        self.room = BODY - field;
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.room == 0 {
                while let Some((body, rest)) = bytes.split_first_chunk::<BODY>() {
                    let header = packet::header(self.pid, 0, PAYLOAD, self.counter.next());
                    self.out.extend_from_slice(&header);
                    self.out.extend_from_slice(body);
                    self.counter = self.counter.advanced(1);
                    self.left -= BODY;
                    bytes = rest;
                }
                if bytes.is_empty() {
                    return;
                }
                self.open(0, Adaptation::default());
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.room));
            self.out.extend_from_slice(now);
            self.room -= now.len();
            self.left -= now.len();
            bytes = later;
        }
    }
}
