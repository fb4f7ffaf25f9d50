//! A `nats-server` of one test, and a wire to it that can be cut.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::port;

pub(crate) struct Server {
    port: u16,
    data: PathBuf,
    process: Option<Child>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        static TESTS: AtomicU32 = AtomicU32::new(0);
        let port = port::free();
        let test = TESTS.fetch_add(1, Ordering::Relaxed);
        let data = std::env::temp_dir().join(format!("airloom-nats-{}-{test}", std::process::id()));
        let mut server = Self { port, data, process: None };
        server.restart().await;
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) async fn restart(&mut self) {
        let process = Command::new("nats-server")
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream"])
            .arg("--store_dir")
            .arg(&self.data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server is not in the path: `cargo xtask install`");
        self.process = Some(process);
        while TcpStream::connect(self.address()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL: it says goodbye to nobody.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// What a disk lost.
    pub(crate) fn forget(&self) {
        std::fs::remove_dir_all(&self.data).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// A wire to the server over which nothing passes while it is cut, and nothing is said about it.
pub(crate) struct Wire {
    address: SocketAddr,
    cut: Arc<watch::Sender<bool>>,
}

impl Wire {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = Arc::new(watch::channel(false).0);
        let cuts = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut cut = cuts.subscribe();
                tokio::spawn(async move {
                    // Accepted, and not a word, as long as it is cut.
                    let _ = cut.wait_for(|cut| !cut).await;
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    let passing = copy_bidirectional(&mut client, &mut server);
                    let silenced = async { drop(cut.wait_for(|cut| *cut).await) };
                    tokio::select! {
                        _ = passing => return,
                        () = silenced => {}
                    }
                    // The sockets stay as they are: nobody is told.
                    let _ = cut.wait_for(|cut| !cut).await;
                });
            }
        });
        Self { address, cut }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }
}
