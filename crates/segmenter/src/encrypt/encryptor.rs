use std::collections::VecDeque;
use std::sync::Arc;

use airloom_media::{Codec, TrackId};
use bytes::Bytes;

use super::keys::{Keyed, Keys};
use super::sample::{encrypted, pattern};
use super::{Error, Key, Scheme};
use crate::mp4::{Protection, is_supported, protected_header, protected_init};
use crate::{Init, Output, Part, Segment};

/// Outputs that may wait to be polled; far above what one input can cause.
const MOST: usize = 4096;

/// Encrypts what a [`Segmenter`](crate::Segmenter) makes, part by part as it comes.
///
/// Every part is encrypted once; a segment is its encrypted parts. MPEG-TS is not passed on, since
/// it would be clear: render it and use [`aes_128`](super::aes_128). Gaps and events pass, and what
/// stands in front of a part, such as messages.
///
/// Sound is encrypted whole. Of pictures, what is no slice stays clear, and the first 96 bytes of
/// each slice, which players read before they decrypt: its header, and all of a slice that has no
/// block of 16 bytes after that. A sample can tell that of 40 slices. Where it has more, as
/// broadcast encoders make them, it is encrypted from the 40th on as one, headers of slices
/// included: software decrypts that like any other, hardware that reads headers first may not.
#[derive(Debug)]
pub struct Encryptor {
    scheme: Scheme,
    keys: Keys,
    /// How many samples were encrypted, of all tracks and by all keys: one that comes back does not
    /// count from its start again.
    count: u64,
    /// The highest segment that has begun.
    newest: Option<u64>,
    tracks: Vec<Protected>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Protected {
    init: Init,
    /// How many inits were added because the key changed.
    added: u32,
    /// The segment that the key came into force with which the last init that went out names;
    /// `None` where the track's init has yet to go out.
    keyed: Option<u64>,
    /// Encrypted parts of the segment that is not complete.
    parts: Vec<Part>,
    /// Counts fragments for `mfhd`.
    fragments: u32,
}

impl Encryptor {
    /// Encrypts all tracks with one key, until it is [changed](Self::rotate).
    pub fn new(scheme: Scheme, key: Key) -> Self {
        Self {
            scheme,
            keys: Keys::new(key),
            count: 0,
            newest: None,
            tracks: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Changes the key with the next segment that no track has begun. Each track gives another
    /// [`Init`] before its first part of that segment, however far behind others it is: 16 keys are
    /// kept, and a track that would need one before these gets another, which its init names.
    ///
    /// Returns the segment's number, for playlists. From there on nothing holds that was said
    /// before: a key that was to come into force there is replaced. Before any part has come, that
    /// is the first key, and the number is 0, whatever that of the first segment will be.
    pub fn rotate(&mut self, key: Key) -> u64 {
        let from = self.newest.map_or(0, |newest| newest.saturating_add(1));
        let tracks = &self.tracks;
        self.keys.put(from, key, |key| tracks.iter().any(|track| track.is_within(key)));
        from
    }

    /// Takes what the segmenter made.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedCodec`], [`Error::UnknownTrack`], [`Error::Undrained`]. What they are
    /// about does not go out.
    pub fn handle_input(&mut self, output: Output) -> Result<(), Error> {
        if self.outputs.len() >= MOST {
            return Err(Error::Undrained(self.outputs.len()));
        }
        match output {
            Output::Init(init) => self.init(init),
            Output::Part(part) => {
                let part = self.part(&part)?;
                self.outputs.push_back(Output::Part(part));
                Ok(())
            }
            Output::Segment(segment) => self.segment(&segment),
            Output::TsSegment(_) => Ok(()),
            passed => {
                self.outputs.push_back(passed);
                Ok(())
            }
        }
    }

    /// The next encrypted output, or `None` until more comes in.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Keeps a track's init until its first part says which key it is for.
    fn init(&mut self, init: Init) -> Result<(), Error> {
        let checked = encryptable(&init);
        if let Some(known) = self.tracks.iter_mut().find(|known| known.init.track == init.track) {
            // Also one that is refused: what comes after it is not what the one before describes.
            (known.init, known.keyed) = (init, None);
        } else if checked.is_ok() {
            let (parts, fragments) = (Vec::new(), 0);
            self.tracks.push(Protected { init, added: 0, keyed: None, parts, fragments });
        }
        checked
    }

    fn part(&mut self, part: &Part) -> Result<Part, Error> {
        let Self { scheme, keys, count, newest, tracks, outputs } = self;
        let track = known(tracks, part.track)?;
        *newest = (*newest).max(Some(part.sequence));
        let keyed = keys.of(part.sequence);
        outputs.extend(track.turn(*scheme, keyed)?.map(Output::Init));
        let mut payload = Vec::with_capacity(part.payload.len());
        let mut auxiliary = Vec::with_capacity(part.payload.len());
        for data in part.payload.iter() {
            let (data, told) = encrypted(*scheme, keyed, *count, &track.init.codec, data);
            *count = count.wrapping_add(1);
            payload.push(data);
            auxiliary.push(told);
        }
        track.fragments = track.fragments.wrapping_add(1);
        let (number, fragments) = (track.init.number, track.fragments);
        let header = protected_header(part, number, fragments, &payload, &auxiliary);
        let size = header.len() + payload.iter().map(Bytes::len).sum::<usize>();
        let part = Part {
            init: part.init.wrapping_add(track.added),
            header,
            payload: Arc::from(payload),
            size,
            ..part.clone()
        };
        track.parts.push(part.clone());
        Ok(part)
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), Error> {
        let done = known(&mut self.tracks, segment.track)?.parts.len();
        // Without Low Latency parts come with their segment only.
        for part in segment.parts.iter().skip(done) {
            self.part(part)?;
        }
        let track = known(&mut self.tracks, segment.track)?;
        let parts: Arc<[Part]> = std::mem::take(&mut track.parts).into();
        let init = parts.first().map_or(segment.init, |part| part.init);
        let size = parts.iter().map(|part| part.size).sum();
        let segment = Segment { init, parts, size, ..segment.clone() };
        self.outputs.push_back(Output::Segment(segment));
        Ok(())
    }
}

impl Protected {
    /// Whether a segment is under way that began with the key of segment `key`.
    fn is_within(&self, key: u64) -> bool {
        !self.parts.is_empty() && self.keyed == Some(key)
    }

    /// Brings the track to a key: with another init, unless the last already names it.
    fn turn(&mut self, scheme: Scheme, keyed: &Keyed) -> Result<Option<Init>, Error> {
        if self.keyed == Some(keyed.from) {
            return Ok(None);
        }
        let added = self.added.wrapping_add(u32::from(self.keyed.is_some()));
        let init = protected_by(&self.init, added, scheme, &keyed.key)?;
        (self.added, self.keyed) = (added, Some(keyed.from));
        Ok(Some(init))
    }
}

/// The track of an output, where what it is now can be encrypted.
fn known(tracks: &mut [Protected], id: TrackId) -> Result<&mut Protected, Error> {
    let track = tracks.iter_mut().find(|track| track.init.track == id);
    let track = track.ok_or(Error::UnknownTrack(id))?;
    encryptable(&track.init).map(|()| track)
}

fn encryptable(init: &Init) -> Result<(), Error> {
    match init.codec {
        Codec::Av1(_) | Codec::Vp9(_) => Err(Error::UnsupportedCodec(init.track)),
        ref other if !is_supported(other) => Err(Error::UnsupportedCodec(init.track)),
        _ => Ok(()),
    }
}

/// The init of a track as it is under a key.
fn protected_by(init: &Init, added: u32, scheme: Scheme, key: &Key) -> Result<Init, Error> {
    let protection = Protection {
        scheme: scheme.four_cc(),
        key_id: key.id,
        constant_iv: (scheme == Scheme::Cbcs).then_some(key.iv),
        pattern: pattern(scheme, &init.codec),
        pssh: &key.pssh,
    };
    let data = protected_init(init.presentation(), &protection);
    let data = data.ok_or(Error::UnsupportedCodec(init.track))?;
    Ok(Init { id: init.id.wrapping_add(added), data, ..init.clone() })
}
