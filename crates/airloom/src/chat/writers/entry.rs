use std::io;

use airloom_chat::Take;
use airloom_chat::deflate::Window;
use bytes::Bytes;

use super::super::hub::Seat;
use super::News;
use super::connection::Connection;
use super::squeeze::Squeeze;

/// A reader: all that the fast path holds of one.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seat: Seat,
    pub(super) connection: Connection,
    /// What the reader's decompressor remembers, if it has one.
    pub(super) window: Option<Window>,
    /// Where among the readers of its room.
    pub(super) place: u32,
    /// The slice of the last write.
    pub(super) spoke: u32,
    pub(super) waits: bool,
}

/// What was written since it was last told.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) deliveries: u64,
    pub(super) bytes: u64,
}

impl Entry {
    /// What it gets of a batch, in the form it wants.
    pub(super) fn take<'a>(&mut self, squeeze: &mut Squeeze, news: &'a News) -> Take<'a> {
        let take = self.seat.take(&news.batch);
        let Some(window) = &mut self.window else { return take };
        match (take, &news.deflated) {
            (Take::Write(_), Some(deflated)) => Take::Write(window.next(deflated)),
            (Take::Write(bytes), None) => {
                window.forget();
                Take::Own(squeeze.alone(bytes))
            }
            (Take::Own(bytes), _) => {
                window.forget();
                Take::Own(squeeze.alone(&bytes))
            }
            (other, _) => other,
        }
    }

    /// Writes what not everybody is given.
    pub(super) fn write_own(&mut self, squeeze: &mut Squeeze, bytes: &Bytes) -> io::Result<usize> {
        let Some(window) = &mut self.window else { return self.connection.write(bytes) };
        window.forget();
        self.connection.write(&squeeze.alone(bytes))
    }
}

impl Written {
    pub(super) fn note(&mut self, written: &io::Result<usize>, deliveries: usize) {
        if let Ok(bytes) = written {
            self.deliveries += deliveries as u64;
            self.bytes += *bytes as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_small() {
        assert!(size_of::<Entry>() <= 176, "{}", size_of::<Entry>());
    }
}
