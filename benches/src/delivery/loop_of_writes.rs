//! What answering many held requests costs at the least: one write after the other of an answer that
//! is ready, by a server that does nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

/// A delta playlist of the same length as the origin's.
const BODY: usize = 2694;

type Held = Arc<Mutex<Vec<Arc<TcpStream>>>>;

/// Holds what asks for a part to come, and on `/step` answers all, for ever.
pub fn serve(port: u16) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let held = Held::default();
        loop {
            let (socket, _) = listener.accept().await?;
            // Who cannot be served any more is gone.
            let held = Arc::clone(&held);
            tokio::spawn(async move { drop(converse(socket, &held).await) });
        }
    })
}

async fn converse(socket: TcpStream, held: &Held) -> Result<(), Failure> {
    socket.set_nodelay(true)?;
    let socket = Arc::new(socket);
    let mut buffer = vec![0; 1024];
    loop {
        socket.readable().await?;
        let count = match socket.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        };
        // Every request of this measurement comes in one piece.
        let request = String::from_utf8_lossy(&buffer[..count]);
        let path = request.split(' ').nth(1).unwrap_or_default();
        let text = if path == "/step" {
            answer_all(held)?
        } else if path.contains("_HLS_msn") {
            held.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&socket));
            continue;
        } else {
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1-1.1.m4s\"\n".to_owned()
        };
        let mut socket = Arc::try_unwrap(socket).map_err(|_| "two requests on one connection")?;
        socket.write_all(&response(text.as_bytes())).await?;
        return Ok(());
    }
}

fn response(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Says when it began.
fn answer_all(held: &Held) -> Result<String, Failure> {
    let held = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
    let response = response(&[b'x'; BODY]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    for socket in held {
        if socket.try_write(&response)? < response.len() {
            return Err("an answer did not fit".into());
        }
    }
    Ok(Duration::as_nanos(&now).to_string())
}
