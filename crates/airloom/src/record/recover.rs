//! Recordings as another process left them.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use airloom_playlist::WallTime;
use tracing::warn;

use super::item::Item;
use super::scan::Rest;
use super::sheet::{CutShort, Finished, Sheet};
use super::timeline::Timeline;
use super::volume::{self, index_file, media_file};

/// A recording that this version does not know how to read. It is left as it is.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("not of this version and name")]
    Sheet,
    #[error("what its media begins with is not understood")]
    Media,
}

impl From<Unknown> for io::Error {
    fn from(unknown: Unknown) -> Self {
        Self::new(io::ErrorKind::InvalidData, unknown)
    }
}

impl Item {
    /// A recording as it was left; `None` where the folder is none, or empty.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let Some(id) = folder.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
        let sheet = match Sheet::read(folder) {
            Ok(sheet) => sheet,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = sheet.name.parse().map_err(io::Error::other)?;
        if sheet.version != Sheet::VERSION
            || !id.starts_with(&format!("{}-{}", sheet.name, sheet.life))
        {
            return Err(Unknown::Sheet.into());
        }
        let started_at = WallTime::from_unix(Duration::from_nanos(sheet.started_at));
        let item = Self::new(id.to_owned(), folder.to_owned(), name, started_at, sheet.life);
        let finished = sheet.finished.map_or_else(|| item.recover(), |known| Ok(Some(known)))?;
        let Some(finished) = finished else {
            item.delete();
            return Ok(None);
        };
        item.finish(finished);
        Ok(Some(item))
    }

    /// Completes what a process that died left: cuts off what is not whole. `None` where nothing is.
    fn recover(&self) -> io::Result<Option<Finished>> {
        let mut timeline = Timeline::default();
        let mut finished = Finished {
            duration_ms: 0,
            bytes: 0,
            volumes: 0,
            longest: 1,
            cut_short: Some(CutShort::Killed),
        };
        let (mut longest, mut foreign) = (0, false);
        for volume in 1.. {
            let path = self.folder.join(media_file(volume));
            let mut media = match File::options().read(true).write(true).open(&path) {
                Ok(media) => media,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                // Not being let in is no reason to take it for nothing.
                Err(error) => return Err(error),
            };
            let since = timeline.length();
            let (whole, index) = volume::recover(&self.folder, volume, &mut media, |found| {
                timeline.found(volume, &found);
            })?;
            if whole.parts > 0 {
                media.set_len(whole.media)?;
                media.sync_data()?;
                finished.bytes += whole.media + index;
            } else if whole.rest == Rest::Foreign {
                warn!("recording {}: volume {volume} is not understood, and kept", self.id);
                foreign = true;
                finished.bytes += media.metadata()?.len();
            } else {
                // Begun, and no part of it was whole.
                fs::remove_file(&path)?;
                let _ = fs::remove_file(self.folder.join(index_file(volume)));
                break;
            }
            let length = timeline.length().saturating_sub(since);
            if length > longest {
                (longest, finished.longest) = (length, volume);
            }
            finished.volumes = volume;
        }
        timeline.end();
        if timeline.is_empty() {
            return if foreign { Err(Unknown::Media.into()) } else { Ok(None) };
        }
        finished.duration_ms = timeline.length();
        if let Err(error) = self.sheet(Some(finished.clone())).write(&self.folder) {
            // It can be played all the same, and is gone over again by the next process.
            warn!("recording {}: its sheet is not written: {error}", self.id);
        }
        warn!("recording {} recovered: {} s", self.id, finished.duration_ms / 1000);
        Ok(Some(finished))
    }
}
