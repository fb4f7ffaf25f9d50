use std::time::Duration;

/// How a [`Recorder`](super::Recorder) writes and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How often what was written is made to survive a loss of power (`fdatasync`), a recording.
    /// Default 5 s, which is what such a loss costs at most; the death of the process alone costs
    /// the part being written. Each recording is synced once more when it ends.
    pub sync: Duration,
    /// How long a thread that had nothing to write lets parts gather before it begins. Default 20 ms:
    /// waking it for each part is some 15 % of what writing costs. The death of the process costs
    /// what came in the meantime, too, which is a part of each track at most as long as parts are
    /// longer than this. Zero writes at once.
    pub gather: Duration,
    /// Bytes of media that may wait for the disk, over all streams. Default 64 MiB: half a minute
    /// of 16 Mbit/s. What comes beyond is left out of the recordings, as gaps; viewers are not
    /// kept waiting.
    pub queue: usize,
    /// Thumbnails for seeking.
    #[cfg(feature = "thumbnails")]
    pub thumbnails: super::Thumbnails,
    /// What the recorder refuses to exceed.
    pub limits: Limits,
}

/// What a [`Recorder`](super::Recorder) refuses to exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Recordings kept, those under way included. Default 10,000, at some 300 bytes of memory;
    /// further streams are not recorded.
    pub recordings: usize,
    /// Bytes on disk of all recordings. Default 100 GiB; recordings under way end there, further
    /// streams are not recorded.
    pub bytes: u64,
    /// Recordings whose table of segments is held in memory for viewers. Default 16; 2 h of 200 ms
    /// parts take some 3 MB. Others are read from disk when they are asked for.
    pub open: usize,
    /// MP4 files and clips whose tables are held in memory. Default 8; those of 2 h take some
    /// 10 MB.
    pub movies: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sync: Duration::from_secs(5),
            gather: Duration::from_millis(20),
            queue: 64 << 20,
            #[cfg(feature = "thumbnails")]
            thumbnails: super::Thumbnails::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { recordings: 10_000, bytes: 100 << 30, open: 16, movies: 8 }
    }
}
