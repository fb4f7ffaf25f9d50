//! MP3: what the header of a frame says (ISO/IEC 11172-3, 2.4.2.3; ISO/IEC 13818-3, 2.4.2.3).

use std::fmt;

use crate::{Error, Timescale};

/// What is known of a track of MP3. There is no record: every frame says it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    sampling_frequency: Timescale,
    channels: u8,
}

/// Sampling frequencies of MPEG-1 by `sampling_frequency`; MPEG-2 halves them, and what is called
/// MPEG-2.5 halves them again.
const FREQUENCIES: [u32; 3] = [44_100, 48_000, 32_000];

impl Config {
    /// A track of so many samples a second and so many channels, 1 or 2.
    pub const fn new(sampling_frequency: Timescale, channels: u8) -> Self {
        Self { sampling_frequency, channels }
    }

    /// What the header of a frame says.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] for less than four bytes; [`Error::Malformed`] where they are no
    /// header; [`Error::Unsupported`] for another layer than III.
    pub fn of_frame(frame: &[u8]) -> Result<Self, Error> {
        let Some(&[sync, kind, rates, mode]) = frame.first_chunk() else {
            return Err(Error::Truncated { field: "syncword", offset: frame.len() });
        };
        let malformed =
            |field, offset, value: u8| Error::Malformed { field, offset, value: value.into() };
        if sync != 0xFF || kind & 0xE0 != 0xE0 {
            return Err(malformed("syncword", 0, sync));
        }
        if kind >> 1 & 3 != 1 {
            let (field, value) = ("layer", u64::from(kind >> 1 & 3));
            return Err(Error::Unsupported { field, offset: 1, value });
        }
        let halvings = match kind >> 3 & 3 {
            3 => 0,
            2 => 1,
            0 => 2,
            reserved => return Err(malformed("ID", 1, reserved)),
        };
        let index = rates >> 2 & 3;
        let hz = FREQUENCIES.get(usize::from(index)).map_or(0, |hz| hz >> halvings);
        let sampling_frequency =
            Timescale::new(hz).ok_or(malformed("sampling_frequency", 2, index))?;
        Ok(Self { sampling_frequency, channels: if mode >> 6 == 3 { 1 } else { 2 } })
    }

    /// Samples a second.
    pub const fn sampling_frequency(&self) -> Timescale {
        self.sampling_frequency
    }

    /// Channels.
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Samples in a frame: 1152, or 576 below 32 kHz.
    pub const fn frame_length(&self) -> u32 {
        if self.sampling_frequency.hz() < 32_000 { 576 } else { 1152 }
    }

    /// `objectTypeIndication` (ISO/IEC 14496-1, table 5): MPEG-1 audio, or MPEG-2's below 32 kHz.
    pub const fn object_type(&self) -> u8 {
        if self.sampling_frequency.hz() < 32_000 { 0x69 } else { 0x6B }
    }
}

/// `mp4a.6B`, or `mp4a.69` below 32 kHz.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mp4a.{:X}", self.object_type())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_of_all_three_kinds() {
        let read = |header: [u8; 4]| {
            let config = Config::of_frame(&header).unwrap();
            let hz = config.sampling_frequency().hz();
            (hz, config.channels(), config.frame_length(), config.to_string())
        };
        assert_eq!(read([0xFF, 0xFB, 0x90, 0x64]), (44_100, 2, 1152, "mp4a.6B".into()));
        assert_eq!(read([0xFF, 0xF3, 0x84, 0xC4]), (24_000, 1, 576, "mp4a.69".into()));
        assert_eq!(read([0xFF, 0xE3, 0x18, 0xC4]), (8_000, 1, 576, "mp4a.69".into()));
    }

    #[test]
    fn what_is_no_layer_three_is_refused() {
        assert!(matches!(
            Config::of_frame(&[0xFF, 0xFD, 0x90, 0x64]),
            Err(Error::Unsupported { field: "layer", .. })
        ));
        assert!(matches!(
            Config::of_frame(b"ID3\x04"),
            Err(Error::Malformed { field: "syncword", .. })
        ));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..6)) {
            let _ = Config::of_frame(&bytes);
        }
    }
}
