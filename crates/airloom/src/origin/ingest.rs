use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use airloom_rtmp::server::{Connect, Play, Publish, Rejection};
use tokio::runtime::Handle;
use tracing::{Span, debug_span, info, warn};

use super::group::Membership;
use super::stream::{Replaced, Stream};
use super::{InvalidName, JoinError, Origin, StreamName, wall_time};
use crate::access::{Arrival, Denied, Pass, Protocol, Visit};
use crate::pull::Unavailable;
use crate::rtmp::{Media, Playback, Publication, Service};

/// Publishing into an [`Origin`] and playing from it, under one application name.
#[derive(Debug, Clone)]
pub struct Ingest {
    origin: Origin,
    application: String,
}

impl Ingest {
    pub(super) fn new(origin: Origin, application: String) -> Self {
        Self { origin, application }
    }

    fn refuse<T>(&self, rejection: Rejection) -> Result<T, Rejection> {
        self.origin.0.totals.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Err(rejection)
    }

    fn deny<T>(
        &self,
        denied: Denied,
        peer: SocketAddr,
        wish: fmt::Arguments<'_>,
    ) -> Result<T, Rejection> {
        warn!(%peer, "{wish} refused: {denied}");
        self.refuse(match denied {
            Denied::Unavailable => Rejection::Failed,
            _ => Rejection::Unauthorized,
        })
    }

    /// The group that a stream key's `query` names, if it does.
    fn group(&self, query: &str) -> Result<Option<StreamName>, InvalidName> {
        let Some(parameter) = self.origin.config().group.as_deref() else { return Ok(None) };
        let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == parameter);
        named.map(|(_, group)| group.parse()).transpose()
    }

    fn visit(
        &self,
        name: &StreamName,
        peer: SocketAddr,
        query: &str,
        connect: &Arc<Connect>,
    ) -> Visit {
        let mut visit = Visit::new(name.clone(), query, wall_time());
        visit.id = self.origin.visit_number();
        visit.protocol = Protocol::Rtmp;
        visit.peer = Some(peer);
        visit.connect = Some(Arc::clone(connect));
        visit
    }
}

/// Everything published is kept for about as long as what came with it, so that hardly any of it
/// has to be copied. A publisher who sends a little media among much else makes the window hold the
/// rest too: what it has sent, at most.
const PIN: usize = 64;

impl Service for Ingest {
    type Publication = Publishing;

    fn config(&self) -> airloom_rtmp::Config {
        let mut config = airloom_rtmp::Config::default();
        config.limits.pin = PIN;
        config
    }

    async fn connect(&self, peer: SocketAddr, request: &Connect) -> Result<(), Rejection> {
        if request.app != self.application {
            return self.refuse(Rejection::InvalidApp);
        }
        let Some(door) = self.origin.door() else { return Ok(()) };
        let (id, connect, now) = (self.origin.visit_number(), request.clone(), wall_time());
        let arrival = Arrival { id, peer, connect: Arc::new(connect), now };
        match door.connect(&arrival).await {
            Ok(_) => Ok(()),
            Err(denied) => self.deny(denied, peer, format_args!("connecting")),
        }
    }

