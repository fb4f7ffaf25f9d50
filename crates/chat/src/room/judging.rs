//! Whether a submission may be in the room.

use std::time::Duration;

use super::Room;
use crate::author::UserKey;
use crate::feed::Slot;
use crate::moderation::{Case, Verdict};
use crate::{Body, Poll, Refusal, Roles, Submission};

impl Room {
    /// What holds whatever the policies say: form, size and roles.
    pub(super) fn check(&self, submission: &Submission) -> Result<(), Refusal> {
        let Submission { author, body, .. } = submission;
        let limit = self.config.limits.text;
        let texts: [&str; 2] = match body {
            Body::StreamInfo { title, category } => [title, category],
            body => [body.text().unwrap_or_default(), ""],
        };
        if texts.iter().any(|text| text.len() > limit) {
            return Err(Refusal::TooLong { limit, unit: "bytes" });
        }
        let allowed = match body {
            Body::Message { text } | Body::Reply { text, .. } | Body::System { text } => {
                if text.trim().is_empty() {
                    return Err(Refusal::Empty);
                }
                !matches!(body, Body::System { .. }) || author.roles.is_staff()
            }
            Body::Delete { target } => {
                let slot = self.feed.slot(*target);
                if slot.is_some_and(|slot| slot.deletes.is_some()) {
                    return Err(Refusal::Impossible { field: "target" });
                }
                // Deletions are never sampled away: one an entry, however often it is asked for.
                if slot.is_some_and(Slot::is_buried) {
                    return Err(Refusal::UnknownEntry);
                }
                let own = slot.is_some_and(|slot| slot.author == UserKey::of(&author.id));
                let above =
                    slot.is_none_or(|slot| author.roles.rank() >= self.rank_of(slot.author));
                own || (author.roles.is_staff() && above)
            }
            Body::Pin { target } => {
                if target.is_some_and(|target| self.feed.slot(target).is_none()) {
                    return Err(Refusal::UnknownEntry);
                }
                author.roles.is_staff()
            }
            Body::Poll(poll) => {
                check_poll(poll, limit)?;
                author.roles.is_staff()
            }
            Body::StreamInfo { .. } => author.roles.is_staff(),
            Body::Donation { .. } | Body::Subscription { .. } => author.roles.any(Roles::SYSTEM),
            Body::Reactions { .. } => return Err(Refusal::Impossible { field: "kind" }),
        };
        if allowed { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    pub(super) fn judge(
        &mut self,
        now: Duration,
        submission: &Submission,
    ) -> Result<Verdict, Refusal> {
        let author = &submission.author;
        if author.roles.is_staff() || submission.body.is_priority() {
            return Ok(Verdict::Pass);
        }
        let key = UserKey::of(&author.id);
        let record = self.authors.get(&key).cloned().unwrap_or_default();
        let case = Case {
            now,
            author,
            body: &submission.body,
            text: submission.body.text().unwrap_or_default(),
            modes: &self.modes,
            record: &record,
            room: &self.record,
        };
        let verdict = self.policies.judge(&case);
        if let Verdict::Refuse(refusal) = verdict {
            return Err(refusal);
        }
        if verdict == Verdict::Hold && self.held.len() >= self.config.limits.held {
            return Err(Refusal::Full { what: "reviews" });
        }
        let (mut noted, mut room) = (record.clone(), self.record.clone());
        self.policies.note(&case, &mut noted, &mut room);
        noted.note_admission(now);
        room.note_admission(now);
        self.record = room;
        self.authors.insert(now, key, noted);
        Ok(verdict)
    }
}

fn check_poll(poll: &Poll, limit: usize) -> Result<(), Refusal> {
    let fresh = poll.poll.is_none() && !poll.closed && poll.options.iter().all(|it| it.votes == 0);
    let labelled = poll.options.iter().all(|it| !it.text.trim().is_empty());
    if !fresh {
        Err(Refusal::Impossible { field: "standing" })
    } else if !(2..=10).contains(&poll.options.len()) || !labelled {
        Err(Refusal::Impossible { field: "options" })
    } else if poll.question.trim().is_empty() {
        Err(Refusal::Empty)
    } else if poll.options.iter().any(|it| it.text.len() > limit) {
        Err(Refusal::TooLong { limit, unit: "bytes" })
    } else {
        Ok(())
    }
}
