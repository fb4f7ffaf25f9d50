use std::collections::VecDeque;
use std::sync::Arc;

use airloom_media::{Duration, Kind, Rounding, Timescale, Timestamp, TrackId};

use crate::decimal::Micros;
use crate::{
    Config, DateRange, Error, Gap, Input, Limits, Output, Part, PlaylistType, Protection,
    Rendition, Resource, Segment, Session, TsSegment, WallTime,
};

mod answers;
mod continuity;
mod era;
mod log;
mod manifests;
mod ranges;

use continuity::{Begin, LEAST_GAP};
use era::Eras;
use log::{Addition, Keep, Log, State};
use manifests::Manifest;
use ranges::Ranges;

pub(crate) use era::Zero;

/// Reports of media that is too long, kept until polled; older ones go.
const REPORTS: usize = 64;

/// The longest part or segment taken: a day. Longer ones are wrong clocks, not media.
const LONGEST: Micros = Micros(86_400_000_000);

/// The live window of one stream: what its playlists list, what is gone, and what a blocking
/// request must wait for.
///
/// Told of every part and segment, in whatever order the tracks finish them; asked on behalf of
/// every viewer. Nothing is rendered before somebody asks, and once for each version.
///
/// ```
/// use airloom_media::{Duration, Timescale, Timestamp, TrackId};
/// use airloom_playlist::{
///     Answer, Config, Format, Input, LiveWindow, Part, Rendition, Request, Resource, Segment,
///     VideoRange, WallTime,
/// };
///
/// let track = TrackId::new(1);
/// let mut window = LiveWindow::new(Config::default());
/// let now = WallTime::from_unix(std::time::Duration::from_secs(1_700_000_000));
/// window.handle_input(now, Input::Track(Rendition {
///     track,
///     timescale: Timescale::MPEG,
///     codecs: "avc1.64001F".into(),
///     init: 0,
///     format: Format::Video { width: 640, height: 360, frame_rate: None, range: VideoRange::Sdr },
///     language: None,
///     presentation_delay: Duration::ZERO,
///     part_target: None,
///     variant: 0,
/// }))?;
///
/// let request = Request::new(Resource::Media { track });
/// assert!(matches!(window.answer(&request), Answer::Wait(_)));
///
/// let (start, duration) = (Timestamp::ZERO, Duration::new(18_000));
/// window.handle_input(now, Input::Part(Part {
///     track, sequence: 7, index: 0, start, duration,
///     independent: true, discontinuity: false, bytes: 12_000,
/// }))?;
/// window.handle_input(now, Input::Segment(Segment {
///     track, sequence: 7, start, duration,
///     independent: true, discontinuity: false, bytes: 12_000,
/// }))?;
/// let Answer::Ready(playlist) = window.answer(&request) else { panic!("it is there") };
/// assert!(playlist.body.ends_with(b"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1-8.0.m4s\"\n"));
///
/// // A client that has this much asks for what comes next, and is held until it is there.
/// let next = Request::from_query(request.resource, "_HLS_msn=8&_HLS_part=0").unwrap();
/// assert!(matches!(window.answer(&next), Answer::Wait(_)));
/// # Ok::<(), airloom_playlist::Error>(())
/// ```
#[derive(Debug)]
pub struct LiveWindow {
    settings: Settings,
    limits: Limits,
    target_duration: u32,
    /// Whether a playlist was given out, so that the target duration cannot change any more.
    settled: bool,
    phase: Phase,
    version: u64,
    tracks: Vec<Track>,
    /// Kinds of tracks that are to come.
    expected: Vec<Kind>,
    ts: Log,
    eras: Eras,
    ranges: Ranges,
    /// `Input::Discontinuity` before there was anything to continue.
    pending_discontinuity: bool,
    multivariant: Manifest,
    mpd: Manifest,
    /// The MPD's availabilityStartTime, once it is settled.
    available_from: Option<WallTime>,
    published: WallTime,
    /// The MPD's next publishTime at the earliest.
    publish_floor: WallTime,
    reports: VecDeque<Resource>,
}

