use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airloom_media as media;
use airloom_playlist::{Answer, DateRange, Rendered, Request, Resource, Skip, WallTime};
use airloom_rtmp::GopCache;
use airloom_rtmp::amf0::Value;
use airloom_rtmp::flv::{Kind, Tag};
use airloom_rtmp::server::EncodedTag;
use airloom_segmenter::Part;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tracing::info;

use super::config::Bounds;
use super::delivery::{Encoded, Encodings, Parking};
use super::meters::{Meter, StreamMeters};
use super::observer::Observers;
use super::status::{State as Status, StreamStatus};
use super::store::Media;
#[cfg(feature = "thumbnails")]
use super::thumbnail::Still;
use super::viewers::Viewers;
use super::{AnnotationError, Config, StreamName};
use crate::access::Pass;
use crate::rtmp::{PlayEvent, Playback};

mod packager;
mod player_meter;

use packager::Packager;
use player_meter::PlayerMeter;

/// A publisher silent for this long has lost its line, whatever its socket says: whoever publishes
/// under the same name then is taken to be the same encoder, come back.
const SILENT: Duration = Duration::from_secs(1);

/// One stream: what is published under a name, until it has ended and been forgotten.
#[derive(Debug)]
pub(super) struct Stream {
    name: StreamName,
    started_at: WallTime,
    state: Mutex<State>,
    /// The window's version, for those who wait for the next.
    changed: watch::Sender<u64>,
    waiting: AtomicUsize,
    parking: Parking,
    viewers: Mutex<Viewers>,
    encodings: Mutex<Encodings>,
    bounds: Bounds,
    /// Where what is taken in is counted.
    taken: StreamMeters,
    meters: StreamMeters,
    nature: Nature,
    #[cfg(feature = "thumbnails")]
    still: Still,
}

/// Who publishes a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// One publisher.
    Single,
    /// Any number, whose own streams it consists of: they are counted, told of and played there.
    Group,
}

#[derive(Debug)]
struct State {
    life: Life,
    /// Counts publishers, so that one who was replaced is known by its number.
    generation: u64,
    heard: Instant,
    /// Up to when the publisher's time is counted.
    counted: Instant,
    /// When it was last looked how much is held.
    weighed: Instant,
    packager: Packager,
    gop: GopCache,
    /// Made for the first player: a ring costs memory.
    live: Option<broadcast::Sender<PlayEvent>>,
    chunk_size: u32,
    bytes_in: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Made, and about to be claimed.
    New,
    Live,
    Resuming,
    Ended,
}

/// What becomes of a wish to publish under a name that exists.
#[derive(Debug)]
pub(super) enum Claim {
    /// It is the publisher now, by this number; the stream goes on, or begins.
    Granted { generation: u64, resumed: bool },
    /// Somebody else is publishing.
    OnAir,
    /// The stream has ended; a new one may begin from this sequence number.
    Over { next_sequence: u64 },
}

/// The publisher lost its stream to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replaced;

impl Stream {
    pub(super) fn new(
        (name, nature): (StreamName, Nature),
        config: &Config,
        bounds: Bounds,
        first_sequence: u64,
        meters: StreamMeters,
        observers: &Observers,
    ) -> Self {
        let (taken, observers) = match nature {
            Nature::Single => (meters.clone(), observers.clone()),
            Nature::Group => (StreamMeters::default(), Observers::default()),
        };
        let chunk_size = airloom_rtmp::Config::default().chunk_size;
        Self {
            started_at: super::wall_time(),
            state: Mutex::new(State {
                life: Life::New,
                generation: 0,
                heard: Instant::now(),
                counted: Instant::now(),
                weighed: Instant::now(),
                packager: Packager::new(name.clone(), config, first_sequence, observers),
                gop: GopCache::new(GOP_TAGS, GOP_BYTES),
                live: None,
                chunk_size,
                bytes_in: 0,
            }),
            changed: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
            parking: Parking::default(),
            viewers: Mutex::new(Viewers::new(config.segment)),
            encodings: Mutex::default(),
            bounds,
            taken,
            meters,
            nature,
            #[cfg(feature = "thumbnails")]
            still: Still::new(config.thumbnails.is_some()),
            name,
        }
    }

    #[cfg(feature = "thumbnails")]
    pub(super) fn still(&self) -> &Still {
        &self.still
    }

    pub(super) fn name(&self) -> &StreamName {
        &self.name
    }

