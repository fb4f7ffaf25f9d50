/// Bounds on what reading one file may take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one `moov` or `moof`, which are held whole while they are read. Default 128 MiB:
    /// the tables of a day at 60 frames a second are some 60 MB.
    pub metadata: u64,
    /// Samples of all tracks, in the whole file. Default 4 Mi: ten hours of pictures at 60 Hz and of
    /// AAC. 24 bytes each, so 96 MiB in the worst case. Those of tracks that turn out to be
    /// unreadable behind their tables count, too, since it is work to read them.
    pub samples: usize,
    /// Tracks. Default 64; some 500 bytes each.
    pub tracks: usize,
    /// Bytes asked for at once where the length of what is there is not known yet. Default 4 KiB:
    /// holds the header boxes of most fragments.
    pub probe: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { metadata: 128 << 20, samples: 4 << 20, tracks: 64, probe: 4096 }
    }
}
