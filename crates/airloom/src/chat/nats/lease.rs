//! Leases as records of a bucket.

use std::time::Duration;

use airloom_chat::cluster::{Lease, NodeId};
use airloom_chat::{Epoch, RoomId};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::bucket::{Bucket, Failure};
use super::link::{Event, Shared};

/// What a member wishes of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To have it, in an epoch beyond this one.
    Acquire(Epoch),
    Renew(Epoch),
    Release(Epoch),
}

/// Keeps the lease of one room for one node.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Shared,
    room: RoomId,
    key: String,
    node: NodeId,
    bucket: Option<Bucket>,
    /// The record when this node last wrote it.
    held: Option<Held>,
    /// Another's record, and since when it has been seen not to change.
    seen: Option<(u64, Duration)>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    epoch: Epoch,
    revision: u64,
}

/// What the bucket holds of a room.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    epoch: Epoch,
    /// Who has the lease; nobody once it was given back.
    holder: Option<NodeId>,
}

impl Keeper {
    pub(super) fn new(shared: Shared, room: RoomId, key: String, node: NodeId) -> Self {
        Self { shared, room, key, node, bucket: None, held: None, seen: None }
    }

    pub(super) async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        while let Some(mut wish) = wishes.recv().await {
            // Of several of the kind only the last is still of interest.
            while let Ok(next) = wishes.try_recv() {
                if let Wish::Release(epoch) = wish {
                    self.release(epoch).await;
                }
                wish = next;
            }
            let lease = match wish {
                Wish::Acquire(known) => match self.acquire(known, &wishes).await {
                    Ok(lease) => Some(lease),
                    Err(_) => Some(Lease::Denied),
                },
                Wish::Renew(epoch) => match self.renew(epoch).await {
                    Ok(lease) => Some(lease),
                    Err(Failure::Conflict) => Some(Lease::Denied),
                    // It lasts as long as it lasts; there is another try before that.
                    Err(Failure::Unknown) => None,
                },
                Wish::Release(epoch) => {
                    self.release(epoch).await;
                    None
                }
            };
            if let Some(lease) = lease {
                self.shared.tell(Event::Lease(self.room.clone(), self.node, lease)).await;
            }
        }
    }

    async fn acquire(
        &mut self,
        known: Epoch,
        wishes: &mpsc::Receiver<Wish>,
    ) -> Result<Lease, Failure> {
        let (revision, epoch) = match self.read().await? {
            None => (0, Epoch::new(0)),
            Some((revision, record)) => {
                if record.holder.is_some_and(|holder| holder != self.node) {
                    self.outlast(revision, wishes).await?;
                }
                (revision, record.epoch)
            }
        };
        let last = epoch.max(known).number();
        let epoch = Epoch::new(last.saturating_add(1).max(self.shared.clock().wall()));
        let until = self.write(revision, epoch, Some(self.node)).await?;
        Ok(Lease::Granted { epoch, until })
    }

    /// Waits until another's record has not changed for a whole lease. Whether it has meanwhile is
    /// seen when it is written.
    async fn outlast(
        &mut self,
        revision: u64,
        wishes: &mpsc::Receiver<Wish>,
    ) -> Result<(), Failure> {
        let now = self.shared.clock().now();
        let since = match self.seen {
            Some((seen, since)) if seen == revision => since,
            _ => now,
        };
        self.seen = Some((revision, since));
        let ends = since.saturating_add(self.shared.config().lease);
        tokio::time::sleep(ends.saturating_sub(now)).await;
        // The room has gone meanwhile.
        if wishes.is_closed() { Err(Failure::Unknown) } else { Ok(()) }
    }

    async fn renew(&mut self, epoch: Epoch) -> Result<Lease, Failure> {
        let held = self.held.filter(|held| held.epoch == epoch).ok_or(Failure::Conflict)?;
        let until = match self.write(held.revision, epoch, Some(self.node)).await {
            Err(Failure::Conflict) => {
                // It may be by a write of ours whose answer was lost.
                let (revision, record) = self.read().await?.ok_or(Failure::Conflict)?;
                if record.holder != Some(self.node) || record.epoch != epoch {
                    return Err(Failure::Conflict);
                }
                self.write(revision, epoch, Some(self.node)).await?
            }
            other => other?,
        };
        Ok(Lease::Granted { epoch, until })
    }

    async fn release(&mut self, epoch: Epoch) {
        if let Some(held) = self.held.take_if(|held| held.epoch == epoch) {
            // Should it fail, the lease ends by itself.
            let _ = self.write(held.revision, epoch, None).await;
            self.held = None;
        }
    }

    async fn read(&mut self) -> Result<Option<(u64, Record)>, Failure> {
        let key = self.key.clone();
        let read = self.bucket().await?.get(&key).await;
        let Some((revision, value)) = self.known(read)? else { return Ok(None) };
        // Somebody has tidied up by hand, or written what is no record: begin anew from there.
        let record = serde_json::from_slice(&value);
        Ok(Some((revision, record.unwrap_or(Record { epoch: Epoch::new(0), holder: None }))))
    }

    /// Writes the record if it is still that of `revision`. Returns until when the lease lasts.
    async fn write(
        &mut self,
        revision: u64,
        epoch: Epoch,
        holder: Option<NodeId>,
    ) -> Result<Duration, Failure> {
        let record = serde_json::to_vec(&Record { epoch, holder }).unwrap_or_default();
        let (key, lease) = (self.key.clone(), self.shared.config().lease);
        let clock = self.shared.clock();
        let bucket = self.bucket().await?;
        // From before it is asked: never later here than for those who see it change.
        let until = clock.now().saturating_add(lease);
        let written = bucket.put(&key, record, revision).await;
        let revision = self.known(written)?;
        self.held = Some(Held { epoch, revision });
        self.seen = None;
        Ok(until)
    }

    /// The same; whoever does not answer may have forgotten that there was a bucket.
    fn known<T>(&mut self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(answer, Err(Failure::Unknown)) {
            self.bucket = None;
        }
        answer
    }

    /// The bucket, made if it is not there.
    async fn bucket(&mut self) -> Result<&Bucket, Failure> {
        if self.bucket.is_none() {
            let config = self.shared.config();
            // A third of a lease, so that there is time to ask again.
            let client = self.shared.client().clone();
            self.bucket = Some(Bucket::open(client, config, config.lease / 3).await?);
        }
        self.bucket.as_ref().ok_or(Failure::Unknown)
    }
}
