//! The program association table (2.4.4.3): one program, number 1.

use super::packet::{PACKET, Pid};
use super::section;

/// `program_number` of the one program, also in its PMT.
pub(super) const PROGRAM_NUMBER: u8 = 1;

/// The packet that carries the table; it never changes but for its counter.
pub(super) fn packet(counter: u8) -> [u8; PACKET] {
    let [high, low] = Pid::PMT.get().to_be_bytes();
    let body = [
        // transport_stream_id 1; version 0, current; section 0 of 0.
        0x00,
        0x01,
        0xC1,
        0x00,
        0x00,
        0x00,
        PROGRAM_NUMBER,
        0xE0 | high,
        low,
    ];
    section::packet(Pid::PAT, counter, 0x00, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_by_byte() {
        let packet = packet(5);
        let expected = [
            0x47, 0x40, 0x00, 0x15, 0x00, // header, pointer_field
            0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1, 0x00, 0x00, // section header
            0x00, 0x01, 0xF0, 0x00, // program 1 at PID 0x1000
            0x2A, 0xB1, 0x04, 0xB2, // CRC_32
        ];
        assert_eq!(packet[..expected.len()], expected);
        assert!(packet[expected.len()..].iter().all(|&byte| byte == 0xFF));
    }
}
