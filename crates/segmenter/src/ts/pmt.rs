//! The program map table (2.4.4.8): which PIDs carry what, and which one the clock.

use super::packet::{PACKET, Pid};
use super::pat::PROGRAM_NUMBER;
use super::program::Streams;
use super::section;

/// `stream_type` (table 2-34): H.264 video.
const H264: u8 = 0x1B;
/// `stream_type`: ISO/IEC 13818-7 audio with ADTS.
const ADTS: u8 = 0x0F;

/// The packet that carries the table of a program with `streams`.
pub(super) fn packet(counter: u8, version: u8, streams: Streams) -> [u8; PACKET] {
    let [high, low] = streams.pcr_pid().get().to_be_bytes();
    // reserved, version_number, current_next_indicator.
    let version = 0xC1 | (version & 0x1F) << 1;
    let head = [0x00, PROGRAM_NUMBER, version, 0x00, 0x00, 0xE0 | high, low, 0xF0, 0x00];
    let video = entry(H264, Pid::VIDEO);
    let audio = entry(ADTS, Pid::AUDIO);
    let mut body = [0; 9 + 2 * 5];
    let parts: [&[u8]; 3] =
        [&head, if streams.video { &video } else { &[] }, if streams.audio { &audio } else { &[] }];
    let mut len = 0;
    for &byte in parts.into_iter().flatten() {
        body[len] = byte;
        len += 1;
    }
    section::packet(Pid::PMT, counter, 0x02, &body[..len])
}

/// One stream without descriptors.
const fn entry(stream_type: u8, pid: Pid) -> [u8; 5] {
    let [high, low] = pid.get().to_be_bytes();
    [stream_type, 0xE0 | high, low, 0xF0, 0x00]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::crc::crc32;

    fn section(packet: &[u8; PACKET]) -> &[u8] {
        let len = usize::from(packet[7]);
        assert!(packet[8 + len..].iter().all(|&byte| byte == 0xFF));
        &packet[5..8 + len]
    }

    #[test]
    fn both_tracks_byte_by_byte() {
        let packet = packet(0, 0, Streams { video: true, audio: true });
        assert_eq!(packet[..5], [0x47, 0x50, 0x00, 0x10, 0x00]);
        let section = section(&packet);
        let expected = [
            0x02, 0xB0, 0x17, 0x00, 0x01, 0xC1, 0x00, 0x00, // section header
            0xE1, 0x00, 0xF0, 0x00, // PCR_PID, program_info_length
            0x1B, 0xE1, 0x00, 0xF0, 0x00, // H.264
            0x0F, 0xE1, 0x01, 0xF0, 0x00, // AAC
            0x2F, 0x44, 0xB9, 0x9B, // CRC_32
        ];
        assert_eq!(section, expected);
    }

    /// gohlslib#329, SRS#512, ARUT#642: no phantom H.264 in a program of sound alone.
    #[test]
    fn only_tracks_that_exist_are_declared() {
        let audio = packet(0, 0, Streams { video: false, audio: true });
        let expected = [0xE1, 0x01, 0xF0, 0x00, 0x0F, 0xE1, 0x01, 0xF0, 0x00];
        assert_eq!(section(&audio)[8..17], expected);
        assert_eq!(section(&audio).len(), 21);
        let video = packet(0, 0, Streams { video: true, audio: false });
        let expected = [0xE1, 0x00, 0xF0, 0x00, 0x1B, 0xE1, 0x00, 0xF0, 0x00];
        assert_eq!(section(&video)[8..17], expected);
        assert_eq!(section(&video).len(), 21);
    }

    #[test]
    fn the_version_has_five_bits_and_the_checksum_covers_it() {
        for version in [1, 31, 32] {
            let packet = packet(0, version, Streams { video: true, audio: true });
            assert_eq!(packet[10], 0xC1 | (version % 32) << 1);
            assert_eq!(crc32(section(&packet)), 0);
        }
    }
}