    pub(super) fn nature(&self) -> Nature {
        self.nature
    }

    pub(super) fn meters(&self) -> &StreamMeters {
        &self.meters
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody publishes it who is still heard of.
    pub(super) fn is_on_air(&self) -> bool {
        let state = self.lock();
        state.life == Life::Live && state.heard.elapsed() < SILENT
    }

    /// Whether there will be no more of it.
    pub(super) fn is_over(&self) -> bool {
        self.lock().life == Life::Ended
    }

    /// Asks to become the publisher of what is to be a stream of that `nature`.
    pub(super) fn claim(&self, nature: Nature) -> Claim {
        let mut state = self.lock();
        match state.life {
            Life::Live | Life::Resuming if nature != self.nature => return Claim::OnAir,
            Life::Live if state.heard.elapsed() < SILENT => return Claim::OnAir,
            Life::Ended => {
                return Claim::Over { next_sequence: state.packager.next_sequence() };
            }
            Life::Live => {
                info!("{} taken over: its publisher had fallen silent", self.name);
                state.packager.interrupt();
            }
            Life::Resuming | Life::New => {}
        }
        let resumed = state.life != Life::New;
        state.packager.begin(resumed);
        state.life = Life::Live;
        state.generation += 1;
        state.heard = Instant::now();
        state.counted = state.heard;
        Claim::Granted { generation: state.generation, resumed }
    }

    /// Takes media from publisher `generation`.
    pub(super) fn handle(
        &self,
        generation: u64,
        media: crate::rtmp::Media,
    ) -> Result<(), super::ingest::PublishingError> {
        let mut state = self.publisher(generation)?;
        match media {
            crate::rtmp::Media::Tag(tag) => state.take_tag(&tag),
            crate::rtmp::Media::Metadata(metadata) => {
                state.take_tag(&metadata.tag);
                for kind in announced(&metadata.values) {
                    state.packager.announce(kind);
                }
            }
            crate::rtmp::Media::Track(track) => {
                #[cfg(feature = "thumbnails")]
                self.still.set_track(&track);
                state.packager.set_track(track)?;
            }
            crate::rtmp::Media::Sample(sample) => {
                let bytes = sample.data.len() as u64;
                state.bytes_in += bytes;
                self.taken.add(Meter::IngestBytes, bytes);
                #[cfg(feature = "thumbnails")]
                self.still.see(&sample);
                state.packager.handle_sample(sample)?;
                self.weigh(&mut state)?;
            }
            // Segments say of color what the bitstream says.
            crate::rtmp::Media::Color { .. } => {}
        }
        Ok(())
    }

    /// The track that the track `own` of the member `member` is in this group.
    pub(super) fn member_track(&self, member: &StreamName, own: media::TrackId) -> media::TrackId {
        self.lock().packager.member_track(member, own)
    }

    /// Looks, once a second, whether more is held than may be.
    fn weigh(&self, state: &mut State) -> Result<(), super::ingest::PublishingError> {
        if state.heard.duration_since(state.weighed) < Duration::from_secs(1) {
            return Ok(());
        }
        state.weighed = state.heard;
        let limit = self.bounds.get(|limits| limits.held_bytes);
        if state.packager.held_bytes() > limit {
            return Err(super::ingest::PublishingError::Held { limit });
        }
        Ok(())
    }

    /// Takes what happens in the stream into its playlists.
    pub(super) fn date_range(&self, range: DateRange) -> Result<(), AnnotationError> {
        let mut state = self.lock();
        if state.life == Life::Ended {
            return Err(AnnotationError::NotOnAir);
        }
        state.packager.date_range(range)?;
        drop(state);
        self.flush();
        Ok(())
    }

    /// Encrypts, for publisher `generation`, or changes the key.
    #[cfg(feature = "encryption")]
    pub(super) fn encrypt(
        &self,
        generation: u64,
        encryption: super::Encryption,
    ) -> Result<(), super::PublishingError> {
        self.publisher(generation)?.packager.encrypt(encryption)
    }

    #[cfg(feature = "encryption")]
    pub(super) fn is_encrypted(&self) -> bool {
        self.lock().packager.is_encrypted()
    }

    fn publisher(&self, generation: u64) -> Result<MutexGuard<'_, State>, Replaced> {
        let state = self.lock();
        if state.generation == generation && state.life == Life::Live {
            Ok(state)
        } else {
            Err(Replaced)
        }
    }

