//! The servers, each a process of its own.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use airloom::chat::{Chat, Config};
use airloom::http;
use axum::Router;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::stream;
use tokio::sync::broadcast;

use crate::Failure;
use crate::ingest::process::Process;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// One that runs.
#[derive(Debug)]
pub struct Server {
    pub name: &'static str,
    pub dialect: Dialect,
    pub process: Process,
    pub port: u16,
}

/// How one speaks to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Airloom,
    Axum,
    Nchan,
    Redis,
    Nats,
}

impl Dialect {
    pub fn form(self) -> &'static str {
        match self {
            Self::Airloom => "server-sent events, ten batches a second; JSON with ids and times",
            Self::Axum | Self::Nchan => "server-sent events, one a message",
            Self::Redis | Self::Nats => "its own protocol, one message each",
        }
    }

    pub fn subscribe(self) -> &'static str {
        match self {
            Self::Airloom | Self::Axum => "GET /api/rooms/lobby/events HTTP/1.1\r\nHost: x\r\n\r\n",
            Self::Nchan => "GET /sub HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
            Self::Redis => "SUBSCRIBE lobby\r\n",
            Self::Nats => "CONNECT {\"verbose\":false}\r\nSUB lobby 1\r\n",
        }
    }

    /// What the writer says first.
    pub fn greet(self) -> &'static str {
        if self == Self::Nats { "CONNECT {\"verbose\":false}\r\n" } else { "" }
    }

    pub fn say(self, number: u32) -> String {
        let text = format!("~{number} a message of the length that people write when in a hurry");
        let post = |path: &str, kind: &str, body: &str| {
            let length = body.len();
            format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            )
        };
        match self {
            Self::Airloom | Self::Axum => {
                let body = format!("{{\"user\":\"user{number}\",\"text\":\"{text}\"}}");
                post("/api/rooms/lobby/messages", "application/json", &body)
            }
            Self::Nchan => post("/pub", "text/plain", &text),
            Self::Redis => {
                format!("*3\r\n$7\r\nPUBLISH\r\n$5\r\nlobby\r\n${}\r\n{text}\r\n", text.len())
            }
            Self::Nats => format!("PUB lobby {}\r\n{text}\r\n", text.len()),
        }
    }
}

/// Starts all there are. One that cannot be started is named on standard error.
pub fn start() -> Result<Vec<Server>, Failure> {
    let mut servers = vec![airloom(None)?, axum()?];
    for (name, starter) in [
        ("nchan", nchan as fn() -> Result<Server, Failure>),
        ("redis", redis),
        ("nats-server", nats),
    ] {
        match starter() {
            Ok(server) => servers.push(server),
            Err(failure) => eprintln!("bench: without {name}: {failure}"),
        }
    }
    Ok(servers)
}

/// This program in another process, with how many deliveries a second, where that is not the default.
pub fn airloom(deliveries: Option<u32>) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "chat", &port.to_string()]);
    command.args(deliveries.map(|count| count.to_string()));
    started("airloom", Dialect::Airloom, &mut command, port)
}

/// A node of several: `examples/chat`, since what speaks to NATS cannot be had beside one of the
/// rivals.
pub fn node(broker: &Server, deliveries: u32) -> Result<Server, Failure> {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/chat");
    let program = std::env::var_os("AIRLOOM_CHAT").map_or_else(built, PathBuf::from);
    if !program.exists() {
        return Err("several nodes need `cargo build --release -p chat` first".into());
    }
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--http", &format!("127.0.0.1:{port}")]);
    command.args(["--nats", &format!("127.0.0.1:{}", broker.port)]);
    command.args(["--pace", &deliveries.to_string()]);
    started("airloom", Dialect::Airloom, &mut command, port)
}

fn axum() -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "sse", &port.to_string()]);
    started("axum, an event a message", Dialect::Axum, &mut command, port)
}

