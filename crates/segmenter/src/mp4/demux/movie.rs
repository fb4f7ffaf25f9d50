use airloom_media::{Timescale, TrackId};

use super::Fields;
use super::budget::Budget;
use super::track::Building;
use crate::mp4::{BoxType, Error, Index, Limits, Skipped};

/// What `moov` (ISO/IEC 14496-12, 8.2.1) says, and the fragments add.
#[derive(Debug)]
pub(super) struct Movie {
    pub(super) tracks: Vec<Building>,
    pub(super) budget: Budget,
    skipped: Vec<Skipped>,
    fragmented: bool,
    /// What is wrong with a box of `moov` that is no track, or follows one that has no end.
    broken: Option<Error>,
}

impl Movie {
    pub(super) fn decode(moov: &Fields<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut mvhd = moov.child(*b"mvhd")?;
        let (version, _) = mvhd.version()?;
        mvhd.take(if version == 0 { 8 } else { 16 }, "creation_time")?;
        let offset = mvhd.offset();
        let timescale =
            Timescale::new(mvhd.u32("timescale")?).ok_or(mvhd.malformed("timescale", offset, 0))?;
        let mut movie = Self {
            tracks: Vec::new(),
            budget: Budget::new(limits),
            skipped: Vec::new(),
            fragmented: false,
            broken: None,
        };
        // Defaults are for tracks, which may come behind them.
        let mut mvex = None;
        for child in moov.children() {
            match child {
                Ok(child) if child.kind.0 == *b"trak" => {
                    movie.trak(&child, timescale, limits.tracks)?;
                }
                Ok(child) if child.kind.0 == *b"mvex" && mvex.is_none() => mvex = Some(child),
                Ok(_) => {}
                // Where the next box starts is not known: what was read before stays.
                Err(error) => movie.broken = Some(error),
            }
        }
        match mvex.map(|mvex| movie.mvex(&mvex)) {
            Some(Ok(())) => movie.fragmented = true,
            Some(Err(error)) => movie.broken = Some(error),
            None => {}
        }
        match movie.broken {
            Some(error) if movie.tracks.is_empty() => Err(error),
            _ => Ok(movie),
        }
    }

    fn trak(&mut self, trak: &Fields<'_>, movie: Timescale, limit: usize) -> Result<(), Error> {
        let known = self.tracks.len() + self.skipped.len();
        if known >= limit {
            let (value, max) = (known as u64 + 1, limit as u64);
            return Err(Error::Limit { limit: "tracks", value, max });
        }
        match Building::decode(trak, movie, &self.tracks, &mut self.budget)? {
            Ok(building) => self.tracks.push(building),
            Err(skipped) => self.skipped.push(skipped),
        }
        Ok(())
    }

    fn mvex(&mut self, mvex: &Fields<'_>) -> Result<(), Error> {
        for child in mvex.children() {
            let child = child?;
            if child.kind.0 == *b"trex" {
                self.defaults(child)?;
            }
        }
        Ok(())
    }

    /// `trex` (8.8.3).
    fn defaults(&mut self, mut trex: Fields<'_>) -> Result<(), Error> {
        trex.version()?;
        let id = trex.u32("track_ID")?;
        let (kind, offset) = (trex.kind, trex.offset());
        let index = trex.u32("default_sample_description_index")?;
        let Some(track) = self.track(id) else { return Ok(()) };
        track.defaults.duration = trex.u32("default_sample_duration")?;
        track.defaults.size = trex.u32("default_sample_size")?;
        track.defaults.flags = trex.u32("default_sample_flags")?;
        let other = Error::Description { kind, offset, index };
        track.defaults.description = Some(other).filter(|_| index > 1);
        Ok(())
    }

    /// Fragments need the defaults of an `mvex` that could be read. Files without one have been
    /// seen, and do without defaults.
    pub(super) fn extended(&self) -> Result<(), Error> {
        match self.broken {
            Some(error) if !self.fragmented => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn track(&mut self, id: u32) -> Option<&mut Building> {
        let id = TrackId::new(id);
        self.tracks.iter_mut().find(|track| track.indexed.track.id == id)
    }

    /// Forgets a track that turns out to be unreadable.
    pub(super) fn leave_out(&mut self, id: TrackId, error: Error) {
        let Some(at) = self.tracks.iter().position(|track| track.indexed.track.id == id) else {
            return;
        };
        let Building { handler, .. } = self.tracks.remove(at);
        self.skipped.push(Skipped { track: id, handler, error });
    }

    pub(super) fn finish(mut self, len: u64, whole: u64, mut damage: Option<Error>) -> Index {
        let mut cut = false;
        for track in &mut self.tracks {
            cut |= track.cut(len);
            // What a fragmented file's `moov` says of its end was written before there was one.
            track.indexed.apply_edit(!self.fragmented);
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
            broken: self.broken,
        }
    }
}
