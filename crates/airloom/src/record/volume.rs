//! The files of a volume, and going over them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::scan::{self, Found, Whole};

pub(super) fn media_file(volume: u32) -> String {
    format!("{volume}.mp4")
}

pub(super) fn index_file(volume: u32) -> String {
    format!("{volume}.idx")
}

/// A volume that is not there, or cannot be read as far as its recording says.
#[derive(Debug, thiserror::Error)]
#[error("volume {volume} cannot be read: {error}")]
pub(super) struct Unreadable {
    pub(super) volume: u32,
    error: io::Error,
}

impl Unreadable {
    pub(super) fn new(volume: u32, error: io::Error) -> Self {
        Self { volume, error }
    }

    /// Whether its file is gone, which no other attempt changes.
    pub(super) fn is_gone(&self) -> bool {
        self.error.kind() == io::ErrorKind::NotFound
    }
}

impl From<Unreadable> for io::Error {
    fn from(unreadable: Unreadable) -> Self {
        Self::new(unreadable.error.kind(), unreadable)
    }
}

/// Goes over a finished volume, by its index where that is whole. Where it is not, it is after that:
/// to read the media is a seek for each part. One at a time.
pub(super) fn read(
    folder: &Path,
    volume: u32,
    each: impl FnMut(Found<'_>),
) -> Result<(), Unreadable> {
    go_over(folder, volume, each).map_err(|error| Unreadable::new(volume, error))
}

fn go_over(folder: &Path, volume: u32, mut each: impl FnMut(Found<'_>)) -> io::Result<()> {
    let mut media = File::open(folder.join(media_file(volume)))?;
    let len = media.metadata()?.len();
    let path = folder.join(index_file(volume));
    // Once without looking: an index that lost its end must not be followed half way.
    if scan::index(&path, len, |_| {}).is_ok_and(|whole| whole.media == len) {
        scan::index(&path, len, each)?;
        return Ok(());
    }
    let mut index = NewIndex::begin(folder, volume);
    let whole = scan::media(&mut media, |found| {
        index.note(&found);
        each(found);
    })?;
    if whole.media == len {
        index.keep();
    }
    Ok(())
}

/// Goes over what a process that died left of a volume, and writes its index anew, which may lack
/// what waited to be written. Gives the index's size on disk, too.
pub(super) fn recover(
    folder: &Path,
    volume: u32,
    media: &mut File,
    mut each: impl FnMut(Found<'_>),
) -> io::Result<(Whole, u64)> {
    let mut index = NewIndex::begin(folder, volume);
    let whole = scan::media(media, |found| {
        index.note(&found);
        each(found);
    })?;
    let size = if whole.parts > 0 { index.keep() } else { 0 };
    Ok((whole, size))
}

/// The index of a volume whose media is just gone over. It is a cache: what cannot be written of it
/// is no failure.
#[derive(Debug)]
struct NewIndex {
    path: PathBuf,
    new: PathBuf,
    file: Option<BufWriter<File>>,
    stamp: Vec<u8>,
    size: u64,
}

impl NewIndex {
    fn begin(folder: &Path, volume: u32) -> Self {
        let path = folder.join(index_file(volume));
        let new = path.with_extension("idx.new");
        let file = File::create(&new).ok().map(BufWriter::new);
        Self { path, new, file, stamp: Vec::new(), size: 0 }
    }

    fn note(&mut self, found: &Found<'_>) {
        let Some(file) = &mut self.file else { return };
        self.stamp.clear();
        let (front, header) = match found {
            Found::Head(data) => (&data[..], &[][..]),
            Found::Stamp(stamp, _, header) => {
                stamp.encode(&mut self.stamp);
                (&self.stamp[..], &header[..])
            }
        };
        self.size += (front.len() + header.len()) as u64;
        if file.write_all(front).and_then(|()| file.write_all(header)).is_err() {
            self.file = None;
        }
    }

    /// Puts it in the place of the one before, only once it is on disk; gives its size.
    fn keep(mut self) -> u64 {
        let synced = self.file.take().map(|mut file| {
            file.flush()?;
            file.get_ref().sync_data()?;
            fs::rename(&self.new, &self.path)
        });
        if let Some(Ok(())) = synced { self.size } else { 0 }
    }
}

impl Drop for NewIndex {
    fn drop(&mut self) {
        // None left where it was kept.
        let _ = fs::remove_file(&self.new);
    }
}
