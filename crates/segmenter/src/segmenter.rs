use std::collections::VecDeque;

use airloom_media::{Sample, Track};

use crate::{Config, Error, Output};

/// Turns the samples of one stream into segments: a state machine without clock or I/O.
///
/// Call [`set_track`](Self::set_track) and [`handle_input`](Self::handle_input) as things arrive,
/// and [`poll_output`](Self::poll_output) until it has nothing more; draining late is safe up to
/// [`Limits::outputs`](crate::Limits::outputs).
#[derive(Debug)]
pub struct Segmenter {
    config: Config,
    outputs: VecDeque<Output>,
}

impl Segmenter {
    /// A segmenter of a stream that has not begun.
    pub fn new(config: Config) -> Self {
        Self { config, outputs: VecDeque::new() }
    }

    /// Adds a track, or gives one another configuration from its next sample on.
    ///
    /// The same configuration again changes nothing. A different one begins a new
    /// [`Init`](crate::Init) and, aligned over all tracks, a discontinuity.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyTracks`], [`Error::KindChanged`], [`Error::UnsupportedCodec`],
    /// [`Error::Undrained`], [`Error::Finished`].
    pub fn set_track(&mut self, track: Track) -> Result<(), Error> {
        let _ = track;
        Ok(())
    }

    /// Takes one sample. Those of a track come in decode order, those of different tracks as they
    /// arrive.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTrack`], [`Error::Undrained`], [`Error::Finished`]. Whatever is odd about
    /// the sample itself is repaired or left out and told by an [`Event`](crate::Event).
    pub fn handle_input(&mut self, sample: Sample) -> Result<(), Error> {
        let _ = sample;
        Ok(())
    }

    /// Ends the timeline: what is held goes out and segments close. The samples that follow, from
    /// an encoder that came back, go on right behind it after a discontinuity.
    ///
    /// Call it when the encoder is lost or when it is back; calling twice is the same as once.
    pub fn restart(&mut self) {}

    /// Ends the stream: what is held goes out as last parts and segments, shorter than planned.
    pub fn finish(&mut self) {}

    /// The next thing made, or `None` until more comes in.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The longest a segment is, rounded to whole seconds (`EXT-X-TARGETDURATION`): settled just
    /// before the first segment comes out, `None` until then, constant afterwards.
    pub fn target_duration(&self) -> Option<u32> {
        let _ = &self.config;
        None
    }
}
