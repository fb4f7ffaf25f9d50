use airloom_media::TrackId;

/// Why there is no thumbnail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Unsupported: the track is not H.264.
    #[error("the codec of track {0} cannot be decoded")]
    UnsupportedCodec(TrackId),
    /// Unsupported: H.264 in a form that the decoder does not know.
    #[error("profile {profile} with {bits} bits in chroma format {chroma} cannot be decoded")]
    UnsupportedFormat {
        /// `profile_idc`: 66, 77 and 100 are known.
        profile: u8,
        /// Bits of a sample, the more of luma and chroma.
        bits: u8,
        /// `chroma_format_idc`: 1 is 4:2:0.
        chroma: u8,
    },
    /// Limit: a picture has more pixels, those cropped off included, than
    /// [`Limits::pixels`](super::Limits::pixels).
    #[error("a picture of {width} x {height} is larger than the limit")]
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Limit: a picture has more bytes than [`Limits::sample_bytes`](super::Limits::sample_bytes).
    #[error("a picture of {0} bytes is larger than the limit")]
    TooManyBytes(usize),
    /// Misuse: a sample of another track.
    #[error("a sample of track {0}, which is another one")]
    UnknownTrack(TrackId),
    /// Misuse: decoding cannot start with this picture, since it is no IDR picture.
    #[error("not a keyframe")]
    NotKeyframe,
    /// Malformed: the sample is not made of NAL units, or one of them not of what it may contain.
    #[error("malformed {field} at offset {offset}")]
    Malformed {
        /// What is wrong.
        field: &'static str,
        /// Where it is, in bytes from the start of the sample; of a parameter set, from its start.
        offset: usize,
    },
    /// Malformed: the decoder refuses the picture.
    #[error("the picture does not decode ({code})")]
    Undecodable {
        /// What OpenH264 says: bits of its `DECODING_STATE`; zero where it says nothing.
        code: i64,
    },
    /// The decoder does not start.
    #[error("the decoder does not start ({code})")]
    Decoder {
        /// What OpenH264 says.
        code: i64,
    },
    /// Misuse: a picture or sheet without pixels, or of more than 65,535 in a row or column, which JPEG
    /// cannot say.
    #[error("no JPEG file has {width} x {height} pixels")]
    Unwritable {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
}

impl Error {
    pub(super) fn undecodable(error: &openh264::Error) -> Self {
        Self::Undecodable { code: error.native_code() }
    }
}
