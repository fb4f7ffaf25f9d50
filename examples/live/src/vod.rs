//! Recordings: kept with `--record`, served in any case.

use std::io;
use std::path::Path;

use airloom::record::{Config, Recorder};

/// The recordings under the data directory; those a crash left are completed.
pub(crate) fn open(data: &Path) -> io::Result<Recorder> {
    Recorder::open(data.join("recordings"), Config::default())
}
