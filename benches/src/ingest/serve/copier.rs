//! Reads from one socket and writes the same to others: the least that any server does with players.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Failure;

/// Whoever begins with this is a player.
const PLAY: &[u8] = b"play";

pub(super) fn serve(address: SocketAddr) -> Result<(), Failure> {
    let listener = TcpListener::bind(address)?;
    let players = Arc::new(Mutex::new(Vec::<TcpStream>::new()));
    for socket in listener.incoming() {
        let (mut socket, players) = (socket?, Arc::clone(&players));
        std::thread::spawn(move || -> std::io::Result<()> {
            let locked = || players.lock().unwrap_or_else(PoisonError::into_inner);
            let mut buffer = vec![0; 64 * 1024];
            socket.read_exact(&mut buffer[..4])?;
            if buffer.starts_with(PLAY) {
                let mut told = socket.try_clone()?;
                locked().push(socket);
                return told.write_all(&[1]);
            }
            loop {
                let count = socket.read(&mut buffer)?;
                if count == 0 {
                    locked().clear();
                    return Ok(());
                }
                locked().retain_mut(|player| player.write_all(&buffer[..count]).is_ok());
            }
        });
    }
    Ok(())
}
