//! How a stream is coded (`stream_type`, table 2-34; ATSC A/53 part 3, 6.5 for AC-3).

/// What the PMT says of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamType {
    pub(super) code: u8,
    /// What goes into its `ES_info`.
    pub(super) descriptors: &'static [u8],
    /// The `stream_id` of its PES packets.
    pub(super) stream_id: u8,
}

/// `stream_id` of the first video stream.
const VIDEO: u8 = 0xE0;
/// `stream_id` of the first audio stream.
const AUDIO: u8 = 0xC0;
/// `private_stream_1`.
pub(super) const PRIVATE: u8 = 0xBD;

impl StreamType {
    /// H.264.
    pub(super) const H264: Self = Self { code: 0x1B, descriptors: &[], stream_id: VIDEO };
    /// HEVC.
    pub(super) const HEVC: Self = Self { code: 0x24, descriptors: &[], stream_id: VIDEO };
    /// ISO/IEC 13818-7 audio with ADTS.
    pub(super) const ADTS: Self = Self { code: 0x0F, descriptors: &[], stream_id: AUDIO };
    /// ISO/IEC 11172-3 audio: MP3.
    pub(super) const MPEG_1_AUDIO: Self = Self { code: 0x03, descriptors: &[], stream_id: AUDIO };
    /// ISO/IEC 13818-3 audio: MP3 at half the sampling frequencies.
    pub(super) const MPEG_2_AUDIO: Self = Self { code: 0x04, descriptors: &[], stream_id: AUDIO };
    /// AC-3, with the `registration_descriptor` (2.6.8) that its users ask for.
    pub(super) const AC3: Self =
        Self { code: 0x81, descriptors: b"\x05\x04AC-3", stream_id: PRIVATE };
    /// E-AC-3.
    pub(super) const EAC3: Self =
        Self { code: 0x87, descriptors: b"\x05\x04EAC3", stream_id: PRIVATE };
}
