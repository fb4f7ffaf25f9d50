use std::collections::VecDeque;
use std::sync::Arc;

use airloom_media::{Codec, Kind, TrackId};
use bytes::{Bytes, BytesMut};

use super::cipher::Cipher;
use super::subsamples::subsamples;
use super::{Error, Key, Scheme};
use crate::mp4::{Auxiliary, Protection, protected_header, protected_init};
use crate::{Init, Output, Part, Segment};

/// Outputs that may wait to be polled; far above what one input can cause.
const MOST: usize = 4096;

/// Encrypts what a [`Segmenter`](crate::Segmenter) makes, part by part as it comes.
///
/// Every part is encrypted once; a segment is its encrypted parts. MPEG-TS is not passed on, since
/// it would be clear: render it and use [`aes_128`](super::aes_128). Gaps and events pass.
#[derive(Debug)]
pub struct Encryptor {
    scheme: Scheme,
    current: Keyed,
    /// The segment it came into force with.
    since: u64,
    /// The key before it, for tracks that are not as far.
    previous: Option<Keyed>,
    /// The key that comes into force, and the segment it does with.
    next: Option<(u64, Keyed)>,
    /// The highest segment that has begun.
    newest: Option<u64>,
    tracks: Vec<Protected>,
    outputs: VecDeque<Output>,
}

/// A key in use.
#[derive(Debug)]
struct Keyed {
    key: Key,
    cipher: Cipher,
    /// Where the samples of `cenc` have counted to: one vector each, over all tracks.
    count: u64,
}

impl Keyed {
    fn new(key: Key) -> Self {
        let count = key.iv.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        Self { cipher: Cipher::new(key.content), key, count }
    }
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
    /// Encrypts all tracks with one key.
    pub fn new(scheme: Scheme, key: Key) -> Self {
        Self {
            scheme,
            current: Keyed::new(key),
            since: 0,
            previous: None,
            next: None,
            newest: None,
            tracks: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Changes the key with the next segment that no track has begun; returns its sequence number,
    /// for the playlist. Each track gives another [`Init`] before its first part of that segment.
    ///
    /// A call before the last change came into force replaces that.
    pub fn rotate(&mut self, key: Key) -> u64 {
        let sequence = self.newest.map_or(0, |newest| newest.saturating_add(1));
        self.next = Some((sequence, Keyed::new(key)));
        sequence
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
        if matches!(init.codec, Codec::Av1(_) | Codec::Vp9(_)) {
            return Err(Error::UnsupportedCodec(init.track));
        }
        if let Some(known) = self.tracks.iter_mut().find(|known| known.init.track == init.track) {
            (known.init, known.keyed) = (init, None);
        } else {
            let (parts, fragments) = (Vec::new(), 0);
            self.tracks.push(Protected { init, added: 0, keyed: None, parts, fragments });
        }
        Ok(())
    }

    /// Brings a track to the key of segment `sequence`, with another init where it needs one.
    fn turn(&mut self, index: usize, sequence: u64) -> Result<(), Error> {
        self.newest = self.newest.max(Some(sequence));
        if self.next.as_ref().is_some_and(|(from, _)| sequence >= *from)
            && let Some((from, keyed)) = self.next.take()
        {
            self.previous = Some(std::mem::replace(&mut self.current, keyed));
            self.since = from;
        }
        let Some(track) = self.tracks.get_mut(index) else { return Ok(()) };
        let (keyed, since) = match &self.previous {
            Some(previous) if sequence < self.since => (previous, 0),
            _ => (&self.current, self.since),
        };
        if track.keyed.is_some_and(|keyed| keyed >= since) {
            return Ok(());
        }
        track.added = track.added.wrapping_add(u32::from(track.keyed.is_some()));
        track.keyed = Some(since);
        let init = protected_by(&track.init, track.added, self.scheme, &keyed.key)?;
        self.outputs.push_back(Output::Init(init));
        Ok(())
    }

    fn part(&mut self, part: &Part) -> Result<Part, Error> {
        let unknown = Error::UnknownTrack(part.track);
        let index = self.index(part.track).ok_or(unknown)?;
        self.turn(index, part.sequence)?;
        let Self { scheme, current, previous, since, tracks, .. } = self;
        let keyed = match previous {
            Some(previous) if part.sequence < *since => previous,
            _ => current,
        };
        let track = tracks.get_mut(index).ok_or(unknown)?;
        let mut payload = Vec::with_capacity(part.payload.len());
        let mut auxiliary = Vec::with_capacity(part.payload.len());
        for data in part.payload.iter() {
            let (data, told) = encrypted(*scheme, keyed, &track.init.codec, data);
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
        let unknown = Error::UnknownTrack(segment.track);
        let index = self.index(segment.track).ok_or(unknown)?;
        let done = self.tracks.get(index).map_or(0, |track| track.parts.len());
        // Without Low Latency parts come with their segment only.
        for part in segment.parts.iter().skip(done) {
            self.part(part)?;
        }
        let track = self.tracks.get_mut(index).ok_or(unknown)?;
        let parts: Arc<[Part]> = std::mem::take(&mut track.parts).into();
        let init = parts.first().map_or(segment.init, |part| part.init);
        let size = parts.iter().map(|part| part.size).sum();
        let segment = Segment { init, parts, size, ..segment.clone() };
        self.outputs.push_back(Output::Segment(segment));
        Ok(())
    }

    fn index(&self, id: TrackId) -> Option<usize> {
        self.tracks.iter().position(|track| track.init.track == id)
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

/// Blocks that are encrypted and skipped: only pictures under `cbcs` have a pattern.
fn pattern(scheme: Scheme, codec: &Codec) -> (u8, u8) {
    match (scheme, codec.kind()) {
        (Scheme::Cbcs, Kind::Video) => (1, 9),
        _ => (0, 0),
    }
}

fn encrypted(scheme: Scheme, keyed: &mut Keyed, codec: &Codec, data: &Bytes) -> (Bytes, Auxiliary) {
    let mut out = BytesMut::from(&data[..]);
    let subsamples = subsamples(codec, data, scheme);
    let ranges = || {
        let whole = [(0u16, u32::try_from(data.len()).unwrap_or(u32::MAX))];
        subsamples.clone().unwrap_or_else(|| whole.to_vec())
    };
    let iv = match scheme {
        Scheme::Cbcs => {
            for part in protected(&mut out, ranges()) {
                keyed.cipher.cbc(part, keyed.key.iv, pattern(scheme, codec));
            }
            None
        }
        Scheme::Cenc => {
            let iv = keyed.count.to_be_bytes();
            keyed.count = keyed.count.wrapping_add(1);
            keyed.cipher.ctr(protected(&mut out, ranges()), iv);
            Some(iv)
        }
    };
    (out.freeze(), Auxiliary { iv, subsamples: subsamples.unwrap_or_default() })
}

/// The encrypted bytes of each run.
fn protected(data: &mut [u8], runs: Vec<(u16, u32)>) -> impl Iterator<Item = &mut [u8]> {
    let mut rest = data;
    runs.into_iter().map_while(move |(clear, encrypted)| {
        let (_, after) = std::mem::take(&mut rest).split_at_mut_checked(clear.into())?;
        let (part, next) = after.split_at_mut_checked(encrypted as usize)?;
        rest = next;
        Some(part)
    })
}
