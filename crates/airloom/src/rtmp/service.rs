use std::net::SocketAddr;

use airloom_media::{Sample, Track, TrackId};
use airloom_rtmp::flv::{ColorInfo, Tag};
use airloom_rtmp::server::{Connect, EncodedTag, Metadata, Play, Publish, Rejection};
use tokio::sync::broadcast;

/// What a [`Listener`](super::Listener) asks of the application behind it.
///
/// One value serves all connections. A request's connection reads nothing more while it is being
/// decided; others are not held up.
pub trait Service: Send + Sync + 'static {
    /// What takes the media of an accepted publish.
    type Publication: Publication;

    /// How sessions are to behave. Tags for players must be encoded for its `chunk_size`.
    fn config(&self) -> airloom_rtmp::Config {
        airloom_rtmp::Config::default()
    }

    /// Whether `peer` may use the application it names.
    fn connect(
        &self,
        peer: SocketAddr,
        request: &Connect,
    ) -> impl Future<Output = Result<(), Rejection>> + Send;

    /// Whether `peer` may publish, and where its media goes.
    fn publish(
        &self,
        peer: SocketAddr,
        request: &Publish,
    ) -> impl Future<Output = Result<Self::Publication, Rejection>> + Send;

    /// Whether `peer` may play, and what it gets.
    fn play(
        &self,
        peer: SocketAddr,
        request: &Play,
    ) -> impl Future<Output = Result<Playback, Rejection>> + Send;
}

/// Takes the media of one publish. Dropping it is the end of the publish, however that came.
pub trait Publication: Send + 'static {
    /// Why media was refused.
    type Error: std::error::Error + Send + Sync;

    /// Takes one piece of media, in the order of arrival.
    ///
    /// # Errors
    ///
    /// What the application cannot go on from; the connection is closed then.
    fn handle(&mut self, media: Media) -> Result<(), Self::Error>;

    /// Called after all that arrived together has been handled: the time to tell others.
    fn flush(&mut self);
}

/// One piece of published media.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Media {
    /// `onMetaData`.
    Metadata(Metadata),
    /// A tag as received; what it means follows as tracks and samples.
    Tag(Tag),
    /// A track begins or changes.
    Track(Track),
    /// A sample of a track.
    Sample(Sample),
    /// The color of a video track from its next sample on, as HDR needs it.
    Color {
        /// The track, of whatever codec.
        track: TrackId,
        /// What is known of it.
        color: Box<ColorInfo>,
    },
}

/// What a player gets: first what it needs to start at once, then what is published.
#[derive(Debug)]
pub struct Playback {
    /// Metadata, sequence headers and everything since the last keyframe.
    pub backlog: Vec<EncodedTag>,
    /// What follows. A player that falls behind the ring goes on at the next keyframe.
    pub live: broadcast::Receiver<PlayEvent>,
    /// Who is told what the player is sent.
    pub meter: Option<Box<dyn PlayMeter>>,
}

/// Told what one player is sent; dropped when the player has gone.
pub trait PlayMeter: std::fmt::Debug + Send {
    /// A tag of so many bytes on the wire is on its way to the player.
    fn sent(&mut self, bytes: usize);
}

/// Something that happens to everyone who plays a stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PlayEvent {
    /// A tag, encoded once for all.
    Tag {
        /// The bytes to send.
        encoded: EncodedTag,
        /// Whether decoding can start here: a keyframe, or a tag of a stream without video.
        start: bool,
        /// Whether it configures a decoder or describes the stream, and so is never left out.
        essential: bool,
    },
    /// The publisher has stopped.
    Ended,
}
