//! Thumbnails of recordings, for seeking: made of the keyframes that segments start with, when somebody
//! asks, by one thread at a time that nothing else waits for.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use airloom_media::{Sample, Track};
use airloom_playlist::Rendered;
use airloom_segmenter::mp4::{self, Index};
use airloom_segmenter::thumbnail::sprite::{self, Plan};
use airloom_segmenter::thumbnail::{self, Thumbnailer};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::delivery::{nothing, text, unreadable};
use super::held::Held;
use super::item::Item;
use super::shelf::Shelf;
use super::timeline::{Keyframe, Timeline};
use super::volume::media_file;
use crate::http::{Jpeg, Problem};
use crate::origin::{Carried, Encoded};

/// How thumbnails of recordings look, and what is kept of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How large one is, and what is not decoded.
    pub picture: thumbnail::Config,
    /// How many there are, and how many on a sheet.
    pub sheet: sprite::Config,
    /// Quality of the JPEG files, 1 to 100. Default 75.
    pub quality: u8,
    /// Sheets held in memory. Default 32, of some 50 KB each; others are made again when they are
    /// asked for.
    pub held: usize,
}

impl Default for Config {
    fn default() -> Self {
        let (picture, sheet) = (thumbnail::Config::default(), sprite::Config::default());
        Self { picture, sheet, quality: 75, held: 32 }
    }
}

/// The sheets made last, by recording and number.
#[derive(Debug)]
pub(super) struct Sheets {
    held: Held<(String, usize), Jpeg>,
    /// Who waits for a sheet waits here and not on a thread: those are for reading recordings.
    making: Semaphore,
}

impl Sheets {
    pub(super) fn new(config: &Config) -> Self {
        Self { held: Held::new(config.held), making: Semaphore::new(1) }
    }

    pub(super) fn forget(&self, id: &str) {
        self.held.forget(|(known, _)| known == id);
    }
}

/// What of the thumbnails is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Text,
    Sheet(usize),
}

impl Asked {
    /// Reads `thumbnails.vtt` and `thumbnails-0.jpg`.
    pub(super) fn parse(file: &str) -> Option<Self> {
        if file == "thumbnails.vtt" {
            return Some(Self::Text);
        }
        let number = file.strip_prefix("thumbnails-")?.strip_suffix(".jpg")?;
        let number: usize = number.parse().ok()?;
        (name(number) == file).then_some(Self::Sheet(number))
    }
}

fn name(sheet: usize) -> String {
    format!("thumbnails-{sheet}.jpg")
}

