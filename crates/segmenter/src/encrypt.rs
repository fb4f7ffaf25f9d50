//! Encryption: Common Encryption of CMAF (ISO/IEC 23001-7, schemes `cbcs` and `cenc`), and AES-128
//! of whole segments (RFC 8216bis, 4.4.4.4) for MPEG-TS and CMAF alike.
//!
//! An [`Encryptor`] stands behind a [`Segmenter`](crate::Segmenter): outputs go in, encrypted ones
//! come out. It copies payload, as any cipher must. Keys, and when they change, are the
//! integrator's; so is telling players where they are.
//!
//! ```
//! use airloom_segmenter::encrypt::{Encryptor, Key, Scheme};
//! # use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac};
//! # use airloom_segmenter::{Config, Output, Segmenter};
//! # use bytes::Bytes;
//! # let mut segmenter = Segmenter::new(Config::default());
//! # let codec = Codec::Aac(aac::Config::decode(Bytes::from_static(&[0x11, 0x90]))?);
//! # let track = TrackId::new(2);
//! # segmenter.set_track(Track { id: track, timescale: Timescale::MILLIS, codec })?;
//! # for frame in 0..100 {
//! #     segmenter.handle_input(Sample {
//! #         track, decode_time: Timestamp::new(frame * 1024 / 48), composition_offset: Delta::ZERO,
//! #         duration: None, sync: true, data: Bytes::from_static(&[0x21; 300]),
//! #     })?;
//! # }
//! # segmenter.finish();
//!
//! // Each from a random source.
//! let (id, content, iv) = ([0xA1; 16], [0x5E; 16], [7; 16]);
//! let key = Key::new(id, content, iv);
//! let mut encryptor = Encryptor::new(Scheme::Cbcs, key);
//! while let Some(output) = segmenter.poll_output() {
//!     encryptor.handle_input(output)?;
//!     while let Some(output) = encryptor.poll_output() {
//!         match output {
//!             Output::Init(init) => assert!(init.data.windows(4).any(|four| four == b"enca")),
//!             Output::Part(part) => assert!(part.payload[0][..] != [0x21; 300]),
//!             _ => {}
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cipher;
mod encryptor;
mod error;
mod keys;
mod sample;
mod subsamples;
mod whole;

use std::fmt;

use bytes::Bytes;

pub use encryptor::Encryptor;
pub use error::Error;
pub use whole::aes_128;

/// A scheme of Common Encryption. What of a picture stays clear: see [`Encryptor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// AES-CBC, one block in ten of pictures and all of sound: what Apple's players and every
    /// present-day DRM take.
    Cbcs,
    /// AES-CTR, all blocks: older PlayReady and Widevine.
    Cenc,
}

impl Scheme {
    /// The four letters in `schm` and in DASH's `ContentProtection`. In `EXT-X-KEY` the methods are
    /// called `SAMPLE-AES` (`cbcs`) and `SAMPLE-AES-CTR` (`cenc`).
    pub const fn four_cc(self) -> [u8; 4] {
        match self {
            Self::Cbcs => *b"cbcs",
            Self::Cenc => *b"cenc",
        }
    }
}

/// A content key and its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: [u8; 16],
    content: [u8; 16],
    iv: [u8; 16],
    pssh: Vec<Bytes>,
}

impl Key {
    /// The key named `id` (`default_KID`), and an initialization vector.
    ///
    /// Under `cbcs` the vector is the constant one of all samples, which playlists say too. Under
    /// `cenc` each sample has one of its own, eight bytes that are counted up from the first eight
    /// of `iv`: they must never meet those of another [`Encryptor`] with the same key, since two
    /// samples of one key and one vector tell each other's contents. So take `iv` from a random
    /// source for every `Encryptor`, one a rendition, and again when a process comes back with a
    /// key that it had; there is no default, because any would be the same twice.
    pub const fn new(id: [u8; 16], key: [u8; 16], iv: [u8; 16]) -> Self {
        Self { id, content: key, iv, pssh: Vec::new() }
    }

    /// With a whole `pssh` box of a DRM system, which is passed through into `moov`.
    #[must_use]
    pub fn with_pssh(mut self, pssh: Bytes) -> Self {
        self.pssh.push(pssh);
        self
    }

    /// The vector of a sample of `cenc`.
    fn counted(&self, number: u64) -> [u8; 8] {
        let first = self.iv.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        first.wrapping_add(number).to_be_bytes()
    }
}

/// Never shows the key itself.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}
