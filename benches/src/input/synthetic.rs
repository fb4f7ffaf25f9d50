//! The same kind of stream from arithmetic, where there is no ffmpeg: sizes, times and
//! configuration records are those of a real one, the pictures are noise that no decoder would
//! take.

/// `AVCDecoderConfigurationRecord` of 1920x1080 High profile.
const AVC: &[u8] = &[
    0x01, 0x64, 0x00, 0x28, 0xFF, 0xE1, 0x00, 0x1A, 0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78,
    0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xF0, 0x3C,
    0x60, 0xC6, 0x01, 0x00, 0x05, 0x68, 0xEB, 0xE3, 0xCB, 0x22,
];
/// `AudioSpecificConfig` of AAC-LC, 48 kHz stereo.
const AAC: &[u8] = &[0x11, 0x90];

const FRAMES: u32 = 1800;
const FRAMES_A_KEYFRAME: u32 = 60;
/// Sizes around which the three kinds of picture scatter: 6 Mbit/s in all.
const KEY_SIZE: u32 = 90_000;
const REFERENCE_SIZE: u32 = 40_000;
const BIDIRECTIONAL_SIZE: u32 = 16_500;
const AUDIO_SIZE: u32 = 427;

/// An FLV file of 60 s.
pub fn file() -> Vec<u8> {
    let mut out = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    tag(&mut out, 9, 0, &[&[0x17, 0, 0, 0, 0], AVC]);
    tag(&mut out, 8, 0, &[&[0xAF, 0], AAC]);
    let mut audio = 0u32;
    for frame in 0..FRAMES {
        let timestamp = milliseconds(frame, 30);
        while audio * 1024 / 48 <= timestamp {
            let size = noise.around(AUDIO_SIZE);
            tag(&mut out, 8, audio * 1024 / 48, &[&[0xAF, 1], &noise.bytes(size)]);
            audio += 1;
        }
        // Decode order I P B B P B B: an I or P is shown three frames later, a B at once.
        let key = frame % FRAMES_A_KEYFRAME == 0;
        let reference = key || frame % 3 == 1;
        let shown = if key {
            1
        } else if reference {
            3
        } else {
            0
        };
        let offset = milliseconds(frame + shown, 30) - timestamp;
        let size = noise.around(match (key, reference) {
            (true, _) => KEY_SIZE,
            (_, true) => REFERENCE_SIZE,
            _ => BIDIRECTIONAL_SIZE,
        });
        let [_, a, b, c] = offset.to_be_bytes();
        let length = (size as u32).to_be_bytes();
        let unit = if key {
            0x65
        } else if reference {
            0x41
        } else {
            0x01
        };
        let mut slice = noise.bytes(size);
        slice[0] = unit;
        tag(
            &mut out,
            9,
            timestamp,
            &[&[if key { 0x17 } else { 0x27 }, 1, a, b, c], &length, &slice],
        );
    }
    out
}

/// The time of the n-th frame, rounded as ffmpeg rounds it.
fn milliseconds(frame: u32, rate: u32) -> u32 {
    (frame * 1000 + rate / 2) / rate
}

fn tag(out: &mut Vec<u8>, kind: u8, timestamp: u32, body: &[&[u8]]) {
    let size = body.iter().map(|part| part.len()).sum::<usize>() as u32;
    let [high, a, b, c] = timestamp.to_be_bytes();
    out.push(kind);
    out.extend_from_slice(&size.to_be_bytes()[1..]);
    out.extend_from_slice(&[a, b, c, high, 0, 0, 0]);
    for part in body {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&(size + 11).to_be_bytes());
}

/// xorshift64: the same bytes on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A size within a quarter of `middle`.
    fn around(&mut self, middle: u32) -> usize {
        let spread = u64::from(middle / 2);
        (u64::from(middle) - spread / 2 + self.next() % spread) as usize
    }

    /// Bytes without a zero, so that nothing looks like a start code.
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&(self.next() | 0x0101_0101_0101_0101).to_be_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}
