//! An independent look at what was written.

use std::collections::HashMap;

use mpeg2ts::ts::payload::Pmt;
use mpeg2ts::ts::{ReadTsPacket, TsPacketReader, TsPayload};

pub(crate) const VIDEO: u16 = 0x100;
pub(crate) const AUDIO: u16 = 0x101;
pub(crate) const METADATA: u16 = 0x102;

/// What a segment holds, in the order of its packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Pat,
    Pmt { version: u8, pcr_pid: u16, streams: Vec<(u8, u16)> },
    Pcr { pid: u16, base: u64, discontinuity: bool, alone: bool },
    Unit(Unit),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) pid: u16,
    pub(crate) stream_id: u8,
    pub(crate) pts: u64,
    pub(crate) dts: Option<u64>,
    pub(crate) random_access: bool,
    pub(crate) data: Vec<u8>,
    declared: usize,
}

impl Event {
    pub(crate) fn unit(&self) -> Option<&Unit> {
        if let Self::Unit(unit) = self { Some(unit) } else { None }
    }
}

fn pmt(pmt: &Pmt) -> Event {
    Event::Pmt {
        version: pmt.version_number.as_u8(),
        pcr_pid: pmt.pcr_pid.unwrap().as_u16(),
        streams: pmt
            .es_info
            .iter()
            .map(|es| (es.stream_type as u8, es.elementary_pid.as_u16()))
            .collect(),
    }
}

/// Reads whole segments one after the other, keeping continuity over their borders.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    counters: HashMap<u16, u8>,
    midway: bool,
}

impl Reader {
    /// One that joins a stream under way.
    #[allow(dead_code, reason = "for tests of more than MPEG-TS")]
    pub(crate) fn midway() -> Self {
        Self { midway: true, ..Self::default() }
    }

    /// All that `segment` holds; panics where it breaks a rule.
    pub(crate) fn read(&mut self, segment: &[u8]) -> Vec<Event> {
        assert_eq!(segment.len() % 188, 0);
        let mut events: Vec<Event> = Vec::new();
        // Where in `events` the unit of a PID is that still grows.
        let mut open: HashMap<u16, usize> = HashMap::new();
        let mut packets = TsPacketReader::new(segment);
        while let Some(packet) = packets.read_ts_packet().expect("a packet") {
            let pid = packet.header.pid.as_u16();
            self.count(pid, packet.header.continuity_counter.as_u8(), packet.payload.is_some());
            let field = packet.adaptation_field.as_ref();
            if let Some(pcr) = field.and_then(|field| field.pcr) {
                // Six reserved bits lie between base and extension; the reader leaves them out.
                assert_eq!(pcr.as_u64() % 300, 0, "no extension");
                events.push(Event::Pcr {
                    pid,
                    base: pcr.as_u64() / 300,
                    discontinuity: field.is_some_and(|field| field.discontinuity_indicator),
                    alone: packet.payload.is_none(),
                });
            }
            match packet.payload {
                Some(TsPayload::Pat(pat)) => {
                    assert_eq!(pat.table.len(), 1);
                    assert_eq!(pat.table[0].program_num, 1);
                    events.push(Event::Pat);
                }
                Some(TsPayload::Pmt(table)) => events.push(pmt(&table)),
                Some(TsPayload::PesStart(pes)) => {
                    assert!(pes.header.data_alignment_indicator);
                    let times = if pes.header.dts.is_some() { 10 } else { 5 };
                    open.insert(pid, events.len());
                    events.push(Event::Unit(Unit {
                        pid,
                        stream_id: pes.header.stream_id.as_u8(),
                        pts: pes.header.pts.expect("a PTS").as_u64(),
                        dts: pes.header.dts.map(|dts| dts.as_u64()),
                        random_access: field.is_some_and(|field| field.random_access_indicator),
                        data: pes.data.to_vec(),
                        declared: usize::from(pes.pes_packet_len.saturating_sub(3 + times)),
                    }));
                }
                Some(TsPayload::PesContinuation(more)) => {
                    let Some(Event::Unit(unit)) = open.get(&pid).and_then(|&at| events.get_mut(at))
                    else {
                        panic!("a continuation on {pid:#x} without a start");
                    };
                    unit.data.extend_from_slice(&more);
                }
                Some(other) => panic!("{other:?}"),
                None => assert!(field.is_some_and(|field| field.pcr.is_some())),
            }
        }
        for unit in events.iter().filter_map(Event::unit) {
            if unit.declared == 0 {
                assert!(unit.pid == VIDEO && unit.data.len() > 65_000);
            } else {
                assert_eq!(unit.data.len(), unit.declared, "PES_packet_length");
            }
        }
        events
    }

    fn count(&mut self, pid: u16, counter: u8, payload: bool) {
        // A PID starts at zero, so before its first payload it stands at fifteen.
        let start = if self.midway { counter.wrapping_sub(payload.into()) & 15 } else { 15 };
        let last = self.counters.get(&pid).copied().unwrap_or(start);
        let expected = if payload { (last + 1) % 16 } else { last };
        assert_eq!(counter, expected, "continuity of {pid:#x}");
        self.counters.insert(pid, counter);
    }
}
