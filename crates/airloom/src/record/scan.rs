//! Reading a volume: stamps, and where the media is that they stand for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;

use super::stamp::{HEADER, Stamp};

/// Bytes read at once where it is not known what is there: most stamps and headers fit.
const PROBE: usize = 1024;
/// Bytes of an index read at once: one of a day is hundreds of megabytes.
const WINDOW: usize = 256 << 10;

/// How far a volume is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    /// In the file that was read.
    pub(super) read: u64,
    /// In the file with the media.
    pub(super) media: u64,
    pub(super) parts: u64,
    /// What comes after that.
    pub(super) rest: Rest,
}

/// What stands where a volume is not whole any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    /// What was being written when its writer died, or the zeros that a loss of power leaves.
    Cut,
    /// Something that is not understood, and may be anything.
    Foreign,
}

/// What is found in a volume.
pub(super) enum Found<'a> {
    /// `ftyp` and `moov`, one call each.
    Head(&'a Bytes),
    /// A stamp; where the part lies that follows it, and that part up to its payload.
    Stamp(&'a Stamp, u64, Bytes),
}

/// Goes over a file with media, as far as it is whole.
pub(super) fn media(file: &mut File, each: impl FnMut(Found<'_>)) -> io::Result<Whole> {
    let len = file.metadata()?.len();
    scan(|at, want| read(file, at, want), true, len, each)
}

/// Goes over an index: a volume without its payloads, which lie in a file of `len` bytes.
pub(super) fn index(path: &Path, len: u64, each: impl FnMut(Found<'_>)) -> io::Result<Whole> {
    let mut file = File::open(path)?;
    let (mut held, mut from) = (Bytes::new(), 0);
    let windowed = |at: u64, want: usize| {
        if at < from || at + want as u64 > from + held.len() as u64 {
            (held, from) = (read(&mut file, at, want.max(WINDOW))?, at);
        }
        let skip = usize::try_from(at - from).unwrap_or(usize::MAX).min(held.len());
        Ok(held.slice(skip..skip.saturating_add(want).min(held.len())))
    };
    scan(windowed, false, len, each)
}

/// As many of `want` bytes as there are; memory grows with what is there, not with what is wanted.
fn read(file: &mut File, at: u64, want: usize) -> io::Result<Bytes> {
    let mut data = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.take(want as u64).read_to_end(&mut data)?;
    Ok(data.into())
}

fn scan(
    mut read: impl FnMut(u64, usize) -> io::Result<Bytes>,
    payload: bool,
    len: u64,
    mut each: impl FnMut(Found<'_>),
) -> io::Result<Whole> {
    let mut whole = Whole { read: 0, media: 0, parts: 0, rest: Rest::Nothing };
    loop {
        let mut window = read(whole.read, PROBE)?;
        if window.is_empty() {
            return Ok(whole);
        }
        let stamped = Stamp::size(&window);
        let Some(need) = stamped.or_else(|| head(&window, whole.media)) else {
            whole.rest = rest(&window);
            return Ok(whole);
        };
        whole.rest = Rest::Cut;
        if whole.media + need as u64 > len {
            return Ok(whole);
        }
        if window.len() < need {
            window = read(whole.read, need)?;
        }
        if window.len() < need {
            return Ok(whole);
        }
        if stamped.is_none() {
            each(Found::Head(&window.slice(..need)));
            whole.read += need as u64;
            whole.media += need as u64;
            whole.rest = Rest::Nothing;
            continue;
        }
        let Some(stamp) = Stamp::decode(&window) else {
            whole.rest = Rest::Foreign;
            return Ok(whole);
        };
        let start = whole.media + need as u64;
        let mut part = Bytes::new();
        let (mut skipped, mut size) = (0, 0);
        if let Stamp::Part(stamp) = &stamp {
            let header = stamp.header as usize;
            if stamp.header > stamp.size {
                whole.rest = Rest::Foreign;
                return Ok(whole);
            }
            if start.saturating_add(stamp.size.into()) > len {
                return Ok(whole);
            }
            if window.len() < need + header {
                window = read(whole.read, need + header)?;
            }
            let Some(found) = window.get(need..need + header) else { return Ok(whole) };
            let kind = found.get(4..8).unwrap_or_default();
            if ![b"styp", b"moof", b"emsg", b"prft"].iter().any(|known| kind == *known) {
                whole.rest = rest(found);
                return Ok(whole);
            }
            part = window.slice(need..need + header);
            size = u64::from(stamp.size);
            skipped = if payload { size } else { header as u64 };
            whole.parts += 1;
        }
        each(Found::Stamp(&stamp, start, part));
        whole.read += need as u64 + skipped;
        whole.media = start + size;
        whole.rest = Rest::Nothing;
    }
}

/// What bytes are that are nothing of ours.
fn rest(data: &[u8]) -> Rest {
    // Too few to tell, or what a loss of power leaves.
    let cut = data.len() < HEADER || data.iter().take(HEADER).all(|byte| *byte == 0);
    if cut { Rest::Cut } else { Rest::Foreign }
}

/// The size of the `ftyp` or `moov` at `at`: the first two boxes of a volume.
fn head(window: &[u8], at: u64) -> Option<usize> {
    let size = u32::from_be_bytes(*window.first_chunk()?) as usize;
    let kind = window.get(4..8)?;
    let known = kind == if at == 0 { b"ftyp" } else { b"moov" };
    (known && size >= 8).then_some(size)
}
