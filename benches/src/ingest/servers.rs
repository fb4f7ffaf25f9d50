//! The servers, each a process of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::process::Process;
use crate::Failure;

/// Where the live example lies; `AIRLOOM_LIVE` says otherwise.
const LIVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/live");

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// One that runs.
#[derive(Debug)]
pub struct Server {
    pub name: String,
    pub process: Process,
    pub port: u16,
    /// Whether it shakes hands; the sink does not.
    pub speaks_rtmp: bool,
    packages: Packages,
    /// Removed when the server is.
    _scratch: Option<Scratch>,
}

/// Where to look for what a server made of a stream.
#[derive(Debug)]
enum Packages {
    Nothing,
    /// HTTP on this port, the paths of the live example.
    Http(u16),
    /// Playlists and segments in this directory.
    Files(PathBuf),
}

impl Server {
    /// What the server has made of a stream so far.
    pub fn witness(&self, name: &str) -> Result<String, Failure> {
        match &self.packages {
            Packages::Nothing => Ok("takes it in".to_owned()),
            Packages::Http(port) => {
                let hls = get(*port, &format!("/live/{name}/index.m3u8"))?;
                let dash = get(*port, &format!("/live/{name}/manifest.mpd"))?;
                let variant = hls.lines().find(|line| line.contains(".m3u8"));
                if variant.is_none() || !dash.contains("<MPD") {
                    return Err("answers without a playlist".into());
                }
                Ok("HLS, Low-Latency HLS and DASH, MPEG-TS on demand".to_owned())
            }
            Packages::Files(directory) => {
                let playlist = std::fs::read_to_string(directory.join(format!("{name}.m3u8")))?;
                if !playlist.contains("#EXTINF") {
                    return Err("lists no segment".into());
                }
                Ok("HLS of MPEG-TS, to files".to_owned())
            }
        }
    }
}

/// Starts all there are, the sink first. One that cannot be started is named on standard error.
pub fn start() -> Result<Vec<Server>, Failure> {
    let mut servers = vec![own("sink", "bare TCP sink")?];
    for (name, starter) in [
        ("live", live as fn() -> Result<Server, Failure>),
        ("nginx-rtmp", nginx),
        ("airloom", || own("airloom", "airloom's `rtmp::Listener`, nothing packaged")),
        ("rtmp-rs", || own("rtmp-rs", "rtmp-rs 0.6, nothing packaged")),
        ("rtmp-runtime", || own("rtmp-runtime", "rtmp-runtime 0.8, nothing packaged")),
        ("scuffle-rtmp", || own("scuffle-rtmp", "scuffle-rtmp 0.2, nothing packaged")),
    ] {
        match starter() {
            Ok(server) => servers.push(server),
            Err(failure) => eprintln!("bench: without {name}: {failure}"),
        }
    }
    Ok(servers)
}

/// Starts those that have players, the one that only copies first.
pub fn players() -> Result<Vec<Server>, Failure> {
    let live = || live().inspect_err(|failure| eprintln!("bench: without live: {failure}")).ok();
    let mut servers = vec![
        own("copier", "copies from one socket to others")?,
        own("airloom-play", "airloom's `rtmp::Listener`, nothing packaged")?,
    ];
    servers.extend(live());
    Ok(servers)
}

/// This program in another process.
fn own(word: &str, name: &str) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", word, &port.to_string()]);
    started(Server {
        name: name.to_owned(),
        process: spawn(&mut command)?,
        port,
        speaks_rtmp: !matches!(word, "sink" | "copier"),
        packages: Packages::Nothing,
        _scratch: None,
    })
}

fn live() -> Result<Server, Failure> {
    live_in(Scratch::new("live")?, &[])
}

/// `live` with its data on the disk: as it is, and recording.
pub(crate) fn recording() -> Result<[Server; 2], Failure> {
    Ok([
        live_in(Scratch::on_disk("plain")?, &[])?,
        live_in(Scratch::on_disk("record")?, &["--record"])?,
    ])
}