/// Serves a chat for ever on a port of 127.0.0.1.
///
/// # Errors
///
/// Where the port cannot be had.
pub fn serve(port: u16, deliveries: Option<u32>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = Config::default();
        // Everybody gets everything, as of the others.
        config.room.display = None;
        config.room.deliveries = deliveries.unwrap_or(config.room.deliveries);
        let chat = Chat::builder().config(config).build()?;
        let listener = http::Listener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        let app = Router::new().nest("/api/rooms", chat.router());
        listener.serve(app, std::future::pending()).await;
        Ok(())
    })
}

/// The least that axum's own server-sent events need: a channel, an event a message.
///
/// # Errors
///
/// Where the port cannot be had.
pub fn serve_axum(port: u16) -> Result<(), Failure> {
    let (sender, _) = broadcast::channel::<Arc<str>>(1024);
    let speaker = sender.clone();
    let say = post(async move |said: String| {
        // Nobody may be there.
        let _ = speaker.send(said.into());
        StatusCode::ACCEPTED
    });
    let read = get(async move || {
        Sse::new(stream::unfold(sender.subscribe(), async |mut receiver| {
            let said = receiver.recv().await.ok()?;
            Some((Ok::<_, Infallible>(Event::default().data(said)), receiver))
        }))
    });
    let app = Router::new()
        .route("/api/rooms/lobby/messages", say)
        .route("/api/rooms/lobby/events", read);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        Ok(axum::serve(listener, app).await?)
    })
}

fn nchan() -> Result<Server, Failure> {
    let port = free_port()?;
    let module = Path::new("/usr/lib/nginx/modules/ngx_nchan_module.so");
    if !module.exists() {
        return Err(format!("{} is missing", module.display()).into());
    }
    let directory = scratch("nchan")?;
    let shown = directory.display();
    let config = format!(
        "load_module {};\nuser root;\ndaemon off;\nmaster_process off;\nworker_processes 1;\n\
         pid {shown}/pid;\nerror_log {shown}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n access_log off;\n keepalive_requests 1000000;\n server {{\n  \
         listen 127.0.0.1:{port};\n  \
         location = /sub {{ nchan_subscriber eventsource; nchan_channel_id lobby; \
         nchan_subscriber_first_message newest; }}\n  \
         location = /pub {{ nchan_publisher; nchan_channel_id lobby; }}\n }}\n}}\n",
        module.display()
    );
    let path = directory.join("nginx.conf");
    std::fs::write(&path, config)?;
    let mut command = Command::new("nginx");
    command
        .arg("-c")
        .arg(&path)
        .arg("-p")
        .arg(&directory)
        .arg("-e")
        .arg(directory.join("error.log"));
    started("Nchan 1.3.6 in nginx", Dialect::Nchan, &mut command, port)
}

fn redis() -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    started("Redis 7.0 pub/sub", Dialect::Redis, &mut command, port)
}

fn nats() -> Result<Server, Failure> {
    nats_with(&[])
}

/// A NATS server between nodes, which keeps their leases.
pub fn broker() -> Result<Server, Failure> {
    let store = scratch("nats")?;
    nats_with(&["--jetstream".as_ref(), "--store_dir".as_ref(), store.as_os_str()])
}

fn nats_with(more: &[&OsStr]) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = Command::new("nats-server");
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]).args(more);
    started("nats-server 2.9", Dialect::Nats, &mut command, port)
}

fn started(
    name: &'static str,
    dialect: Dialect,
    command: &mut Command,
    port: u16,
) -> Result<Server, Failure> {
    let log = std::fs::File::create(scratch("servers")?.join(format!("{port}.log")))?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
    let server = Server { name, dialect, process: Process::new(child), port };
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if start.elapsed() > PATIENCE {
            return Err("it does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(server)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn scratch(name: &str) -> std::io::Result<PathBuf> {
    let directory = crate::directory().join("chat").join(name);
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}
