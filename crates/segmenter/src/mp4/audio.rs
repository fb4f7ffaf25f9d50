use airloom_media::Codec;

use super::btrt::btrt;
use super::esds::esds;
use super::writer::{boxed, full_box, u16, u32};
use crate::BitRate;

/// An `AudioSampleEntry` (ISO/IEC 14496-12, 12.2.3) of any codec: `mp4a` (ISO/IEC 14496-14, 6.7.2)
/// for AAC and MP3, `Opus`, `fLaC`, `ac-3`, `ec-3`.
pub(super) fn audio(out: &mut Vec<u8>, codec: &Codec, bit_rate: Option<BitRate>) {
    let kind = match codec {
        Codec::Aac(_) | Codec::Mp3(_) => *b"mp4a",
        Codec::Opus(_) => *b"Opus",
        Codec::Flac(_) => *b"fLaC",
        Codec::Ac3(_) => *b"ac-3",
        Codec::Eac3(_) => *b"ec-3",
        _ => return,
    };
    let Some(sound) = codec.sound() else { return };
    let depth = match codec {
        Codec::Flac(config) => config.bits_per_sample(),
        _ => 16,
    };
    let hz = sound.sampling_frequency.hz();
    // 16.16 fixed point cannot say more than 65,535 Hz; the decoder's own configuration does.
    let frequency = u16::try_from(hz).unwrap_or(match codec {
        Codec::Flac(_) => divided(hz),
        _ => 0,
    });
    boxed(out, kind, |out| {
        out.extend([0; 6]);
        u16(out, 1); // data_reference_index
        out.extend([0; 8]);
        u16(out, sound.channels.into());
        u16(out, depth.into()); // samplesize
        out.extend([0; 4]);
        u32(out, u32::from(frequency) << 16);
        configuration(out, codec, bit_rate);
        if let Some(rate) = bit_rate {
            btrt(out, rate);
        }
    });
}

/// What FLAC has there instead (Encapsulation of FLAC in ISO Base Media File Format, 3.3.1): the
/// greatest regular division that fits, 48,000 for 96,000 and 192,000, or where there is none, the
/// most there is.
fn divided(hz: u32) -> u16 {
    let mut divided = hz;
    while divided > u32::from(u16::MAX) && divided.is_multiple_of(2) {
        divided /= 2;
    }
    u16::try_from(divided).unwrap_or(u16::MAX)
}

/// The box of what the decoder must know.
fn configuration(out: &mut Vec<u8>, codec: &Codec, bit_rate: Option<BitRate>) {
    match codec {
        Codec::Aac(config) => esds(out, 0x40, config.raw(), bit_rate),
        Codec::Mp3(config) => esds(out, config.object_type(), &[], bit_rate),
        Codec::Opus(config) => boxed(out, *b"dOps", |out| out.extend_from_slice(config.raw())),
        Codec::Flac(config) => {
            full_box(out, *b"dfLa", 0, 0, |out| out.extend_from_slice(&config.stream_info()));
        }
        Codec::Ac3(config) => boxed(out, *b"dac3", |out| out.extend_from_slice(config.raw())),
        Codec::Eac3(config) => boxed(out, *b"dec3", |out| out.extend_from_slice(config.raw())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use airloom_media::{aac, ac3, flac, mp3};
    use bytes::Bytes;

    use super::*;

    fn aac(raw: &'static [u8]) -> Codec {
        Codec::Aac(aac::Config::decode(Bytes::from_static(raw)).unwrap())
    }

    #[test]
    fn states_channels_and_frequency() {
        let mut out = Vec::new();
        audio(&mut out, &aac(&[0x11, 0x90]), None);
        assert_eq!(out[24..26], [0, 2]);
        assert_eq!(out[32..36], [0xBB, 0x80, 0, 0]);
        assert_eq!(out[40..44], *b"esds");
    }

    #[test]
    fn a_frequency_that_does_not_fit_is_left_to_the_configuration() {
        let codec = aac(&[0x10, 0x10]);
        assert_eq!(codec.sound().unwrap().sampling_frequency.hz(), 96_000);
        let mut out = Vec::new();
        audio(&mut out, &codec, None);
        assert_eq!(out[32..36], [0; 4]);
    }

    #[test]
    fn flac_divides_a_frequency_that_does_not_fit() {
        for (hz, stated) in [
            (48_000, 48_000_u16),
            (65_535, 65_535),
            (88_200, 44_100),
            (96_000, 48_000),
            (176_400, 44_100),
            (192_000, 48_000),
            (384_000, 48_000),
            (70_001, 65_535),
        ] {
            // 16 bits, stereo, behind the header of a block and the sizes of blocks and frames.
            let mut raw = vec![0x80, 0, 0, 34, 0x12, 0, 0x12, 0, 0, 0, 0, 0, 0, 0];
            raw.extend((u64::from(hz) << 44 | 1 << 41 | 15 << 36).to_be_bytes());
            raw.extend([0; 16]);
            let codec = Codec::Flac(flac::Config::decode(Bytes::from(raw)).unwrap());
            assert_eq!(codec.sound().unwrap().sampling_frequency.hz(), hz);
            let mut out = Vec::new();
            audio(&mut out, &codec, None);
            assert_eq!(out[32..36], (u32::from(stated) << 16).to_be_bytes(), "{hz}");
        }
    }

    #[test]
    fn every_codec_has_its_box() {
        let config = ac3::Config::decode(Bytes::from_static(&[0x10, 0x3D, 0xE0])).unwrap();
        let mut out = Vec::new();
        audio(&mut out, &Codec::Ac3(config), None);
        assert_eq!((&out[4..8], out[25]), (&b"ac-3"[..], 6));
        assert_eq!(out[36..], *b"\0\0\0\x0Bdac3\x10\x3D\xE0");

        let config = mp3::Config::of_frame(&[0xFF, 0xFB, 0x90, 0x64]).unwrap();
        let mut out = Vec::new();
        audio(&mut out, &Codec::Mp3(config), None);
        assert_eq!((&out[4..8], out[55]), (&b"mp4a"[..], 0x6B));
    }
}
