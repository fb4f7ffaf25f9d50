use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::oneshot;

use super::message::Message;

/// The endpoint and the number.
type Place = (&'static str, u64);
/// The stream, when it was made (milliseconds since 1970), id and body.
type Waiting = (&'static str, u64, &'static str, &'static [u8]);

const MESSAGES: TableDefinition<Place, Waiting> = TableDefinition::new("messages");
/// By endpoint: what ids begin with, and the last number given out.
const RECEIVERS: TableDefinition<&str, (u64, u64)> = TableDefinition::new("receivers");

/// Changes that wait to be written, of some 500 bytes each.
const QUEUE: usize = 4096;
/// Changes written together.
const BATCH: usize = 512;

/// Why what waits cannot be kept in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it open, or this one has it open already.
    #[error("the file of webhooks is in use")]
    InUse,
    /// It cannot be made, read or repaired, or is something else.
    #[error("the file of webhooks cannot be used: {0}")]
    Unusable(#[source] Box<dyn Error + Send + Sync>),
}

/// What was kept for one receiver.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// What its ids begin with.
    pub(super) name: u64,
    /// The last number given out.
    pub(super) sequence: u64,
    pub(super) messages: Vec<Message>,
}

/// The file, written by a thread of its own: nobody who tells something waits for a disk.
#[derive(Debug)]
pub(super) struct Store {
    kept: Mutex<HashMap<String, Kept>>,
    changes: SyncSender<Change>,
    unstored: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Keeps what waits for one receiver.
#[derive(Debug)]
pub(super) struct Keeper {
    endpoint: Arc<str>,
    changes: SyncSender<Change>,
    unstored: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Change {
    Put { endpoint: Arc<str>, name: u64, message: Message },
    Done { endpoint: Arc<str>, sequences: Vec<u64> },
    Forget { endpoint: Arc<str> },
    Flush(oneshot::Sender<()>),
    End,
}

fn unusable(error: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unusable(Box::new(error))
}

impl Store {
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        let database = Database::create(file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse,
            error => unusable(error),
        })?;
        let kept = read(&database).map_err(unusable)?;
        let (changes, coming) = sync_channel(QUEUE);
        let unstored = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&unstored);
        let thread = std::thread::Builder::new()
            .name("webhooks".to_owned())
            .spawn(move || run(&database, &coming, &counted))
            .map_err(unusable)?;
        Ok(Self { kept: Mutex::new(kept), changes, unstored, thread: Some(thread) })
    }

    /// What was kept for an endpoint, and who keeps what comes.
    pub(super) fn keeper(&self, endpoint: &str) -> (Option<Kept>, Keeper) {
        let keeper = Keeper {
            endpoint: endpoint.into(),
            changes: self.changes.clone(),
            unstored: Arc::clone(&self.unstored),
        };
        (self.lock().remove(endpoint), keeper)
    }

    /// Forgets what was kept for endpoints that nobody has asked for.
    pub(super) fn forget_others(&self) {
        let others: Vec<_> = self.lock().drain().map(|(endpoint, _)| endpoint).collect();
        for endpoint in others {
            // One that stays is asked about again at the next start.
            let _ = self.changes.try_send(Change::Forget { endpoint: endpoint.into() });
        }
    }

    /// Messages that could not be written.
    pub(super) fn unstored(&self) -> u64 {
        self.unstored.load(Relaxed)
    }

    /// Waits until what there is to write is on disk, or is known not to be.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let changes = self.changes.clone();
        let asked = tokio::task::spawn_blocking(move || changes.send(Change::Flush(done))).await;
        if matches!(asked, Ok(Ok(()))) {
            let _ = flushed.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Receivers may still hold a way to it.
        let _ = self.changes.send(Change::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Keeper {
    pub(super) fn put(&self, name: u64, message: &Message) {
        let endpoint = Arc::clone(&self.endpoint);
        let put = Change::Put { endpoint, name, message: message.clone() };
        if self.changes.try_send(put).is_err() {
            self.unstored.fetch_add(1, Relaxed);
        }
    }

    /// Where that is lost, they are told once more after the next start, under the same ids.
    pub(super) fn done(&self, sequences: Vec<u64>) {
        let endpoint = Arc::clone(&self.endpoint);
        let _ = self.changes.try_send(Change::Done { endpoint, sequences });
    }

    pub(super) fn forget(&self) {
        let _ = self.changes.try_send(Change::Forget { endpoint: Arc::clone(&self.endpoint) });
    }
}

fn read(database: &Database) -> Result<HashMap<String, Kept>, redb::Error> {
    let writing = database.begin_write()?;
    writing.open_table(MESSAGES)?;
    writing.open_table(RECEIVERS)?;
    writing.commit()?;
    let reading = database.begin_read()?;
    let mut kept: HashMap<String, Kept> = HashMap::new();
    for receiver in reading.open_table(RECEIVERS)?.iter()? {
        let (endpoint, known) = receiver?;
        let (name, sequence) = known.value();
        kept.insert(endpoint.value().to_owned(), Kept { name, sequence, messages: Vec::new() });
    }
    for message in reading.open_table(MESSAGES)?.iter()? {
        let (key, value) = message?;
        let ((endpoint, sequence), (stream, made, id, body)) = (key.value(), value.value());
        let (Some(kept), Ok(stream)) = (kept.get_mut(endpoint), stream.parse()) else { continue };
        kept.messages.push(Message {
            stream,
            sequence,
            made: Duration::from_millis(made),
            id: id.into(),
            body: bytes::Bytes::copy_from_slice(body),
        });
    }
    Ok(kept)
}

/// Writes changes as they come, many at once, until the end.
fn run(database: &Database, changes: &Receiver<Change>, unstored: &AtomicU64) {
    let mut failing = false;
    while let Ok(first) = changes.recv() {
        let batch: Vec<_> =
            std::iter::once(first).chain(changes.try_iter().take(BATCH - 1)).collect();
        if let Err(error) = write(database, &batch) {
            let lost = batch.iter().filter(|change| matches!(change, Change::Put { .. })).count();
            unstored.fetch_add(lost as u64, Relaxed);
            if !std::mem::replace(&mut failing, true) {
                tracing::error!("webhooks wait in memory alone: {error}");
            }
        } else if std::mem::take(&mut failing) {
            tracing::info!("webhooks are kept on disk again");
        }
        for change in batch {
            match change {
                Change::Flush(done) => drop(done.send(())),
                Change::End => return,
                _ => {}
            }
        }
    }
}

/// One transaction.
fn write(database: &Database, batch: &[Change]) -> Result<(), redb::Error> {
    if !batch.iter().any(|change| !matches!(change, Change::Flush(_) | Change::End)) {
        return Ok(());
    }
    let writing = database.begin_write()?;
    {
        let mut messages = writing.open_table(MESSAGES)?;
        let mut receivers = writing.open_table(RECEIVERS)?;
        for change in batch {
            match change {
                Change::Put { endpoint, name, message } => {
                    let made = message.made.as_millis() as u64;
                    let value = (message.stream.as_str(), made, &*message.id, &*message.body);
                    messages.insert((&**endpoint, message.sequence), value)?;
                    receivers.insert(&**endpoint, (*name, message.sequence))?;
                }
                Change::Done { endpoint, sequences } => {
                    for sequence in sequences {
                        messages.remove((&**endpoint, *sequence))?;
                    }
                }
                Change::Forget { endpoint } => {
                    let all = (&**endpoint, 0)..=(&**endpoint, u64::MAX);
                    messages.retain_in(all, |_, _| false)?;
                    receivers.remove(&**endpoint)?;
                }
                Change::Flush(_) | Change::End => {}
            }
        }
    }
    Ok(writing.commit()?)
}
