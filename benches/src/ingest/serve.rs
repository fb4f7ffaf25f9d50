//! What runs in processes of their own: the sink, and servers built from the peers as their
//! examples show, which take a stream in and drop it.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};

use crate::Failure;

mod airloom;
mod airloom_play;
mod copier;
mod rtmp_rs;
mod rtmp_runtime;
mod scuffle;

/// Serves for ever as `name` on a port of 127.0.0.1.
///
/// # Errors
///
/// For an unknown name, and where the port cannot be had.
pub fn serve(name: &str, port: u16) -> Result<(), Failure> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    match name {
        "sink" => sink(address),
        "airloom" => airloom::serve(address),
        "airloom-play" => airloom_play::serve(address),
        "copier" => copier::serve(address),
        "rtmp-rs" => rtmp_rs::serve(address),
        "rtmp-runtime" => rtmp_runtime::serve(address),
        "scuffle-rtmp" => scuffle::serve(address),
        _ => Err(format!("nothing to serve is called {name}").into()),
    }
}

/// Reads and drops: the least any server does with the same bytes.
fn sink(address: SocketAddr) -> Result<(), Failure> {
    let listener = TcpListener::bind(address)?;
    for socket in listener.incoming() {
        let mut socket = socket?;
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while socket.read(&mut buffer).is_ok_and(|count| count > 0) {}
        });
    }
    Ok(())
}

/// A tokio runtime as `#[tokio::main]` makes it.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
