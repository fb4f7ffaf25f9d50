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
        Note::Abandon => Some(CutShort::Overrun),
        Note::End => None,
    };
    if let Some(tape) = tapes.remove(&stream) {
        tape.finish(ended);
    }
}
