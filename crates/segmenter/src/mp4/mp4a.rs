use airloom_media::aac;

use super::esds::esds;
use super::writer::{boxed, u16, u32};

/// `mp4a` (ISO/IEC 14496-14, 6.7.2; ISO/IEC 14496-12, 12.2.3).
pub(super) fn mp4a(out: &mut Vec<u8>, config: &aac::Config) {
    // 16.16 fixed point cannot say more than 65,535 Hz; the decoder's own configuration does.
    let frequency = u16::try_from(config.sampling_frequency().hz()).unwrap_or(0);
    boxed(out, *b"mp4a", |out| {
        out.extend([0; 6]);
        u16(out, 1); // data_reference_index
        out.extend([0; 8]);
        u16(out, config.channels().into());
        u16(out, 16); // samplesize
        out.extend([0; 4]);
        u32(out, u32::from(frequency) << 16);
        esds(out, config);
    });
}

#[cfg(test)]
mod tests {
    use airloom_media::aac;
    use bytes::Bytes;

    use super::*;

    #[test]
    fn states_channels_and_frequency() {
        let config = aac::Config::decode(Bytes::from_static(&[0x11, 0x90])).unwrap();
        let mut out = Vec::new();
        mp4a(&mut out, &config);
        assert_eq!(out[24..26], [0, 2]);
        assert_eq!(out[32..36], [0xBB, 0x80, 0, 0]);
        assert_eq!(out[40..44], *b"esds");
    }

    #[test]
    fn a_frequency_that_does_not_fit_is_left_to_the_configuration() {
        let config = aac::Config::decode(Bytes::from_static(&[0x10, 0x10])).unwrap();
        assert_eq!(config.sampling_frequency().hz(), 96_000);
        let mut out = Vec::new();
        mp4a(&mut out, &config);
        assert_eq!(out[32..36], [0; 4]);
    }
}
