use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// What comes is encrypted.
    Encrypted,
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
    /// How long the writer lets notes gather.
    gather: Duration,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(StreamName, Note)>,
    bytes: usize,
    streams: HashMap<StreamName, Intake>,
    closed: bool,
    /// Whether the writer waits for the first note of all.
    idle: bool,
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
    pub(super) fn new(bytes: usize, notes: usize, gather: Duration) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), bytes, notes, gather }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, stream: &StreamName, event: &Event) -> Taken {
        let mut state = self.lock();
        if state.closed {
            return Taken::Yes;
        }
        let before = state.bytes;
        let taken = self.take(&mut state, stream, event);
        // Waking nobody is a system call, too.
        let wake = state.idle || (before < self.much() && state.bytes >= self.much());
        drop(state);
        if wake {
            self.filled.notify_one();
        }
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
            Event::Protection { .. } => {
                intake.abandoned = true;
                Some(Note::Encrypted)
            }
            Event::Ended { .. } => Some(Note::End),
            _ => None,
        };
        let mut taken = Taken::Yes;
        if note.is_some() && waiting.len() >= self.notes * RESERVE {
            // One more a stream that the writer was told of, and then it is over.
            intake.abandoned = true;
            let told = !matches!(event, Event::Started { .. });
            (note, taken) = (told.then_some(Note::Abandon), Taken::Abandoned);
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
            state.idle = true;
            let nothing = |state: &mut State| state.waiting.is_empty() && !state.closed;
            state = self.filled.wait_while(state, nothing).unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
            let little = |state: &mut State| state.bytes < self.much() && !state.closed;
            let gathered = self.filled.wait_timeout_while(state, self.gather, little);
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Bytes that are not left waiting for more.
    fn much(&self) -> usize {
        self.bytes / 4
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::events;
    use super::*;

    fn name() -> StreamName {
        "cam".parse().unwrap()
    }

    fn letters(queue: &Queue) -> String {
        queue.close();
        let letter = |note| match note {
            Note::Start { .. } => 'S',
            Note::Init { .. } => 'i',
            Note::Target(_) => 't',
            Note::Part { .. } => 'p',
            Note::Close { .. } => 'c',
            Note::Gap { .. } => 'g',
            Note::Encrypted => 'e',
            Note::End => 'E',
            Note::Abandon => '!',
        };
        std::iter::from_fn(|| queue.pop()).map(|(_, note)| letter(note)).collect()
    }

    #[test]
    fn with_room_everything_is_there_in_order() {
        let queue = Queue::new(1 << 20, 1000, Duration::ZERO);
        let events = events();
        assert!(events.iter().all(|event| queue.push(&name(), event) == Taken::Yes));
        let letters = letters(&queue);
        assert!(letters.starts_with("Sip") && letters.ends_with("pcE"), "{letters}");
        assert!(!letters.contains('g'));
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_part_without_room_makes_its_segment_a_gap() {
        let events = events();
        let first = events.iter().find_map(|event| match event {
            Event::Part { part, .. } => Some(part.size),
            _ => None,
        });
        // Room for two parts, fewer than any segment has, and nobody takes them out.
        let queue = Queue::new(first.unwrap() * 2, 1000, Duration::ZERO);
        let taken: Vec<_> = events.iter().map(|event| queue.push(&name(), event)).collect();
        let firsts = taken.iter().filter(|taken| **taken == Taken::Lost { first: true }).count();
        let letters = letters(&queue);
        let gaps = letters.matches('g').count();
        assert!(gaps >= 4 && gaps == firsts, "{firsts}: {letters}");
        assert!(letters.matches('p').count() <= 2 && letters.ends_with("gE"), "{letters}");
        assert!(!letters.contains('c'), "no segment has all of its parts: {letters}");
    }

    #[test]
    fn after_a_gap_the_next_segment_is_whole_again() {
        let events = events();
        let mut queue = Queue::new(0, 1000, Duration::ZERO);
        let second = events.iter().position(|event| matches!(event, Event::Segment { .. }));
        let (one, rest) = events.split_at(second.unwrap() + 1);
        for event in one {
            queue.push(&name(), event);
        }
        queue.bytes = 1 << 20;
        assert!(rest.iter().all(|event| queue.push(&name(), event) == Taken::Yes));
        let letters = letters(&queue);
        assert_eq!(letters.matches('g').count(), 1);
        assert!(letters.starts_with("Sigp"), "{letters}");
    }

    #[test]
    fn what_is_small_is_bounded_as_well() {
        let queue = Queue::new(1 << 20, 2, Duration::ZERO);
        let taken: Vec<_> = events().iter().map(|event| queue.push(&name(), event)).collect();
        assert_eq!(taken.iter().filter(|taken| **taken == Taken::Abandoned).count(), 1);
        // The next life has its chance again.
        assert_eq!(queue.pop().map(|(_, note)| matches!(note, Note::Start { .. })), Some(true));
        let letters = letters(&queue);
        assert!(letters.ends_with('!') && letters.len() <= 5, "{letters}");
    }

    #[test]
    fn streams_that_come_and_go_while_nothing_is_written_are_bounded_as_well() {
        let queue = Queue::new(1 << 20, 2, Duration::ZERO);
        for _ in 0..100 {
            for event in events().iter().take(2) {
                queue.push(&name(), event);
            }
            queue.push(&name(), events().last().unwrap());
        }
        let letters = letters(&queue);
        assert!(letters.len() <= 2 * 2 * RESERVE, "{letters}");
    }

    #[test]
    fn a_writer_that_waits_is_woken() {
        let queue = Arc::new(Queue::new(1 << 20, 100, Duration::ZERO));
        let writer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || std::iter::from_fn(|| queue.pop()).count()
        });
        for event in events() {
            queue.push(&name(), &event);
        }
        queue.close();
        assert!(writer.join().unwrap() > 50);
    }
}
