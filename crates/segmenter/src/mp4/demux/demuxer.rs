use std::ops::Range;

use bytes::{Buf, Bytes};

use super::movie::Movie;
use super::{Fields, Header};
use crate::mp4::{BoxType, Error, Index, Limits};

/// Finds every sample of an MP4 file in one pass over its box headers and tables: progressive,
/// fragmented, or both, ours or foreign.
///
/// Reads nothing by itself: it asks for ranges of the file and is given their bytes, from memory,
/// a disk or an object store. Media is never asked for.
///
/// A file that ends in the middle of a box gives all samples before that. What a fragmented
/// recording loses when its writer is killed is its last fragment at most; a progressive file whose
/// `moov` stands at its end is lost without it.
///
/// ```no_run
/// use std::io::{Read, Seek, SeekFrom};
///
/// use airloom_segmenter::mp4::{Demuxer, Index, Limits};
///
/// fn index(mut file: std::fs::File) -> Result<Index, Box<dyn std::error::Error>> {
///     let mut demuxer = Demuxer::new(file.metadata()?.len(), Limits::default());
///     while let Some(range) = demuxer.poll_request() {
///         let mut data = Vec::new();
///         file.seek(SeekFrom::Start(range.start))?;
///         (&file).take(range.end - range.start).read_to_end(&mut data)?;
///         demuxer.handle_input(data.into())?;
///     }
///     Ok(demuxer.finish()?)
/// }
/// ```
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    len: u64,
    /// Where the next box starts.
    at: u64,
    /// How many bytes from there are needed to go on.
    need: u64,
    /// Bytes from `at` on that are here.
    window: Bytes,
    movie: Option<Movie>,
    /// Where the samples of the last fragment end.
    owed: u64,
    whole: u64,
    damage: Option<Error>,
    done: bool,
}

impl Demuxer {
    /// A demuxer of a file of `len` bytes.
    pub fn new(len: u64, limits: Limits) -> Self {
        Self {
            limits,
            len,
            at: 0,
            need: Header::LONGEST,
            window: Bytes::new(),
            movie: None,
            owed: 0,
            whole: 0,
            damage: None,
            done: len == 0,
        }
    }

    /// The bytes of the file that are needed next; `None` when everything is known.
    ///
    /// At most [`Limits::metadata`] of them.
    pub fn poll_request(&self) -> Option<Range<u64>> {
        if self.done {
            return None;
        }
        let want = self.need.max(self.limits.probe.min(self.limits.metadata));
        Some(self.at..self.at.saturating_add(want).min(self.len))
    }

    /// Takes the bytes of the range that [`poll_request`](Self::poll_request) asked for. Fewer say
    /// that the file ends there.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a `moov` or `moof` past [`Limits::metadata`], or samples or tracks past
    /// theirs; what is wrong with a `moov` that is broken before its first readable track. Nothing
    /// can be read after an error. A broken fragment is not one: it ends the index, see
    /// [`Index::damage`]; nor is a broken track, see [`Index::skipped`], or what is broken behind a
    /// good one, see [`Index::broken`].
    pub fn handle_input(&mut self, data: Bytes) -> Result<(), Error> {
        let Some(asked) = self.poll_request() else { return Ok(()) };
        if (data.len() as u64) < asked.end - asked.start {
            self.len = self.at + data.len() as u64;
        }
        self.window = data;
        while !self.done && self.next_box()? {}
        self.window = Bytes::new();
        Ok(())
    }

    /// What was found.
    ///
    /// # Errors
    ///
    /// [`Error::NoMovie`] for a file without `moov`, or the reason why it was not reached.
    pub fn finish(self) -> Result<Index, Error> {
        let movie = self.movie.ok_or(self.damage.unwrap_or(Error::NoMovie))?;
        Ok(movie.finish(self.len, self.whole, self.damage))
    }

    /// Goes over one box; `false` where its bytes have to come first.
    fn next_box(&mut self) -> Result<bool, Error> {
        let left = self.len - self.at;
        if left == 0 {
            self.done = true;
            return Ok(false);
        }
        let here = self.window.len() as u64;
        self.need = Header::LONGEST.min(left);
        if here < self.need {
            return Ok(false);
        }
        if left < 8 {
            self.end(Error::Truncated { kind: BoxType([0; 4]), field: "size", offset: self.at });
            return Ok(false);
        }
        let header = match Header::read(&self.window) {
            Ok(header) => header,
            Err((field, value)) => {
                let kind = BoxType([0; 4]);
                self.end(Error::Malformed { kind, field, offset: self.at, value });
                return Ok(false);
            }
        };
        let kind = header.kind;
        let size = header.size.unwrap_or(left);
        if size > left {
            self.end(Error::Truncated { kind, field: "size", offset: self.at });
            return Ok(false);
        }
        if matches!(&kind.0, b"moov" | b"moof") {
            if size > self.limits.metadata {
                return Err(Error::Limit {
                    limit: "metadata",
                    value: size,
                    max: self.limits.metadata,
                });
            }
            if here < size {
                self.need = size;
                return Ok(false);
            }
            let body = self.window.get(header.len..size as usize).unwrap_or_default();
            let body = Fields::new(kind, body, self.at + header.len as u64);
            if kind.0 == *b"moov" {
                // A second one is a copy for readers that look elsewhere.
                if self.movie.is_none() {
                    self.movie = Some(Movie::decode(&body, &self.limits)?);
                }
            } else if let Some(movie) = &mut self.movie {
                match movie.fragment(&body, self.at, self.len) {
                    Ok(end) => self.owed = end,
                    Err(error @ Error::Limit { .. }) => return Err(error),
                    Err(error) => {
                        self.end(error);
                        return Ok(false);
                    }
                }
            }
        }
        self.at += size;
        self.window.advance(size.min(here) as usize);
        if self.at >= self.owed {
            self.whole = self.at;
        }
        Ok(true)
    }

    /// There is no more that can be understood.
    fn end(&mut self, error: Error) {
        self.damage = Some(error);
        self.done = true;
    }
}
