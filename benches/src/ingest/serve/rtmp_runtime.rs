//! rtmp-runtime's `AsyncRtmpServer`.

use std::net::SocketAddr;

use ::rtmp_runtime::io::AsyncRtmpServer;
use ::rtmp_runtime::server::ServerConfig;

use crate::Failure;

pub(super) fn serve(address: SocketAddr) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let server = AsyncRtmpServer::bind(address, ServerConfig::default()).await?;
        loop {
            let mut connection = server.accept().await?;
            tokio::spawn(async move {
                while let Ok(Some(events)) = connection.next_events().await {
                    std::hint::black_box(events);
                }
            });
        }
    })
}
