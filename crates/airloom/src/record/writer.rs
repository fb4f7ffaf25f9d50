use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tracing::{info, warn};

use super::queue::{Note, Queue};
use super::sheet::CutShort;
use super::shelf::Shelf;
use super::tape::{Stopped, Tape};
use crate::origin::StreamName;

/// The thread that writes: takes notes until there are no more, then completes what is left.
pub(super) fn run(shelf: &Arc<Shelf>, queue: &Queue) {
    let mut tapes = HashMap::new();
    while let Some((stream, note)) = queue.pop() {
        take(shelf, &mut tapes, stream, note);
    }
    for (_, tape) in tapes {
        tape.finish(None);
    }
}

fn take(shelf: &Arc<Shelf>, tapes: &mut HashMap<StreamName, Tape>, stream: StreamName, note: Note) {
    if let Note::Start { life, at } = note {
        match shelf.begin(&stream, life, at) {
            Ok(item) => {
                info!("{stream} is recorded as {}", item.id());
                tapes.insert(stream, Tape::new(Arc::clone(shelf), item));
            }
            Err(refused) => {
                shelf.totals.refused.fetch_add(1, Relaxed);
                warn!("{stream} is not recorded: {refused}");
            }
        }
        return;
    }
    // One that is refused, or was cut short, is told of until it ends.
    let Some(tape) = tapes.get_mut(&stream) else { return };
    let ended = match note {
        Note::Start { .. } => return,
        Note::Init { id, init } => return tape.init(id, init),
        Note::Target(seconds) => return tape.target(seconds),
        Note::Gap { gap, at } => return tape.gap(gap, at),
        Note::Close { track, sequence } => {
            return tape.item().timeline(|timeline| timeline.complete(track, sequence));
        }
        Note::Part { part, at } => match tape.part(&part, at) {
            Ok(()) => return,
            Err(stopped) => {
                warn!("recording {} ends early: {stopped}", tape.item().id());
                Some(match stopped {
                    Stopped::Limit => CutShort::Limit,
                    Stopped::Disk(_) | Stopped::Head(_) => CutShort::Disk,
                })
            }
        },
        Note::Encrypted => {
            shelf.totals.refused.fetch_add(1, Relaxed);
            warn!("{stream} is not recorded: it is encrypted");
            Some(CutShort::Encrypted)
        }
        Note::Abandon => Some(CutShort::Overrun),
        Note::End => None,
    };
    if let Some(tape) = tapes.remove(&stream) {
        tape.finish(ended);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::super::queue::StoredGap;
    use super::super::testing::{self, events};
    use super::*;
    use crate::origin::Event;

    /// What the writer is told of a stream whose segment `broken` lacks its last part.
    fn notes(broken: usize) -> Vec<Note> {
        let mut segments = 0;
        let mut notes = Vec::new();
        for event in events() {
            match event {
                Event::Started { life, at } => notes.push(Note::Start { life, at }),
                Event::Init { id, init, .. } => notes.push(Note::Init { id, init }),
                Event::Part { part, at } => notes.push(Note::Part { part, at }),
                Event::Segment { segment, at } => {
                    if segments == broken {
                        notes.pop();
                        let gap = StoredGap {
                            track: segment.track,
                            sequence: segment.sequence,
                            start: segment.start,
                            duration: segment.duration,
                            discontinuity: segment.discontinuity,
                        };
                        notes.push(Note::Gap { gap, at });
                    } else {
                        let (track, sequence) = (segment.track, segment.sequence);
                        notes.push(Note::Close { track, sequence });
                    }
                    segments += 1;
                }
                Event::Ended { .. } => notes.push(Note::End),
                _ => {}
            }
        }
        notes
    }

    fn shelf(folder: &Path) -> Arc<Shelf> {
        Arc::new(Shelf::open(folder, Config::default()).unwrap())
    }

    fn playlist(shelf: &Shelf) -> String {
        let id = shelf.recordings(false).remove(0).id;
        testing::playlist(shelf, &shelf.item(&id).unwrap())
    }

    #[test]
    fn a_gap_is_a_gap_after_a_restart_too() {
        let count = notes(usize::MAX).iter().filter(|n| matches!(n, Note::Close { .. })).count();
        for broken in 0..count {
            let folder = tempfile::tempdir().unwrap();
            let first = shelf(folder.path());
            let mut tapes = HashMap::new();
            for note in notes(broken) {
                take(&first, &mut tapes, "cam".parse().unwrap(), note);
            }
            let told = playlist(&first);
            assert_eq!(told.matches("#EXT-X-GAP").count(), 1, "{broken}: {told}");
            assert_eq!(told.matches("#EXTINF").count(), count);
            assert_eq!(playlist(&shelf(folder.path())), told, "{broken}");
        }
    }

    /// Neither room for a file nor a number left to open it by, when the configuration changes.
    #[test]
    fn a_volume_that_cannot_be_begun_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let first = shelf(folder.path());
        let mut tapes = HashMap::new();
        let mut notes = notes(usize::MAX);
        let half = notes.len() / 2;
        let change = notes.iter().find_map(|note| match note {
            Note::Init { init, .. } => Some(Note::Init { id: 2, init: init.clone() }),
            _ => None,
        });
        notes.insert(half, change.unwrap());
        for (at, note) in notes.into_iter().enumerate() {
            if at == half {
                let second = folder.path().join("cam-1").join("2.mp4");
                std::fs::write(&second, "in the way").unwrap();
            }
            take(&first, &mut tapes, "cam".parse().unwrap(), note);
        }
        let recording = first.recordings(false).remove(0);
        assert_eq!(recording.cut_short, Some(CutShort::Disk));
        let finished = first.item(&recording.id).unwrap().finished().unwrap();
        assert_eq!(finished.volumes, 1, "what is not there is not counted");
        let told = playlist(&first);
        assert_eq!(playlist(&shelf(folder.path())), told);
    }
}
