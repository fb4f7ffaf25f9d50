use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// `recording.json`: what is said of a recording without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sheet {
    pub(super) version: u32,
    pub(super) name: String,
    pub(super) life: u64,
    /// Nanoseconds since the Unix epoch.
    pub(super) started_at: u64,
    /// Absent while it is being recorded.
    pub(super) finished: Option<Finished>,
}

/// How a recording ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finished {
    pub(super) duration_ms: u64,
    /// On disk, everything counted.
    pub(super) bytes: u64,
    pub(super) volumes: u32,
    /// The volume that lasts longest: what a single MP4 file is made of.
    pub(super) longest: u32,
    pub(super) cut_short: Option<CutShort>,
}

/// Why a recording ended before its stream did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CutShort {
    /// The process was killed, or the power went, while it was recorded.
    Killed,
    /// The disk took no more: it is full, or broken.
    Disk,
    /// All recordings together reached [`Limits::bytes`](super::Limits::bytes).
    Limit,
    /// The disk was so slow that not even what describes the stream could wait for it.
    Overrun,
    /// The stream is encrypted, which is not recorded: a recording would outlive its keys.
    Encrypted,
}

const FILE: &str = "recording.json";

impl Sheet {
    pub(super) const VERSION: u32 = 1;

    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(folder.join(FILE))?)?)
    }

    /// Replaces the sheet as a whole, and only once the new one is on disk.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join("recording.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(new, folder.join(FILE))?;
        sync_folder(folder)
    }
}

/// Makes names in a folder survive a loss of power, where the system has such a thing.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
