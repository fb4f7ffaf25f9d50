//! Takes a stream over RTMP, or pulls one, and pushes it to any number of servers. Each push comes
//! back by itself when it is cut off, and none holds up another, or the source.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use airloom::rtmp::client::Target;
use airloom::rtmp::server::{Connect, Play, Publish, Rejection};
use airloom::rtmp::{
    Config, Deliver, Feed, Listener, Media, Playback, Publication, Pull, Push, Service,
};
use airloom::tls::Certificate;
use lexopt::prelude::*;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const HELP: &str = "\
relay: one RTMP stream in, any number out

usage: relay [--listen ADDR [--tls FILE] | --pull URL] --push URL [--push URL]...

  --listen ADDR  where to wait for an encoder (127.0.0.1:1935; port 0 picks a free one)
  --tls FILE     speak TLS there, with the certificate and the key in FILE (PEM)
  --pull URL     play rtmp[s]://HOST[:PORT]/APP/NAME instead of waiting for an encoder
  --push URL     publish to rtmp[s]://HOST[:PORT]/APP/NAME
  -h, --help     this text
";

/// Sends whatever is published to it to all servers: one publisher at a time, any name.
struct Relay {
    config: Config,
    pushes: Vec<Push>,
    place: Arc<Semaphore>,
    /// Held by every push as long as it runs.
    running: Sender<()>,
}

impl Relay {
    fn new(config: Config, targets: Vec<Target>, running: Sender<()>) -> Self {
        let pushes = targets.into_iter().map(|target| Push::new(config.clone(), target)).collect();
        Self { config, pushes, place: Arc::new(Semaphore::new(1)), running }
    }

    /// A feed that is on its way to all servers.
    fn feed(&self) -> Feed {
        let feed = Feed::new();
        for push in &self.pushes {
            let (pushing, running) = (push.clone().run(&feed), self.running.clone());
            tokio::spawn(async move {
                pushing.await;
                drop(running);
            });
        }
        feed
    }
}

/// A feed that keeps others from publishing.
struct OnAir {
    feed: Feed,
    _place: OwnedSemaphorePermit,
}

impl Publication for OnAir {
    type Error = Infallible;

    fn handle(&mut self, media: Media) -> Result<(), Infallible> {
        self.feed.handle(media)
    }

    fn flush(&mut self) {}
}

impl Service for Relay {
    type Publication = OnAir;

    fn config(&self) -> Config {
        self.config.clone()
    }

    async fn connect(&self, _: SocketAddr, _: &Connect) -> Result<(), Rejection> {
        Ok(())
    }

    async fn publish(&self, _: SocketAddr, _: &Publish) -> Result<OnAir, Rejection> {
        let place = Arc::clone(&self.place).try_acquire_owned().map_err(|_| Rejection::BadName)?;
        Ok(OnAir { feed: self.feed(), _place: place })
    }

    async fn play(&self, _: SocketAddr, _: &Play) -> Result<Playback, Rejection> {
        Err(Rejection::NotFound)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 1935));
    let (mut tls, mut source, mut targets) = (None, None, Vec::new());
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Long("listen") => listen = words.value()?.parse()?,
            Long("tls") => tls = Some(std::fs::read(words.value()?)?),
            Long("pull") => source = Some(Target::parse(&words.value()?.string()?)?),
            Long("push") => targets.push(Target::parse(&words.value()?.string()?)?),
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if targets.is_empty() {
        return Err("nowhere to push to (try --help)".into());
    }
    tracing_subscriber::fmt().with_writer(io::stderr).with_target(false).init();

    let mut config = Config::default();
    // Whatever the codec: what comes in goes out as it is.
    config.deliver = Deliver::Tags;
    // An encoder whose line broke finds its place free again when it comes back.
    config.idle_timeout = Duration::from_secs(10);
    let (running, mut ended) = mpsc::channel(1);
    let relay = Relay::new(config.clone(), targets, running);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    if let Some(source) = source {
        tokio::select! {
            never = Pull::new(config, source).run(|| relay.feed()) => match never {},
            () = stop => {}
        }
        drop(relay);
    } else {
        let mut listener = Listener::bind(listen).await?;
        if let Some(pem) = tls {
            listener = listener.tls(Certificate::from_pem(&pem, &pem)?);
        }
        println!(r#"{{"event":"listening","rtmp":"{}"}}"#, listener.local_addr()?);
        io::stdout().flush()?;
        listener.serve(relay, stop).await;
    }
    // Every server still there is told goodbye; one that does not listen is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(1), ended.recv()).await;
    Ok(())
}
