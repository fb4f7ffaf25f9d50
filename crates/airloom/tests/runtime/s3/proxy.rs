use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of connections, those that are open included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Clear,
    /// 503 to everything.
    Busy,
    /// Takes what comes, and says nothing.
    Silent,
    /// Cut after some bytes.
    Cut,
}

/// What lies between an archive and its store.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) port: u16,
    way: Arc<Mutex<Way>>,
    changed: Arc<tokio::sync::Notify>,
}

impl Proxy {
    pub(super) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, changed) = (Arc::new(Mutex::new(Way::Clear)), Arc::default());
        let proxy = Self { port, way: Arc::clone(&way), changed: Arc::clone(&changed) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (way, changed) = (*way.lock().unwrap(), Arc::clone(&changed));
                tokio::spawn(async move {
                    tokio::select! {
                        () = pass(client, server, way) => {}
                        () = changed.notified() => {}
                    }
                });
            }
        });
        proxy
    }

    pub(super) fn be(&self, way: Way) {
        *self.way.lock().unwrap() = way;
        self.changed.notify_waiters();
    }
}

async fn pass(mut client: TcpStream, server: u16, way: Way) {
    let mut buffer = [0; 1024];
    match way {
        Way::Clear => {
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
        Way::Busy => {
            let _ = client.read(&mut buffer).await;
            let busy = b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = client.write_all(busy).await;
        }
        Way::Silent => while client.read(&mut buffer).await.is_ok_and(|length| length > 0) {},
        Way::Cut => {
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
            if let Ok(length) = client.read(&mut buffer).await {
                let _ = server.write_all(&buffer[..length]).await;
            }
        }
    }
}
