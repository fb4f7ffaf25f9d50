use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
#[cfg(feature = "thumbnails")]
use std::time::Duration;

use airloom_media::{Kind, Timestamp, Track, TrackId};
use airloom_playlist::{
    self as playlist, Answer, Input, LiveWindow, PlaylistType, Rendered, Request, Resource, Skip,
    WallTime,
};
use airloom_segmenter::mp4::{self, Index};
use bytes::Bytes;

use super::clip::Span;
use super::scan::Found;
use super::stamp::{GapStamp, InitStamp, PartStamp, Stamp, millis};
use crate::origin::{Encoded, Encodings};

/// What can be played of one recording, and where it lies: told stamp by stamp, by the writer or by
/// whoever reads a recording back.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    entries: Vec<Entry>,
    /// The segment each track is in.
    open: Vec<Stored>,
    inits: HashMap<(TrackId, u64), Bytes>,
    places: HashMap<(TrackId, u64), usize>,
    /// As they are configured now.
    tracks: Vec<Track>,
    target: u32,
    /// Media since the start, of the track that decides.
    length: i64,
    start: Option<i64>,
    ended: bool,
    listing: Option<Listing>,
    encodings: Encodings,
}

#[derive(Debug, Clone)]
enum Entry {
    Track(Box<playlist::Rendition>),
    Segment(Stored),
    Gap(GapStamp),
}

#[derive(Debug, Clone)]
struct Stored {
    segment: playlist::Segment,
    at: WallTime,
    pieces: Vec<Piece>,
}

/// Bytes of one file of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) volume: u32,
    pub(super) offset: u64,
    pub(super) size: u32,
}

/// A picture that decoding can start with.
#[cfg(feature = "thumbnails")]
#[derive(Debug, Clone)]
pub(super) struct Keyframe {
    /// Since the start, as playlists count.
    pub(super) at: Duration,
    /// The header of its track.
    pub(super) init: Bytes,
    /// What it is the first sample of.
    pub(super) part: Piece,
}

/// The playlists of the whole, and how much of the timeline they know.
#[derive(Debug)]
struct Listing {
    window: LiveWindow,
    fed: usize,
    ended: bool,
}

impl Timeline {
    /// Takes what is found in `volume`.
    pub(super) fn found(&mut self, volume: u32, found: &Found<'_>) {
        if let Found::Stamp(stamp, offset, _) = found {
            self.note(stamp, volume, *offset);
        }
    }

    /// Takes what stands in `volume`; `offset` is where the part after the stamp starts.
    pub(super) fn note(&mut self, stamp: &Stamp, volume: u32, offset: u64) {
        match stamp {
            Stamp::Init(init) => self.describe(init),
            Stamp::Target(seconds) => self.target = *seconds,
            Stamp::Part(part) => self.part(part, Piece { volume, offset, size: part.size }),
            Stamp::Gap(gap) => self.gap(gap),
        }
    }

    fn describe(&mut self, init: &InitStamp) {
        if self.inits.contains_key(&(init.track, init.id)) {
            return;
        }
        // Alone, and not as a slice of what it was read with.
        let data = Bytes::copy_from_slice(&init.data);
        let init = &InitStamp { data, ..init.clone() };
        let Some(track) = track(init) else { return };
        let mut rendition = playlist::Rendition::new(&track, init.id);
        if let playlist::Format::Video { frame_rate: rate @ None, .. } = &mut rendition.format {
            *rate = u32::try_from(init.frame_duration.ticks())
                .ok()
                .and_then(|ticks| playlist::FrameRate::new(track.timescale.hz(), ticks));
        }
        rendition.presentation_delay = init.presentation_delay;
        self.close(init.track, None);
        self.inits.insert((init.track, init.id), init.data.clone());
        self.entries.push(Entry::Track(Box::new(rendition)));
        self.tracks.retain(|known| known.id != track.id);
        self.tracks.push(track);
        self.tracks.sort_by_key(|known| known.id);
    }

    fn part(&mut self, part: &PartStamp, piece: Piece) {
        self.close(part.track, Some(part.sequence));
        let open = self.open.iter_mut().find(|open| open.segment.track == part.track);
        let Some(open) = open else {
            self.open.push(Stored {
                segment: playlist::Segment {
                    track: part.track,
                    sequence: part.sequence,
                    start: part.start,
                    duration: part.duration,
                    independent: part.independent,
                    discontinuity: part.discontinuity,
                    bytes: part.size.into(),
                },
                at: part.at,
                pieces: vec![piece],
            });
            return;
        };
        let segment = &mut open.segment;
        segment.duration = segment.duration.checked_add(part.duration).unwrap_or(segment.duration);
        segment.bytes += u64::from(part.size);
        open.at = part.at;
        match open.pieces.last_mut() {
            Some(last) if last.volume == piece.volume && last.end() == piece.offset => {
                last.size = last.size.saturating_add(piece.size);
            }
            _ => open.pieces.push(piece),
        }
    }

