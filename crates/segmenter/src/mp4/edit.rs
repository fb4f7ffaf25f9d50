use airloom_media::{Codec, Duration, Kind, Timestamp};

use super::index::{IndexedTrack, Packed, SYNC};

/// What became of a track's edit list (ISO/IEC 14496-12, 8.6.6).
///
/// An [`Index`](super::Index) honours delays, and where the first edit that shows media begins and
/// ends: whole groups of pictures before its start, and samples that begin after its end, are left
/// out. All that is made of the index keeps to that. Inside a group of pictures, or a frame of
/// sound, neither HLS nor DASH can cut: this says what is left there, and what is not followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edited {
    /// Samples left out since they come before the presentation's start.
    pub before: usize,
    /// Samples left out since they come after its end. Fragmented files keep theirs: what their
    /// edit lists say of the end was written before there was one.
    pub after: usize,
    /// How long the media is, in the track's timescale, that comes before the presentation's start
    /// and is kept, since decoding has to begin there: pictures back to a sync sample; a frame of
    /// sound, 80 ms of Opus (RFC 7845, 4.6). Its times are below zero, or within the track's delay.
    /// Segments show it, [`Progressive`](super::Progressive) says in an edit list of its own that it
    /// is not shown.
    pub preroll: Duration,
    /// Edits after the first that shows media. They are not followed: the media goes on as if they
    /// were not there.
    pub unfollowed: u32,
    /// `media_rate` of the first edit, as 16.16 fixed point, where it is not 1. Media goes on at
    /// normal speed.
    pub rate: Option<u32>,
}

/// The edit that a track is presented by. Times are in ticks of the media, and count as its
/// decode times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// How long after time zero media is shown.
    pub(super) delay: i64,
    /// Where in the media it begins.
    pub(super) start: i64,
    /// Where in the media it ends, to one tick of the movie's clock.
    pub(super) end: Option<i64>,
    /// That tick, rounded up.
    pub(super) tick: i64,
    pub(super) unfollowed: u32,
    pub(super) rate: Option<u32>,
}

impl Edit {
    /// What it adds to the media's times.
    pub(super) const fn shift(&self) -> i64 {
        self.delay - self.start
    }
}

impl IndexedTrack {
    /// What became of its edit list; all zero where it has none.
    pub const fn edited(&self) -> Edited {
        self.edited
    }

    /// Leaves out what is not presented, as far as samples are whole and can be decoded; at the end
    /// only if `ends`.
    pub(super) fn apply_edit(&mut self, ends: bool) {
        let Some(mut edit) = self.edit else { return };
        edit.end = edit.end.filter(|_| ends);
        if let Some(end) = &mut edit.end {
            // Durations are rounded: a sample counts as after the end if it is so by a whole tick.
            let limit = end.saturating_add(edit.tick);
            match self.samples.iter().rposition(|packed| shown(packed) < limit) {
                Some(last) => {
                    self.edited.after = self.samples.len() - last - 1;
                    *end = (*end).max(self.samples.get(last).map_or(*end, |last| shown(last) + 1));
                    self.truncate(last + 1);
                }
                // An edit that shows nothing at all is a mistake.
                None => edit.end = None,
            }
        }
        let first = self.presented_from(edit.start);
        self.samples.drain(..first);
        self.edited.before = first;
        let lead = self.samples.first().map_or(0, |first| edit.start.saturating_sub(shown(first)));
        self.edited.preroll = Duration::new(u64::try_from(lead).unwrap_or(0));
        (self.edited.unfollowed, self.edited.rate) = (edit.unfollowed, edit.rate);
        self.edit = Some(edit);
    }

    /// The sample to begin with for all media from `start` on to be decoded.
    fn presented_from(&self, start: i64) -> usize {
        // What is decoded from its start on loses nothing at it.
        if self.samples.first().is_none_or(|first| first.decode_time >= start) {
            return 0;
        }
        let is_video = self.track.codec.kind() == Kind::Video;
        let last = |until: i64| {
            let is_start = |packed: &Packed| !is_video || packed.offset & SYNC != 0;
            let found = |packed: &Packed| is_start(packed) && shown(packed) <= until;
            self.samples.iter().rposition(found)
        };
        let Some(covers) = last(start) else { return 0 };
        let opus = i64::from(self.track.timescale.hz()) * 80 / 1000;
        match &self.track.codec {
            Codec::Opus(_) => last(start.saturating_sub(opus)).unwrap_or(0),
            // Frames overlap: the one that covers the start needs the one before it.
            _ if !is_video => covers.saturating_sub(1),
            _ => covers,
        }
    }

    /// What an edit list has to say of it: how long after time zero media is shown, and where that
    /// begins, from the first decode time on.
    pub(super) fn presented(&self) -> (i64, i64) {
        let first = self.samples.first().map_or(0, |first| first.decode_time);
        match self.edit {
            Some(edit) if edit.start > first => (edit.delay, edit.start - first),
            _ => (self.start().ticks(), 0),
        }
    }

    /// Where it ends, edit list applied, if that is before its media does.
    pub(super) fn presented_until(&self) -> Option<Timestamp> {
        let edit = self.edit?;
        Some(Timestamp::new(edit.end?.saturating_add(edit.shift())))
    }

    /// Leaves out all samples from number `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        let decoded = |number: usize| self.samples.get(number).map(|packed| packed.decode_time);
        if let Some((last, next)) = len.checked_sub(1).and_then(decoded).zip(decoded(len)) {
            self.last = u32::try_from(next - last).unwrap_or(self.last);
        }
        self.samples.truncate(len);
    }
}

/// When a sample is shown, on the media's clock.
fn shown(packed: &Packed) -> i64 {
    packed.decode_time.saturating_add(packed.composition_offset.into())
}
