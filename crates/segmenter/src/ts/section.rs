//! A program specific information section in a packet of its own (2.4.4.1).

use super::crc::crc32;
use super::packet::{self, HEADER, PACKET, PAYLOAD, Pid, UNIT_START};

/// Bytes of `table_id` to `section_length`, which `section_length` does not count.
const LENGTH_END: usize = 3;
/// Bytes of `CRC_32`.
const CRC: usize = 4;
/// Where a section starts: after `pointer_field`.
const START: usize = HEADER + 1;
/// The longest body that leaves room for everything else.
const LONGEST: usize = PACKET - START - LENGTH_END - CRC;

/// The packet that carries one section whole: `body` is what stands between `section_length` and
/// `CRC_32`. The tables here are a fraction of the 176 bytes that fit.
pub(super) fn packet(pid: Pid, counter: u8, table_id: u8, body: &[u8]) -> [u8; PACKET] {
    debug_assert!(body.len() <= LONGEST);
    let mut packet = [0xFF; PACKET];
    let (head, section) = packet.split_at_mut(START);
    head[..HEADER].copy_from_slice(&packet::header(pid, UNIT_START, PAYLOAD, counter));
    head[HEADER] = 0;
    // section_syntax_indicator, a zero, two reserved bits, then the length.
    let [high, low] = (0xB000 | (body.len() + CRC) as u16).to_be_bytes();
    let end = LENGTH_END + body.len();
    section[..LENGTH_END].copy_from_slice(&[table_id, high, low]);
    section[LENGTH_END..end].copy_from_slice(body);
    let crc = crc32(&section[..end]);
    section[end..end + CRC].copy_from_slice(&crc.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_section_fills_its_packet() {
        let packet = packet(Pid::PMT, 0, 2, &[0; LONGEST]);
        assert_eq!(usize::from(packet[7]), LONGEST + CRC);
        assert_eq!(crc32(&packet[START..]), 0);
    }
}
