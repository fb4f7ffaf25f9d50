use std::time::Duration;

use airloom_media::TrackId;
use bytes::Bytes;

use super::log::{Log, State};
use super::{LiveWindow, Track};
use crate::decimal::Micros;
use crate::hls::media::{self, Header, ServerControl};
use crate::{Answer, BadRequest, PlaylistType, Position, Rendered, Request, Resource, Skip, Wait};

/// Target durations that may be skipped at the earliest: the least the rule allows (RFC 8216bis,
/// 4.4.3.8).
const SKIP_AFTER: u64 = 6;
/// Target durations a client without parts stays behind the end (4.4.3.8).
const HOLD_BACK: u64 = 3;
/// Target durations after which a blocked request is better answered with 503 (6.2.5.2).
const BLOCK: u32 = 3;
/// Media sequence numbers a request may be ahead (6.2.5.2).
const AHEAD: u64 = 2;

impl LiveWindow {
    /// What to answer to `request` now.
    ///
    /// Playlists are rendered when they are first asked for and then shared, so an answer costs a
    /// look-up. [`Answer::Wait`] is for the integrator to hold: ask again after the next
    /// [`handle_input`](Self::handle_input).
    pub fn answer(&mut self, request: &Request) -> Answer {
        match request.resource {
            Resource::Multivariant => self.multivariant(),
            Resource::Mpd => self.manifest(),
            Resource::Media { track } => self.media(track, request),
            Resource::Ts => self.ts_media(request),
            Resource::Time => Answer::Time,
            Resource::Init { track, id } => {
                let known = self.track(track).is_some_and(|track| track.inits.contains(&id));
                if known { Answer::Stored(request.resource) } else { Answer::NotFound }
            }
            Resource::Segment { track, sequence } => {
                let log = self.track(track).map(|track| &track.log);
                let growing = log.and_then(Log::open).is_some_and(|open| {
                    open.sequence == sequence && open.is_growing() && self.settings.parts.is_some()
                });
                if growing {
                    return Answer::Growing(request.resource);
                }
                stored(log, sequence)
            }
            Resource::TsSegment { sequence } => stored(Some(&self.ts), sequence),
            Resource::Part { track, sequence, index } => self.part_resource(track, sequence, index),
        }
    }

    pub(super) fn wait(&self, until: Option<Position>) -> Answer {
        let at_most = Duration::from_secs(u64::from(self.target_duration)) * BLOCK;
        Answer::Wait(Wait { until, at_most })
    }

    fn media(&mut self, id: TrackId, request: &Request) -> Answer {
        let Ok(index) = self.track_index(id) else { return Answer::NotFound };
        let Some(track) = self.tracks.get(index) else { return Answer::NotFound };
        if self.is_unfinished() {
            return Answer::NotFound;
        }
        if !track.log.is_playable() {
            return self.without_segments(track);
        }
        if !self.ended() {
            match self.due(&track.log, request) {
                Ok(None) => {}
                Ok(until) => return self.wait(until),
                Err(reason) => return Answer::BadRequest(reason),
            }
        }
        let skip = request.skip != Skip::No && !self.ended();
        let skipped = if skip { track.log.skippable(self.can_skip_until()) } else { 0 };
        let body = self.rendered(index, skipped, request.skip == Skip::DateRanges);
        Answer::Ready(Rendered { body, version: self.log(index).version })
    }

    fn without_segments(&self, track: &Track) -> Answer {
        let awaited = self.is_awaited(track) || track.log.is_restarting();
        if awaited && !self.ended() { self.wait(None) } else { Answer::NotFound }
    }

    /// Whether it is a recording that is not complete yet.
    pub(super) fn is_unfinished(&self) -> bool {
        self.settings.playlist_type == Some(PlaylistType::Vod) && !self.ended()
    }

    fn ts_media(&mut self, request: &Request) -> Answer {
        if self.is_unfinished() {
            return Answer::NotFound;
        }
        if self.ts.is_playable() {
            if !self.ended() {
                match self.due(&self.ts, request) {
                    Ok(None) => {}
                    Ok(until) => return self.wait(until),
                    Err(reason) => return Answer::BadRequest(reason),
                }
            }
            let body = self.rendered(self.tracks.len(), 0, false);
            return Answer::Ready(Rendered { body, version: self.ts.version });
        }
        let hopeless = self.ended() || self.progress() >= self.settings.patience;
        if hopeless { Answer::NotFound } else { self.wait(None) }
    }

