//! A chat node alone, or one of several with NATS between them: rooms over HTTP, a page to try them,
//! and `--crowd N` for an audience that measures what it gets.

mod crowd;
mod figures;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use airloom::chat::core::{Author, Input, RoomId, Submission};
use airloom::chat::nats::{self, Nats, async_nats};
use airloom::chat::{Chat, Config};
use airloom::http;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use lexopt::prelude::*;
use tokio::time::interval;

const HELP: &str = "\
chat: rooms over HTTP, with a page to try them

usage: chat [--http ADDR] [--nats URL] [--pace D] [--crowd N [--rate R]]

  --http ADDR  where to listen (127.0.0.1:8090; port 0 picks a free one)
  --nats URL   be one of several nodes on a NATS server with JetStream (nats://127.0.0.1:4222)
  --pace D     how many batches a second this node is willing to give out (100,000); to more
               readers than that allows ten times a second it speaks less often
  --crowd N    bring N readers over real connections, from processes of their own, and print
               each second what they get; each process takes at most 10,000, on a loopback
               address of its own. Needs N open files (ulimit -n)
  --rate R     what is said to the crowd, in messages a second (20); 0 leaves it idle
  -h, --help   this text
";

/// The room the crowd is in.
const ROOM: &str = "crowd";

#[derive(Debug)]
struct Arguments {
    http: SocketAddr,
    nats: Option<String>,
    pace: u32,
    crowd: usize,
    rate: u32,
    /// Set in the processes that are the crowd: which of them it is.
    part: Option<u8>,
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    let http = SocketAddr::from(([127, 0, 0, 1], 8090));
    // A crowd shares the machine: what one core writes must leave it time to read.
    let mut arguments =
        Arguments { http, nats: None, pace: 100_000, crowd: 0, rate: 20, part: None };
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Long("http") => arguments.http = words.value()?.parse()?,
            Long("nats") => arguments.nats = Some(words.value()?.string()?),
            Long("pace") => arguments.pace = words.value()?.parse()?,
            Long("crowd") => arguments.crowd = words.value()?.parse()?,
            Long("rate") => arguments.rate = words.value()?.parse()?,
            Long("part") => arguments.part = Some(words.value()?.parse()?),
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(None);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(arguments))
}

fn main() -> Result<(), Box<dyn Error>> {
    match arguments()? {
        Some(Arguments { http, crowd, part: Some(part), .. }) => {
            crowd::read(http, &format!("/api/rooms/{ROOM}/events"), part, crowd)
        }
        Some(arguments) => serve(&arguments),
        None => Ok(()),
    }
}

#[tokio::main]
async fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.room.deliveries = arguments.pace;
    if arguments.crowd > 0 {
        // It counts what it is given; people would be shown twenty entries a second.
        config.room.display = None;
    }
    let mut chat = Chat::builder().config(config.clone());
    if let Some(url) = &arguments.nats {
        // Its server may come later, and go and come again.
        let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
        let mut shared = nats::Config::default();
        shared.room = config.room;
        chat = chat.broker(Nats::new(options.connect(url.as_str()).await?, shared));
    }
    let chat = chat.build()?;
    let listener = http::Listener::bind(arguments.http).await?;
    let address = listener.local_addr()?;
    let script = ([(CONTENT_TYPE, "text/javascript")], include_str!("../assets/page.js"));
    let app = Router::new()
        .nest("/api/rooms", chat.router())
        .route("/", get(async || Html(include_str!("../assets/page.html"))))
        .route("/page.js", get(async move || script));
    println!(r#"{{"event":"listening","http":"{address}"}}"#);
    eprintln!("open http://{address}/, or: curl -N http://{address}/api/rooms/lobby/events");

    let served = tokio::spawn(listener.serve(app, async { drop(tokio::signal::ctrl_c().await) }));
    if arguments.crowd > 0 {
        let crowd = crowd::bring(address, arguments.crowd)?;
        tokio::spawn(figures::print(chat.clone(), crowd));
        if arguments.rate > 0 {
            tokio::spawn(talk(chat.clone(), arguments.rate));
        }
    }
    let _ = served.await;
    chat.close();
    Ok(())
}

/// Says so much a second, each message being the time it was said.
async fn talk(chat: Chat, rate: u32) {
    let (Ok(room), Ok(user)) = (ROOM.parse::<RoomId>(), "speaker".parse()) else { return };
    let author = Author::new(user);
    let mut ticks = interval(Duration::from_secs(1) / rate);
    loop {
        ticks.tick().await;
        let message = Submission::message(author.clone(), figures::micros().to_string());
        if let Err(refusal) = chat.request(&room, Input::Submit(message)).await {
            eprintln!("not said: {refusal}");
        }
    }
}
