use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use airloom_rtmp::Enhanced;
use airloom_rtmp::server::{
    Closed, EncodedTag, Output, Rejection, Request, RequestId, RequestKind, Session,
};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, debug, debug_span, info, warn};

use super::read_buffer::{ReadBuffer, Source};
use super::{Media, PlayEvent, PlayMeter, Playback, Publication, Service};

/// A player with this much still to be written is given nothing more until some of it has left.
const PLAYER_QUEUE: usize = 512 << 10;
/// What a player is given at once, where there is so much: about what a socket takes at once.
const TOGETHER: usize = 64 << 10;
/// How long a peer may take to hear the end of it.
const FAREWELL: Duration = Duration::from_secs(2);
/// Slices handed to one vectored write.
const SLICES: usize = 64;

/// One RTMP connection: a socket, a session, and what the service made of its requests.
pub(super) struct Connection<S: Service> {
    service: Arc<S>,
    peer: SocketAddr,
    stopped: watch::Receiver<bool>,
    parting: Parting,
    /// Whether the peer has said that it understands a request to connect anew.
    reconnects: bool,
    session: Session,
    started: Instant,
    queue: VecDeque<Bytes>,
    publications: Vec<(RequestId, S::Publication)>,
    player: Option<Player>,
    closed: bool,
}

/// How publishers are told to leave when the listener stops.
#[derive(Debug, Clone)]
pub(super) struct Parting {
    /// How long those may take who are asked to connect anew.
    pub(super) patience: Duration,
    /// Where to connect, if not to the same place.
    pub(super) tc_url: Option<Arc<str>>,
}

/// A playback under way. One at a time: no known player asks for two on one connection.
struct Player {
    id: RequestId,
    backlog: VecDeque<EncodedTag>,
    live: broadcast::Receiver<PlayEvent>,
    /// Behind the ring: waits for a place where decoding can start.
    skipping: bool,
    paused: bool,
    meter: Option<Box<dyn PlayMeter>>,
}

impl<S: Service> Connection<S> {
    pub(super) fn new(
        service: Arc<S>,
        peer: SocketAddr,
        stopped: watch::Receiver<bool>,
        parting: Parting,
    ) -> Self {
        let session = Session::new(service.config());
        Self {
            service,
            peer,
            stopped,
            parting,
            reconnects: false,
            session,
            started: Instant::now(),
            queue: VecDeque::new(),
            publications: Vec::new(),
            player: None,
            closed: false,
        }
    }

    /// Runs to the connection's end; dropping the publications then ends them.
    pub(super) async fn run(self, mut socket: TcpStream) {
        let (reader, writer) = socket.split();
        self.run_split(reader, writer, false).await;
    }

    /// As [`run`](Self::run), over what runs over a socket.
    #[cfg(feature = "tls")]
    pub(super) async fn run_over(self, socket: impl AsyncRead + AsyncWrite + Send) {
        let (reader, writer) = tokio::io::split(socket);
        self.run_split(reader, writer, true).await;
    }