fn live_in(scratch: Scratch, flags: &[&str]) -> Result<Server, Failure> {
    let binary = std::env::var_os("AIRLOOM_LIVE").map_or_else(|| LIVE.into(), PathBuf::from);
    if !binary.exists() {
        return Err(format!(
            "{} is missing; build it with `cargo build --release -p live` or set AIRLOOM_LIVE",
            binary.display()
        )
        .into());
    }
    let (port, http) = (free_port()?, free_port()?);
    let mut command = Command::new(binary);
    command
        .args(["--rtmp", &format!("127.0.0.1:{port}"), "--http", &format!("127.0.0.1:{http}")])
        .args(["--part", "200"])
        .args(flags)
        .arg("--data")
        .arg(&scratch.0);
    started(Server {
        name: "airloom's `live`, HLS and DASH".to_owned(),
        process: spawn(&mut command)?,
        port,
        speaks_rtmp: true,
        packages: Packages::Http(http),
        _scratch: Some(scratch),
    })
}

fn nginx() -> Result<Server, Failure> {
    let scratch = Scratch::new("nginx")?;
    let directory = scratch.0.display();
    let hls = scratch.0.join("hls");
    std::fs::create_dir_all(&hls)?;
    let port = free_port()?;
    let module = Path::new("/usr/lib/nginx/modules/ngx_rtmp_module.so");
    if !module.exists() {
        return Err(format!("{} is missing", module.display()).into());
    }
    let config = format!(
        "load_module {};\nuser root;\ndaemon off;\nmaster_process off;\nworker_processes 1;\n\
         pid {directory}/pid;\nerror_log {directory}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         rtmp {{\n access_log off;\n server {{\n  listen 127.0.0.1:{port};\n  chunk_size 4096;\n  \
         max_message 16M;\n  application live {{\n   live on;\n   hls on;\n   hls_path {};\n   \
         hls_fragment 2s;\n   hls_playlist_length 60s;\n  }}\n }}\n}}\n",
        module.display(),
        hls.display()
    );
    let path = scratch.0.join("nginx.conf");
    std::fs::write(&path, config)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&path).arg("-p").arg(&scratch.0);
    command.arg("-e").arg(scratch.0.join("error.log"));
    started(Server {
        name: "nginx-rtmp 1.2 with HLS".to_owned(),
        process: spawn(&mut command)?,
        port,
        speaks_rtmp: true,
        packages: Packages::Files(hls),
        _scratch: Some(scratch),
    })
}

fn spawn(command: &mut Command) -> std::io::Result<Process> {
    let log = std::fs::File::create(crate::directory().join("servers.log"))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().map(Process::new)
}

/// Waits until the server listens, without connecting: scuffle-rtmp 0.2.3 spins for ever after a
/// connection that ends within its handshake.
fn started(server: Server) -> Result<Server, Failure> {
    // State 0A is LISTEN; addresses are hexadecimal, in the byte order of the machine.
    let wanted = format!("0100007F:{:04X} 00000000:0000 0A", server.port);
    let start = Instant::now();
    while !std::fs::read_to_string("/proc/net/tcp")?.contains(&wanted) {
        if start.elapsed() > PATIENCE {
            return Err(format!("{} does not listen", server.name).into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(server)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn get(port: u16, path: &str) -> Result<String, Failure> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(answer)
    } else {
        Err(format!("{path}: {}", answer.lines().next().unwrap_or("no answer")).into())
    }
}

/// A directory in memory, where there is such a thing, that goes away again.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> std::io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Self::within(&base, name)
    }

    /// One on the disk the benches themselves are on.
    fn on_disk(name: &str) -> std::io::Result<Self> {
        Self::within(&crate::directory(), name)
    }

    fn within(base: &Path, name: &str) -> std::io::Result<Self> {
        let directory = base.join(format!("airloom-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Leaving it behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
