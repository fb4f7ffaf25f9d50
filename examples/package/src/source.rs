//! Reads an MP4 or FLV file, track by track and sample by sample, and says what is wrong with it.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use airloom_media::Kind;
use airloom_rtmp::flv::{Event, FileReader};
use airloom_segmenter::mp4::{Index, IndexedTrack, Limits};
use bytes::Bytes;

use crate::Done;

/// Gives all that is in a file to `take`, with how far it is in percent. Nothing of it is held.
pub(crate) fn read(mut input: File, mut take: impl FnMut(Event, u64) -> Done) -> Done {
    let len = input.metadata()?.len();
    let mut at = |range: Range<u64>| -> Done<Bytes> {
        let mut data = Vec::new();
        input.seek(SeekFrom::Start(range.start))?;
        (&input).take(range.end - range.start).read_to_end(&mut data)?;
        Ok(data.into())
    };
    if *at(0..3)? == *b"FLV" {
        let mut reader = FileReader::new(&airloom_rtmp::Config::default());
        for start in (0..len).step_by(1 << 18) {
            reader.handle_input(at(start..start + (1 << 18))?)?;
            while let Some(event) = reader.poll_output() {
                take(event, start * 100 / len)?;
            }
        }
        return Ok(());
    }
    // An MP4 file's tables, then its samples one by one.
    let index = Index::read::<Box<dyn Error>>(len, Limits::default(), &mut at)?;
    index.skipped().iter().for_each(|it| println!("left out: {} ({})", it.handler, it.error));
    index.damage().iter().for_each(|it| println!("the file is damaged: {it}"));
    index.broken().iter().for_each(|it| println!("not all of its moov can be read: {it}"));
    // Pictures first, for there may be more tracks than are taken.
    let mut tracks: Vec<_> = index.tracks().iter().collect();
    tracks.sort_by_key(|indexed| indexed.track().codec.kind() != Kind::Video);
    for track in tracks {
        take(Event::Track(track.track().clone()), 0)?;
        for remark in remarks(track) {
            println!("  {remark}");
        }
    }
    index.entries().try_for_each(|entry| {
        let sample = entry.sample(at(entry.range())?);
        take(Event::Sample(sample), entry.offset * 100 / len)
    })
}

/// What the file says of a track that segments do not.
fn remarks(indexed: &IndexedTrack) -> Vec<String> {
    let (track, edited) = (indexed.track(), indexed.edited());
    let mut remarks = Vec::new();
    match indexed.matrix().rotation() {
        Some(0) => {}
        Some(degrees) => remarks.push(format!(
            "is to be turned by {degrees}° clockwise, which is not in the segments: it plays sideways"
        )),
        None => remarks.push(format!(
            "is laid on the display by {:?}, which is not in the segments",
            indexed.matrix().values()
        )),
    }
    if edited.before + edited.after > 0 {
        let (before, after) = (edited.before, edited.after);
        remarks
            .push(format!("{before} samples before its start and {after} after its end left out"));
    }
    // Less than a fifth of a second is what sound needs to begin with.
    let preroll = edited.preroll.to_std(track.timescale);
    if preroll.as_millis() >= 200 {
        remarks.push(format!("is shown {preroll:?} before its start, from a keyframe on"));
    }
    if edited.unfollowed > 0 {
        remarks.push(format!("{} more edits are not followed", edited.unfollowed));
    }
    if let Some(rate) = edited.rate {
        remarks.push(format!("is shown at normal speed, not {} / 65536 of it", rate as i32));
    }
    remarks
}
