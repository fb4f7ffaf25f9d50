use airloom_media::Kind;

use super::IndexedTrack;
use super::progressive::Chunk;
use super::stsd::stsd;
use super::writer::{boxed, full_box, u32, u64};

/// The most that a `sample_delta` of `stts` (ISO/IEC 14496-12, 8.6.1.2) is taken for. It has 32 bits
/// without a sign, but files have been seen that step back by a negative one: ffmpeg draws the line
/// at the same place.
pub(super) const LONGEST_DELTA: u32 = u32::MAX - 480_000;

/// `stbl` (ISO/IEC 14496-12, 8.5.1) with the tables of all samples.
pub(super) fn tables<'a, I: Iterator<Item = &'a Chunk>>(
    out: &mut Vec<u8>,
    track: &IndexedTrack,
    chunks: impl Fn() -> I,
    base: u64,
    wide: bool,
) {
    boxed(out, *b"stbl", |out| {
        stsd(out, track.presentation());
        // Decode times count from the first sample's; the edit list says where that is.
        full_box(out, *b"stts", 0, 0, |out| {
            runs(out, track.entries().map(|entry| entry.duration.ticks() as u32));
        });
        let offsets = || track.entries().map(|entry| entry.composition_offset.ticks() as i32);
        if offsets().any(|offset| offset != 0) {
            let version = u8::from(offsets().any(|offset| offset < 0));
            full_box(out, *b"ctts", version, 0, |out| {
                runs(out, offsets().map(|offset| offset as u32));
            });
        }
        if track.track().codec.kind() == Kind::Video && track.entries().any(|entry| !entry.sync) {
            full_box(out, *b"stss", 0, 0, |out| {
                let numbers = (1u32..).zip(track.entries()).filter(|(_, entry)| entry.sync);
                counted(out, |out| numbers.map(|(number, _)| u32(out, number)).count());
            });
        }
        full_box(out, *b"stsz", 0, 0, |out| {
            u32(out, 0);
            counted(out, |out| track.entries().map(|entry| u32(out, entry.size)).count());
        });
        full_box(out, *b"stsc", 0, 0, |out| {
            counted(out, |out| {
                let (mut count, mut last) = (0, 0);
                for (number, chunk) in (1u32..).zip(chunks()) {
                    let samples = chunk.samples.len() as u32;
                    if samples != last {
                        u32(out, number);
                        u32(out, samples);
                        u32(out, 1); // sample_description_index
                        (count, last) = (count + 1, samples);
                    }
                }
                count
            });
        });
        full_box(out, if wide { *b"co64" } else { *b"stco" }, 0, 0, |out| {
            counted(out, |out| {
                chunks()
                    .map(|chunk| {
                        let offset = base.saturating_add(chunk.offset);
                        if wide { u64(out, offset) } else { u32(out, offset as u32) }
                    })
                    .count()
            });
        });
    });
}

/// `entry_count`, and the entries that `write` counts.
fn counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> usize) {
    let at = out.len();
    u32(out, 0);
    let count = write(out) as u32;
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&count.to_be_bytes());
    }
}

/// Equal values next to each other, counted: the entries of `stts` and `ctts`.
fn runs(out: &mut Vec<u8>, values: impl Iterator<Item = u32>) {
    counted(out, |out| {
        let mut values = values.peekable();
        let mut entries = 0;
        while let Some(value) = values.next() {
            let mut count = 1;
            while values.next_if_eq(&value).is_some() {
                count += 1;
            }
            u32(out, count);
            u32(out, value);
            entries += 1;
        }
        entries
    });
}
