//! A reader of MPEG-TS of its own (ISO/IEC 13818-1): what demuxers are lenient about is looked at
//! here.

use std::collections::BTreeMap;

/// Packets of 188 bytes.
const PACKET: usize = 188;
/// `program_map_PID` is the stream's own; that of PAT is not.
const PAT: u16 = 0;

/// What a stream holds, by its PIDs.
#[derive(Debug, Default)]
pub struct Transport {
    /// What the last PMT declares: `stream_type` and descriptors by PID.
    pub declared: BTreeMap<u16, (u8, Vec<u8>)>,
    /// The PID whose packets tell the clock.
    pub clock: u16,
    /// Each PCR in the order of the packets, of 27 MHz.
    pub clocks: Vec<u64>,
    /// PES packets of each PID in order.
    pub units: BTreeMap<u16, Vec<Unit>>,
    counters: BTreeMap<u16, u8>,
    tables: u16,
}

/// A PES packet.
#[derive(Debug, Default)]
pub struct Unit {
    /// `stream_id`.
    pub stream_id: u8,
    /// Of 90 kHz.
    pub pts: u64,
    /// Of 90 kHz; that of presentation where there is none.
    pub dts: u64,
    /// `random_access_indicator` of the packet it begins in.
    pub random_access: bool,
    /// The last PCR before its first byte, or in the same packet, of 27 MHz.
    pub clock: u64,
    /// What `PES_packet_length` leaves for the payload; zero where it says nothing.
    pub length: usize,
    /// The payload.
    pub data: Vec<u8>,
}

impl Unit {
    /// The NAL units of a byte stream (ISO/IEC 14496-10, annex B).
    pub fn nals(&self) -> Vec<&[u8]> {
        let data = &self.data[..];
        let code = |at: &usize| data[*at..].starts_with(&[0, 0, 1]);
        let starts: Vec<usize> = (0..data.len()).filter(code).map(|at| at + 3).collect();
        let ends = starts.iter().skip(1).map(|start| start - 3).chain([data.len()]);
        // Zero bytes behind a unit are the byte stream's.
        let whole = |start: usize, end: usize| {
            let last = data[start..end].iter().rposition(|byte| *byte != 0);
            &data[start..start + last.map_or(0, |last| last + 1)]
        };
        starts.iter().zip(ends).map(|(start, end)| whole(*start, end)).collect()
    }
}

