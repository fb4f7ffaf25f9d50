//! The packetised elementary stream packet (2.4.3.6): one access unit.

use super::adaptation::Adaptation;
use super::adts;
use super::annexb::Picture;
use super::packet::{BODY, Pid};
use super::pcr::wrapped;

/// Bytes up to and with `PES_packet_length`, which that does not count.
const LENGTH_END: usize = 6;
/// Bytes up to and with `PES_header_data_length`.
const FIXED: usize = 9;
/// Bytes of a time.
const TIME: usize = 5;

/// The header of a packet: 14 bytes, or 19 where decode and presentation time differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    bytes: [u8; FIXED + 2 * TIME],
    len: usize,
}

impl Header {
    /// For `payload` bytes. Times are 90 kHz ticks; a decode time that is not before the
    /// presentation time is left out.
    ///
    /// `PES_packet_length` is the length where it fits, else zero, which only video may have.
    pub(super) fn new(stream_id: u8, presentation: i64, decode: i64, payload: usize) -> Self {
        let both = decode < presentation;
        let times = if both { 2 * TIME } else { TIME };
        let length = u16::try_from(FIXED - LENGTH_END + times + payload).unwrap_or(0);
        let [high, low] = length.to_be_bytes();
        let mut bytes = [0; FIXED + 2 * TIME];
        bytes[..FIXED].copy_from_slice(&[
            0,
            0,
            1,
            stream_id,
            high,
            low,
            // '10', then data_alignment_indicator: the payload starts an access unit.
            0x84,
            // PTS_DTS_flags.
            if both { 0xC0 } else { 0x80 },
            times as u8,
        ]);
        bytes[FIXED..FIXED + TIME].copy_from_slice(&time(if both { 3 } else { 2 }, presentation));
        bytes[FIXED + TIME..].copy_from_slice(&time(1, decode));
        Self { bytes, len: FIXED + times }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A time behind its four-bit prefix, a marker after each of its three parts.
const fn time(prefix: u8, ticks: i64) -> [u8; TIME] {
    let time = wrapped(ticks);
    [
        prefix << 4 | (time >> 29) as u8 & 0x0E | 1,
        (time >> 22) as u8,
        (time >> 14) as u8 | 1,
        (time >> 7) as u8,
        (time << 1) as u8 | 1,
    ]
}

/// What a packet carries.
#[derive(Debug, Clone)]
pub(super) enum Payload<'a> {
    Picture(Picture<'a>),
    /// A frame, behind a header of its own where the coding has none.
    Sound {
        header: Option<[u8; adts::HEADER]>,
        frame: &'a [u8],
    },
    Tag(&'a [u8]),
}

impl Payload<'_> {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Picture(picture) => picture.len(),
            Self::Sound { header: None, frame } => frame.len(),
            Self::Sound { frame, .. } => adts::HEADER + frame.len(),
            Self::Tag(tag) => tag.len(),
        }
    }

    /// Hands out the bytes in order.
    pub(super) fn pieces(&self, mut put: impl FnMut(&[u8])) {
        match self {
            Self::Picture(picture) => picture.pieces(put),
            Self::Sound { header, frame } => {
                if let Some(header) = header {
                    put(header);
                }
                put(frame);
            }
            Self::Tag(tag) => put(tag),
        }
    }
}

/// A packet and what its first transport packet says beside it.
#[derive(Debug, Clone)]
pub(super) struct Pes<'a> {
    pub(super) pid: Pid,
    pub(super) adaptation: Adaptation,
    pub(super) header: Header,
    pub(super) payload: Payload<'a>,
}

impl Pes<'_> {
    /// Bytes, header and payload.
    pub(super) fn len(&self) -> usize {
        self.header.len + self.payload.len()
    }

    /// Transport packets it takes.
    pub(super) fn packets(&self) -> usize {
        (self.adaptation.len() + self.len()).div_ceil(BODY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: u8 = 0xE0;
    const AUDIO: u8 = 0xC0;

    #[test]
    fn one_time_byte_by_byte() {
        let header = Header::new(AUDIO, 0, 0, 100);
        // 126,000 = 0x1EC30: parts 0, 3 (0x0003), 0x6C30.
        let expected = [0, 0, 1, 0xC0, 0, 108, 0x84, 0x80, 5, 0x21, 0x00, 0x07, 0xD8, 0x61];
        assert_eq!(header.bytes(), expected);
    }

    #[test]
    fn two_times_byte_by_byte() {
        let header = Header::new(VIDEO, 3_003, 0, 100);
        let expected = [
            0, 0, 1, 0xE0, 0, 113, 0x84, 0xC0, 10, // fixed part
            0x31, 0x00, 0x07, 0xEF, 0xD7, // 129,003
            0x11, 0x00, 0x07, 0xD8, 0x61, // 126,000
        ];
        assert_eq!(header.bytes(), expected);
    }

    #[test]
    fn every_bit_of_a_time_has_its_place() {
        let top = (1 << 33) - 1 - 126_000;
        assert_eq!(time(2, top), [0x2F, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(time(2, top + 1), [0x21, 0x00, 0x01, 0x00, 0x01]);
        for bit in 0..33 {
            let written = time(0, (1 << bit) - 126_000);
            let ones: u32 = written.iter().map(|byte| byte.count_ones()).sum();
            assert_eq!(ones, 4, "bit {bit} and three markers");
        }
    }

    /// ISO/IEC 13818-1, 2.4.3.7: a decode time never follows its presentation time.
    #[test]
    fn a_decode_time_after_its_presentation_is_left_out() {
        assert_eq!(Header::new(VIDEO, 0, 1, 0).bytes(), Header::new(VIDEO, 0, 0, 0).bytes());
    }

    #[test]
    fn a_length_that_does_not_fit_is_zero() {
        let length = |payload| Header::new(VIDEO, 0, 0, payload).bytes()[4..6].to_vec();
        assert_eq!(length(65_527), [0xFF, 0xFF]);
        assert_eq!(length(65_528), [0, 0]);
    }
}