    /// What the playlist has to wait for before it answers the blocking directives (6.2.5.2).
    fn due(&self, log: &Log, request: &Request) -> Result<Option<Position>, BadRequest> {
        let Some(msn) = request.msn else { return Ok(None) };
        // The segment being made, and how many of its parts are listed.
        let listed = |count| if self.settings.parts.is_some() { count } else { 0 };
        let (open, parts) = match (log.open(), log.next) {
            (Some(open), _) => (open.sequence, listed(open.part_count)),
            (None, Some(next)) => (next, 0),
            (None, None) => return Ok(None),
        };
        let last = if parts > 0 { open } else { open.saturating_sub(1) };
        if msn > last.saturating_add(AHEAD) {
            return Err(BadRequest::TooFarAhead { msn, last });
        }
        let (mut sequence, mut part) = (msn, request.part.unwrap_or(0));
        if sequence < open && part > 0 {
            let count = log.entry(sequence).map_or(0, |entry| listed(entry.part_count));
            if part < count {
                return Ok(None);
            }
            // Past a segment's last part means part 0 of the next.
            (sequence, part) = (sequence + 1, 0);
        }
        if sequence < open {
            return Ok(None);
        }
        let so_far = if sequence == open { parts } else { 0 };
        if part < so_far {
            return Ok(None);
        }
        if part >= so_far.saturating_add(self.advance_part_limit()) {
            return Err(BadRequest::PartTooFarAhead { part, last: so_far });
        }
        Ok(Some(Position { track: log.track, sequence, part }))
    }

    /// How many parts beyond the last one a request may name (6.2.5.2).
    fn advance_part_limit(&self) -> u32 {
        const SECOND: u64 = 1_000_000;
        match self.settings.parts {
            Some((Micros(target @ 1..SECOND), _)) => {
                u32::try_from((3 * SECOND).div_ceil(target)).unwrap_or(u32::MAX)
            }
            _ => 3,
        }
    }

    fn part_resource(&self, id: TrackId, sequence: u64, index: u32) -> Answer {
        let Some(track) = self.track(id) else { return Answer::NotFound };
        let log = &track.log;
        if let Some((sequence, index)) = log.find_part(sequence, index) {
            return Answer::Stored(Resource::Part { track: id, sequence, index });
        }
        let next = match log.open() {
            Some(open) => Some((open.sequence, open.part_count)),
            None => log.next.map(|next| (next, 0)),
        };
        let asked = Some((sequence, index));
        if !self.ended()
            && self.settings.parts.is_some()
            && (asked == log.promised || asked == next)
        {
            return self.wait(Some(Position { track: Some(id), sequence, part: index }));
        }
        Answer::NotFound
    }

    pub(super) fn can_skip_until(&self) -> Micros {
        Micros(SKIP_AFTER * Micros::from_secs(self.target_duration).0)
    }

    /// The text of a playlist without its first `skipped` segments, rendered at most once.
    fn rendered(&mut self, index: usize, skipped: usize, bare: bool) -> Bytes {
        self.settled = true;
        let log = self.log(index);
        let cached = match (skipped, bare) {
            (0, _) => &log.whole,
            (_, false) => &log.delta,
            (_, true) => &log.bare_delta,
        };
        if let Some(cached) = cached {
            return cached.clone();
        }
        let mut text = self.render(index, skipped, bare);
        text.shrink_to_fit();
        let text = Bytes::from(text);
        let hinted = self.settings.parts.is_some() && !self.ended();
        let log = self.log_mut(index);
        if hinted && log.track.is_some() {
            log.promised = log.hint();
        }
        let cache = match (skipped, bare) {
            (0, _) => &mut log.whole,
            (_, false) => &mut log.delta,
            (_, true) => &mut log.bare_delta,
        };
        *cache = Some(text.clone());
        text
    }

