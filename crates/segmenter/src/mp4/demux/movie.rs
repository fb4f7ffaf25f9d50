use airloom_media::{Kind, Timescale, TrackId};

use super::Fields;
use super::track::Building;
use crate::mp4::{BoxType, Error, Index, Limits, Skipped};

/// What `moov` (ISO/IEC 14496-12, 8.2.1) says, and the fragments add.
#[derive(Debug)]
pub(super) struct Movie {
    pub(super) tracks: Vec<Building>,
    skipped: Vec<Skipped>,
    fragmented: bool,
}

impl Movie {
    pub(super) fn decode(moov: &Fields<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut mvhd = moov.child(*b"mvhd")?;
        let (version, _) = mvhd.version()?;
        mvhd.take(if version == 0 { 8 } else { 16 }, "creation_time")?;
        let offset = mvhd.offset();
        let timescale =
            Timescale::new(mvhd.u32("timescale")?).ok_or(mvhd.malformed("timescale", offset, 0))?;
        let mut movie = Self { tracks: Vec::new(), skipped: Vec::new(), fragmented: false };
        for child in moov.children() {
            let child = child?;
            if child.kind.0 != *b"trak" {
                continue;
            }
            let known = movie.tracks.len() + movie.skipped.len();
            if known >= limits.tracks {
                let (value, max) = (known as u64 + 1, limits.tracks as u64);
                return Err(Error::Limit { limit: "tracks", value, max });
            }
            let left = limits.samples.saturating_sub(movie.samples());
            match Building::decode(&child, timescale, left)? {
                Ok(track) if movie.track(track.indexed.track.id.get()).is_some() => {
                    // Fragments and callers name tracks by number: the first has it.
                    let id = track.indexed.track.id;
                    let (kind, field, offset) = (child.kind, "track_ID", child.offset());
                    let value = id.get().into();
                    let error = Error::Malformed { kind, field, offset, value };
                    let handler = BoxType(match track.indexed.track.codec.kind() {
                        Kind::Audio => *b"soun",
                        _ => *b"vide",
                    });
                    movie.skipped.push(Skipped { track: id, handler, error });
                }
                Ok(track) => movie.tracks.push(track),
                Err(skipped) => movie.skipped.push(skipped),
            }
        }
        if let Some(mvex) = moov.find(*b"mvex")? {
            movie.fragmented = true;
            for child in mvex.children() {
                let child = child?;
                if child.kind.0 == *b"trex" {
                    movie.defaults(child)?;
                }
            }
        }
        Ok(movie)
    }

    /// `trex` (8.8.3).
    fn defaults(&mut self, mut trex: Fields<'_>) -> Result<(), Error> {
        trex.version()?;
        let id = trex.u32("track_ID")?;
        trex.u32("default_sample_description_index")?;
        let Some(track) = self.track(id) else { return Ok(()) };
        track.defaults.duration = trex.u32("default_sample_duration")?;
        track.defaults.size = trex.u32("default_sample_size")?;
        track.defaults.flags = trex.u32("default_sample_flags")?;
        Ok(())
    }

    pub(super) fn track(&mut self, id: u32) -> Option<&mut Building> {
        let id = TrackId::new(id);
        self.tracks.iter_mut().find(|track| track.indexed.track.id == id)
    }

    /// How many samples there are.
    pub(super) fn samples(&self) -> usize {
        self.tracks.iter().map(|track| track.indexed.samples.len()).sum()
    }

    pub(super) fn finish(mut self, len: u64, whole: u64, mut damage: Option<Error>) -> Index {
        let mut cut = false;
        for track in &mut self.tracks {
            cut |= track.cut(len);
        }
        if cut && damage.is_none() {
            let (kind, field) = (BoxType(*b"stbl"), "chunk_offset");
            damage = Some(Error::Truncated { kind, field, offset: len });
        }
        Index {
            tracks: self.tracks.into_iter().map(|track| track.indexed).collect(),
            skipped: self.skipped,
            fragmented: self.fragmented,
            whole,
            damage,
        }
    }
}
