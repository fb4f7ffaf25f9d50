//! A stream's picture: its last keyframe, decoded and made small when somebody asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airloom_media::{Codec, Sample, Track};
use airloom_segmenter::thumbnail::{self, Size, Thumbnailer};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::Origin;
use super::delivery::{body, busy};
use super::stream::Stream;
use crate::http::{Jpeg, Problem};

/// The name under which a stream's picture is served.
pub(super) const NAME: &str = "thumbnail.jpg";

/// How the picture of a stream looks that is served as `NAME/thumbnail.jpg`, and how often there is
/// another: [`Builder::thumbnails`](super::Builder::thumbnails).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thumbnails {
    /// How large it is, here 480 x 270 by default, and what is not decoded.
    pub picture: thumbnail::Config,
    /// Quality of the JPEG file, 1 to 100. Default 75: some 20 KB.
    pub quality: u8,
    /// For how long a picture is shown before another is made. Default 5 s. However many ask, a
    /// stream costs one decoded keyframe in that time, and a picture nobody asks for is not made.
    pub every: Duration,
}

impl Default for Thumbnails {
    fn default() -> Self {
        let mut picture = thumbnail::Config::default();
        picture.size = Size { width: 480, height: 270 };
        Self { picture, quality: 75, every: Duration::from_secs(5) }
    }
}

/// What a stream keeps for its picture: a keyframe, whose bytes its window holds, too, and the
/// picture made last.
#[derive(Debug)]
pub(super) struct Still {
    wanted: bool,
    keyframe: Mutex<Option<Keyframe>>,
    /// Held while one is made: whoever asks meanwhile waits for that one.
    made: Arc<tokio::sync::Mutex<Option<Made>>>,
}

#[derive(Debug, Clone)]
struct Keyframe {
    track: Track,
    sample: Option<Sample>,
}

#[derive(Debug, Clone)]
struct Made {
    at: Instant,
    /// Absent where the keyframe could not be decoded.
    picture: Option<Jpeg>,
}

impl Still {
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, keyframe: Mutex::default(), made: Arc::default() }
    }

    /// Of several tracks the first in H.264 is shown.
    pub(super) fn set_track(&self, track: &Track) {
        if !self.wanted || !matches!(track.codec, Codec::Avc(_)) {
            return;
        }
        let mut keyframe = self.keyframe.lock().unwrap_or_else(PoisonError::into_inner);
        // What is only said again changes nothing.
        let renewed = |known: &Keyframe| known.track.id == track.id && known.track != *track;
        if keyframe.as_ref().is_none_or(renewed) {
            *keyframe = Some(Keyframe { track: track.clone(), sample: None });
        }
    }

    pub(super) fn see(&self, sample: &Sample) {
        if !self.wanted || !sample.sync {
            return;
        }
        let mut keyframe = self.keyframe.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = keyframe.as_mut().filter(|known| known.track.id == sample.track) {
            known.sample = Some(sample.clone());
        }
    }

    pub(super) fn has_keyframe(&self) -> bool {
        let keyframe = self.keyframe.lock().unwrap_or_else(PoisonError::into_inner);
        keyframe.as_ref().is_some_and(|known| known.sample.is_some())
    }

    fn keyframe(&self) -> Option<(Track, Sample)> {
        let keyframe = self.keyframe.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some((keyframe.track, keyframe.sample?))
    }
}

/// Answers with the picture of a stream.
pub(super) async fn answer(origin: &Origin, stream: &Stream, headers: &HeaderMap) -> Response {
    let Some(config) = origin.config().thumbnails.as_ref() else {
        return Problem::new(StatusCode::NOT_FOUND, "No pictures of streams are made here")
            .into_response();
    };
    let Some(_place) = stream.wait() else {
        return busy(origin, "Too many requests wait for this stream");
    };
    let Some(picture) = picture(origin, stream, config).await else {
        let detail = "There is no picture of this stream: no keyframe of clear H.264 that decodes";
        return Problem::new(StatusCode::NOT_FOUND, detail).into_response();
    };
    picture.answer(headers, config.every.as_secs().max(1), |jpeg| {
        let length = jpeg.len() as u64;
        body(origin, stream, std::iter::once(jpeg), length)
    })
}

/// The picture made last, or another where that is too old.
async fn picture(origin: &Origin, stream: &Stream, config: &Thumbnails) -> Option<Jpeg> {
    #[cfg(feature = "encryption")]
    if stream.is_encrypted() {
        return None;
    }
    let still = stream.still();
    let mut made = Arc::clone(&still.made).lock_owned().await;
    if let Some(made) = &*made
        && made.at.elapsed() < config.every
    {
        return made.picture.clone();
    }
    let (track, sample) = still.keyframe()?;
    // In a task of its own, which goes on where whoever asked goes away: what is begun again and
    // again would be more than one at a time.
    let (origin, config) = (origin.clone(), config.clone());
    let making = tokio::spawn(async move {
        // Never closed.
        let _one = origin.0.making.acquire().await;
        let jpeg = tokio::task::spawn_blocking(move || make(&track, &sample, &config)).await;
        let picture = match jpeg.ok()? {
            Ok(jpeg) => Some(Jpeg::new(jpeg)),
            Err(error) => {
                tracing::debug!("no thumbnail: {error}");
                None
            }
        };
        *made = Some(Made { at: Instant::now(), picture: picture.clone() });
        picture
    });
    making.await.ok().flatten()
}

/// Blocks, for as long as it takes to decode a keyframe.
fn make(track: &Track, sample: &Sample, config: &Thumbnails) -> Result<Vec<u8>, thumbnail::Error> {
    Thumbnailer::new(track, config.picture.clone())?.handle_input(sample)?.jpeg(config.quality)
}