    /// `buffered`: what is written may wait in `writer` until it is flushed.
    async fn run_split(
        mut self,
        mut reader: impl Source,
        mut writer: impl AsyncWrite + Unpin,
        buffered: bool,
    ) {
        let span = debug_span!("rtmp", peer = %self.peer);
        match self.drive(&mut reader, &mut writer, buffered).instrument(span).await {
            Ok(()) => debug!(peer = %self.peer, "connection closed"),
            Err(error) => debug!(peer = %self.peer, %error, "connection lost"),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn drive(
        &mut self,
        reader: &mut impl Source,
        writer: &mut (impl AsyncWrite + Unpin),
        buffered: bool,
    ) -> io::Result<()> {
        let mut unflushed = false;
        let mut read = ReadBuffer::default();
        self.tell_time();
        let timer = sleep_until(self.wake());
        tokio::pin!(timer);
        let mut stopped = self.stopped.clone();
        let stopped = stopped.wait_for(|stopped| *stopped);
        tokio::pin!(stopped);
        let mut stopping = false;
        let mut leave = None;
        loop {
            self.drain().await;
            if self.closed {
                return farewell(reader, writer, &mut self.queue).await;
            }
            let ready_for_media =
                self.session.queued_bytes() == 0 && queued(&self.queue) < PLAYER_QUEUE;
            tokio::select! {
                input = read.next(reader) => {
                    let input = input?;
                    if input.is_empty() {
                        return Ok(());
                    }
                    self.judge(|session, now| session.handle_input(now, input));
                }
                written = write(writer, &self.queue), if unflushed || !self.queue.is_empty() => {
                    let written = written?;
                    unflushed = buffered && written > 0;
                    advance(&mut self.queue, written);
                }
                () = play(&mut self.player, &mut self.session), if ready_for_media => {}
                () = timer.as_mut() => {
                    self.tell_time();
                    timer.as_mut().reset(self.wake());
                }
                _ = &mut stopped, if !stopping => {
                    stopping = true;
                    leave = self.part();
                }
                () = until(leave) => {
                    leave = None;
                    self.session.finish();
                }
            }
        }
    }

    /// Ends the session, or asks a publisher to connect anew that understands it; it goes on until
    /// its next keyframe then. Answers when it must have left.
    fn part(&mut self) -> Option<Instant> {
        if self.publications.is_empty() || !self.reconnects {
            self.session.finish();
            return None;
        }
        info!(peer = %self.peer, "asked to connect anew");
        // A failure is told again by the session's last output.
        let _ = self.session.request_reconnect(self.parting.tc_url.as_deref());
        Some(Instant::now() + self.parting.patience)
    }

    /// When the session wants to be told the time again; asked only once the last wish came due,
    /// since input moves it all the time.
    fn wake(&self) -> Instant {
        let far = Duration::from_hours(1);
        self.started + self.session.poll_timeout().unwrap_or_else(|| self.now() + far)
    }

    fn tell_time(&mut self) {
        self.judge(Session::handle_timeout);
    }

    fn judge(
        &mut self,
        step: impl FnOnce(&mut Session, Duration) -> Result<(), airloom_rtmp::Error>,
    ) {
        let now = self.now();
        // A failure is told again by the session's last output, with those found elsewhere.
        let _ = step(&mut self.session, now);
    }

    /// Does what the session says, until it has nothing more to say.
    async fn drain(&mut self) {
        let mut media = false;
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(bytes) => self.queue.push_back(bytes),
                Output::Request(request) => self.decide(request).await,
                Output::Tag { request, tag } => {
                    media = true;
                    self.take(request, Media::Tag(tag));
                }
                Output::Sample { request, sample } => self.take(request, Media::Sample(sample)),
                Output::Track { request, track } => self.take(request, Media::Track(track)),
                Output::Color { request, track, color } => {
                    self.take(request, Media::Color { track, color });
                }
                Output::Metadata { request, metadata } => {
                    self.take(request, Media::Metadata(metadata));
                }
                Output::Skipped { skip, .. } => debug!(peer = %self.peer, ?skip, "skipped"),
                Output::Unpublished { request } => {
                    self.publications.retain(|(id, _)| *id != request);
                }
                Output::PlayStopped { request } => {
                    self.player.take_if(|player| player.id == request);
                }
                Output::Paused { request, paused } => {
                    if let Some(player) = self.player.as_mut().filter(|p| p.id == request) {
                        player.paused = paused;
                        // What went by in the pause cannot be decoded from the middle.
                        player.skipping = true;
                    }
                }
                Output::Closed(reason) => {
                    self.closed = true;
                    self.publications.clear();
                    self.player = None;
                    match reason {
                        Closed::Failed(error) => {
                            warn!(peer = %self.peer, %error, "RTMP connection closed");
                        }
                        reason => debug!(peer = %self.peer, ?reason, "session over"),
                    }
                }
                _ => {}
            }
        }
        if media {
            for (_, publication) in &mut self.publications {
                publication.flush();
            }
        }
    }

    fn take(&mut self, request: RequestId, media: Media) {
        let publication = self.publications.iter_mut().find(|(id, _)| *id == request);
        let Some((_, publication)) = publication else { return };
        if let Err(error) = publication.handle(media) {
            debug!(peer = %self.peer, %error, "publish cut off");
            self.session.finish();
        }
    }

