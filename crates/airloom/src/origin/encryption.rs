use airloom_media::TrackId;
use airloom_playlist::Protection;
use airloom_segmenter::Output;
use airloom_segmenter::encrypt::{Encryptor, Error, Key, Scheme};

/// How a stream is encrypted: the key, and how players are told where to get it.
#[derive(Debug, Clone)]
pub struct Encryption {
    /// `cbcs` or `cenc`.
    pub scheme: Scheme,
    /// The content key, with an initialization vector that no other stream has ([`Key::new`]).
    pub key: Key,
    /// What playlists and manifests say of it.
    pub protection: Protection,
}

/// Encrypts what the segmenter makes, and knows what each track's playlist has to say of it.
#[derive(Debug)]
pub(super) struct Cipher {
    encryptor: Encryptor,
    scheme: Scheme,
    /// Which segments each protection comes into force with, oldest first: the one in force, and
    /// the next.
    protections: Vec<(u64, Protection)>,
    /// The segment of the protection that each track's playlist was told last.
    told: Vec<(TrackId, u64)>,
}

impl Cipher {
    pub(super) fn new(encryption: Encryption) -> Self {
        let Encryption { scheme, key, protection } = encryption;
        Self {
            encryptor: Encryptor::new(scheme, key),
            scheme,
            protections: vec![(0, protection)],
            told: Vec::new(),
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn rotate(&mut self, encryption: Encryption) {
        let from = self.encryptor.rotate(encryption.key);
        // One that has not come into force by then never does.
        self.protections.retain(|(other, _)| *other < from);
        self.protections.push((from, encryption.protection));
    }

    /// Takes what the segmenter made; what comes out is polled.
    pub(super) fn handle_input(&mut self, output: Output) -> Result<(), Error> {
        self.encryptor.handle_input(output)
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.encryptor.poll_output()
    }

    /// What the playlist of `track` has to be told before segment `sequence` begins in it.
    pub(super) fn news(&mut self, track: TrackId, sequence: u64) -> Option<Protection> {
        let (from, protection) =
            self.protections.iter().rfind(|(from, _)| *from <= sequence)?.clone();
        match self.told.iter_mut().find(|(known, _)| *known == track) {
            Some((_, told)) if *told == from => return None,
            Some((_, told)) => *told = from,
            None => self.told.push((track, from)),
        }
        // What all tracks are past is not asked for again.
        let oldest = self.told.iter().map(|(_, told)| *told).min().unwrap_or(0);
        self.protections.retain(|(from, _)| *from >= oldest);
        Some(protection)
    }
}