    fn gap(&mut self, gap: &GapStamp) {
        self.close(gap.track, Some(gap.sequence));
        // What there is of it stays on the disk, unlisted.
        self.open.retain(|open| open.segment.track != gap.track);
        self.advance(gap.track, gap.start.checked_add(gap.duration));
        self.entries.push(Entry::Gap(*gap));
    }

    /// Completes the segment a track is in, unless that is `sequence`.
    fn close(&mut self, track: TrackId, sequence: Option<u64>) {
        let due =
            |open: &Stored| open.segment.track == track && sequence != Some(open.segment.sequence);
        let Some(index) = self.open.iter().position(due) else { return };
        let mut done = self.open.swap_remove(index);
        done.pieces.shrink_to_fit();
        let segment = done.segment;
        if self.start.is_none() {
            self.start = self.millis(track, segment.start);
        }
        self.advance(track, segment.start.checked_add(segment.duration));
        self.places.insert((track, segment.sequence), self.entries.len());
        self.entries.push(Entry::Segment(done));
    }

    /// Completes segment `sequence` of a track, if that is the one it is in.
    pub(super) fn complete(&mut self, track: TrackId, sequence: u64) {
        let mut open = self.open.iter().map(|open| (open.segment.track, open.segment.sequence));
        if open.any(|open| open == (track, sequence)) {
            self.close(track, None);
        }
    }

    fn advance(&mut self, track: TrackId, end: Option<Timestamp>) {
        let end = end.and_then(|end| self.millis(track, end));
        if let (Some(start), Some(end)) = (self.start, end) {
            self.length = self.length.max(end.saturating_sub(start));
        }
    }

    fn millis(&self, track: TrackId, at: Timestamp) -> Option<i64> {
        let known = self.tracks.iter().find(|known| known.id == track)?;
        Some(millis(at, known.timescale))
    }

    /// What follows in the segments that tracks are in cannot be read: they are not listed.
    pub(super) fn leave(&mut self) {
        self.open.clear();
    }

    /// There will be no more.
    pub(super) fn end(&mut self) {
        while let Some(track) = self.open.first().map(|open| open.segment.track) {
            self.close(track, None);
        }
        self.ended = true;
    }

