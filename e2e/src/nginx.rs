//! nginx with its RTMP module.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::scratch::Scratch;
use crate::{port, wait};

/// A running nginx with one RTMP application, `relay`, on a free port of the loopback. Dropping it
/// kills it.
#[derive(Debug)]
pub struct Nginx {
    _process: Process,
    port: u16,
    scratch: Scratch,
}

impl Nginx {
    /// Starts one that does `directives` with what is published to it, and keeps it as a file.
    pub fn start(directives: &str) -> Self {
        let port = port::free();
        let scratch = Scratch::new();
        let configuration = scratch.join("nginx.conf");
        let text = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n\
             daemon off; master_process off; pid {pid}; error_log stderr;\n\
             events {{}}\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; application relay {{\n\
               live on; record all; record_path {path}; {directives} }} }} }}\n",
            pid = scratch.join("pid").display(),
            path = scratch.path().display(),
        );
        std::fs::write(&configuration, text).expect("a configuration");
        let program = ["/usr/sbin/nginx"].into_iter().find(|path| Path::new(path).exists());
        let process = Process::start(
            Command::new(program.unwrap_or("nginx"))
                .arg("-p")
                .arg(scratch.path())
                .arg("-c")
                .arg(&configuration),
        );
        wait::until(Duration::from_secs(30), "nginx to listen", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { _process: process, port, scratch }
    }

    /// Where to publish or play a name.
    pub fn url(&self, name: &str) -> String {
        format!("rtmp://127.0.0.1:{}/relay/{name}", self.port)
    }

    /// What was published under a name: whole once its publisher has gone.
    pub fn recording(&self, name: &str) -> PathBuf {
        self.scratch.join(&format!("{name}.flv"))
    }
}
