//! The origin and nginx, each a process of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::ingest::process::Process;

pub struct Server {
    pub name: &'static str,
    pub process: Process,
    pub port: u16,
    _scratch: Option<Scratch>,
}

/// How long a server may take to listen: the origin is given a minute of media first.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn origin() -> Result<Server, Failure> {
    own("delivery", "airloom, from memory")
}

/// This program as a server that only writes.
pub fn loop_of_writes() -> Result<Server, Failure> {
    own("loop", "a loop of writes")
}

fn own(word: &str, name: &'static str) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", word, &port.to_string()]);
    start(name, &mut command, port, None)
}

/// nginx as it serves files best: `sendfile`, open files remembered, no log.
pub fn nginx(files: &[(&str, Vec<u8>)]) -> Result<Server, Failure> {
    let scratch = Scratch::new()?;
    for (path, bytes) in files {
        let file = scratch.0.join("root").join(path.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().ok_or("a path without a folder")?)?;
        std::fs::write(file, bytes)?;
    }
    let (port, directory) = (free_port()?, scratch.0.display());
    let config = format!(
        "user root;\ndaemon off;\nmaster_process off;\nworker_processes 1;\n\
         pid {directory}/pid;\nerror_log {directory}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n access_log off;\n sendfile on;\n tcp_nopush on;\n keepalive_requests 1000000000;\n \
         open_file_cache max=1000 inactive=1h;\n open_file_cache_valid 1h;\n \
         client_body_temp_path {directory}/a;\n proxy_temp_path {directory}/b;\n \
         fastcgi_temp_path {directory}/c;\n uwsgi_temp_path {directory}/d;\n \
         scgi_temp_path {directory}/e;\n \
         server {{\n  listen 127.0.0.1:{port};\n  root {directory}/root;\n }}\n}}\n"
    );
    let path = scratch.0.join("nginx.conf");
    std::fs::write(&path, config)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&path).arg("-p").arg(&scratch.0);
    command.arg("-e").arg(scratch.0.join("error.log"));
    start("nginx, from tmpfs", &mut command, port, Some(scratch))
}

fn start(
    name: &'static str,
    command: &mut Command,
    port: u16,
    scratch: Option<Scratch>,
) -> Result<Server, Failure> {
    let log = std::fs::File::create(crate::directory().join("servers.log"))?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
    let server = Server { name, process: Process::new(child), port, _scratch: scratch };
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if started.elapsed() > PATIENCE {
            return Err(format!("{name} does not listen").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(server)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A directory in memory, where there is such a thing, that goes away again.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let directory = base.join(format!("airloom-bench-{}-delivery", std::process::id()));
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