/// Where the stream is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Tracks that were announced have no segment yet.
    Starting,
    /// The multivariant playlist and the manifest exist.
    Live,
    /// Nothing will come any more.
    Ended,
}

/// The configuration in the units playlists use.
#[derive(Debug)]
struct Settings {
    window: Micros,
    linger: Micros,
    patience: Micros,
    /// Part target and part hold-back; none without Low Latency.
    parts: Option<(Micros, Micros)>,
    dash_latency: Option<Micros>,
    time_url: String,
    playlist_type: Option<PlaylistType>,
    session: Session,
}

#[derive(Debug)]
struct Track {
    rendition: Rendition,
    log: Log,
    protection: Option<Arc<Protection>>,
    /// CMAF headers that are not evicted, oldest first.
    inits: VecDeque<u64>,
    /// How far the others had come when it was announced.
    announced_at: Micros,
    /// The first sequence number DASH may list: Periods never gain a track once given out.
    joined: u64,
    /// `@bandwidth` by Period, within which it must not change.
    dash_bandwidths: Vec<(u64, u64)>,
}

impl Track {
    /// The track's own part target, rounded up to what is written.
    fn own_part_target(&self) -> Option<Micros> {
        let target = self.rendition.part_target?;
        let nanos = target.rescale(self.rendition.timescale, Timescale::NANOS, Rounding::Up)?;
        Some(Micros(nanos.ticks().div_ceil(1000).max(1)))
    }
}

