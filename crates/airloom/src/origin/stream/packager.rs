use airloom_media::{Kind, Sample, Track, TrackId};
use airloom_playlist as playlist;
use airloom_playlist::{Answer, LiveWindow, Request, Resource, WallTime};
use airloom_segmenter as segmenter;
use airloom_segmenter::{Init, Output, Segmenter};
use tracing::{debug, info, warn};

use super::super::observer::{Event, Observers};
use super::super::status::TrackStatus;
use super::super::store::{Media, Store};
use super::super::wall_time;
use super::{Config, StreamName};
#[cfg(feature = "encryption")]
use crate::origin::encryption::Cipher;
use crate::origin::group::Members;
#[cfg(feature = "encryption")]
use crate::origin::{Encryption, PublishingError};

/// Segmenter, window and store of one stream, moved forward together: what the segmenter makes,
/// the window lists and the store keeps, until the window lets it go.
#[derive(Debug)]
pub(super) struct Packager {
    name: StreamName,
    observers: Observers,
    /// Whether parts are told as they are made.
    parts: bool,
    segmenter: Segmenter,
    window: LiveWindow,
    store: Store,
    first_sequence: u64,
    next_sequence: u64,
    target_told: bool,
    cut_told: bool,
    tracks: Vec<Described>,
    video: Option<TrackId>,
    frames: u64,
    /// Whose tracks these are, where several publish them.
    members: Members,
    #[cfg(feature = "encryption")]
    cipher: Option<Cipher>,
}

#[derive(Debug)]
struct Described {
    init: Init,
    bitrate: Option<u64>,
}

impl Packager {
    pub(super) fn new(
        name: StreamName,
        config: &Config,
        first_sequence: u64,
        observers: Observers,
    ) -> Self {
        let mut cut = segmenter::Config::default();
        cut.segment = config.segment;
        cut.first_segment = cut.first_segment.min(config.segment);
        cut.max_segment = cut.max_segment.max(config.segment);
        cut.part = config.part;
        cut.first_sequence = first_sequence;
        let mut limits = playlist::Limits::default();
        // Several encodings may be published into one stream.
        cut.limits.tracks = limits.tracks;
        limits.segments = config.event.unwrap_or(limits.segments);
        let listed = playlist::Config {
            window: config.window,
            linger: LINGER,
            part_target: config.part,
            playlist_type: config.event.map(|_| playlist::PlaylistType::Event),
            session: config.session.clone(),
            limits,
            target_duration: config.segment.as_secs().try_into().unwrap_or(u32::MAX).max(1),
            ..playlist::Config::default()
        };
        Self {
            name,
            observers,
            parts: config.part.is_some(),
            segmenter: Segmenter::new(cut),
            window: LiveWindow::new(listed),
            store: Store::default(),
            first_sequence,
            next_sequence: first_sequence,
            target_told: false,
            cut_told: false,
            tracks: Vec::new(),
            video: None,
            frames: 0,
            members: Members::default(),
            #[cfg(feature = "encryption")]
            cipher: None,
        }
    }

    pub(super) fn date_range(&mut self, range: playlist::DateRange) -> Result<(), playlist::Error> {
        self.window.handle_input(wall_time(), playlist::Input::DateRange(range))
    }

    #[cfg(feature = "encryption")]
    pub(super) fn encrypt(&mut self, encryption: Encryption) -> Result<(), PublishingError> {
        match &mut self.cipher {
            Some(cipher) if cipher.scheme() != encryption.scheme => Err(PublishingError::Scheme),
            Some(cipher) => {
                cipher.rotate(encryption);
                Ok(())
            }
            None if self.frames > 0 || self.next_sequence > self.first_sequence => {
                Err(PublishingError::Clear)
            }
            None => {
                self.cipher = Some(Cipher::new(encryption));
                Ok(())
            }
        }
    }

    #[cfg(feature = "encryption")]
    pub(super) fn is_encrypted(&self) -> bool {
        self.cipher.is_some()
    }

    /// The track here that the track `own` of the publisher `member` is.
    pub(super) fn member_track(&mut self, member: &StreamName, own: TrackId) -> TrackId {
        self.members.track(member, own)
    }

    pub(super) fn set_track(&mut self, track: Track) -> Result<(), segmenter::Error> {
        if track.codec.kind() == Kind::Video && self.video.is_none() {
            (self.video, self.frames) = (Some(track.id), 0);
        }
        self.segmenter.set_track(track)
    }

    /// What the publisher says it will send is waited for before playlists name the tracks.
    pub(super) fn announce(&mut self, kind: Kind) {
        self.tell(wall_time(), playlist::Input::Expect(kind));
    }

    pub(super) fn has_video(&self) -> bool {
        self.video.is_some()
    }

