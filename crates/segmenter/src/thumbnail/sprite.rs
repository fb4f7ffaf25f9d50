//! Sheets of thumbnails, and the WebVTT text that says which of them belongs to what time: what players
//! show while somebody seeks.

use std::fmt::Write;
use std::time::Duration;

use super::Size;
use super::picture::Picture;

/// How many thumbnails there are, and how many on a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How far thumbnails are apart at least. Default 4 s; keyframes decide how far they really are.
    pub interval: Duration,
    /// Thumbnails in a row of a sheet. Default 5.
    pub columns: u16,
    /// Rows of a sheet. Default 5: 25 pictures are decoded for one, which takes a fraction of a second.
    pub rows: u16,
    /// What is not exceeded.
    pub limits: Limits,
}

/// Bounds on the sheets of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Thumbnails, over all sheets; past it they are further apart. Default 1,000, at 40 bytes of memory
    /// and some 60 of text each.
    pub tiles: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(4),
            columns: 5,
            rows: 5,
            limits: Limits { tiles: 1000 },
        }
    }
}

/// Which keyframes become thumbnails, where each of them is, and for how long it stands.
///
/// ```
/// use std::time::Duration;
///
/// use airloom_segmenter::thumbnail::Size;
/// use airloom_segmenter::thumbnail::sprite::{Config, Plan};
///
/// let keyframes = (0..60).map(|number| Duration::from_secs(number * 2));
/// let size = Size { width: 160, height: 90 };
/// let plan = Plan::new(keyframes, Duration::from_secs(120), size, &Config::default());
/// assert_eq!((plan.tiles().len(), plan.sheets()), (30, 2));
/// let text = plan.vtt(|sheet| format!("thumbnails-{sheet}.jpg"));
/// assert!(text.contains("00:00:04.000 --> 00:00:08.000\nthumbnails-0.jpg#xywh=160,0,160,90\n"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    tiles: Vec<Tile>,
    size: Size,
    columns: usize,
    rows: usize,
}

/// One thumbnail of a [`Plan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tile {
    /// Counts the keyframes the plan was made of, from 0.
    pub keyframe: usize,
    /// From when on it stands; the first from the start.
    pub from: Duration,
    /// Until the next one does, or the end.
    pub to: Duration,
}

impl Plan {
    /// A plan for keyframes that are shown at these times, which rise, of what ends at `end`; each
    /// thumbnail has `size` or less. Rows and columns are cut to what a JPEG file can hold.
    pub fn new(
        keyframes: impl IntoIterator<Item = Duration>,
        end: Duration,
        size: Size,
        config: &Config,
    ) -> Self {
        let most = u32::try_from(config.limits.tiles).unwrap_or(u32::MAX).max(1);
        let apart = config.interval.max(end / most);
        let mut tiles = Vec::<Tile>::new();
        for (keyframe, from) in keyframes.into_iter().enumerate() {
            let due = tiles.last().is_none_or(|last| from >= last.from.saturating_add(apart));
            if from >= end || !due || tiles.len() >= config.limits.tiles {
                continue;
            }
            if let Some(last) = tiles.last_mut() {
                last.to = from;
            }
            let from = if tiles.is_empty() { Duration::ZERO } else { from };
            tiles.push(Tile { keyframe, from, to: end });
        }
        let fitting = |asked: u16, each: u16| usize::from(asked.clamp(1, u16::MAX / each.max(1)));
        let (columns, rows) =
            (fitting(config.columns, size.width), fitting(config.rows, size.height));
        Self { tiles, size, columns, rows }
    }

    /// All thumbnails, in the order of their times.
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// How many sheets there are.
    pub const fn sheets(&self) -> usize {
        self.tiles.len().div_ceil(self.on_a_sheet())
    }

    /// The thumbnails of sheet `number`, from 0, in the order of their places; none past the last.
    pub fn on(&self, number: usize) -> &[Tile] {
        self.tiles.chunks(self.on_a_sheet()).nth(number).unwrap_or_default()
    }

    /// Sheet `number` without pictures: black, as high as its thumbnails need.
    pub fn sheet(&self, number: usize) -> Sheet {
        let count = self.on(number).len();
        let columns = count.min(self.columns);
        let pixels =
            |tiles: usize, size: u16| u16::try_from(tiles).unwrap_or(u16::MAX).saturating_mul(size);
        let size = Size {
            width: pixels(columns, self.size.width),
            height: pixels(count.div_ceil(self.columns), self.size.height),
        };
        Sheet { tile: self.size, columns: self.columns, picture: Picture::black(size) }
    }

    /// The WebVTT text (W3C) that links each stretch of time to its part of a sheet, by
    /// `#xywh=` of a media fragment (W3C, 4.2.2). `name` says what a sheet is called, relative to the
    /// text; it holds no line breaks.
    pub fn vtt(&self, name: impl Fn(usize) -> String) -> String {
        let mut text = "WEBVTT\n".to_owned();
        let Size { width, height } = self.size;
        for (number, tile) in self.tiles.iter().enumerate() {
            let (sheet, place) = (number / self.on_a_sheet(), number % self.on_a_sheet());
            let (x, y) = corner(place, self.columns, self.size);
            let (from, to) = (Stamp(tile.from), Stamp(tile.to));
            let name = name(sheet);
            // Writing into a String cannot fail.
            let _ = write!(text, "\n{from} --> {to}\n{name}#xywh={x},{y},{width},{height}\n");
        }
        text
    }

    const fn on_a_sheet(&self) -> usize {
        self.columns * self.rows
    }
}

/// A sheet being filled.
#[derive(Debug, Clone)]
pub struct Sheet {
    tile: Size,
    columns: usize,
    picture: Picture,
}

impl Sheet {
    /// Puts a thumbnail into place `place`, counted from 0 along the rows; one that is smaller than the
    /// place goes in its middle.
    pub fn put(&mut self, place: usize, picture: &Picture) {
        let (x, y) = corner(place, self.columns, self.tile);
        let middle = |room: u16, size: u16| usize::from(room.saturating_sub(size) / 2);
        let x = x + middle(self.tile.width, picture.size().width);
        let y = y + middle(self.tile.height, picture.size().height);
        self.picture.paint(picture, x, y);
    }

    /// What it looks like.
    pub const fn picture(&self) -> &Picture {
        &self.picture
    }
}

/// The upper left corner of a place.
fn corner(place: usize, columns: usize, tile: Size) -> (usize, usize) {
    let (column, row) = (place % columns, place / columns);
    (column * usize::from(tile.width), row * usize::from(tile.height))
}

/// A WebVTT timestamp.
struct Stamp(Duration);

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
    }
}
