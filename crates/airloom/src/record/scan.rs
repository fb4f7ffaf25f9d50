//! Reading a volume: stamps, and where the media is that they stand for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;

use super::stamp::{LONGEST, Stamp};

/// Bytes read at once where it is not known what is there: most stamps and headers fit.
const PROBE: usize = 1024;

/// How far a volume is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    /// In the file that was read.
    pub(super) read: u64,
    /// In the file with the media.
    pub(super) media: u64,
    pub(super) parts: u64,
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
    let read = |at: u64, want: usize| {
        let mut data = Vec::new();
        file.seek(SeekFrom::Start(at))?;
        Read::by_ref(file).take(want as u64).read_to_end(&mut data)?;
        Ok(Bytes::from(data))
    };
    scan(read, true, len, each)
}

/// Goes over an index: a volume without its payloads, which lie in a file of `len` bytes.
pub(super) fn index(path: &Path, len: u64, each: impl FnMut(Found<'_>)) -> io::Result<Whole> {
    let data = Bytes::from(std::fs::read(path)?);
    let read = |at: u64, want: usize| {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(data.len());
        Ok(data.slice(from..from.saturating_add(want).min(data.len())))
    };
    scan(read, false, len, each)
}

fn scan(
    mut read: impl FnMut(u64, usize) -> io::Result<Bytes>,
    payload: bool,
    len: u64,
    mut each: impl FnMut(Found<'_>),
) -> io::Result<Whole> {
    let mut whole = Whole { read: 0, media: 0, parts: 0 };
    loop {
        let mut window = read(whole.read, PROBE)?;
        let need = match Stamp::size(&window) {
            Some(size) => size,
            None => match head(&window, whole.media) {
                Some(size) => size,
                None => return Ok(whole),
            },
        };
        if window.len() < need {
            window = read(whole.read, need)?;
        }
        if window.len() < need || whole.media + need as u64 > len {
            return Ok(whole);
        }
        let Some(stamp) = Stamp::decode(&window) else {
            if Stamp::size(&window).is_some() {
                return Ok(whole);
            }
            each(Found::Head(&window.slice(..need)));
            whole.read += need as u64;
            whole.media += need as u64;
            continue;
        };
        let start = whole.media + need as u64;
        let mut part = Bytes::new();
        let (mut skipped, mut size) = (0, 0);
        if let Stamp::Part(stamp) = &stamp {
            let header = stamp.header as usize;
            if header > LONGEST * 64 || stamp.header > stamp.size {
                return Ok(whole);
            }
            if window.len() < need + header {
                window = read(whole.read, need + header)?;
            }
            let Some(found) = window.get(need..need + header) else { return Ok(whole) };
            let kind = found.get(4..8).unwrap_or_default();
            let there = start.saturating_add(stamp.size.into()) <= len;
            // What a loss of power leaves may be zeros.
            if !there || ![b"styp", b"moof", b"emsg", b"prft"].iter().any(|known| kind == *known) {
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
    }
}

/// The size of the `ftyp` or `moov` at `at`: the first two boxes of a volume.
fn head(window: &[u8], at: u64) -> Option<usize> {
    let size = u32::from_be_bytes(*window.first_chunk()?) as usize;
    let kind = window.get(4..8)?;
    let known = kind == if at == 0 { b"ftyp" } else { b"moov" };
    (known && (8..=LONGEST * 64).contains(&size)).then_some(size)
}