    async fn publish(&self, peer: SocketAddr, request: &Publish) -> Result<Publishing, Rejection> {
        let Ok(mut name) = request.name.parse::<StreamName>() else {
            return self.refuse(Rejection::BadName);
        };
        let Ok(mut group) = self.group(&request.query) else {
            return self.refuse(Rejection::BadName);
        };
        let mut pass = Pass::new();
        if let Some(door) = self.origin.door() {
            // Nobody is asked about a publish that cannot be.
            if self.origin.is_on_air(&name) {
                return self.refuse(Rejection::BadName);
            }
            let visit = self.visit(&name, peer, &request.query, &request.connect);
            pass = match door.publish(&visit).await {
                Ok(pass) => pass,
                Err(denied) => return self.deny(denied, peer, format_args!("publishing {name}")),
            };
            name = pass.stream().cloned().unwrap_or(name);
            if let Some(programme) = &group {
                // Who adds to a programme is somebody who may publish it.
                let visit = self.visit(programme, peer, &request.query, &request.connect);
                match door.publish(&visit).await {
                    Ok(own) => {
                        group = own.stream().cloned().or(group);
                        pass = pass.and(own);
                    }
                    Err(denied) => {
                        return self.deny(
                            denied,
                            peer,
                            format_args!("publishing into {programme}"),
                        );
                    }
                }
            }
        }
        match self.origin.publish(&name) {
            Ok(mut publishing) => {
                publishing.pass = pass;
                if let Some(group) = group
                    && let Err(refused) = publishing.join(&group)
                {
                    warn!("{name} refused: {refused}");
                    return self.refuse(Rejection::BadName);
                }
                let state = if publishing.is_resumed() { "back on air" } else { "on air" };
                info!("{name} {state}, from {peer}");
                Ok(publishing)
            }
            Err(Refused::OnAir) => self.refuse(Rejection::BadName),
            Err(refused @ Refused::Full) => {
                warn!("{name} refused: {refused}");
                self.refuse(Rejection::Failed)
            }
        }
    }

    async fn play(&self, peer: SocketAddr, request: &Play) -> Result<Playback, Rejection> {
        let Ok(name) = request.name.parse::<StreamName>() else {
            return self.refuse(Rejection::NotFound);
        };
        let mut pass = Pass::new();
        if let Some(door) = self.origin.door() {
            let visit = self.visit(&name, peer, &request.query, &request.connect);
            pass = match door.play(&visit).await {
                Ok(pass) => pass,
                Err(denied) => return self.deny(denied, peer, format_args!("playing {name}")),
            };
        }
        let name = pass.stream().cloned().unwrap_or(name);
        match self.origin.seek(&name, true).await.map(|stream| stream.play(pass)) {
            Ok(Some(playback)) => Ok(playback),
            Ok(None) | Err(Unavailable::Nowhere) => self.refuse(Rejection::NotFound),
            Err(unavailable) => {
                warn!(%peer, "playing {name} refused: {unavailable}");
                self.refuse(Rejection::Failed)
            }
        }
    }
}

/// One publish into an [`Origin`]. Dropping it starts the time in which it may be resumed.
#[derive(Debug)]
pub struct Publishing {
    origin: Origin,
    stream: Arc<Stream>,
    generation: u64,
    resumed: bool,
    /// Given back when the publish is over.
    pass: Pass,
    /// Its part in a group of streams.
    membership: Option<Membership>,
    span: Span,
}

/// Why an origin lets nobody publish under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Another publisher delivers under that name.
    #[error("the name is on air")]
    OnAir,
    /// As many streams are held as [`Limits::streams`](super::Limits::streams) allows.
    #[error("as many streams are held as the limit allows")]
    Full,
}

