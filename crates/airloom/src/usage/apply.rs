use std::sync::{Mutex, PoisonError};

use airloom_billing::{Error, Fault, FaultKind, Input, Outcome};
use tokio::sync::{Semaphore, oneshot};

use super::{Usage, wall_time};

/// Inputs that may wait for the disk: some 3 MB. Who comes with more waits for room.
const WAITING: u32 = 10_000;

/// What waits for the group that is being written, to be the next one together.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    room: Semaphore,
}

#[derive(Debug)]
struct Waiting {
    inputs: Vec<Input>,
    answer: oneshot::Sender<Result<Vec<Outcome>, Error>>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), room: Semaphore::new(WAITING as usize) }
    }

    fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is the first to wait.
    fn put(&self, waiting: Waiting) -> bool {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(waiting);
        all.len() == 1
    }
}

impl Usage {
    /// Takes `inputs` to the ledger and answers for each, in their order, once they are durable:
    /// for usage that must not be lost, whose work is admitted only then. What others hand in while
    /// the disk is busy shares one group and one sync, so many may wait at a time.
    ///
    /// ```
    /// use airloom::billing::{Event, Input, Outcome};
    ///
    /// # async fn example(usage: airloom::Usage, text: &[u8]) -> Result<(), airloom::billing::Error> {
    /// let sale = Input::Event(Event::from_json(text)?);
    /// match usage.apply(vec![sale]).await?.remove(0) {
    ///     Outcome::Counted { .. } | Outcome::Duplicate => { /* let them in */ }
    ///     _ => { /* say why not */ }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`](airloom_billing::ledger::Ledger::apply); [`Error::Storage`], too, where
    /// the runtime ends before the answer. Hand all of it in again: each counts once.
    pub async fn apply(&self, inputs: Vec<Input>) -> Result<Vec<Outcome>, Error> {
        let gone = Error::Storage(Fault { operation: "apply", kind: FaultKind::Other, os: None });
        let queue = &self.0.queue;
        let size = u32::try_from(inputs.len()).unwrap_or(WAITING).min(WAITING);
        let _room = queue.room.acquire_many(size).await.map_err(|_| gone.clone())?;
        let (answer, answered) = oneshot::channel();
        if queue.put(Waiting { inputs, answer }) {
            let usage = self.clone();
            tokio::task::spawn_blocking(move || usage.commit());
        }
        answered.await.unwrap_or(Err(gone))
    }

    /// Writes what waits once the ledger is free; until then, more joins it.
    fn commit(&self) {
        let mut keeper = self.keeper();
        let mut waiting = self.0.queue.take();
        let sizes: Vec<_> = waiting.iter().map(|one| one.inputs.len()).collect();
        let inputs: Vec<_> = waiting.iter_mut().flat_map(|one| one.inputs.drain(..)).collect();
        let applied = keeper.apply(wall_time(), &inputs);
        drop(keeper);
        let mut outcomes = applied.as_ref().map(|outcomes| outcomes.iter().cloned());
        for (one, size) in waiting.into_iter().zip(sizes) {
            let answer = match &mut outcomes {
                Ok(outcomes) => Ok(outcomes.by_ref().take(size).collect()),
                Err(error) => Err(Error::clone(error)),
            };
            // Who no longer listens hands it in again, or does not care.
            let _ = one.answer.send(answer);
        }
    }
}
