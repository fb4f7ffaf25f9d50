//! The glue that libraries without a notion of codecs need: FLV's samples as elementary streams.

use bytes::{BufMut, Bytes};

use crate::input::{Kind, Tag};

const START_CODE: &[u8] = &[0, 0, 0, 1];
const ACCESS_UNIT_DELIMITER: &[u8] = &[0, 0, 0, 1, 9, 0xF0];

/// Writes access units from samples and what the sequence headers said.
#[derive(Debug, Default)]
pub struct Elementary {
    /// Parameter sets with start codes.
    parameter_sets: Vec<u8>,
    /// `AudioSpecificConfig`.
    audio: Bytes,
}

impl Elementary {
    /// Takes a sequence header.
    pub fn configure(&mut self, tag: &Tag) {
        let payload = tag.payload();
        if tag.kind == Kind::Audio {
            self.audio = payload;
            return;
        }
        self.parameter_sets.clear();
        let mut at = 5;
        for mask in [0x1F, 0xFF] {
            let count = payload[at] & mask;
            at += 1;
            for _ in 0..count {
                let size = usize::from(u16::from_be_bytes([payload[at], payload[at + 1]]));
                self.parameter_sets.extend_from_slice(START_CODE);
                self.parameter_sets.extend_from_slice(&payload[at + 2..at + 2 + size]);
                at += 2 + size;
            }
        }
    }

    /// Appends a sample as an access unit: Annex B with a delimiter, or ADTS.
    pub fn write(&self, tag: &Tag, out: &mut impl BufMut) {
        let payload = &tag.body[if tag.kind == Kind::Video { 5 } else { 2 }..];
        if tag.kind == Kind::Audio {
            out.put_slice(&self.adts(payload.len()));
            out.put_slice(payload);
            return;
        }
        out.put_slice(ACCESS_UNIT_DELIMITER);
        if tag.is_key() {
            out.put_slice(&self.parameter_sets);
        }
        let mut rest = payload;
        while let Some((length, units)) = rest.split_first_chunk() {
            let (unit, next) = units.split_at(u32::from_be_bytes(*length) as usize);
            out.put_slice(START_CODE);
            out.put_slice(unit);
            rest = next;
        }
    }

    /// Bytes that [`write`](Self::write) appends at most.
    pub fn size_hint(&self, tag: &Tag) -> usize {
        tag.body.len() + self.parameter_sets.len() + 16
    }

    /// ISO/IEC 13818-7, 6.2: without a checksum.
    fn adts(&self, payload: usize) -> [u8; 7] {
        let (a, b) = (self.audio[0], self.audio[1]);
        let (object_type, frequency) = (a >> 3, (a & 7) << 1 | b >> 7);
        let channels = b >> 3 & 15;
        let length = payload + 7;
        [
            0xFF,
            0xF1,
            (object_type - 1) << 6 | frequency << 2 | channels >> 2,
            channels << 6 | (length >> 11) as u8,
            (length >> 3) as u8,
            (length << 5) as u8 | 0x1F,
            0xFC,
        ]
    }
}