/// Why an origin takes no more of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishingError {
    /// Another publisher took the stream over after this one had fallen silent, or it was ended.
    #[error("the stream is no longer this publisher's")]
    Replaced,
    /// More of the stream is held than
    /// [`Limits::held_bytes`](super::Limits::held_bytes) allows.
    #[error("more than {limit} bytes are held of the stream")]
    Held {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The media cannot be packaged.
    #[error(transparent)]
    Segmenter(#[from] airloom_segmenter::Error),
    /// Encryption was asked for when media had gone out in the clear.
    #[error("the stream has begun without encryption")]
    Clear,
    /// A key was given for another scheme than the stream is encrypted by.
    #[error("the stream is encrypted by another scheme")]
    Scheme,
    /// Encryption was asked for, and the stream is in a group, which would give it out in the clear.
    #[error("the stream is in a group")]
    Grouped,
}

impl From<Replaced> for PublishingError {
    fn from(_: Replaced) -> Self {
        Self::Replaced
    }
}

impl Publishing {
    pub(super) fn new(origin: Origin, stream: Arc<Stream>, generation: u64, resumed: bool) -> Self {
        let span = debug_span!("publish", stream = %stream.name(), generation);
        let (pass, membership) = (Pass::new(), None);
        Self { origin, stream, generation, resumed, pass, membership, span }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    #[cfg(feature = "encryption")]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    #[cfg(feature = "encryption")]
    pub(super) fn is_grouped(&self) -> bool {
        self.membership.is_some()
    }

    /// Takes media into the stream, whoever it comes from.
    pub(super) fn pass(&self, media: Media) -> Result<(), PublishingError> {
        let _within = self.span.enter();
        let handled = self.stream.handle(self.generation, media);
        if let Err(error @ (PublishingError::Segmenter(_) | PublishingError::Held { .. })) =
            &handled
        {
            self.origin.0.totals.cut_off.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            warn!("{} cut off: {error}", self.stream.name());
        }
        handled
    }

    /// Tells those who wait for the stream what has come.
    pub(super) fn heard(&self) {
        self.stream.heard(self.generation);
    }
}

impl Publishing {
    /// The stream's name: what was asked for, or what the [gate](crate::access::Pass::to) made of it.
    pub fn name(&self) -> &StreamName {
        self.stream.name()
    }

    /// Whether this goes on with a stream that was published before.
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Ends the stream, and forgets it at once: nobody is to come back, and nobody is watching.
    pub fn end(self) {
        if self.stream.end_as(self.generation) {
            self.origin.forget(&self.stream);
        }
    }

    /// Makes this one of several encodings of the programme `group`, which is a stream too: its
    /// multivariant playlist and manifest offer what all of its members publish, cut at the same
    /// boundaries and with the same sequence numbers. The stream's own playlists stay. To be said
    /// before any media.
    ///
    /// To be switched between without a break, members need keyframes at the same times of the same
    /// clock, as one encoder gives them. The first member decides where segments begin; in another
    /// one without a keyframe there, a segment begins with a picture that cannot be decoded alone.
    /// Clocks that differ by more than a second are put together by when keyframes arrive. A member
    /// that goes is listed as missing (`EXT-X-GAP`), and not offered until it is back; the others go
    /// on. The group is over when its last member is.
    ///
    /// It holds headers of its own and shares all media with its members. Observers, meters of what
    /// is taken in, and players over RTMP know the members and not the group.
    ///
    /// Over RTMP a stream key says so: [`Config::group`](super::Config::group).
    ///
    /// # Errors
    ///
    /// Every variant of [`JoinError`].
    pub fn join(&mut self, group: &StreamName) -> Result<(), JoinError> {
        #[cfg(feature = "encryption")]
        if self.stream.is_encrypted() {
            return Err(JoinError::Encrypted);
        }
        self.membership = Some(self.origin.join(group, self.stream.name())?);
        Ok(())
    }
}

impl Publication for Publishing {
    type Error = PublishingError;

    fn handle(&mut self, media: Media) -> Result<(), PublishingError> {
        if self.membership.is_none() {
            return self.pass(media);
        }
        let handled = self.pass(media.clone());
        // Who was replaced by another publisher publishes nothing into the group either.
        if let Some(membership) = self.membership.as_mut().filter(|_| handled.is_ok()) {
            membership.handle(&media);
        }
        handled
    }

    fn flush(&mut self) {
        self.heard();
        if let Some(membership) = &self.membership {
            membership.flush();
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        if !self.stream.unpublish(self.generation) {
            return;
        }
        let config = self.origin.config();
        let (resume, linger) = (config.resume, config.linger);
        info!("{} off air; it may come back within {} s", self.stream.name(), resume.as_secs());
        // Without a runtime nobody can publish again either: what is left is to end it.
        let Ok(runtime) = Handle::try_current() else {
            self.stream.end();
            return self.origin.forget(&self.stream);
        };
        let (origin, stream, generation) =
            (self.origin.clone(), Arc::clone(&self.stream), self.generation);
        runtime.spawn(async move {
            tokio::time::sleep(resume).await;
            if stream.end_unless_resumed(generation) {
                tokio::time::sleep(linger).await;
                origin.forget(&stream);
            }
        });
    }
}
