//! nginx: with its RTMP module, and as a server of files.

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
        let text = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; application relay {{\n\
               live on; record all; record_path {path}; {directives} }} }} }}\n",
            path = scratch.path().display(),
        );
        let process = start(&scratch, &text, port);
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

/// A running nginx that serves a folder as it is. Dropping it kills it.
#[derive(Debug)]
pub struct Files {
    _process: Process,
    _scratch: Scratch,
    port: u16,
}

impl Files {
    /// Serves `folder` on a free port of the loopback.
    pub fn start(folder: &Path) -> Self {
        let port = port::free();
        let scratch = Scratch::new();
        let bodies: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};\n", scratch.join(kind).display()))
            .concat();
        let text = format!(
            "http {{ {bodies} access_log off;\n\
             server {{ listen 127.0.0.1:{port}; root {}; }} }}\n",
            folder.display(),
        );
        let process = start(&scratch, &text, port);
        Self { _process: process, _scratch: scratch, port }
    }

    /// The address of a file.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }
}

/// Starts nginx with these blocks of its configuration, and waits until it listens.
fn start(scratch: &Scratch, blocks: &str, port: u16) -> Process {
    let configuration = scratch.join("nginx.conf");
    let text = format!(
        "{blocks}daemon off; master_process off; pid {}; error_log stderr;\nevents {{}}\n",
        scratch.join("pid").display(),
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
    process
}
