//! rtmp-rs's `RtmpServer`, told to deliver tags and not to parse frames.

use std::net::SocketAddr;

use ::rtmp_rs::media::FlvTag;
use ::rtmp_rs::server::handler::{MediaDeliveryMode, RtmpHandler};
use ::rtmp_rs::session::StreamContext;
use ::rtmp_rs::{RtmpServer, ServerConfig};

use crate::Failure;

struct Drop;

impl RtmpHandler for Drop {
    async fn on_media_tag(&self, _: &StreamContext, tag: &FlvTag) -> bool {
        std::hint::black_box(tag);
        true
    }

    fn media_delivery_mode(&self) -> MediaDeliveryMode {
        MediaDeliveryMode::RawFlv
    }
}

pub(super) fn serve(bind_addr: SocketAddr) -> Result<(), Failure> {
    let config = ServerConfig { bind_addr, ..ServerConfig::default() };
    super::runtime()?.block_on(async {
        RtmpServer::new(config, Drop).run().await?;
        Ok(())
    })
}
