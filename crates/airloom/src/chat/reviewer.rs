use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use airloom_chat::{Input, RoomId, Submission, Ticket};
use tokio::sync::Semaphore;

use super::hub::Hub;

/// Decides about what a policy has held, in its own time: a service that reads texts, a model, a
/// queue that people work off.
///
/// Asked on the node that orders the room's entries. What it says comes back to the room as
/// [`Input::Review`] in nobody's name; moderators may be quicker (`POST /ROOM/reviews`), and what
/// nobody has decided within [`review`](airloom_chat::Config::review) is dropped.
///
/// ```
/// use std::future::ready;
/// use std::pin::Pin;
///
/// use airloom::chat::{Chat, Reviewer};
/// use airloom::chat::core::moderation::{Policies, ReviewAll};
/// use airloom::chat::core::{RoomId, Submission};
///
/// #[derive(Debug)]
/// struct Polite;
///
/// impl Reviewer for Polite {
///     fn review(
///         &self,
///         _room: RoomId,
///         submission: Submission,
///     ) -> Pin<Box<dyn Future<Output = Option<bool>> + Send>> {
///         // As well a request to somewhere else.
///         Box::pin(ready(submission.body.text().map(|text| text.contains("please"))))
///     }
/// }
///
/// let builder =
///     Chat::builder().policies(|_| Policies::default().with(ReviewAll)).reviewer(Polite);
/// ```
pub trait Reviewer: fmt::Debug + Send + Sync {
    /// Whether a submission may appear; `None` leaves it to somebody else.
    ///
    /// Dropped where the answer can no longer matter.
    fn review(
        &self,
        room: RoomId,
        submission: Submission,
    ) -> Pin<Box<dyn Future<Output = Option<bool>> + Send>>;
}

/// A reviewer at work.
#[derive(Debug, Clone)]
pub(super) struct Reviews {
    reviewer: Arc<dyn Reviewer>,
    /// How many are asked at once.
    places: Arc<Semaphore>,
}

impl Reviews {
    pub(super) fn new(reviewer: Arc<dyn Reviewer>, at_once: usize) -> Self {
        Self {
            reviewer,
            places: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }

    /// Asks, in a task of its own, and tells the room. What waits for a place is what the rooms
    /// hold, which they bound.
    pub(super) fn ask(
        &self,
        hub: &Weak<Hub>,
        room: RoomId,
        ticket: Ticket,
        submission: Submission,
        within: std::time::Duration,
    ) {
        let (reviews, hub) = (self.clone(), Weak::clone(hub));
        tokio::spawn(async move {
            let asked = async {
                let _place = reviews.places.acquire().await.ok()?;
                reviews.reviewer.review(room.clone(), submission).await
            };
            let Ok(Some(approve)) = tokio::time::timeout(within, asked).await else { return };
            if let Some(hub) = hub.upgrade() {
                // Somebody may have been quicker.
                let _ = hub.request(&room, Input::Review { ticket, by: None, approve }).await;
            }
        });
    }
}
