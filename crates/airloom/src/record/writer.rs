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
    use std::sync::{Mutex, PoisonError};

    use airloom_media::TrackId;
    use airloom_playlist::Resource;

    use super::super::Config;
    use super::super::queue::StoredGap;
    use super::super::testing::events;
    use super::super::timeline::Timeline;
    use super::*;
    use crate::origin::{Coding, Event};

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
        let timeline: Arc<Mutex<Timeline>> = shelf.timeline(&shelf.item(&id).unwrap()).unwrap();
        let mut timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
        let text = timeline.text(Resource::Media { track: TrackId::new(1) }, None, None).unwrap();
        String::from_utf8(text.body(Coding::Identity).to_vec()).unwrap()
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
}
