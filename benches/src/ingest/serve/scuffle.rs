//! scuffle-rtmp's `ServerSession`, as its crate documentation serves it.

use std::net::SocketAddr;

use scuffle_rtmp::ServerSession;
use scuffle_rtmp::session::server::{ServerSessionError, SessionData, SessionHandler};
use tokio::net::TcpListener;

use crate::Failure;

struct Drop;

impl SessionHandler for Drop {
    async fn on_data(&mut self, _: u32, data: SessionData) -> Result<(), ServerSessionError> {
        std::hint::black_box(data);
        Ok(())
    }

    async fn on_publish(&mut self, _: u32, _: &str, _: &str) -> Result<(), ServerSessionError> {
        Ok(())
    }

    async fn on_unpublish(&mut self, _: u32) -> Result<(), ServerSessionError> {
        Ok(())
    }
}

pub(super) fn serve(address: SocketAddr) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (socket, _) = listener.accept().await?;
            let session = ServerSession::new(socket, Drop);
            tokio::spawn(async move { session.run().await });
        }
    })
}