    /// Notes that publisher `generation` was heard of, and tells those who wait what changed.
    pub(super) fn heard(&self, generation: u64) {
        if let Ok(mut state) = self.publisher(generation) {
            state.heard = Instant::now();
            // What is below a millisecond waits for the next time. A publisher that has fallen
            // silent for good is not counted past its last word.
            let millis = state.heard.duration_since(state.counted).as_millis() as u64;
            state.counted += Duration::from_millis(millis);
            self.taken.add(Meter::IngestMillis, millis);
        }
        self.flush();
    }

    /// Tells those who wait, where something has changed.
    fn flush(&self) {
        let version = self.lock().packager.window_version();
        self.changed.send_if_modified(|last| std::mem::replace(last, version) != version);
    }

    /// The publisher `generation` is gone; `true` where it was still the publisher, so that
    /// [`end_unless_resumed`](Self::end_unless_resumed) is due after the resume time.
    pub(super) fn unpublish(&self, generation: u64) -> bool {
        let Ok(mut state) = self.publisher(generation) else { return false };
        state.life = Life::Resuming;
        state.packager.interrupt();
        state.gop.clear();
        if let Some(live) = &state.live {
            let _ = live.send(PlayEvent::Ended);
        }
        drop(state);
        self.flush();
        true
    }

    /// Ends the stream if publisher `generation` was its last; `true` where it did.
    pub(super) fn end_unless_resumed(&self, generation: u64) -> bool {
        let state = self.lock();
        let due = state.generation == generation && state.life == Life::Resuming;
        drop(state);
        if due {
            self.end();
        }
        due
    }

    /// Ends the stream where it is publisher `generation`'s; `true` where it was.
    pub(super) fn end_as(&self, generation: u64) -> bool {
        let its_own = self.publisher(generation).is_ok();
        if its_own {
            self.end();
        }
        its_own
    }

