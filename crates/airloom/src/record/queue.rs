use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use airloom_media::TrackId;
use airloom_playlist::WallTime;
use airloom_segmenter::{Gap, Init, Part};

use crate::origin::{Event, StreamName};

/// What the writer is told of a stream.
#[derive(Debug, Clone)]
pub(super) enum Note {
    Start {
        life: u64,
        at: WallTime,
    },
    Init {
        id: u64,
        init: Init,
    },
    Target(u32),
    Part {
        part: Part,
        at: WallTime,
    },
    /// The segment is complete.
    Close {
        track: TrackId,
        sequence: u64,
    },
    /// The track has nothing in the segment, or not all of it could be kept.
    Gap {
        gap: StoredGap,
        at: WallTime,
    },
    End,
    /// Not even what is small could be kept: what comes is not known any more.
    Abandon,
}

/// As [`Gap`], which nobody but the segmenter makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredGap {
    pub(super) track: TrackId,
    pub(super) sequence: u64,
    pub(super) start: airloom_media::Timestamp,
    pub(super) duration: airloom_media::Duration,
    pub(super) discontinuity: bool,
}

impl From<Gap> for StoredGap {
    fn from(gap: Gap) -> Self {
        let Gap { track, sequence, start, duration, discontinuity, .. } = gap;
        Self { track, sequence, start, duration, discontinuity }
    }
}

/// What waits for the disk: bounded in bytes of media and in number. Never blocks who fills it.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    bytes: usize,
    notes: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(StreamName, Note)>,
    bytes: usize,
    streams: HashMap<StreamName, Intake>,
    closed: bool,
}

/// What was refused of a stream that goes on.
#[derive(Debug, Default)]
struct Intake {
    /// Segments of which a part is missing.
    broken: Vec<(TrackId, u64)>,
    abandoned: bool,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// A part is lost; `first` where it is the first of its segment to be.
    Lost {
        first: bool,
    },
    /// The recording ends here.
    Abandoned,
}

/// Notes that are let in for each one that carries media.
const RESERVE: usize = 2;

impl Queue {
    pub(super) fn new(bytes: usize, notes: usize) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), bytes, notes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, stream: &StreamName, event: &Event) -> Taken {
        let mut state = self.lock();
        if state.closed {
            return Taken::Yes;
        }
        let taken = self.take(&mut state, stream, event);
        drop(state);
        self.filled.notify_one();
        taken
    }

    fn take(&self, state: &mut State, stream: &StreamName, event: &Event) -> Taken {
        let State { waiting, bytes, streams, .. } = state;
        if matches!(event, Event::Started { .. }) {
            streams.insert(stream.clone(), Intake::default());
        }
        let Some(intake) = streams.get_mut(stream) else { return Taken::Yes };
        let over = intake.abandoned;
        let mut note = match event {
            _ if over => None,
            Event::Started { life, at } => Some(Note::Start { life: *life, at: *at }),
            Event::Init { id, init, .. } => Some(Note::Init { id: *id, init: init.clone() }),
            Event::TargetDuration(seconds) => Some(Note::Target(*seconds)),
            Event::Part { part, at } => {
                let name = (part.track, part.sequence);
                if intake.broken.contains(&name) {
                    return Taken::Lost { first: false };
                }
                if bytes.saturating_add(part.size) > self.bytes || waiting.len() >= self.notes {
                    intake.broken.push(name);
                    return Taken::Lost { first: true };
                }
                *bytes += part.size;
                Some(Note::Part { part: part.clone(), at: *at })
            }
            Event::Segment { segment, at } => {
                let name = (segment.track, segment.sequence);
                let whole = intake.broken.len();
                intake.broken.retain(|broken| *broken != name);
                let gap = StoredGap {
                    track: segment.track,
                    sequence: segment.sequence,
                    start: segment.start,
                    duration: segment.duration,
                    discontinuity: segment.discontinuity,
                };
                Some(if intake.broken.len() == whole {
                    Note::Close { track: segment.track, sequence: segment.sequence }
                } else {
                    Note::Gap { gap, at: *at }
                })
            }
            Event::Gap { gap, at } => Some(Note::Gap { gap: (*gap).into(), at: *at }),
            Event::Ended { .. } => Some(Note::End),
            _ => None,
        };
        let mut taken = Taken::Yes;
        if note.is_some() && waiting.len() >= self.notes * RESERVE {
            // One more a stream, and then it is over.
            intake.abandoned = true;
            (note, taken) = (Some(Note::Abandon), Taken::Abandoned);
        }
        if matches!(event, Event::Ended { .. }) {
            streams.remove(stream);
        }
        if let Some(note) = note {
            waiting.push_back((stream.clone(), note));
        }
        taken
    }

    /// Waits for the next; `None` when it is closed and empty.
    pub(super) fn pop(&self) -> Option<(StreamName, Note)> {
        let mut state = self.lock();
        loop {
            if let Some((stream, note)) = state.waiting.pop_front() {
                if let Note::Part { part, .. } = &note {
                    state.bytes -= part.size;
                }
                return Some((stream, note));
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Bytes of media that wait.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Takes no more; what is there can still be had.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }
}