    /// Whether there is anything to play.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How long complete segments last, in milliseconds.
    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.length).unwrap_or(0)
    }

    pub(super) fn init(&self, track: TrackId, id: u64) -> Option<Bytes> {
        self.inits.get(&(track, id)).cloned()
    }

    /// Where a segment's bytes are, in order.
    pub(super) fn segment(&self, track: TrackId, sequence: u64) -> Option<Vec<Piece>> {
        match self.entries.get(*self.places.get(&(track, sequence))?)? {
            Entry::Segment(stored) => Some(stored.pieces.clone()),
            _ => None,
        }
    }

    /// A playlist or manifest of all of it, or of the segments that `span` touches; `None` where
    /// there are none, or no such text. Its links carry `span` on, and `shown`, the part of a query
    /// that let whoever asks in.
    pub(super) fn text(
        &mut self,
        resource: Resource,
        span: Option<Span>,
        shown: Option<&str>,
    ) -> Option<Arc<Encoded>> {
        let text = self.rendered(resource, span)?;
        let stretch = span.map(Span::query);
        let parts: Vec<_> = stretch.as_deref().into_iter().chain(shown).collect();
        if parts.is_empty() {
            return Some(self.encodings.share(resource, Skip::No, text));
        }
        let body = text.with_query(resource, &parts.join("&")).unwrap_or(text.body);
        Some(Arc::new(Encoded::new(Rendered { body, version: text.version })))
    }

    fn rendered(&mut self, resource: Resource, span: Option<Span>) -> Option<Rendered> {
        let answer = match span {
            None => {
                let mut listing = match self.listing.take() {
                    Some(listing) if listing.ended == self.ended => listing,
                    _ => Listing { window: self.window(), fed: 0, ended: self.ended },
                };
                let from = std::mem::replace(&mut listing.fed, self.entries.len());
                self.feed(&mut listing.window, from, |_| true);
                self.listing.insert(listing).window.answer(&Request::new(resource))
            }
            Some(span) => {
                let sequences = self.sequences(span)?;
                let mut window = LiveWindow::new(config(PlaylistType::Vod));
                self.feed(&mut window, 0, |sequence| sequences.contains(&sequence));
                let _ = window.handle_input(WallTime::UNIX_EPOCH, Input::End);
                window.answer(&Request::new(resource))
            }
        };
        match answer {
            Answer::Ready(text) => Some(text),
            _ => None,
        }
    }

    fn window(&self) -> LiveWindow {
        LiveWindow::new(config(if self.ended { PlaylistType::Vod } else { PlaylistType::Event }))
    }

    /// Tells `window` what there is from entry `from` on.
    fn feed(&self, window: &mut LiveWindow, from: usize, wanted: impl Fn(u64) -> bool) {
        let mut now = WallTime::UNIX_EPOCH;
        if from == 0 {
            let _ = window.handle_input(now, Input::TargetDuration(self.target));
        }
        for entry in self.entries.iter().skip(from) {
            // What the window refuses, it refused when it was live.
            let _ = match entry {
                Entry::Track(rendition) => {
                    window.handle_input(now, Input::Track((**rendition).clone()))
                }
                Entry::Segment(Stored { segment, at, .. }) if wanted(segment.sequence) => {
                    now = *at;
                    window.handle_input(now, Input::Segment(*segment))
                }
                Entry::Gap(gap) if wanted(gap.sequence) => {
                    now = gap.at;
                    let gap = playlist::Gap {
                        track: gap.track,
                        sequence: gap.sequence,
                        start: gap.start,
                        duration: gap.duration,
                        discontinuity: gap.discontinuity,
                    };
                    window.handle_input(now, Input::Gap(gap))
                }
                Entry::Segment(_) | Entry::Gap(_) => Ok(()),
            };
        }
        if self.ended {
            let _ = window.handle_input(now, Input::End);
        }
    }

    /// The track whose segments say what a time is: the first video track, else the first.
    fn decides(&self) -> Option<&Track> {
        let video = self.tracks.iter().find(|known| known.codec.kind() == Kind::Video);
        video.or(self.tracks.first())
    }

    /// The volumes that hold what `span` touches, in order.
    pub(super) fn volumes(&self, span: Span) -> Vec<u32> {
        let Some(sequences) = self.sequences(span) else { return Vec::new() };
        let pieces = self.entries.iter().filter_map(|entry| match entry {
            Entry::Segment(stored) if sequences.contains(&stored.segment.sequence) => {
                Some(stored.pieces.iter().map(|piece| piece.volume))
            }
            _ => None,
        });
        let mut volumes: Vec<_> = pieces.flatten().collect();
        volumes.sort_unstable();
        volumes.dedup();
        volumes
    }

    /// The sequence numbers of the segments that `span` touches.
    fn sequences(&self, span: Span) -> Option<std::ops::RangeInclusive<u64>> {
        let start = self.start?;
        let touched = |track: Option<TrackId>| {
            let segments = self.entries.iter().filter_map(|entry| match entry {
                Entry::Segment(stored) => Some(&stored.segment),
                _ => None,
            });
            let own = segments.filter(move |segment| track.is_none_or(|id| segment.track == id));
            let hit = own.filter(|segment| {
                let from = self.millis(segment.track, segment.start);
                let end = segment.start.checked_add(segment.duration);
                let to = end.and_then(|end| self.millis(segment.track, end));
                from.zip(to).is_some_and(|(from, to)| span.touches(from - start, to - start))
            });
            let numbers: Vec<_> = hit.map(|segment| segment.sequence).collect();
            Some(*numbers.iter().min()?..=*numbers.iter().max()?)
        };
        touched(self.decides().map(|known| known.id)).or_else(|| touched(None))
    }

    /// The keyframes that segments of the track that decides start with, in order.
    #[cfg(feature = "thumbnails")]
    pub(super) fn keyframes(&self) -> Vec<Keyframe> {
        let Some(decides) = self.decides().filter(|known| known.codec.kind() == Kind::Video) else {
            return Vec::new();
        };
        let (mut init, mut found) = (None, Vec::new());
        for entry in &self.entries {
            match entry {
                Entry::Track(rendition) if rendition.track == decides.id => {
                    init = self.inits.get(&(rendition.track, rendition.init));
                }
                Entry::Segment(Stored { segment, pieces, .. })
                    if segment.track == decides.id && segment.independent =>
                {
                    let at = self.millis(segment.track, segment.start);
                    let at = at.map(|at| at.saturating_sub(self.start()));
                    if let (Some(init), Some(part), Some(at)) = (init, pieces.first(), at) {
                        let at = Duration::from_millis(u64::try_from(at).unwrap_or(0));
                        found.push(Keyframe { at, init: init.clone(), part: *part });
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Where the recording begins, in milliseconds on the clock of its media.
    pub(super) fn start(&self) -> i64 {
        self.start.unwrap_or(0)
    }
}

impl Piece {
    fn end(&self) -> u64 {
        self.offset + u64::from(self.size)
    }
}

fn config(r#type: PlaylistType) -> playlist::Config {
    playlist::Config {
        target_duration: 1,
        playlist_type: Some(r#type),
        ..playlist::Config::recorded()
    }
}

/// The track that a CMAF header describes, under the id it has in playlists.
pub(super) fn track(init: &InitStamp) -> Option<Track> {
    let len = init.data.len() as u64;
    // Ranges lie within what is there.
    let read = |range: Range<u64>| -> Result<Bytes, mp4::Error> {
        Ok(init.data.slice(range.start as usize..range.end as usize))
    };
    let index = Index::read(len, mp4::Limits::default(), read).ok()?;
    let described = index.tracks().first()?.track();
    Some(Track { id: init.track, timescale: described.timescale, codec: described.codec.clone() })
}