    /// Video frames taken in; audio frames where there is no video.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    pub(super) fn handle_sample(&mut self, sample: Sample) -> Result<(), segmenter::Error> {
        let counted = match self.video {
            Some(video) => sample.track == video,
            None => true,
        };
        self.segmenter.handle_input(sample)?;
        self.frames += u64::from(counted);
        self.drain();
        Ok(())
    }

    /// A publisher is there, for the first time or again.
    pub(super) fn begin(&self, resumed: bool) {
        let life = self.first_sequence;
        self.observe(|| match wall_time() {
            at if resumed => Event::Resumed { at },
            at => Event::Started { life, at },
        });
    }

    /// The publisher is gone; what it sent goes out.
    pub(super) fn interrupt(&mut self) {
        self.segmenter.restart();
        self.drain();
        self.observe(|| Event::Interrupted { at: wall_time() });
    }

    /// There will be no more.
    pub(super) fn finish(&mut self) {
        self.segmenter.finish();
        self.drain();
        self.tell(wall_time(), playlist::Input::End);
        self.observe(|| Event::Ended { at: wall_time() });
    }

    /// Above every sequence number given out so far.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    pub(super) fn window_version(&self) -> u64 {
        self.window.version()
    }

    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        self.window.answer(request)
    }

    pub(super) fn find(&self, resource: Resource) -> Option<Media> {
        self.store.find(resource)
    }

    pub(super) fn parts(
        &self,
        track: TrackId,
        sequence: u64,
        from: usize,
    ) -> Option<(Vec<segmenter::Part>, bool)> {
        self.store.parts(track, sequence, from)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.store.bytes()
    }

    fn drain(&mut self) {
        // Most samples finish nothing, and then even the clock need not be read.
        let Some(output) = self.segmenter.poll_output() else { return };
        let now = wall_time();
        self.keep(now, output);
        while let Some(output) = self.segmenter.poll_output() {
            self.keep(now, output);
        }
        while let Some(output) = self.window.poll_output() {
            match output {
                playlist::Output::Evicted(resource) => self.store.evict(resource),
                other => debug!(name = %self.name, ?other, "window"),
            }
        }
    }

    /// Keeps what the segmenter made, encrypted where it is to be.
    #[cfg(feature = "encryption")]
    fn keep(&mut self, now: WallTime, output: Output) {
        let Some(cipher) = &mut self.cipher else { return self.list(now, output) };
        if let Err(error) = cipher.handle_input(output) {
            warn!("{} not given out: {error}", self.name);
        }
        while let Some(output) = self.cipher.as_mut().and_then(Cipher::poll_output) {
            if let Output::Part(part) = &output
                && part.index == 0
                && let Some(cipher) = &mut self.cipher
                && let Some(protection) = cipher.news(part.track, part.sequence)
            {
                let track = part.track;
                self.observe(|| Event::Protection {
                    track,
                    protection: protection.clone(),
                    at: now,
                });
                self.tell(now, playlist::Input::Protect(track, protection));
            }
            self.list(now, output);
        }
    }

    #[cfg(not(feature = "encryption"))]
    fn keep(&mut self, now: WallTime, output: Output) {
        self.list(now, output);
    }

    fn list(&mut self, now: WallTime, output: Output) {
        match output {
            Output::Init(init) => self.describe(now, init),
            Output::Part(part) => {
                let input = playlist::Input::from(&part);
                self.next_sequence = self.next_sequence.max(part.sequence + 1);
                self.observe(|| Event::Part { part: part.clone(), at: now });
                self.store.put_part(part);
                self.tell(now, input);
            }
            Output::Segment(segment) => {
                self.tell_target(now);
                self.measure(&segment);
                self.next_sequence = self.next_sequence.max(segment.sequence + 1);
                if !self.parts {
                    for part in segment.parts.iter() {
                        self.observe(|| Event::Part { part: part.clone(), at: now });
                    }
                }
                self.observe(|| Event::Segment { segment: segment.clone(), at: now });
                self.store.put_segment(&segment);
                self.tell(now, playlist::Input::from(&segment));
            }
            Output::TsSegment(segment) => {
                self.tell_target(now);
                let input = playlist::Input::from(&segment);
                self.observe(|| Event::TsSegment { segment: segment.clone(), at: now });
                self.store.put_ts(segment);
                self.tell(now, input);
            }
            Output::Gap(gap) => {
                let input = playlist::Input::from(&gap);
                self.observe(|| Event::Gap { gap, at: now });
                self.tell(now, input);
            }
            Output::Event(event) => self.log(event),
            _ => {}
        }
    }

    fn describe(&mut self, now: WallTime, init: Init) {
        // A header comes into force with a segment of its own, so that counting them from the
        // first sequence number never gives a name twice, over restarts too.
        let id = self.first_sequence + u64::from(init.id);
        let mut rendition = playlist::Rendition::of_init(&init, id);
        rendition.variant = self.members.variant(init.track);
        self.observe(|| Event::Init { id, init: init.clone(), at: now });
        self.store.put_init(init.track, id, init.data.clone());
        self.tell(now, playlist::Input::Track(rendition));
        let described = Described { init, bitrate: None };
        info!("{} {}", self.name, described.sentence());
        match self.tracks.iter_mut().find(|known| known.init.track == described.init.track) {
            Some(known) => *known = described,
            None => self.tracks.push(described),
        }
    }

    /// The target duration is told before anything that depends on it.
    fn tell_target(&mut self, now: WallTime) {
        if self.target_told {
            return;
        }
        if let Some(seconds) = self.segmenter.target_duration() {
            self.target_told = true;
            self.observe(|| Event::TargetDuration(seconds));
            self.tell(now, playlist::Input::TargetDuration(seconds));
        }
    }

    fn measure(&mut self, segment: &segmenter::Segment) {
        let track = self.tracks.iter_mut().find(|track| track.init.track == segment.track);
        if let Some(track) = track.filter(|_| segment.duration.ticks() > 0) {
            let bits = segment.size as u128 * 8 * u128::from(track.init.timescale.hz());
            track.bitrate = u64::try_from(bits / u128::from(segment.duration.ticks())).ok();
        }
    }

    fn observe(&self, event: impl FnOnce() -> Event) {
        self.observers.tell(&self.name, event);
    }

    fn tell(&mut self, now: WallTime, input: playlist::Input) {
        if let Err(error) = self.window.handle_input(now, input) {
            warn!("{} not listed: {error}", self.name);
        }
    }

    fn log(&mut self, event: segmenter::Event) {
        match event {
            segmenter::Event::ForcedCut { .. } => {
                // Said once a stream: an encoder without keyframes would say it every segment.
                if !std::mem::replace(&mut self.cut_told, true) {
                    warn!(
                        "{} has too few keyframes: segments are cut without one \
                         (set the encoder's keyframe interval to 2 s or less)",
                        self.name
                    );
                }
            }
            // Told where the publisher left and where it came back.
            segmenter::Event::Discontinuity {
                reason: segmenter::Discontinuity::Restart, ..
            } => {}
            segmenter::Event::Discontinuity { reason, .. } => {
                info!("{} goes on after a discontinuity: {reason:?}", self.name);
            }
            segmenter::Event::TrackAbsent { track, absence } => {
                warn!("{} track {track} is silent: {absence:?}", self.name);
            }
            other => debug!(name = %self.name, ?other, "segmenter"),
        }
    }

    pub(super) fn tracks(&self) -> Vec<TrackStatus> {
        self.tracks.iter().map(Described::status).collect()
    }
}

