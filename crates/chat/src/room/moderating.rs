//! What moderators decide.

use std::time::Duration;

use super::{Held, Room, lane};
use crate::author::UserKey;
use crate::feed::Lane;
use crate::{
    Act, Answer, Author, Body, Deed, Output, Refusal, Restriction, Submission, Ticket, UserId,
};

impl Room {
    pub(super) fn hold(&mut self, now: Duration, submission: Submission, shadow: bool) -> Answer {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.outputs.push_back(Output::Review(ticket, submission.clone()));
        let until = now.saturating_add(self.config.review);
        self.held.insert(ticket, Held { submission, shadow, until });
        Answer::Held(ticket)
    }

    pub(super) fn review(
        &mut self,
        now: Duration,
        ticket: Ticket,
        by: Option<UserId>,
        approve: bool,
    ) -> Result<Answer, Refusal> {
        self.has_output_room()?;
        let held = self.held.get(&ticket).ok_or(Refusal::UnknownTicket)?;
        let lane = lane(&held.submission);
        if approve {
            // Somebody may have been banned while it was looked at.
            let author = &held.submission.author;
            self.sanctions.check(now, &author.id, author.roles.rank())?;
            if !self.feed.has_room(lane) {
                return Err(Refusal::Busy { queue: "entries" });
            }
        }
        let held = self.held.remove(&ticket).ok_or(Refusal::UnknownTicket)?;
        self.audit(now, by, Deed::Review { ticket, approve });
        if !approve {
            return Ok(Answer::Done);
        }
        Ok(Answer::Admitted(self.admit(now, held.submission, held.shadow)))
    }

    pub(super) fn moderate(
        &mut self,
        now: Duration,
        by: &Author,
        act: Act,
    ) -> Result<Answer, Refusal> {
        if let Act::Delete { target } = act {
            let body = Body::Delete { target };
            return self.submit(now, Submission { author: by.clone(), key: None, body });
        }
        if !by.roles.is_staff() {
            return Err(Refusal::NotAllowed);
        }
        self.has_output_room()?;
        let rank = by.roles.rank();
        self.recognise(now, UserKey::of(&by.id), rank);
        match &act {
            Act::Restrict { user, how, lasts } => {
                if self.rank_of(UserKey::of(user)) >= rank {
                    return Err(Refusal::NotAllowed);
                }
                if *how == Restriction::Timeout && lasts.is_none() {
                    return Err(Refusal::Impossible { field: "lasts" });
                }
                self.sanctions.restrict(now, user, *how, *lasts, rank)?;
            }
            Act::Pardon { user } => self.sanctions.pardon(now, user, rank)?,
            Act::ClosePoll { poll } => {
                if !self.feed.has_room(Lane::Priority) {
                    return Err(Refusal::Busy { queue: "entries" });
                }
                let standing = self.tally.close(*poll)?;
                self.append(now, None, None, standing, Lane::Priority, false);
            }
            Act::Modes(modes) => self.modes = *modes,
            Act::Delete { .. } => {}
        }
        self.rules_version += 1;
        self.audit(now, Some(by.id.clone()), Deed::Act(act));
        Ok(Answer::Done)
    }
}
