//! An edge in front of any origin of ours: viewers ask here, and the origin is asked once for
//! whatever any number of them wait for.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;

use airloom::access::SignedUrls;
use airloom::edge::{Config, Upstream};
use airloom::http::{Listener, Problem};
use airloom::{Edge, Origin};
use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::routing::get;
use lexopt::prelude::*;
use tower_http::cors::{Any, CorsLayer};

const HELP: &str = "\
edge: serves on over HTTP what an origin serves

usage: edge --origin URL [OPTIONS]

  --origin URL   where the origin serves its streams, as http[s]://HOST:PORT/live
  --http ADDR    where viewers ask (127.0.0.1:8081; port 0 picks a free one)
  --cache MIB    what is kept of the origin's answers (512)
  --sign-key KEY lets in who shows a token for playing that is signed with it (all, without one)
  -h, --help     this text

/live/NAME/index.m3u8 and all the rest of the origin's streams, /metrics, /healthz
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8081));
    let (mut upstream, mut config, mut key) = (None, Config::default(), None);
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Long("origin") => upstream = Some(words.value()?.string()?.parse::<Upstream>()?),
            Long("http") => address = words.value()?.parse()?,
            Long("cache") => {
                config.limits.cache = words.value()?.parse::<u32>()? as usize * (1 << 20);
            }
            Long("sign-key") => key = Some(SignedUrls::new(words.value()?.string()?.as_bytes())?),
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let upstream = upstream.ok_or("whose edge is this? (--origin; try --help)")?;
    tracing_subscriber::fmt().with_writer(io::stderr).with_target(false).init();

    let edge = Edge::new(upstream, config);
    let measured = edge.clone();
    let mut streams = edge.router();
    if let Some(key) = key {
        // An origin without streams, which knows how to ask a gate once a viewer.
        let door = Origin::builder().gate(key).build();
        streams = door.guarded(streams, |path| path.split('/').nth(1)?.parse().ok());
    }
    let app = Router::new()
        .nest("/live", streams)
        .route("/metrics", get(async move || measured.metrics()))
        .route("/healthz", get(async || "ok"))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "Nothing is served here"))
        .layer(
            // Pages of any origin may read every answer.
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::HEAD])
                .allow_headers(Any)
                .expose_headers([
                    header::ACCEPT_RANGES,
                    header::AGE,
                    header::CONTENT_LENGTH,
                    header::CONTENT_RANGE,
                    header::DATE,
                    header::ETAG,
                    header::RETRY_AFTER,
                ]),
        );
    let listener = Listener::bind(address).await?;
    println!(r#"{{"event":"listening","http":"{}"}}"#, listener.local_addr()?);
    io::stdout().flush()?;
    listener.serve(app, async { drop(tokio::signal::ctrl_c().await) }).await;
    Ok(())
}