impl Described {
    fn status(&self) -> TrackStatus {
        let mut status = TrackStatus {
            id: self.init.track.get(),
            kind: "",
            codec: self.init.codec.to_string(),
            width: None,
            height: None,
            frame_rate: None,
            sample_rate: None,
            channels: None,
            bitrate: self.bitrate,
        };
        status.kind = match self.init.codec.kind() {
            Kind::Audio => "audio",
            _ => "video",
        };
        if let Some(picture) = self.init.codec.picture() {
            // Zero means not known.
            status.width = Some(picture.width).filter(|width| *width > 0);
            status.height = Some(picture.height).filter(|height| *height > 0);
            status.frame_rate = self.frame_rate();
        }
        if let Some(sound) = self.init.codec.sound() {
            status.sample_rate = Some(sound.output_frequency.hz());
            status.channels = Some(sound.channels);
        }
        status
    }

    /// Pictures a second to three places, for people.
    fn frame_rate(&self) -> Option<f64> {
        let ticks = self.init.frame_duration.ticks();
        let hz = u64::from(self.init.timescale.hz());
        (ticks > 0).then(|| f64::from((hz * 1000 / ticks) as u32) / 1000.0)
    }

    fn sentence(&self) -> String {
        let status = self.status();
        match (status.width, status.height, status.sample_rate, status.channels) {
            (Some(width), Some(height), ..) => {
                let rate =
                    status.frame_rate.map(|rate| format!(" at {rate} fps")).unwrap_or_default();
                format!("video {} {width}x{height}{rate}", status.codec)
            }
            (.., Some(rate), Some(channels)) => {
                format!("audio {} {rate} Hz, {channels} channel(s)", status.codec)
            }
            _ => format!("{} {}", status.kind, status.codec),
        }
    }
}

/// How long media stays fetchable once it is no longer listed: a client that follows the reload
/// rules asks within a few target durations.
const LINGER: std::time::Duration = std::time::Duration::from_secs(10);
