use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::movie::Layout;
use super::shelf::Shelf;
use super::volume::media_file;

/// Bytes read from disk at once.
const CHUNK: usize = 256 << 10;

/// A response body out of the files of a recording; read on threads that may block.
#[derive(Debug)]
pub(super) struct FileBody {
    state: State,
    left: u64,
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
enum State {
    Idle(Box<Reader>),
    Reading(JoinHandle<(Box<Reader>, io::Result<Bytes>)>),
    Done,
}

/// A cursor in a [`Layout`].
#[derive(Debug)]
struct Reader {
    folder: PathBuf,
    layout: Arc<Layout>,
    at: u64,
    end: u64,
    file: Option<(u32, File)>,
}

impl FileBody {
    /// `length` bytes of `layout` from `start` on.
    pub(super) fn new(
        shelf: Arc<Shelf>,
        folder: PathBuf,
        layout: Arc<Layout>,
        start: u64,
        length: u64,
    ) -> Self {
        let end = start.saturating_add(length);
        let reader = Reader { folder, layout, at: start, end, file: None };
        Self { state: State::Idle(Box::new(reader)), left: length, shelf }
    }
}

impl Reader {
    fn read(&mut self) -> io::Result<Bytes> {
        let head = self.layout.head.len() as u64;
        if self.at < head {
            let mut data = self.layout.head.clone();
            data.advance(self.at as usize);
            let wanted = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            data.truncate(wanted.min(CHUNK));
            self.at += data.len() as u64;
            return Ok(data);
        }
        let wanted = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(CHUNK);
        let mut data = Vec::with_capacity(wanted);
        let layout = Arc::clone(&self.layout);
        let first = layout.pieces.partition_point(|(at, _)| *at <= self.at).saturating_sub(1);
        for (at, piece) in layout.pieces.iter().skip(first) {
            let skip = self.at.saturating_sub(*at);
            let left = u64::from(piece.size).saturating_sub(skip);
            let take = left.min((wanted - data.len()) as u64);
            if take == 0 {
                break;
            }
            let file = self.file(piece.volume)?;
            file.seek(SeekFrom::Start(piece.offset + skip))?;
            if file.take(take).read_to_end(&mut data)? as u64 != take {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.at += take;
        }
        if data.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(data.into()) }
    }

    fn file(&mut self, volume: u32) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some((open, file)) if open == volume => file,
            _ => File::open(self.folder.join(media_file(volume)))?,
        };
        Ok(&mut self.file.insert((volume, file)).1)
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Idle(_) if self.left == 0 => return Poll::Ready(None),
                State::Idle(mut reader) => {
                    let read = move || {
                        let data = reader.read();
                        (reader, data)
                    };
                    self.state = State::Reading(tokio::task::spawn_blocking(read));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(read) = Pin::new(&mut reading).poll(context) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (reader, data) = read.map_err(io::Error::other)?;
                    let data = data?;
                    self.state = State::Idle(reader);
                    self.left = self.left.saturating_sub(data.len() as u64);
                    self.shelf.totals.served.fetch_add(data.len() as u64, Relaxed);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
