//! A clip published in a loop over real RTMP, so that there is something to watch without an
//! encoder.

use std::net::SocketAddr;
use std::time::Duration;

use airloom::rtmp::client::Target;
use airloom::rtmp::flv::{Demuxer, Kind, Tag};
use airloom::rtmp::{ClientError, Config, Publisher};
use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use crate::hooks::Hooks;

/// Made as `demo/README.md` tells.
const CLIP: &[u8] = include_bytes!("../demo/clip.flv");
/// Every AAC frame of the clip lasts this many ticks of [`CLIP_RATE`]; the clip is a whole number
/// of them long, and of its video's frames, so that it loops without a seam.
const CLIP_FRAME: u64 = 1024;
const CLIP_RATE: u64 = 48_000;

/// Publishes the clip to `live/demo` until the task is aborted, and comes back when it is cut off.
pub(crate) async fn publish(rtmp: SocketAddr, hooks: Hooks) {
    loop {
        if let Err(error) = publish_once(rtmp, &hooks).await {
            warn!("demo: {error}");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn publish_once(rtmp: SocketAddr, hooks: &Hooks) -> Result<(), ClientError> {
    let target = Target::parse(&format!("rtmp://{rtmp}/live/{}", hooks.key("demo")))?;
    let tags = tags()?;
    let frames = tags.iter().filter(|tag| is_audio_frame(tag)).count() as u64;
    let mut publisher = Publisher::connect(Config::default(), target).await?;
    let start = Instant::now();
    for round in 0u64.. {
        // From the whole number of frames each time: no rounding adds up over the rounds.
        let offset = round * frames * CLIP_FRAME * 1000 / CLIP_RATE;
        for tag in &tags {
            if round > 0 && (tag.is_sequence_header() || tag.kind == Kind::Script) {
                continue;
            }
            let timestamp = tag.timestamp + offset as i64;
            sleep_until(start + Duration::from_millis(timestamp.unsigned_abs())).await;
            publisher.send(&Tag::new(tag.kind, timestamp, tag.data.clone())).await?;
        }
    }
    Ok(())
}

fn is_audio_frame(tag: &Tag) -> bool {
    tag.kind == Kind::Audio && !tag.is_sequence_header()
}

fn tags() -> Result<Vec<Tag>, airloom::rtmp::Error> {
    let mut demuxer = Demuxer::new(Config::default().limits);
    let mut clip = Bytes::from_static(CLIP);
    let mut tags = Vec::new();
    while let Some(tag) = demuxer.read(&mut clip)? {
        tags.push(tag);
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_loops_without_a_seam() {
        let tags = tags().unwrap();
        let audio = tags.iter().filter(|tag| is_audio_frame(tag)).count() as u64;
        let video: Vec<_> = tags
            .iter()
            .filter(|tag| {
                tag.kind == Kind::Video && !tag.is_sequence_header() && tag.data.len() > 5
            })
            .collect();
        assert!(video[0].is_keyframe());
        // 30 frames a second: as long as the audio, to the tick.
        assert_eq!(video.len() as u64 * CLIP_RATE, audio * CLIP_FRAME * 30);
    }
}