/// Why there is no sheet.
#[derive(Debug, thiserror::Error)]
enum NoSheet {
    #[error("The recording has no such thumbnails")]
    Nothing,
    #[error(transparent)]
    Disk(#[from] io::Error),
}

pub(super) async fn serve(
    shelf: &Arc<Shelf>,
    item: Arc<Item>,
    asked: Asked,
    shown: Option<Carried>,
    headers: &HeaderMap,
) -> Response {
    if !item.is_finished() {
        let detail = "It is still being recorded: thumbnails are made once it ends";
        return Problem::new(StatusCode::CONFLICT, detail).into_response();
    }
    let found = match asked {
        Asked::Text => {
            let shelf = Arc::clone(shelf);
            blocking(move || Ok(vtt(&shelf, &item, shown.as_ref().map(Carried::query))?))
                .await
                .map(|found| text("text/vtt; charset=utf-8", &found, headers))
        }
        Asked::Sheet(number) => jpeg(shelf, item, number, headers).await,
    };
    found.unwrap_or_else(|error| match error {
        NoSheet::Nothing => nothing("The recording has no such thumbnails"),
        NoSheet::Disk(error) => {
            tracing::warn!("thumbnails of a recording cannot be made: {error}");
            unreadable().into_response()
        }
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NoSheet> + Send + 'static,
) -> Result<T, NoSheet> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Blocks. Links carry `shown` on, the part of a query that let whoever asks in.
fn vtt(shelf: &Shelf, item: &Arc<Item>, shown: Option<&str>) -> io::Result<Encoded> {
    let timeline = shelf.timeline(item)?;
    let (plan, _) = plan(&timeline, &shelf.config.thumbnails);
    let link = |number| match shown {
        Some(shown) => format!("{}?{shown}", name(number)),
        None => name(number),
    };
    let text = plan.map_or_else(|| "WEBVTT\n".to_owned(), |plan| plan.vtt(link));
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    let version = hasher.finish();
    Ok(Encoded::new(Rendered { body: text.into(), version }))
}

async fn jpeg(
    shelf: &Arc<Shelf>,
    item: Arc<Item>,
    number: usize,
    headers: &HeaderMap,
) -> Result<Response, NoSheet> {
    let key = (item.id().to_owned(), number);
    let sheet = if let Some(sheet) = shelf.sheets.held.find(&key) {
        sheet
    } else {
        // Never closed.
        let _one = shelf.sheets.making.acquire().await;
        let shelf = Arc::clone(shelf);
        blocking(move || shelf.sheets.held.get(key, || sheet(&shelf, &item, number))).await?
    };
    // Another configuration makes others of the same name.
    Ok(sheet.answer(headers, 3600, |data| Response::new(Body::from(data))))
}

/// Which keyframes there are, and where each of them goes; `None` where none can be decoded.
fn plan(timeline: &Mutex<Timeline>, config: &Config) -> (Option<Plan>, Vec<Keyframe>) {
    let (mut keyframes, length) = {
        let timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
        (timeline.keyframes(), timeline.length())
    };
    let mut size = None;
    // Of one configuration after another.
    let mut known = (Bytes::new(), false);
    keyframes.retain(|keyframe| {
        if known.0 != keyframe.init {
            let own = described(&keyframe.init)
                .and_then(|track| Thumbnailer::new(&track, config.picture.clone()).ok());
            size = size.or(own.as_ref().map(Thumbnailer::size));
            known = (keyframe.init.clone(), own.is_some());
        }
        known.1
    });
    let times = keyframes.iter().map(|keyframe| keyframe.at);
    let length = std::time::Duration::from_millis(length);
    let plan = size.map(|size| Plan::new(times, length, size, &config.sheet));
    (plan, keyframes)
}

fn described(init: &Bytes) -> Option<Track> {
    let read = |range: Range<u64>| -> Result<Bytes, mp4::Error> {
        Ok(init.slice(range.start as usize..range.end as usize))
    };
    let index = Index::read(init.len() as u64, mp4::Limits::default(), read).ok()?;
    Some(index.tracks().first()?.track().clone())
}

/// Blocks, for as long as it takes to decode a sheet's keyframes.
fn sheet(shelf: &Shelf, item: &Arc<Item>, number: usize) -> Result<Jpeg, NoSheet> {
    let config = &shelf.config.thumbnails;
    let timeline = shelf.timeline(item)?;
    let (plan, keyframes) = plan(&timeline, config);
    let plan = plan.filter(|plan| number < plan.sheets()).ok_or(NoSheet::Nothing)?;
    let mut sheet = plan.sheet(number);
    let mut thumbnailer: Option<(Bytes, Thumbnailer)> = None;
    let mut last = None;
    for (place, tile) in plan.on(number).iter().enumerate() {
        let Some(keyframe) = keyframes.get(tile.keyframe) else { continue };
        let (track, sample) = match keyframe.read(item.folder()) {
            Ok(found) => found,
            Err(Unread::Disk(error)) => return Err(error.into()),
            Err(Unread::Format(_)) => continue,
        };
        let mut own = match thumbnailer.take() {
            Some((init, own)) if init == keyframe.init => own,
            _ => match Thumbnailer::new(&track, config.picture.clone()) {
                Ok(own) => own,
                Err(_) => continue,
            },
        };
        match own.handle_input(&sample) {
            Ok(picture) => last = Some(picture),
            Err(error) => tracing::debug!("{}: no thumbnail: {error}", item.id()),
        }
        thumbnailer = Some((keyframe.init.clone(), own));
        // One that does not decode looks like the one before.
        if let Some(picture) = &last {
            sheet.put(place, picture);
        }
    }
    if last.is_none() {
        return Err(NoSheet::Nothing);
    }
    let jpeg = sheet.picture().jpeg(config.quality).map_err(|_| NoSheet::Nothing)?;
    Ok(Jpeg::new(jpeg))
}

/// Why there is no sample where one should be.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Format(#[from] mp4::Error),
}

impl Keyframe {
    /// The picture, and the track it is of: header and part read like a file of the two.
    fn read(&self, folder: &Path) -> Result<(Track, Sample), Unread> {
        let mut file = File::open(folder.join(media_file(self.part.volume)))?;
        let head = self.init.len() as u64;
        let mut read = |range: Range<u64>| -> Result<Bytes, Unread> {
            let cut = |at: u64| usize::try_from(at.min(head)).unwrap_or(usize::MAX);
            let mut data = self.init.slice(cut(range.start)..cut(range.end)).to_vec();
            if range.end > head {
                let from = range.start.saturating_sub(head);
                file.seek(SeekFrom::Start(self.part.offset + from))?;
                let want = range.end - range.start.max(head);
                Read::by_ref(&mut file).take(want).read_to_end(&mut data)?;
            }
            Ok(data.into())
        };
        let len = head + u64::from(self.part.size);
        let index = Index::read(len, mp4::Limits::default(), &mut read)?;
        let first = index.tracks().first().and_then(|track| Some((track, track.entry(0)?)));
        let (track, entry) = first.ok_or(mp4::Error::Tracks)?;
        Ok((track.track().clone(), entry.sample(read(entry.range())?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_text_says() {
        assert_eq!(Asked::parse("thumbnails.vtt"), Some(Asked::Text));
        assert_eq!(Asked::parse(&name(12)), Some(Asked::Sheet(12)));
        for other in ["thumbnails-.jpg", "thumbnails-01.jpg", "thumbnails-+1.jpg", "thumbnails.jpg"]
        {
            assert_eq!(Asked::parse(other), None, "{other}");
        }
    }
}
