use std::sync::Arc;
use std::sync::atomic::Ordering;

use airloom_playlist::Resource;
use futures_util::future::join_all;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::Shared;
use super::catalogue::Catalogue;
use super::line::{Item, Line, Media};
use crate::rtmp::Backoff;

/// Uploads one life of a stream, up to its end.
pub(super) struct Upload {
    pub(super) archive: Arc<Shared>,
    pub(super) line: Arc<Line>,
    /// Under which everything is.
    pub(super) place: String,
    pub(super) catalogue: Catalogue,
}

/// Where the bytes to upload are.
enum Source<'a> {
    Here(PutPayload),
    Media(&'a Media),
}

impl Upload {
    pub(super) async fn run(mut self) {
        let config = self.archive.config.clone();
        let mut listed: Option<Instant> = None;
        while !self.catalogue.is_ended() {
            let items = self.line.take(config.parallel).await;
            join_all(items.iter().map(|item| self.put_item(item))).await;
            for item in &items {
                self.catalogue.tell(item);
                self.line.done(item);
            }
            drop(items);
            let due = listed.is_none_or(|last| last.elapsed() >= config.playlists);
            if due || self.catalogue.is_ended() {
                for (name, text) in self.catalogue.due() {
                    self.put(name, Source::Here(text.body.into())).await;
                    self.catalogue.stored(name, text.version);
                    listed = Some(Instant::now());
                }
            }
        }
        info!("archived {}", self.place);
    }

    async fn put_item(&self, item: &Item) {
        match item {
            Item::Init { id, init, .. } => {
                let name = Resource::Init { track: init.track, id: *id };
                self.put(name, Source::Here(init.data.clone().into())).await;
            }
            Item::Segment { segment, media, .. } => {
                let name = Resource::Segment { track: segment.track, sequence: segment.sequence };
                self.put(name, Source::Media(media)).await;
            }
            Item::Protection { .. }
            | Item::TargetDuration(_)
            | Item::Gap { .. }
            | Item::End { .. } => {}
        }
    }

    /// Uploads, however often it takes.
    async fn put(&self, name: Resource, source: Source<'_>) {
        let (archive, config) = (&*self.archive, &self.archive.config);
        let path = Path::from(format!("{}{name}", self.place));
        let mut backoff = Backoff::new(config.backoff / 20, config.backoff);
        let mut failed = false;
        loop {
            let error = match self.attempt(&path, &source).await {
                Ok(bytes) => {
                    archive.counts.uploads.fetch_add(1, Ordering::Relaxed);
                    archive.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
                    if failed {
                        info!("{path} is in the store now");
                    }
                    return;
                }
                Err(error) => error,
            };
            archive.counts.failures.fetch_add(1, Ordering::Relaxed);
            // Said once an object: an outage is long.
            if !std::mem::replace(&mut failed, true) {
                warn!("{path} cannot be archived yet: {error}");
            }
            sleep(backoff.wait()).await;
        }
    }

    async fn attempt(&self, path: &Path, source: &Source<'_>) -> Result<u64, Failure> {
        let archive = &*self.archive;
        let _permit = archive.permits.acquire().await;
        // Read anew for each attempt: what waits takes no memory for as long as it waits.
        let payload = match source {
            Source::Here(payload) => payload.clone(),
            Source::Media(media) => media.payload().await.map_err(Failure::Disk)?,
        };
        let bytes = payload.content_length() as u64;
        let put = archive.store.put(path, payload);
        match timeout(archive.config.attempt, put).await {
            Ok(Ok(_)) => Ok(bytes),
            Ok(Err(error)) => Err(Failure::Store(error)),
            Err(_) => Err(Failure::Silent),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(object_store::Error),
    #[error("what waited on disk cannot be read: {0}")]
    Disk(std::io::Error),
    #[error("the store did not answer in time")]
    Silent,
}