    fn render(&self, index: usize, skipped: usize, bare: bool) -> String {
        let log = self.log(index);
        let is_ts = log.track.is_none();
        let parts = self.settings.parts.filter(|_| !is_ts).map(|(target, hold_back)| {
            let own = self.tracks.get(index).and_then(super::Track::own_part_target);
            (own.map_or(target, |own| own.min(target)), hold_back)
        });
        let mut out = String::with_capacity(2048 + log.listed().count() * 256);
        let target = Micros::from_secs(self.target_duration);
        let first = log.listed().next();
        let discontinuity_sequence = first.map_or(0, |first| {
            self.eras.of(first.sequence).number.saturating_sub(u64::from(first.tagged))
        });
        let (now, recent) = (self.progress(), self.can_skip_until());
        let bare = bare && skipped > 0;
        let skips_ranges = bare && self.ranges.has_older(now, recent);
        let vod = self.settings.playlist_type == Some(PlaylistType::Vod);
        media::write_header(
            &mut out,
            &Header {
                version: if skips_ranges { 10 } else { version(log, skipped) },
                target_duration: self.target_duration,
                independent_segments: log.listed().all(|entry| entry.independent),
                playlist_type: self.settings.playlist_type.map(
                    |playlist_type| match playlist_type {
                        PlaylistType::Event => "EVENT",
                        PlaylistType::Vod => "VOD",
                    },
                ),
                server_control: (!vod).then(|| ServerControl {
                    can_skip_until: (!is_ts).then(|| self.can_skip_until()),
                    hold_back: Micros(HOLD_BACK * target.0),
                    parts,
                }),
                media_sequence: first.map_or(0, |first| first.sequence),
                discontinuity_sequence,
            },
        );
        if skipped > 0 {
            media::write_skip(&mut out, skipped, bare.then(|| self.ranges.removed()));
        }
        self.ranges.write(&mut out, now, bare.then_some(recent));
        log.write_segments(&mut out, skipped);
        if self.ended() {
            media::write_end(&mut out);
            return out;
        }
        if parts.is_some()
            && let Some(hint) = log.hint().and_then(|name| log.part(name))
        {
            media::write_preload_hints(&mut out, self.next_map(index), hint);
        }
        if parts.is_some() {
            self.write_reports(&mut out, index);
        }
        out
    }

    /// The header that the part after all that is listed needs, where it is another than before.
    fn next_map(&self, index: usize) -> Option<Resource> {
        let track = self.tracks.get(index)?;
        let last = track.log.entries.back().filter(|last| last.is_complete())?;
        let (id, of) = (track.rendition.init, track.rendition.track);
        (last.init != Some(id)).then_some(Resource::Init { track: of, id })
    }

    /// Where the other renditions are, so that a client can switch without asking (4.4.5.4).
    fn write_reports(&self, out: &mut String, index: usize) {
        for (other, track) in self.tracks.iter().enumerate() {
            if other == index || !track.log.is_playable() {
                continue;
            }
            // Of one that lists parts, the last part, even where a gap comes after it.
            let parted = track.log.listed().rev().find(|entry| entry.lists_parts());
            let complete = || track.log.listed().rev().find(|entry| entry.is_complete());
            let Some(last) = parted.or_else(complete) else { continue };
            let part = parted.and_then(|last| last.part_count.checked_sub(1));
            let uri = Resource::Media { track: track.rendition.track };
            media::write_rendition_report(out, uri, last.sequence, part);
        }
    }
}

/// The lowest protocol version that has all the tags used (RFC 8216bis, section 8). The same for all
/// of a playlist's life, delta updates aside, since no line may change but by the rules (6.2.1).
fn version(log: &Log, skipped: usize) -> u8 {
    if skipped > 0 {
        9 // EXT-X-SKIP
    } else if log.track.is_some() {
        6 // EXT-X-MAP
    } else {
        3 // fractions of a second in EXTINF
    }
}

fn stored(log: Option<&Log>, sequence: u64) -> Answer {
    let entry = log.and_then(|log| Some((log, log.entry(sequence)?)));
    match entry {
        Some((log, entry)) if entry.state == State::Closed => Answer::Stored(log.segment(sequence)),
        _ => Answer::NotFound,
    }
}
