use std::collections::VecDeque;

use crate::{Answer, Config, Error, Input, Output, Request, Resource, WallTime};

/// The live window of one stream: what its playlists list, what is gone, and what a blocking
/// request must wait for.
///
/// Told of every part and segment, in whatever order the tracks finish them; asked on behalf of
/// every viewer. Nothing is rendered before somebody asks, and once for each version.
#[derive(Debug)]
pub struct LiveWindow {
    config: Config,
    outputs: VecDeque<Output>,
    version: u64,
}

impl LiveWindow {
    /// An empty window: every request waits.
    pub fn new(config: Config) -> Self {
        Self { config, outputs: VecDeque::new(), version: 0 }
    }

    /// Takes in what happened at `now`.
    ///
    /// `now` is the time the media was received: it dates the first part of the stream and of
    /// what follows each discontinuity; the media's own clock dates the rest.
    ///
    /// # Errors
    ///
    /// Every variant of [`Error`]; the window is then as it was.
    pub fn handle_input(&mut self, now: WallTime, input: Input) -> Result<(), Error> {
        let _ = (now, input);
        Ok(())
    }

    /// What became of it; `None` when there is nothing more for now. May be drained late: at most
    /// one entry waits for each thing held.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Grows with every change that could turn an [`Answer::Wait`] into another answer.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What to answer to `request` now.
    pub fn answer(&mut self, request: &Request) -> Answer {
        match request.resource {
            Resource::Time => Answer::Time,
            _ => Answer::NotFound,
        }
    }
}
