use std::path::PathBuf;
use std::time::Duration;

/// How an [`Archive`](super::Archive) uploads, and what it holds back meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What comes before `NAME/LIFE/` in the store. Default empty.
    pub prefix: String,
    /// How often a stream's playlists are uploaded while it goes on. Default 10 s: an `EVENT`
    /// playlist is uploaded whole each time, and after an hour of 2 s segments it has 100 KB.
    pub playlists: Duration,
    /// How long one upload may take. Default 30 s; a store that hangs is asked again after that.
    pub attempt: Duration,
    /// The longest wait between two attempts. Default 5 s; the first is a twentieth of that at most.
    pub backoff: Duration,
    /// Uploads of one stream at a time. Default 4.
    pub parallel: usize,
    /// Where media waits for a store that is slow or gone, once there is more of it than half of
    /// [`Limits::memory`]. Default `None`: it waits in memory alone. Files are read and deleted by
    /// this process; what a crash leaves there is deleted by the next archive that is given the
    /// same directory, so it must be nobody else's.
    pub spill: Option<PathBuf>,
    /// What the archive refuses to exceed.
    pub limits: Limits,
}

/// What an [`Archive`](super::Archive) refuses to exceed. Media beyond it is not archived: playlists
/// have an `EXT-X-GAP` for it, and it is counted in the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of media in memory that a stream may have waiting. Default 8 MiB: 16 s at 4 Mbit/s.
    /// They are shared with the live window as long as that has them.
    pub memory: usize,
    /// Bytes of media that may wait in [`Config::spill`], of all streams together. Default 16 GiB:
    /// ten minutes of 50 streams at 4 Mbit/s.
    pub spill: u64,
    /// Uploads of all streams at a time, each of which is a connection. Default 64.
    pub uploads: usize,
    /// Segments of a track that a stream's playlists list. Default 100,000: 55 hours of 2 s, 300
    /// bytes each. What comes after is not archived.
    pub segments: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            playlists: Duration::from_secs(10),
            attempt: Duration::from_secs(30),
            backoff: Duration::from_secs(5),
            parallel: 4,
            spill: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 8 << 20, spill: 16 << 30, uploads: 64, segments: 100_000 }
    }
}
