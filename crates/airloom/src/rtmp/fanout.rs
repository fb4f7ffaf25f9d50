use std::fmt;
use std::net::SocketAddr;

use airloom_rtmp::server::{Connect, Play, Publish, Rejection};

use super::{Feed, Media, Playback, Publication, Push, Service};

type Targets<P> = dyn Fn(&P, &Publish) -> Vec<Push> + Send + Sync;

/// A [`Service`] whose publishes are pushed to other servers, too, for as long as they last.
///
/// Which servers, is asked for each publish that the service accepts. One that refuses is tried
/// again, one that stalls loses what waits for it: see [`Push`]. Neither holds up the service.
///
/// ```no_run
/// use airloom::Origin;
/// use airloom::rtmp::{Config, Fanout, Listener, Push, client::Target};
///
/// # async fn example() -> std::io::Result<()> {
/// let origin = Origin::builder().build();
/// let service = Fanout::new(origin.ingest("live"), |publishing, _| {
///     let target = Target::parse(&format!("rtmp://far.example/live/{}", publishing.name()));
///     target.into_iter().map(|target| Push::new(Config::default(), target)).collect()
/// });
/// Listener::bind("0.0.0.0:1935").await?.serve(service, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
pub struct Fanout<S: Service> {
    service: S,
    targets: Box<Targets<S::Publication>>,
}

impl<S: Service + fmt::Debug> fmt::Debug for Fanout<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout").field("service", &self.service).finish_non_exhaustive()
    }
}

impl<S: Service> Fanout<S> {
    /// `targets` says where a publish goes besides `service`, by what was accepted and by what was
    /// asked for; it must not block.
    pub fn new(
        service: S,
        targets: impl Fn(&S::Publication, &Publish) -> Vec<Push> + Send + Sync + 'static,
    ) -> Self {
        Self { service, targets: Box::new(targets) }
    }
}

impl<S: Service> Service for Fanout<S> {
    type Publication = Tee<S::Publication>;

    fn config(&self) -> airloom_rtmp::Config {
        self.service.config()
    }

    async fn connect(&self, peer: SocketAddr, request: &Connect) -> Result<(), Rejection> {
        self.service.connect(peer, request).await
    }

    async fn publish(
        &self,
        peer: SocketAddr,
        request: &Publish,
    ) -> Result<Self::Publication, Rejection> {
        let publication = self.service.publish(peer, request).await?;
        let pushes = (self.targets)(&publication, request);
        Ok(Tee::new(publication, pushes))
    }

    async fn play(&self, peer: SocketAddr, request: &Play) -> Result<Playback, Rejection> {
        self.service.play(peer, request).await
    }
}

/// A [`Publication`] whose tags are pushed to other servers, too, until it is dropped.
#[derive(Debug)]
pub struct Tee<P> {
    publication: P,
    /// Nothing where nobody else is to have it.
    feed: Option<Feed>,
}

impl<P: Publication> Tee<P> {
    /// Begins the pushes. Must be called inside a tokio runtime where there are any.
    pub fn new(publication: P, pushes: impl IntoIterator<Item = Push>) -> Self {
        let mut feed = None;
        for push in pushes {
            tokio::spawn(push.run(feed.get_or_insert_with(Feed::new)));
        }
        Self { publication, feed }
    }
}

impl<P: Publication> Publication for Tee<P> {
    type Error = P::Error;

    fn handle(&mut self, media: Media) -> Result<(), P::Error> {
        match (&self.feed, &media) {
            (Some(feed), Media::Tag(tag)) => feed.send(tag),
            (Some(feed), Media::Metadata(metadata)) => feed.send(&metadata.tag),
            _ => {}
        }
        self.publication.handle(media)
    }

    fn flush(&mut self) {
        self.publication.flush();
    }
}