    /// Ends the stream now.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        if state.life == Life::Ended {
            return;
        }
        state.life = Life::Ended;
        state.packager.finish();
        state.gop.clear();
        // Players have nothing to wait for: closing their channel closes their connections.
        state.live = None;
        drop(state);
        info!("{} ended", self.name);
        self.flush();
    }

    /// What a new RTMP player gets, who is let in by `pass`, or `None` where there are as many as the limit allows or
    /// nothing is on air.
    pub(super) fn play(&self, pass: Pass) -> Option<Playback> {
        // Its members are played under their own names.
        if self.nature == Nature::Group {
            return None;
        }
        let mut state = self.lock();
        if state.life != Life::Live || state.players() >= self.bounds.get(|limits| limits.players) {
            return None;
        }
        // RTMP has no encryption of its own: what is encrypted is not for its players.
        #[cfg(feature = "encryption")]
        if state.packager.is_encrypted() {
            return None;
        }
        let backlog = state.gop.replay(state.chunk_size).collect();
        let ring = self.bounds.get(|limits| limits.player_backlog).max(1);
        let live = state.live.get_or_insert_with(|| broadcast::Sender::new(ring)).subscribe();
        let meter = Box::new(PlayerMeter::new(self.meters.clone(), pass));
        Some(Playback { backlog, live, meter: Some(meter) })
    }

    /// A receiver that wakes with every change after this call.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What the window answers, with the media where it is media that is asked for.
    pub(super) fn answer(&self, request: &Request) -> (Answer, Option<Media>) {
        let mut state = self.lock();
        let answer = state.packager.answer(request);
        let media = match &answer {
            Answer::Stored(resource) => state.packager.find(*resource),
            _ => None,
        };
        (answer, media)
    }

    /// A text in the forms that its other viewers get it in.
    pub(super) fn share(&self, resource: Resource, skip: Skip, text: Rendered) -> Arc<Encoded> {
        let mut encodings = self.encodings.lock().unwrap_or_else(PoisonError::into_inner);
        encodings.share(resource, skip, text)
    }

    /// The parts of a segment from `from` on, and whether those are all there will be; `None` where
    /// it is not, or no longer, held.
    pub(super) fn parts(
        &self,
        track: media::TrackId,
        sequence: u64,
        from: usize,
    ) -> Option<(Vec<Part>, bool)> {
        let state = self.lock();
        let (parts, complete) = state.packager.parts(track, sequence, from)?;
        // What an ended stream has not completed, it never will.
        (complete || !parts.is_empty() || state.life != Life::Ended).then_some((parts, complete))
    }

    /// A place among those who wait, or `None` where there are too many.
    pub(super) fn wait(&self) -> Option<Waiting<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        (before < self.bounds.get(|limits| limits.waiting)).then_some(waiting)
    }

    /// Whether as many wait as may.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.bounds.get(|limits| limits.waiting)
    }

    /// Those who wait outside of HTTP.
    pub(super) fn parking(&self) -> &Parking {
        &self.parking
    }

    /// Counts so many more, or less, of those.
    pub(super) fn count_parked(&self, more: usize, less: usize) {
        self.waiting.fetch_add(more, Ordering::Relaxed);
        self.waiting.fetch_sub(less, Ordering::Relaxed);
    }

    /// Notes a request of a viewer; `false` where that is one too many.
    pub(super) fn note_viewer(&self, address: IpAddr, user_agent: &[u8]) -> bool {
        let most = self.bounds.get(|limits| limits.viewers);
        let mut viewers = self.viewers.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = viewers.note(address, user_agent, Instant::now(), most);
        drop(viewers);
        self.meters.add(Meter::ViewerMillis, millis.unwrap_or_default());
        millis.is_some()
    }

    /// Who watches, over HTTP and RTMP.
    pub(super) fn viewers(&self) -> usize {
        let players = self.lock().players();
        let mut viewers = self.viewers.lock().unwrap_or_else(PoisonError::into_inner);
        players + viewers.count(Instant::now())
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.lock().packager.held_bytes()
    }

    pub(super) fn status(&self, base: &str) -> StreamStatus {
        let viewers = self.viewers();
        let thumbnail = self.thumbnail();
        let state = self.lock();
        let path = |resource: Resource| format!("{base}/{}/{resource}", self.name);
        StreamStatus {
            name: self.name.to_string(),
            state: match state.life {
                Life::New | Life::Live => Status::Live,
                Life::Resuming => Status::Resuming,
                Life::Ended => Status::Ended,
            },
            started_at: self.started_at.to_string(),
            tracks: state.packager.tracks(),
            bytes_in: state.bytes_in,
            frames_in: state.packager.frames(),
            viewers,
            hls: path(Resource::Multivariant),
            ts: path(Resource::Ts),
            dash: path(Resource::Mpd),
            thumbnail: thumbnail.map(|name| format!("{base}/{}/{name}", self.name)),
        }
    }

    /// The name its picture is served under, where there is one.
    #[cfg(feature = "thumbnails")]
    fn thumbnail(&self) -> Option<&'static str> {
        #[cfg(feature = "encryption")]
        if self.is_encrypted() {
            return None;
        }
        self.still.has_keyframe().then_some(super::thumbnail::NAME)
    }

    #[cfg(not(feature = "thumbnails"))]
    #[allow(clippy::unused_self, reason = "with the feature it is looked at")]
    const fn thumbnail(&self) -> Option<&'static str> {
        None
    }
}

/// The kinds of tracks that `onMetaData` speaks of (FLV 10.1, annex E.5).
fn announced(metadata: &Value) -> impl Iterator<Item = media::Kind> {
    let names = [(media::Kind::Video, "videocodecid"), (media::Kind::Audio, "audiocodecid")];
    let said =
        |name: &str| matches!(metadata.member(name), Some(Value::Number(_) | Value::String(_)));
    names.into_iter().filter(move |(_, name)| said(name)).map(|(kind, _)| kind)
}

impl State {
    fn players(&self) -> usize {
        self.live.as_ref().map_or(0, broadcast::Sender::receiver_count)
    }

    /// Gives a tag to the players.
    fn take_tag(&mut self, tag: &Tag) {
        self.gop.push(tag);
        let Some(live) = &self.live else { return };
        if live.receiver_count() == 0 {
            self.live = None;
        } else {
            let event = PlayEvent::Tag {
                encoded: EncodedTag::new(tag, self.chunk_size),
                start: tag.is_keyframe() || (tag.kind == Kind::Audio && !self.packager.has_video()),
                essential: tag.is_sequence_header() || tag.kind == Kind::Script,
            };
            let _ = live.send(event);
        }
    }
}

/// Messages kept for a player that joins: 20 s of 60 fps video with audio.
const GOP_TAGS: usize = 4096;
/// Bytes kept for a player that joins, shared with the window: 10 s at 25 Mbit/s.
const GOP_BYTES: usize = 32 << 20;

/// A place among those who wait for a stream to change; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
