//! Who is here, in an event of constant size.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::compose::line;
use crate::UserId;
use crate::author::UserKey;

/// How long somebody who was seen writing counts as writing.
const TYPING: Duration = Duration::from_secs(5);
/// Beyond this many it does not matter how many are writing.
const TYPISTS: usize = 100;

#[derive(Debug)]
pub(super) struct Presence {
    /// The least time between two statements; none where nothing is said.
    pace: Option<Duration>,
    /// How many are listed by id.
    limit: usize,
    here: u64,
    elsewhere: u64,
    listed: BTreeMap<UserId, u32>,
    /// Known readers that found the list full.
    unlisted: u64,
    typing: HashSet<UserKey>,
    typing_ends: Option<Duration>,
    ready: Duration,
    /// Since when there is something new to say.
    changed: Option<Duration>,
    /// What was said last, for those who did not hear it.
    last: Bytes,
}

impl Presence {
    pub(super) fn new(pace: Option<Duration>, limit: usize) -> Self {
        Self {
            pace,
            limit,
            here: 0,
            elsewhere: 0,
            listed: BTreeMap::new(),
            unlisted: 0,
            typing: HashSet::new(),
            typing_ends: None,
            ready: Duration::ZERO,
            changed: None,
            last: Bytes::new(),
        }
    }

    pub(super) fn join(&mut self, now: Duration, user: Option<&UserId>) {
        self.here += 1;
        self.changed.get_or_insert(now);
        let Some(user) = user else { return };
        if let Some(times) = self.listed.get_mut(user) {
            *times += 1;
        } else if self.listed.len() < self.limit {
            self.listed.insert(user.clone(), 1);
        } else {
            self.unlisted += 1;
        }
    }

    pub(super) fn leave(&mut self, now: Duration, user: Option<&UserId>) {
        self.here = self.here.saturating_sub(1);
        self.changed.get_or_insert(now);
        let Some(user) = user else { return };
        match self.listed.get_mut(user) {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => drop(self.listed.remove(user)),
            None => self.unlisted = self.unlisted.saturating_sub(1),
        }
    }

    pub(super) fn typing(&mut self, now: Duration, user: &UserId) {
        let user = UserKey::of(user);
        if self.typing.len() < TYPISTS && self.typing.insert(user) {
            self.changed.get_or_insert(now);
            self.typing_ends.get_or_insert(now.saturating_add(TYPING));
        }
    }

    /// Readers of the same room on other nodes.
    pub(super) fn elsewhere(&mut self, now: Duration, readers: u64) {
        if self.elsewhere != readers {
            self.changed.get_or_insert(now);
        }
        self.elsewhere = readers;
    }

    pub(super) fn here(&self) -> u64 {
        self.here
    }

    /// When there is something to say.
    pub(super) fn due(&self) -> Option<Duration> {
        self.pace?;
        self.changed.or(self.typing_ends).map(|since| since.max(self.ready))
    }

    /// The last statement; empty before the first.
    pub(super) fn last(&self) -> &Bytes {
        &self.last
    }

    /// Writes the statement if it is due.
    pub(super) fn say(&mut self, now: Duration, out: &mut BytesMut) -> u32 {
        let Some(pace) = self.pace else { return 0 };
        if self.due().is_none_or(|due| due > now) {
            return 0;
        }
        if self.typing_ends.is_some_and(|ends| ends <= now) {
            // Whoever still writes says so again.
            self.typing.clear();
            self.typing_ends = None;
        }
        let start = out.len();
        let readers = self.here.saturating_add(self.elsewhere);
        let typing = self.typing.len();
        line(
            out,
            format_args!("event: presence\ndata: {{\"readers\":{readers},\"typing\":{typing}"),
        );
        // A list that is not whole would be taken for one that is.
        if self.unlisted == 0 && self.elsewhere == 0 && self.limit > 0 {
            let members: Vec<_> = self.listed.keys().collect();
            if let Ok(json) = serde_json::to_string(&members) {
                line(out, format_args!(",\"members\":{json}"));
            }
        }
        out.extend_from_slice(b"}\n\n");
        self.last = Bytes::copy_from_slice(out.get(start..).unwrap_or_default());
        self.changed = None;
        self.ready = now.saturating_add(pace);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(presence: &mut Presence, at: u64) -> String {
        let mut out = BytesMut::new();
        presence.say(Duration::from_millis(at), &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn small_rooms_are_listed_and_large_ones_counted() {
        let user = |name: &str| name.parse::<UserId>().unwrap();
        let mut presence = Presence::new(Some(Duration::from_secs(1)), 2);
        presence.join(Duration::ZERO, Some(&user("ann")));
        presence.join(Duration::ZERO, Some(&user("ann")));
        presence.join(Duration::ZERO, None);
        let event = "event: presence\ndata: ";
        assert_eq!(
            said(&mut presence, 0),
            format!("{event}{{\"readers\":3,\"typing\":0,\"members\":[\"ann\"]}}\n\n")
        );
        presence.join(Duration::ZERO, Some(&user("ben")));
        presence.join(Duration::ZERO, Some(&user("cid")));
        assert_eq!(said(&mut presence, 999), "");
        assert_eq!(said(&mut presence, 1000), format!("{event}{{\"readers\":5,\"typing\":0}}\n\n"));
        presence.leave(Duration::ZERO, Some(&user("cid")));
        presence.leave(Duration::ZERO, Some(&user("ann")));
        assert_eq!(
            said(&mut presence, 2000),
            format!("{event}{{\"readers\":3,\"typing\":0,\"members\":[\"ann\",\"ben\"]}}\n\n")
        );
        assert_eq!(presence.due(), None);
    }

    #[test]
    fn typing_is_a_number_that_fades() {
        let mut presence = Presence::new(Some(Duration::from_secs(1)), 0);
        for number in 0..10_000 {
            presence.typing(Duration::ZERO, &number.to_string().parse().unwrap());
        }
        assert!(said(&mut presence, 0).contains("\"typing\":100}"));
        assert_eq!(presence.due(), Some(TYPING));
        assert!(said(&mut presence, 5000).contains("\"typing\":0}"));
        assert_eq!(presence.due(), None);
    }
}
