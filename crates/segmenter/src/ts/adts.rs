//! The ADTS header before each AAC frame (ISO/IEC 13818-7, 6.2; ISO/IEC 14496-3, 1.A.2).

use airloom_media::aac;

use super::Error;

/// Bytes of a header without checksum.
pub(super) const HEADER: usize = 7;
/// The longest frame, header included, that `aac_frame_length` can tell.
pub(super) const LONGEST: usize = (1 << 13) - 1;

/// Sampling frequencies by `sampling_frequency_index`.
const FREQUENCIES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// What all headers of a track share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Adts {
    profile: u8,
    frequency_index: u8,
    channel_configuration: u8,
}

impl Adts {
    /// What `config` says, as far as ADTS can say it.
    ///
    /// ADTS has two bits for the object type. HE-AAC (5, 29) is announced as the core it
    /// extends, mostly AAC-LC, at the core's rate; a decoder finds the extension in the frames.
    pub(super) fn new(config: &aac::Config) -> Result<Self, Error> {
        let object_type = match config.core_object_type() {
            core @ 1..=4 => core,
            other => {
                return Err(Error::Unsupported {
                    field: "audioObjectType",
                    value: u32::from(other),
                });
            }
        };
        let hz = config.sampling_frequency().hz();
        let frequency_index = FREQUENCIES
            .iter()
            .position(|&listed| listed == hz)
            .ok_or(Error::Unsupported { field: "samplingFrequency", value: hz })?
            as u8;
        // Zero would need a program_config_element in each frame, more than seven a fourth bit.
        let channel_configuration = config.channel_configuration();
        if !(1..=7).contains(&channel_configuration) {
            return Err(Error::Unsupported {
                field: "channelConfiguration",
                value: u32::from(channel_configuration),
            });
        }
        if config.frame_length() != 1024 {
            return Err(Error::Unsupported { field: "frameLength", value: config.frame_length() });
        }
        Ok(Self { profile: object_type - 1, frequency_index, channel_configuration })
    }

    /// The header of a frame whose `raw_data_block` is `len` bytes; `None` where header and
    /// frame do not fit `aac_frame_length`.
    pub(super) const fn header(self, len: usize) -> Option<[u8; HEADER]> {
        if len > LONGEST - HEADER {
            return None;
        }
        let length = (len + HEADER) as u16;
        Some([
            0xFF,
            // MPEG-4, layer 0, no checksum.
            0xF1,
            self.profile << 6 | self.frequency_index << 2 | self.channel_configuration >> 2,
            (self.channel_configuration & 3) << 6 | (length >> 11) as u8,
            (length >> 3) as u8,
            // Buffer fullness is all ones: variable bit rate. One block a frame.
            (length as u8) << 5 | 0x1F,
            0xFC,
        ])
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn adts(raw: &'static [u8]) -> Result<Adts, Error> {
        Adts::new(&aac::Config::decode(Bytes::from_static(raw)).unwrap())
    }

    #[test]
    fn lc_48_khz_stereo_byte_by_byte() {
        let header = adts(&[0x11, 0x90]).unwrap().header(371 - 7).unwrap();
        assert_eq!(header, [0xFF, 0xF1, 0x4C, 0x80, 0x2E, 0x7F, 0xFC]);
    }

    #[test]
    fn seven_channels_use_the_bit_in_the_third_byte() {
        // AOT 2, 44.1 kHz, channelConfiguration 7.
        let header = adts(&[0x12, 0x38]).unwrap().header(0).unwrap();
        assert_eq!(header[2..4], [0x51, 0xC0]);
    }

    #[test]
    fn explicit_he_aac_is_announced_as_its_core() {
        // AOT 5, 24 kHz, stereo, extension 48 kHz, core AOT 2.
        let header = adts(&[0x2B, 0x11, 0x88, 0x00]).unwrap().header(0).unwrap();
        assert_eq!(header[2], 0x40 | 6 << 2);
    }

    #[test]
    fn what_adts_cannot_say_is_refused() {
        let refused = |raw| adts(raw).unwrap_err();
        // Channels by program_config_element.
        let zero = Error::Unsupported { field: "channelConfiguration", value: 0 };
        assert_eq!(refused(&[0x11, 0x80]), zero);
        // 7.1 with height.
        let fourteen = Error::Unsupported { field: "channelConfiguration", value: 14 };
        assert_eq!(refused(&[0x11, 0xF0]), fourteen);
        // Frames of 960.
        let short = Error::Unsupported { field: "frameLength", value: 960 };
        assert_eq!(refused(&[0x11, 0x94]), short);
        // 47,999 Hz written out.
        let odd = Error::Unsupported { field: "samplingFrequency", value: 47_999 };
        assert_eq!(refused(&[0x17, 0x80, 0x5D, 0xBF, 0x90]), odd);
    }

    #[test]
    fn thirteen_bits_of_length() {
        let adts = adts(&[0x11, 0x90]).unwrap();
        let longest = adts.header(8184).unwrap();
        assert_eq!(longest[3] & 3, 3);
        assert_eq!((longest[4], longest[5]), (0xFF, 0xFF));
        assert_eq!(adts.header(8185), None);
        assert_eq!(adts.header(usize::MAX), None);
    }
}
