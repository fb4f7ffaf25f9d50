//! A whole live service in one process: an encoder publishes over RTMP, browsers watch over HLS,
//! Low-Latency HLS or DASH, and a page shows it all, with a chat beside each stream.

mod api;
mod arguments;
mod chat;
mod demo;
mod hooks;
mod log;
mod page;
mod usage;
mod vod;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use airloom::{Origin, http, rtmp};
use arguments::{Arguments, Command};
use axum::Router;
use axum::http::{Method, header};
use axum::routing::get;
use tokio::sync::watch;
use tower_http::cors::{Any, CorsLayer};

fn main() -> ExitCode {
    let arguments = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Serve(arguments)) => *arguments,
        Ok(Command::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Command::Version) => {
            println!("live {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&error),
    };
    log::start();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    match runtime.block_on(serve(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("live: {error}");
    ExitCode::FAILURE
}

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot listen for {what} on {address}: {source}")]
    Listen { what: &'static str, address: SocketAddr, source: io::Error },
    #[error("cannot write to the data directory {}: {source}", path.display())]
    Data { path: PathBuf, source: io::Error },
    #[error("cannot open the usage ledger in {}: {source}", path.display())]
    Usage { path: PathBuf, source: airloom::billing::Error },
    #[error(transparent)]
    Hooks(#[from] hooks::Error),
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

async fn serve(arguments: Arguments) -> Result<(), Failure> {
    prepare(&arguments.data)
        .map_err(|source| Failure::Data { path: arguments.data.clone(), source })?;
    let listen = |what, address| move |source| Failure::Listen { what, address, source };
    let encoders =
        rtmp::Listener::bind(arguments.rtmp).await.map_err(listen("RTMP", arguments.rtmp))?;
    let viewers =
        http::Listener::bind(arguments.http).await.map_err(listen("HTTP", arguments.http))?;
    let (rtmp_address, http_address) = (encoders.local_addr()?, viewers.local_addr()?);

    let unmetered = |source| Failure::Usage { path: arguments.data.clone(), source };
    let usage = usage::open(&arguments.data).map_err(unmetered)?;
    let recorder = vod::open(&arguments.data)
        .map_err(|source| Failure::Data { path: arguments.data.clone(), source })?;
    let hooks = hooks::Hooks::read(arguments.hooks.as_deref(), &arguments.data)?;
    let mut builder = Origin::builder().observer(Arc::new(hooks.webhooks()));
    if arguments.record {
        builder = builder.observer(Arc::new(recorder.clone()));
    }
    #[cfg(feature = "thumbnails")]
    let builder = builder.thumbnails(airloom::origin::Thumbnails::default());
    let origin = builder
        .segment(arguments.segment)
        .part(arguments.part)
        .window(arguments.window)
        .resume(arguments.resume)
        // An ended stream stays as long as its last frame would have been listed.
        .linger(arguments.window)
        .usage(usage.clone())
        .build();
    hooks.apply(&origin, &recorder);
    let moderator = arguments.moderator.clone().map_or_else(chat::token, Ok)?;
    let chat = chat::open(&moderator, usage.clone())?;
    let api = api::router(origin.clone(), &arguments, rtmp_address);
    let api = usage.requests(api.merge(usage::router(usage.clone()))).map_err(unmetered)?;
    let app = Router::new()
        .nest("/live", origin.router().merge(hooks::rewind(&origin, &recorder)))
        .nest("/vod", hooks::recordings(&origin, &recorder))
        .nest("/api", api)
        .nest("/api/rooms", chat.router())
        .merge(page::router())
        .route(
            "/metrics",
            get(api::metrics).with_state((
                origin.clone(),
                chat.clone(),
                recorder.clone(),
                hooks.clone(),
            )),
        )
        .route("/healthz", get(|| async { "ok" }))
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::wrong_method)
        .layer(
            // Pages of any origin may read every answer.
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::HEAD, Method::POST])
                .allow_headers(Any)
                .expose_headers([
                    header::ACCEPT_RANGES,
                    header::CONTENT_LENGTH,
                    header::CONTENT_RANGE,
                    header::DATE,
                    header::ETAG,
                    header::RETRY_AFTER,
                ]),
        );

    println!(r#"{{"event":"listening","rtmp":"{rtmp_address}","http":"{http_address}"}}"#);
    io::stdout().flush()?;
    log::greet(rtmp_address, http_address, arguments.moderator.is_none().then_some(&moderator));

    let closing = |mut stopped: watch::Receiver<()>| async move { drop(stopped.changed().await) };
    let ((leave, left), (stop, stopped)) = (watch::channel(()), watch::channel(()));
    let ingest = tokio::spawn(encoders.serve(hooks.fan_out(origin.ingest("live")), closing(left)));
    let delivery = tokio::spawn(viewers.serve(app, closing(stopped)));
    let metering = usage::Metering::start(usage, recorder.clone());
    let demo = arguments.demo.then(|| tokio::spawn(demo::publish(rtmp_address, hooks.clone())));

    signal().await?;
    tracing::info!("stopping");
    if let Some(demo) = demo {
        demo.abort();
    }
    // Encoders leave first, some for another server; then playlists end, so that viewers who ask
    // once more are told; then nobody is served any more.
    drop(leave);
    let _ = ingest.await;
    origin.end().await;
    chat.close();
    drop(stop);
    let _ = delivery.await;
    recorder.close().await;
    hooks.settle().await;
    // Nothing counts any more: what was counted goes to the ledger.
    metering.settle().await;
    Ok(())
}

/// Makes the data directory and proves that it can be written to.
fn prepare(data: &Path) -> io::Result<()> {
    std::fs::create_dir_all(data)?;
    let probe = data.join(".writable");
    std::fs::write(&probe, [])?;
    std::fs::remove_file(&probe)
}

/// Waits for SIGINT or SIGTERM.
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
