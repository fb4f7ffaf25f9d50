//! The program map table (2.4.4.8): which PIDs carry what, and which one the clock.

use super::metadata;
use super::packet::{PACKET, Pid};
use super::pat::PROGRAM_NUMBER;
use super::program::Streams;
use super::section;

/// `stream_type`: metadata in PES packets.
const METADATA: u8 = 0x15;

/// The packet that carries the table of a program with `streams`.
pub(super) fn packet(counter: u8, version: u8, streams: Streams) -> [u8; PACKET] {
    let mut body = Body { bytes: [0; LONGEST], len: 0 };
    // reserved, version_number, current_next_indicator; section 0 of 0.
    body.put(&[0x00, PROGRAM_NUMBER, 0xC1 | (version & 0x1F) << 1, 0x00, 0x00]);
    let [high, low] = streams.pcr_pid().get().to_be_bytes();
    body.put(&[0xE0 | high, low]);
    body.descriptors(if streams.metadata { &metadata::POINTER } else { &[] });
    if let Some(video) = streams.video {
        body.stream(video.code, Pid::VIDEO, video.descriptors);
    }
    if let Some(audio) = streams.audio {
        body.stream(audio.code, Pid::AUDIO, audio.descriptors);
    }
    if streams.metadata {
        body.stream(METADATA, Pid::METADATA, &metadata::DESCRIPTOR);
    }
    section::packet(Pid::PMT, counter, 0x02, &body.bytes[..body.len])
}

/// The body of the largest table: all streams and all descriptors.
const LONGEST: usize = 9 + metadata::POINTER.len() + 3 * 5 + 2 * 6 + metadata::DESCRIPTOR.len();

struct Body {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Body {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// `program_info_length` or `ES_info_length`, and what it counts.
    fn descriptors(&mut self, descriptors: &[u8]) {
        self.put(&[0xF0, descriptors.len() as u8]);
        self.put(descriptors);
    }

    fn stream(&mut self, stream_type: u8, pid: Pid, descriptors: &[u8]) {
        let [high, low] = pid.get().to_be_bytes();
        self.put(&[stream_type, 0xE0 | high, low]);
        self.descriptors(descriptors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::crc::crc32;
    use crate::ts::stream_type::StreamType;

    const VIDEO: Option<StreamType> = Some(StreamType::H264);
    const AUDIO: Option<StreamType> = Some(StreamType::ADTS);

    fn section(packet: &[u8; PACKET]) -> &[u8] {
        let len = usize::from(packet[7]);
        assert!(packet[8 + len..].iter().all(|&byte| byte == 0xFF));
        &packet[5..8 + len]
    }

    #[test]
    fn both_tracks_byte_by_byte() {
        let packet = packet(0, 0, Streams { video: VIDEO, audio: AUDIO, metadata: false });
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
        let audio = packet(0, 0, Streams { video: None, audio: AUDIO, metadata: false });
        let expected = [0xE1, 0x01, 0xF0, 0x00, 0x0F, 0xE1, 0x01, 0xF0, 0x00];
        assert_eq!(section(&audio)[8..17], expected);
        assert_eq!(section(&audio).len(), 21);
        let video = packet(0, 0, Streams { video: VIDEO, audio: None, metadata: false });
        let expected = [0xE1, 0x00, 0xF0, 0x00, 0x1B, 0xE1, 0x00, 0xF0, 0x00];
        assert_eq!(section(&video)[8..17], expected);
        assert_eq!(section(&video).len(), 21);
    }

    #[test]
    fn the_version_has_five_bits_and_the_checksum_covers_it() {
        for version in [1, 31, 32] {
            let packet =
                packet(0, version, Streams { video: VIDEO, audio: AUDIO, metadata: false });
            assert_eq!(packet[10], 0xC1 | (version % 32) << 1);
            assert_eq!(crc32(section(&packet)), 0);
        }
    }

    #[test]
    fn ac_3_is_registered() {
        let (video, audio) = (Some(StreamType::HEVC), Some(StreamType::AC3));
        let packet = packet(0, 0, Streams { video, audio, metadata: false });
        let streams = b"\x24\xE1\0\xF0\0\x81\xE1\x01\xF0\x06\x05\x04AC-3";
        assert_eq!(section(&packet)[12..28], streams[..]);
    }

    #[test]
    fn metadata_is_pointed_to_and_described() {
        let packet = packet(0, 0, Streams { video: VIDEO, audio: AUDIO, metadata: true });
        let section = section(&packet);
        assert_eq!(section[10..12], [0xF0, 17]);
        assert_eq!(section[12..29], metadata::POINTER);
        assert_eq!(section[39..44], [0x15, 0xE1, 0x02, 0xF0, 15]);
        assert_eq!(section[44..59], metadata::DESCRIPTOR);
        assert_eq!(section.len(), 63);
        assert_eq!(crc32(section), 0);
    }
}