impl Transport {
    /// Reads segments that follow each other; fails where one breaks a rule of packets.
    pub fn read<'s>(segments: impl IntoIterator<Item = &'s [u8]>) -> Self {
        let mut transport = Self::default();
        for segment in segments {
            assert_eq!(segment.len() % PACKET, 0, "whole packets");
            let pids: Vec<u16> = segment.chunks(PACKET).take(2).map(pid).collect();
            segment.chunks(PACKET).for_each(|packet| transport.packet(packet));
            assert_eq!(pids, [PAT, transport.tables], "a segment begins with PAT and PMT");
        }
        for unit in transport.units.values().flatten() {
            assert!(unit.length == 0 || unit.length == unit.data.len(), "PES_packet_length");
        }
        transport
    }

    /// The PID of that `stream_type`.
    pub fn pid(&self, stream_type: u8) -> u16 {
        let found = self.declared.iter().find(|(_, (kind, _))| *kind == stream_type);
        *found.unwrap_or_else(|| panic!("no {stream_type:#04x} in {:?}", self.declared)).0
    }

    fn packet(&mut self, packet: &[u8]) {
        assert_eq!(packet[0], 0x47, "sync_byte");
        assert_eq!(packet[1] & 0x80, 0, "transport_error_indicator");
        let (pid, starts) = (pid(packet), packet[1] & 0x40 != 0);
        let control = packet[3] >> 4;
        assert!(matches!(control, 1..=3), "neither scrambled nor reserved");
        self.count(pid, packet[3] & 0x0F, control & 1 != 0);
        let mut at = 4;
        let mut random_access = false;
        if control & 2 != 0 {
            let length = usize::from(packet[4]);
            at += 1 + length;
            if length > 0 {
                let flags = packet[5];
                assert_eq!(flags & 0x80, 0, "a discontinuity in a stream without one");
                random_access = flags & 0x40 != 0;
                if flags & 0x10 != 0 {
                    assert!(self.clock == 0 || self.clock == pid, "PCR_PID");
                    let base =
                        packet[6..11].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                    let extension = u64::from(packet[10] & 1) << 8 | u64::from(packet[11]);
                    self.clocks.push((base >> 7) * 300 + extension);
                }
            }
        }
        if control & 1 == 0 {
            return;
        }
        let body = &packet[at..];
        if pid == PAT {
            let section = section(body);
            self.tables = u16::from(section[10] & 0x1F) << 8 | u16::from(section[11]);
        } else if pid == self.tables {
            self.declare(section(body));
        } else if starts {
            let clock = *self.clocks.last().expect("a clock before the first unit");
            self.units.entry(pid).or_default().push(Unit { random_access, clock, ..pes(body) });
        } else {
            let unit = self.units.get_mut(&pid).and_then(|units| units.last_mut());
            unit.expect("a unit that goes on").data.extend_from_slice(body);
        }
    }

    /// 2.4.3.3: a packet with payload counts one on, one without does not.
    fn count(&mut self, pid: u16, counter: u8, payload: bool) {
        if let Some(last) = self.counters.insert(pid, counter) {
            assert_eq!(counter, (last + u8::from(payload)) & 0x0F, "continuity of {pid:#x}");
        }
    }

    /// `program_map_section` (2.4.4.8).
    fn declare(&mut self, section: &[u8]) {
        let u12 = |at: usize| usize::from(section[at] & 0x0F) << 8 | usize::from(section[at + 1]);
        self.clock = u16::from(section[8] & 0x1F) << 8 | u16::from(section[9]);
        self.declared.clear();
        let mut at = 12 + u12(10);
        while at + 4 < section.len() {
            let pid = u16::from(section[at + 1] & 0x1F) << 8 | u16::from(section[at + 2]);
            let end = at + 5 + u12(at + 3);
            self.declared.insert(pid, (section[at], section[at + 5..end].to_vec()));
            at = end;
        }
    }
}

fn pid(packet: &[u8]) -> u16 {
    u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2])
}

/// A section that fits a packet, without its CRC, which must be right.
fn section(body: &[u8]) -> &[u8] {
    let body = &body[1 + usize::from(body[0])..];
    let length = 3 + (usize::from(body[1] & 0x0F) << 8 | usize::from(body[2]));
    let (section, _) = body.split_at(length);
    let crc = section.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            crc << 1 ^ if crc & 1 << 31 == 0 { 0 } else { 0x04C1_1DB7 }
        })
    });
    assert_eq!(crc, 0, "CRC_32");
    &section[..length - 4]
}

/// A PES packet that begins (2.4.3.6).
fn pes(body: &[u8]) -> Unit {
    assert_eq!(body[..3], [0, 0, 1], "packet_start_code_prefix");
    let (flags, header) = (body[7] >> 6, usize::from(body[8]));
    assert!(flags >= 2, "a PTS");
    let time = |at: usize| {
        let field = &body[at..at + 5];
        assert!(field[0] & 1 == 1 && field[2] & 1 == 1 && field[4] & 1 == 1, "marker_bit");
        let fifteen = |at: usize| (u64::from(field[at]) << 8 | u64::from(field[at + 1])) >> 1;
        u64::from(field[0] >> 1 & 7) << 30 | fifteen(1) << 15 | fifteen(3)
    };
    let length = usize::from(body[4]) << 8 | usize::from(body[5]);
    Unit {
        stream_id: body[3],
        pts: time(9),
        dts: time(if flags == 3 { 14 } else { 9 }),
        length: length.saturating_sub(3 + header),
        data: body[9 + header..].to_vec(),
        ..Unit::default()
    }
}
