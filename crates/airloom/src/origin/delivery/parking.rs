use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airloom_playlist::{Answer, Request};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::encoding::Coding;
use super::{GRACE, LATE, describe_media, describe_playlist, gone, text, too_busy};
use crate::http::{Detach, Problem, Shared, Suspended};
use crate::origin::Origin;
use crate::origin::meters::Meter;
use crate::origin::stream::Stream;

/// The requests that wait outside of HTTP for one stream to go on: each a socket and what it was
/// asked for. What they wait for comes to all at once, so one task answers many, with one rendering
/// and one head for all who asked the same.
#[derive(Debug, Default)]
pub(in crate::origin) struct Parking {
    lots: [Lot; LOTS],
    next: AtomicUsize,
}

/// Tasks that answer, so processors that do: a write to a socket is most of the work.
const LOTS: usize = 4;

/// Answers after which other tasks get their turn: some 2 ms.
const BATCH: usize = 256;

/// Requests are rarely asked in more ways than that between two changes.
const MOST_KNOWN: usize = 1024;

#[derive(Debug, Default)]
struct Lot {
    waiters: Mutex<Waiters>,
    /// Somebody came who may have missed a change.
    late_comer: Notify,
}

#[derive(Debug, Default)]
struct Waiters {
    entries: Vec<Waiter>,
    /// Whether a task answers them.
    attended: bool,
}

#[derive(Debug)]
struct Waiter {
    asked: Parked,
    end: Instant,
    connection: Suspended,
}

/// What a request that may wait outside of HTTP asks for.
#[derive(Debug)]
pub(super) struct Parked {
    request: Request,
    coding: Coding,
    /// The parameters that the links of its answer carry on.
    carried: Box<str>,
}

impl Parked {
    pub(super) fn new(request: Request, coding: Coding, carried: String) -> Self {
        Self { request, coding, carried: carried.into_boxed_str() }
    }

    /// The response that takes the request out of HTTP, to be answered when `stream`, which was at
    /// version `asked` when it had no answer yet, has one, and after `at_most` in any case.
    pub(super) fn leave(
        self,
        origin: &Origin,
        stream: &Arc<Stream>,
        at_most: Duration,
        asked: u64,
    ) -> Response {
        let (origin, stream) = (origin.clone(), Arc::clone(stream));
        let end = Instant::now() + at_most;
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Detach::suspend(move |connection| {
            let waiter = Waiter { asked: self, end, connection };
            Parking::admit(&origin, &stream, waiter, asked);
        }));
        response
    }
}

impl Parking {
    fn admit(origin: &Origin, stream: &Arc<Stream>, waiter: Waiter, asked: u64) {
        let parking = stream.parking();
        let index = parking.next.fetch_add(1, Ordering::Relaxed) % LOTS;
        let Some(lot) = parking.lots.get(index) else { return };
        waiter.connection.keep(Place::new(origin, stream));
        let mut waiters = lot.lock();
        if waiters.entries.len() == waiters.entries.capacity() {
            // Those who have given up since make room first.
            waiters.entries.retain(|waiter| !waiter.connection.is_gone());
        }
        waiters.entries.push(waiter);
        let attended = std::mem::replace(&mut waiters.attended, true);
        drop(waiters);
        if !attended {
            tokio::spawn(attend(origin.clone(), Arc::clone(stream), index));
        } else if *stream.subscribe().borrow() != asked {
            lot.late_comer.notify_one();
        }
    }
}

/// A place among those who wait, for as long as somebody does.
struct Place {
    origin: Origin,
    stream: Arc<Stream>,
}

impl Place {
    fn new(origin: &Origin, stream: &Arc<Stream>) -> Self {
        stream.count_parked(1, 0);
        origin.0.totals.waiting.fetch_add(1, Ordering::Relaxed);
        Self { origin: origin.clone(), stream: Arc::clone(stream) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stream.count_parked(0, 1);
        self.origin.0.totals.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lot {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers those of a lot until none is left.
async fn attend(origin: Origin, stream: Arc<Stream>, index: usize) {
    let Some(lot) = stream.parking().lots.get(index) else { return };
    let mut changes = stream.subscribe();
    loop {
        let entries = std::mem::take(&mut lot.lock().entries);
        let still = pass(&origin, &stream, entries).await;
        let due = {
            let mut waiters = lot.lock();
            waiters.entries.extend(still);
            let Some(due) = waiters.entries.iter().map(|waiter| waiter.end).min() else {
                *waiters = Waiters::default();
                return;
            };
            due
        };
        tokio::select! {
            // The sender lives in the stream.
            _ = changes.changed() => {}
            () = lot.late_comer.notified() => {}
            () = sleep_until(due) => {}
        }
    }
}

/// Answers those whose answer is there, or whose time is up; returns the others. Connections go back
/// to HTTP when all are answered: the tasks that are woken by that would otherwise run in between.
async fn pass(origin: &Origin, stream: &Stream, entries: Vec<Waiter>) -> Vec<Waiter> {
    let now = Instant::now();
    let within = origin.config().window + GRACE;
    let (mut still, mut answered) = (Vec::new(), Vec::new());
    let mut known: HashMap<(Request, Coding), Option<Shared>> = HashMap::new();
    for (place, waiter) in entries.into_iter().enumerate() {
        if place % BATCH == BATCH - 1 {
            tokio::task::yield_now().await;
        }
        let asked = &waiter.asked;
        let own;
        let answer = if asked.carried.is_empty() {
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known
                .entry((asked.request, asked.coding))
                .or_insert_with(|| answer(origin, stream, asked))
        } else {
            own = answer(origin, stream, asked);
            &own
        };
        let overdue;
        let answer = match answer {
            Some(answer) => answer,
            None if waiter.end <= now => {
                overdue = problem(&too_busy(origin, LATE));
                &overdue
            }
            None => {
                if !waiter.connection.is_gone() {
                    still.push(waiter);
                }
                continue;
            }
        };
        if let Some(returning) = waiter.connection.answer(answer, within) {
            origin.0.totals.bytes_out.fetch_add(answer.length(), Ordering::Relaxed);
            stream.meters().add(Meter::EgressBytes, answer.length());
            answered.push(returning);
        }
    }
    for (place, returning) in answered.into_iter().enumerate() {
        if place % BATCH == BATCH - 1 {
            tokio::task::yield_now().await;
        }
        returning.give_back();
    }
    still
}

/// The answer to what was asked, if there is one by now.
fn answer(origin: &Origin, stream: &Stream, asked: &Parked) -> Option<Shared> {
    let (request, mut headers) = (&asked.request, HeaderMap::new());
    let body: Vec<Bytes> = match stream.answer(request) {
        (Answer::Wait(_), _) => return None,
        (Answer::Ready(rendered), _) => {
            let text = text(stream, request, &asked.carried, rendered);
            describe_playlist(origin, request, asked.coding, &text.tag(asked.coding), &mut headers);
            vec![text.body(asked.coding)]
        }
        (Answer::Stored(_), Some(media)) => {
            describe_media(request.resource, &mut headers);
            media.chunks().0.filter(|chunk| !chunk.is_empty()).collect()
        }
        (Answer::BadRequest(error), _) => {
            return Some(problem(&Problem::new(StatusCode::BAD_REQUEST, error.to_string())));
        }
        _ => return Some(problem(&gone())),
    };
    Some(Shared::new(StatusCode::OK, &headers, body))
}

fn problem(problem: &Problem) -> Shared {
    let mut headers = HeaderMap::new();
    problem.describe(&mut headers);
    Shared::new(problem.status(), &headers, vec![Bytes::from(problem.text())])
}