    async fn decide(&mut self, Request { id, kind, .. }: Request) {
        let peer = self.peer;
        let decision = match &kind {
            RequestKind::Connect(connect) => {
                self.reconnects = connect.enhanced.caps_ex & Enhanced::RECONNECT != 0;
                self.service.connect(peer, connect).await
            }
            RequestKind::Publish(publish) => match self.service.publish(peer, publish).await {
                Ok(publication) => {
                    self.publications.push((id, publication));
                    Ok(())
                }
                Err(rejection) => Err(rejection),
            },
            RequestKind::Play(play) => match self.service.play(peer, play).await {
                Ok(Playback { backlog, live, meter }) => {
                    let (backlog, skipping, paused) = (backlog.into(), false, false);
                    self.player = Some(Player { id, backlog, live, skipping, paused, meter });
                    Ok(())
                }
                Err(rejection) => Err(rejection),
            },
            _ => Err(Rejection::Failed),
        };
        let answered = match decision {
            Ok(()) => self.session.accept(id),
            Err(rejection) => {
                info!(%peer, ?rejection, "refused {}", wish(&kind));
                self.session.reject(id, rejection)
            }
        };
        if let Err(error) = answered {
            debug!(%peer, %error, "answered too late");
        }
    }
}

/// What a peer wanted, for the log.
fn wish(kind: &RequestKind) -> String {
    match kind {
        RequestKind::Connect(connect) => format!("application {}", connect.app.escape_debug()),
        RequestKind::Publish(publish) => format!("publishing {}", publish.name.escape_debug()),
        RequestKind::Play(play) => format!("playing {}", play.name.escape_debug()),
        _ => String::from("a request"),
    }
}

impl Player {
    /// Hands a tag to the session; `false` where it takes no more for now.
    fn send(&mut self, session: &mut Session, tag: &EncodedTag) -> bool {
        let before = session.queued_bytes();
        let taken = session.send_encoded(self.id, tag).is_ok();
        // A player may have asked for no audio, or no video: only what is queued is sent.
        let queued = session.queued_bytes().saturating_sub(before);
        if let Some(meter) = self.meter.as_mut().filter(|_| queued > 0) {
            meter.sent(queued);
        }
        taken
    }
}

/// Gives the player the next piece of media; for ever pending where there is none to come.
async fn play(player: &mut Option<Player>, session: &mut Session) {
    let Some(player) = player.as_mut().filter(|player| !player.paused) else {
        return std::future::pending().await;
    };
    if let Some(tag) = player.backlog.pop_front() {
        player.send(session, &tag);
        return;
    }
    let mut event = player.live.recv().await;
    loop {
        match event {
            Ok(PlayEvent::Tag { encoded, start, essential }) => {
                player.skipping &= !start;
                if essential || !player.skipping {
                    // A player whose queue is full is one that lags: it goes on at a keyframe.
                    player.skipping |= !player.send(session, &encoded);
                }
            }
            Ok(PlayEvent::Ended) => {
                let _ = session.end_play(player.id);
                return;
            }
            Err(RecvError::Lagged(_)) => player.skipping = true,
            Err(RecvError::Closed) => {
                player.paused = true;
                session.finish();
                return;
            }
        }
        if session.queued_bytes() >= TOGETHER {
            return;
        }
        // What came meanwhile leaves by the same write.
        event = match player.live.try_recv() {
            Ok(event) => Ok(event),
            Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        };
    }
}

/// Waits for that moment; for ever where there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Sends what is left, says that it was all, and reads until the peer has understood: closing with
/// unread bytes would reset the connection and take the last words with it.
async fn farewell(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    queue: &mut VecDeque<Bytes>,
) -> io::Result<()> {
    let goodbye = async {
        while !queue.is_empty() {
            let written = write(writer, queue).await?;
            advance(queue, written);
        }
        writer.shutdown().await?;
        let mut rest = BytesMut::with_capacity(4096);
        while reader.read_buf(&mut rest).await? > 0 {
            rest.clear();
        }
        Ok(())
    };
    tokio::time::timeout(FAREWELL, goodbye).await.unwrap_or(Ok(()))
}

fn queued(queue: &VecDeque<Bytes>) -> usize {
    queue.iter().map(Bytes::len).sum()
}

/// Writes some of the queue, or flushes where it is empty: no bytes then. Loses nothing where it is
/// dropped before it is done.
pub(super) async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    queue: &VecDeque<Bytes>,
) -> io::Result<usize> {
    if queue.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let mut count = 0;
    for (slice, bytes) in slices.iter_mut().zip(queue) {
        *slice = IoSlice::new(bytes);
        count += 1;
    }
    match writer.write_vectored(&slices[..count]).await {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        written => written,
    }
}

pub(super) fn advance(queue: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(front) = queue.front_mut() {
        if front.len() > written {
            front.advance(written);
            return;
        }
        written -= front.len();
        queue.pop_front();
    }
}