impl LiveWindow {
    /// An empty window: every request waits.
    pub fn new(config: Config) -> Self {
        let vod = config.playlist_type == Some(PlaylistType::Vod);
        let parts = config.part_target.filter(|_| !vod).map(|target| {
            let target = Micros(Micros::from_std(target).0.max(1));
            let hold_back = config
                .part_hold_back
                .map_or(Micros(target.0.saturating_mul(33).div_ceil(10)), Micros::from_std);
            (target, Micros(hold_back.0.max(target.0.saturating_mul(3))))
        });
        Self {
            settings: Settings {
                window: config
                    .playlist_type
                    .map_or(Micros::from_std(config.window), |_| Micros(u64::MAX)),
                linger: Micros::from_std(config.linger),
                patience: Micros::from_std(config.patience),
                parts,
                dash_latency: config.dash_latency.map(Micros::from_std),
                time_url: config.time_url.unwrap_or_else(|| Resource::Time.to_string()),
                playlist_type: config.playlist_type,
                session: config.session,
            },
            limits: config.limits,
            target_duration: config.target_duration.max(1),
            settled: false,
            phase: Phase::Starting,
            version: 0,
            tracks: Vec::new(),
            expected: Vec::new(),
            ts: Log::new(None, Timescale::MPEG),
            eras: Eras::new(config.discontinuity_sequence),
            ranges: Ranges::default(),
            pending_discontinuity: false,
            multivariant: Manifest::default(),
            mpd: Manifest::default(),
            available_from: None,
            published: WallTime::UNIX_EPOCH,
            publish_floor: WallTime::UNIX_EPOCH,
            reports: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`.
    ///
    /// `now` is the time the media was received: it dates the first part of the stream and of
    /// what follows each discontinuity; the media's own clock dates the rest, in all tracks
    /// alike. What follows a discontinuity is never dated before what precedes it.
    ///
    /// # Errors
    ///
    /// Every variant of [`Error`]; the window is then as it was.
    pub fn handle_input(&mut self, now: WallTime, input: Input) -> Result<(), Error> {
        if self.ended() {
            return if input == Input::End { Ok(()) } else { Err(Error::Ended) };
        }
        match input {
            Input::Track(rendition) => self.announce(rendition)?,
            Input::Expect(kind) => self.expect(kind),
            Input::Part(part) => self.part(now, &part)?,
            Input::Segment(segment) => self.segment(now, &segment)?,
            Input::Gap(gap) => self.gap(now, &gap)?,
            Input::TsSegment(segment) => self.ts_segment(now, &segment)?,
            Input::Protect(track, protection) => self.protect(track, protection)?,
            Input::DateRange(range) => self.date_range(range)?,
            Input::TargetDuration(seconds) => self.raise_target(seconds)?,
            Input::Discontinuity => self.discontinuity(),
            Input::End => self.end(),
        }
        // Nanoseconds of the wall clock, so that a restarted server goes on above.
        self.version = (self.version + 1).max(now.nanos().unsigned_abs());
        self.published = now;
        let version = self.version;
        for log in self.logs_mut() {
            if log.whole.is_none() {
                log.version = version;
            }
        }
        Ok(())
    }

    /// What became of it; `None` when there is nothing more for now.
    ///
    /// May be drained late or never: what waits here is a few numbers however much is evicted,
    /// but the integrator's store grows until it is told.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(resource) = self.reports.pop_front() {
            return Some(Output::TooLong(resource));
        }
        if let Some(resource) = self.logs_mut().find_map(Log::poll_evicted) {
            return Some(Output::Evicted(resource));
        }
        self.tracks.iter_mut().find_map(|track| {
            let oldest = *track.inits.front()?;
            let used = oldest == track.rendition.init
                || track.log.entries.iter().any(|entry| entry.init == Some(oldest));
            if used {
                return None;
            }
            track.inits.pop_front();
            Some(Output::Evicted(Resource::Init { track: track.rendition.track, id: oldest }))
        })
    }

    /// Every playlist and manifest of the CMAF tracks there are: what a folder needs that is served
    /// as it is.
    pub fn playlists(&self) -> impl Iterator<Item = Resource> + use<> {
        let media =
            self.tracks.iter().map(|track| Resource::Media { track: track.rendition.track });
        let media: Vec<_> = media.collect();
        [Resource::Multivariant, Resource::Mpd].into_iter().chain(media)
    }

    /// Grows with every input that was taken, so with every change that could turn an
    /// [`Answer::Wait`](crate::Answer::Wait) into another answer.
    pub const fn version(&self) -> u64 {
        self.version
    }

    fn ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    fn is_playable(&self) -> bool {
        self.tracks.iter().any(|track| track.log.is_playable())
    }

    fn logs_mut(&mut self) -> impl Iterator<Item = &mut Log> {
        self.tracks.iter_mut().map(|track| &mut track.log).chain([&mut self.ts])
    }

    fn track(&self, id: TrackId) -> Option<&Track> {
        self.tracks.iter().find(|track| track.rendition.track == id)
    }

    fn track_index(&self, id: TrackId) -> Result<usize, Error> {
        let unknown = Error::UnknownTrack { track: id };
        self.tracks.iter().position(|track| track.rendition.track == id).ok_or(unknown)
    }

    /// The playlist of the track at `index`, or the one of MPEG-TS for an index past the last.
    fn log_mut(&mut self, index: usize) -> &mut Log {
        match self.tracks.get_mut(index) {
            Some(track) => &mut track.log,
            None => &mut self.ts,
        }
    }

    fn log(&self, index: usize) -> &Log {
        self.tracks.get(index).map_or(&self.ts, |track| &track.log)
    }

    fn keep(&self) -> Keep {
        Keep {
            window: self.settings.window,
            linger: self.settings.linger,
            target: Micros::from_secs(self.target_duration),
            entries: self.limits.segments.max(8),
        }
    }

    /// How far the track that came furthest has come.
    fn progress(&self) -> Micros {
        self.tracks.iter().map(|track| track.log.progress()).max().unwrap_or_default()
    }

    fn announce(&mut self, rendition: Rendition) -> Result<(), Error> {
        writable("codecs", &rendition.codecs)?;
        if let Some(language) = &rendition.language {
            writable("language", language)?;
        }
        let id = rendition.track;
        if let Some(track) = self.tracks.iter_mut().find(|track| track.rendition.track == id) {
            let changed = |field| Error::Changed { track: id, field };
            if track.rendition.timescale != rendition.timescale {
                return Err(changed("timescale"));
            }
            if track.rendition.format.kind() != rendition.format.kind() {
                return Err(changed("kind"));
            }
            if !track.inits.contains(&rendition.init) {
                track.inits.push_back(rendition.init);
            }
            track.rendition = rendition;
            // The hint that comes next may need another header.
            track.log.touch();
        } else {
            if self.tracks.len() >= self.limits.tracks {
                return Err(Error::TooManyTracks { limit: self.limits.tracks });
            }
            self.tracks.push(Track {
                log: Log::new(Some(id), rendition.timescale),
                inits: VecDeque::from([rendition.init]),
                protection: None,
                announced_at: self.progress(),
                joined: 0,
                dash_bandwidths: Vec::new(),
                rendition,
            });
        }
        self.multivariant.stale = true;
        self.mpd.stale = true;
        Ok(())
    }

    fn protect(&mut self, id: TrackId, protection: Protection) -> Result<(), Error> {
        let index = self.track_index(id)?;
        let protection = Some(protection).filter(|protection| *protection != Protection::default());
        if let Some(track) = self.tracks.get_mut(index) {
            track.protection = protection.map(Arc::new);
        }
        Ok(())
    }

    fn date_range(&mut self, range: DateRange) -> Result<(), Error> {
        self.ranges.put(range, self.progress(), self.limits.date_ranges)?;
        self.logs_mut().for_each(Log::touch);
        Ok(())
    }

    /// Lets go of date ranges that are over before all that is listed.
    fn slide_ranges(&mut self) {
        let logs = self.tracks.iter().map(|track| &track.log).chain([&self.ts]);
        let first = logs.filter_map(|log| log.listed().next()).map(|entry| entry.date).min();
        if let Some(first) = first {
            let (now, keep) = (self.progress(), self.can_skip_until());
            self.ranges.slide(first, now, keep, self.limits.date_ranges);
        }
    }

    fn part(&mut self, now: WallTime, part: &Part) -> Result<(), Error> {
        let index = self.track_index(part.track)?;
        let log = self.log(index);
        let addition = addition(part.start, part.duration, part.bytes, log.timescale)?;
        let due = match log.open() {
            Some(open) if open.sequence == part.sequence => open.part_count,
            _ => {
                self.begins(log, part.sequence)?;
                0
            }
        };
        let (track, sequence) = (part.track, part.sequence);
        if part.index != due {
            return Err(Error::PartOutOfOrder {
                track,
                sequence,
                index: part.index,
                expected: due,
            });
        }
        if due >= self.limits.parts {
            return Err(Error::TooManyParts { track, sequence, limit: self.limits.parts });
        }
        if due == 0 {
            let Part { start, discontinuity, .. } = *part;
            let end = addition.end;
            self.begin(index, now, Begin { sequence, start, end, discontinuity, is_gap: false });
        }
        let listed = self.settings.parts.is_some();
        self.log_mut(index).push_part(addition, part.independent, listed);
        if due == 0 {
            self.multivariant.stale = true;
        }
        if due == 0 && listed {
            self.settle_eras();
            self.mpd.stale = true;
        }
        if self.settings.parts.is_some_and(|(target, _)| addition.micros > target) {
            self.report(Resource::Part { track, sequence, index: due });
        }
        Ok(())
    }

    fn segment(&mut self, now: WallTime, segment: &Segment) -> Result<(), Error> {
        let index = self.track_index(segment.track)?;
        let log = self.log(index);
        let addition = addition(segment.start, segment.duration, segment.bytes, log.timescale)?;
        let (track, sequence) = (segment.track, segment.sequence);
        match log.open() {
            Some(open) if open.sequence == sequence => {
                let disagree = |field| Error::PartsDisagree { track, sequence, field };
                if open.start != segment.start {
                    return Err(disagree("start"));
                }
                if open.ticks != segment.duration {
                    return Err(disagree("duration"));
                }
                if let Some(open) = self.log_mut(index).entries.back_mut() {
                    open.bytes = segment.bytes;
                }
            }
            _ => {
                self.begins(log, sequence)?;
                let Segment { start, discontinuity, .. } = *segment;
                let end = addition.end;
                let begin = Begin { sequence, start, end, discontinuity, is_gap: false };
                self.begin(index, now, begin);
                self.fill(index, addition, segment.independent);
            }
        }
        self.close(index, State::Closed);
        Ok(())
    }

    fn gap(&mut self, now: WallTime, gap: &Gap) -> Result<(), Error> {
        let index = self.track_index(gap.track)?;
        let log = self.log(index);
        let addition = addition(gap.start, gap.duration, 0, log.timescale)?;
        let Gap { sequence, start, discontinuity, .. } = *gap;
        self.begins(log, sequence)?;
        let end = addition.end;
        self.begin(index, now, Begin { sequence, start, end, discontinuity, is_gap: true });
        self.fill(index, addition, true);
        self.close(index, State::Gap);
        Ok(())
    }

    fn ts_segment(&mut self, now: WallTime, segment: &TsSegment) -> Result<(), Error> {
        let addition = addition(segment.start, segment.duration, 0, Timescale::MPEG)?;
        self.begins(&self.ts, segment.sequence)?;
        let TsSegment { sequence, start, discontinuity, .. } = *segment;
        let index = self.tracks.len();
        let end = addition.end;
        self.begin(index, now, Begin { sequence, start, end, discontinuity, is_gap: false });
        self.fill(index, addition, true);
        self.close(index, State::Closed);
        Ok(())
    }

    /// Checks that `sequence` may begin.
    fn begins(&self, log: &Log, sequence: u64) -> Result<(), Error> {
        // Before that there is nothing left that it could be aligned with.
        let oldest = self.eras.iter().next().map_or(0, |era| era.first);
        let expected = log.next.unwrap_or(oldest);
        if sequence < expected {
            Err(Error::SequenceFell { sequence, expected })
        } else if sequence == u64::MAX {
            // The number after it must exist, or what is due next could not be said.
            Err(Error::Unwritable { field: "sequence" })
        } else {
            Ok(())
        }
    }

    /// Gives the open segment its whole content at once.
    fn fill(&mut self, index: usize, addition: Addition, independent: bool) {
        if let Some(entry) = self.log_mut(index).entries.back_mut() {
            entry.end = addition.end;
            entry.ticks = addition.duration;
            entry.micros = addition.micros;
            entry.bytes = addition.bytes;
            entry.independent = independent;
        }
    }

    /// Completes the last segment of a playlist, and what follows from that.
    fn close(&mut self, index: usize, state: State) {
        self.close_log(index, state);
        self.give_up();
        self.start();
        self.settle_eras();
        self.slide_ranges();
        let logs = self.tracks.iter().map(|track| &track.log).chain([&self.ts]);
        let oldest = logs.filter_map(|log| log.entries.front()).map(|entry| entry.sequence).min();
        if let Some(oldest) = oldest {
            self.eras.forget_before(oldest);
        }
    }

    fn close_log(&mut self, index: usize, state: State) {
        let micros = self.log(index).entries.back().map_or(Micros(0), |entry| entry.micros);
        let seconds = u32::try_from(micros.rounded_secs()).unwrap_or(u32::MAX);
        if seconds > self.target_duration {
            if self.settled {
                if let Some(entry) = self.log(index).entries.back() {
                    self.report(self.log(index).segment(entry.sequence));
                }
            } else {
                self.retarget(seconds);
            }
        }
        let keep = self.keep();
        self.log_mut(index).close(state, keep);
        self.multivariant.stale = true;
        self.mpd.stale = true;
    }

    /// Goes on without the tracks that have been silent for too long.
    fn give_up(&mut self) {
        for index in 0..self.tracks.len() {
            while let Some(sequence) = self.overdue(index) {
                if self.log(index).open().is_some() {
                    self.close_log(index, State::Closed);
                } else {
                    self.push_gap(index, sequence, LEAST_GAP, None);
                }
            }
        }
    }

    /// The sequence number that the track at `index` has been silent about for too long.
    fn overdue(&self, index: usize) -> Option<u64> {
        let log = self.log(index);
        let due = log.open().map(|open| open.sequence).or(log.next)?;
        let leader = self.furthest(index)?;
        let entry = leader.entry(due).filter(|entry| entry.is_complete())?;
        let waited = leader.total.0.saturating_sub(entry.total.0);
        (waited >= self.settings.patience.0.max(1)).then_some(due)
    }

    /// Decides whether the stream has started: every track that is not silent for too long has a
    /// segment.
    fn start(&mut self) {
        let waiting = self.tracks.iter().any(|track| self.is_awaited(track)) || self.is_expecting();
        if self.phase == Phase::Starting && self.is_playable() && !waiting {
            self.phase = Phase::Live;
        }
    }

    fn expect(&mut self, kind: Kind) {
        if !self.expected.contains(&kind) {
            self.expected.push(kind);
        }
    }

    /// Whether a kind of track is to come that was not announced, and there is still hope.
    fn is_expecting(&self) -> bool {
        let known = |kind| self.tracks.iter().any(|track| track.rendition.format.kind() == kind);
        self.progress() < self.settings.patience && self.expected.iter().any(|kind| !known(*kind))
    }

    /// Whether the track has no segment yet and there is still hope.
    fn is_awaited(&self, track: &Track) -> bool {
        let waited = self.progress().0.saturating_sub(track.announced_at.0);
        !track.log.bandwidth.is_measured() && waited < self.settings.patience.0.max(1)
    }

    fn raise_target(&mut self, seconds: u32) -> Result<(), Error> {
        if seconds <= self.target_duration {
            return Ok(());
        }
        if self.settled {
            return Err(Error::Settled { seconds: self.target_duration });
        }
        self.retarget(seconds);
        Ok(())
    }

    fn retarget(&mut self, seconds: u32) {
        self.target_duration = seconds;
        self.multivariant.stale = true;
        self.mpd.stale = true;
        let target = Micros::from_secs(seconds);
        self.logs_mut().for_each(|log| {
            log.remeasure(target);
            log.touch();
        });
    }

    fn end(&mut self) {
        for index in 0..self.tracks.len() {
            if self.log(index).open().is_some() {
                self.close(index, State::Closed);
            }
        }
        self.phase = Phase::Ended;
        self.settle_eras();
        self.multivariant.stale = true;
        self.mpd.stale = true;
        self.logs_mut().for_each(Log::touch);
    }

    fn report(&mut self, resource: Resource) {
        if self.reports.len() >= REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(resource);
    }
}

/// Checks times and sizes, and puts them into playlist units.
fn addition(
    start: Timestamp,
    duration: Duration,
    bytes: u64,
    timescale: Timescale,
) -> Result<Addition, Error> {
    if duration == Duration::ZERO {
        return Err(Error::Unwritable { field: "duration" });
    }
    let end = start.checked_add(duration).ok_or(Error::Unwritable { field: "duration" })?;
    let micros =
        Micros::between(start, end, timescale).ok_or(Error::Unwritable { field: "start" })?;
    if micros > LONGEST {
        return Err(Error::Unwritable { field: "duration" });
    }
    Ok(Addition { end, duration, micros, bytes })
}

/// Text that fits an HLS quoted-string and an XML attribute as it is.
fn writable(field: &'static str, text: &str) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'&');
    let fits = !text.is_empty() && text.len() <= 256 && text.bytes().all(plain);
    if fits { Ok(()) } else { Err(Error::Unwritable { field }) }
}
