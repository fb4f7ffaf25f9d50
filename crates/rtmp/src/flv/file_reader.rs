use std::collections::VecDeque;

use bytes::Bytes;

use super::{Demuxer, Event, TagReader};
use crate::{Config, Error};

/// Reads an FLV file from pieces of any size: a [`Demuxer`] and a [`TagReader`] in one.
///
/// ```
/// use airloom_rtmp::Config;
/// use airloom_rtmp::flv::{Event, FileReader, Kind, Muxer, Tag};
///
/// let header = Tag::new(Kind::Audio, 0, vec![0xAF, 0, 0x11, 0x90].into());
/// let frame = Tag::new(Kind::Audio, 21, vec![0xAF, 1, 0x21, 0x10].into());
/// let mut file = vec![Muxer::header(true, false)];
/// file.extend(Muxer::tag(&header)?);
/// file.extend(Muxer::tag(&frame)?);
///
/// let mut reader = FileReader::new(&Config::default());
/// for piece in file {
///     reader.handle_input(piece)?;
/// }
/// assert!(matches!(reader.poll_output(), Some(Event::Track(_))));
/// assert!(matches!(reader.poll_output(), Some(Event::Sample(_))));
/// # Ok::<(), airloom_rtmp::Error>(())
/// ```
#[derive(Debug)]
pub struct FileReader {
    demuxer: Demuxer,
    tags: TagReader,
    events: VecDeque<Event>,
}

impl FileReader {
    /// A reader at the start of a file.
    pub fn new(config: &Config) -> Self {
        Self {
            demuxer: Demuxer::new(config.limits.clone()),
            tags: TagReader::with(config),
            events: VecDeque::new(),
        }
    }

    /// Takes the next piece of the file. What is in it waits to be polled: pieces of 100 KB or so
    /// keep that short.
    ///
    /// # Errors
    ///
    /// Those of [`Demuxer::read`]; what came before can still be polled. Media that cannot be read
    /// is an [`Event::Skipped`], not an error.
    pub fn handle_input(&mut self, mut piece: Bytes) -> Result<(), Error> {
        while let Some(tag) = self.demuxer.read(&mut piece)? {
            self.tags.read(tag, |event| self.events.push_back(event));
        }
        Ok(())
    }

    /// The next track or sample, in the file's order; `None` until more comes in.
    pub fn poll_output(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
