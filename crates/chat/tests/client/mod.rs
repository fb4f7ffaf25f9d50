//! A reader as it is on the other side of the wire: reads the events, believes nothing, and
//! complains about whatever the contract does not allow.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use airloom_chat::{
    Author, Batch, Cursor, Entry, Feed, Input, Output, Reader, Receipt, Refusal, Room, Submission,
    Take, UserId,
};

pub fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

pub fn author(name: &str) -> Author {
    Author::new(user(name))
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Has `name` say `text`.
pub fn say(room: &mut Room, now: Duration, name: &str, text: &str) -> Result<Receipt, Refusal> {
    let answer = room.handle_input(now, Input::Submit(Submission::message(author(name), text)))?;
    match answer {
        airloom_chat::Answer::Admitted(receipt) => Ok(receipt),
        other => panic!("{other:?}"),
    }
}

/// Runs a room until `until`, giving every client what is due to it.
pub fn run(room: &mut Room, clients: &mut [&mut Client], until: Duration) -> Vec<Output> {
    let mut others = Vec::new();
    loop {
        let wake = clients.iter().filter_map(|client| client.wake).min();
        let due = [room.poll_timeout(), wake].into_iter().flatten().min();
        let due = due.filter(|due| *due <= until);
        if let Some(due) = due {
            room.handle_timeout(due);
        }
        while let Some(output) = room.poll_output() {
            match output {
                Output::Batch(batch) => {
                    for client in clients.iter_mut() {
                        client.receive(due.unwrap_or(until), &batch, room.feed_mut());
                    }
                }
                other => others.push(other),
            }
        }
        let Some(due) = due else { return others };
        for client in clients.iter_mut() {
            client.woken(due, room.feed_mut());
        }
    }
}

/// What may be in the data of an event.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Data {
    entries: Vec<Entry>,
    from: u64,
    to: u64,
    except: Option<Vec<u64>>,
    epoch: String,
}

/// What a client holds.
#[derive(Debug, Default)]
pub struct Client {
    pub reader: Option<Reader>,
    pub user: Option<UserId>,
    pub epoch: String,
    /// The next offset it expects; unknown before the first event.
    pub next: Option<u64>,
    /// Of the current epoch, as first received.
    pub entries: BTreeMap<u64, Entry>,
    /// What it was told to be missing.
    pub gaps: Vec<RangeInclusive<u64>>,
    pub resets: usize,
    /// Gaps stated, whatever became of them.
    pub stated: usize,
    pub last_id: Option<Cursor>,
    /// When each event came.
    pub times: Vec<Duration>,
    pub batches: usize,
    pub presences: Vec<String>,
    pub notices: Vec<String>,
    /// When it asks again.
    pub wake: Option<Duration>,
    pub bytes: usize,
}

impl Client {
    pub fn join(now: Duration, feed: &mut Feed, cursor: Option<Cursor>) -> Self {
        let mut client = Self::default();
        client.come(now, feed, cursor);
        client
    }

    pub fn join_as(now: Duration, feed: &mut Feed, name: &str) -> Self {
        let mut client = Self { user: Some(user(name)), ..Self::default() };
        client.come(now, feed, None);
        client
    }

    fn come(&mut self, now: Duration, feed: &mut Feed, cursor: Option<Cursor>) {
        if let Some(cursor) = cursor {
            self.epoch = cursor.epoch.to_string();
            self.next = Some(cursor.offset.number() + 1);
        }
        self.reader = Some(feed.join(now, self.user.as_ref(), cursor));
        self.catch_up(now, feed);
    }

    /// Loses its connection and comes back with the last id it saw.
    pub fn reconnect(&mut self, now: Duration, feed: &mut Feed) {
        feed.leave(now, self.user.as_ref());
        let cursor = self.last_id;
        self.times.clear();
        if let Some(cursor) = cursor {
            // What came after the last id without one of its own is not what it goes on from.
            self.entries.retain(|offset, _| *offset <= cursor.offset.number());
        }
        self.come(now, feed, cursor);
    }

    pub fn receive(&mut self, now: Duration, batch: &Batch, feed: &mut Feed) {
        let reader = self.reader.as_mut().expect("joined");
        match reader.take(batch) {
            Take::Write(events) => {
                let events = events.clone();
                self.read(now, &events);
            }
            Take::Own(events) => self.read(now, &events),
            Take::Nothing => {}
            Take::Behind => self.catch_up(now, feed),
            Take::Wait(until) => self.wake = Some(until.max(now)),
        }
    }

    pub fn woken(&mut self, now: Duration, feed: &mut Feed) {
        if self.wake.is_some_and(|wake| wake <= now) {
            self.wake = None;
            self.catch_up(now, feed);
        }
    }

    pub fn catch_up(&mut self, now: Duration, feed: &mut Feed) {
        let reader = self.reader.as_mut().expect("joined");
        match feed.catch_up(now, reader) {
            Take::Own(events) => {
                self.read(now, &events);
                // There may be more.
                self.wake = Some(now + ms(1));
            }
            Take::Wait(until) => self.wake = Some(until),
            Take::Nothing => {}
            other => panic!("{other:?}"),
        }
    }

    /// Reads a run of server-sent events.
    pub fn read(&mut self, now: Duration, bytes: &[u8]) {
        self.bytes += bytes.len();
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        assert!(text.ends_with("\n\n"), "whole events only: {text:?}");
        for event in text.trim_end_matches("\n\n").split("\n\n") {
            self.event(now, event);
        }
    }

    fn event(&mut self, now: Duration, event: &str) {
        let (mut name, mut id, mut data) = ("", None, "");
        for line in event.lines() {
            match line.split_once(": ").expect("a field") {
                ("event", value) => name = value,
                ("id", value) => id = Some(value.parse::<Cursor>().expect("a cursor")),
                ("data", value) => data = value,
                (field, _) => panic!("{field}"),
            }
        }
        self.times.push(now);
        let data_of = || serde_json::from_str::<Data>(data).expect(data);
        match name {
            "batch" => {
                self.batches += 1;
                let entries = data_of().entries;
                assert!(!entries.is_empty());
                for entry in entries {
                    self.entry(entry);
                }
                let last = *self.entries.last_key_value().expect("just read").0;
                let id = id.expect("a batch has an id");
                assert_eq!(id.offset.number(), last, "the id is that of the last entry");
                if self.epoch.is_empty() {
                    self.epoch = id.epoch.to_string();
                }
                assert_eq!(id.epoch.to_string(), self.epoch, "a reset comes first");
            }
            "gap" => {
                let Data { from, to, except, .. } = data_of();
                assert!(0 < from && from <= to);
                self.stated += 1;
                match except {
                    None => {
                        assert_eq!(*self.next.get_or_insert(from), from, "a gap begins where due");
                        self.next = Some(to + 1);
                        self.gaps.push(from..=to);
                    }
                    Some(except) => {
                        let mut start = from;
                        for kept in except {
                            if start < kept {
                                self.gaps.push(start..=kept - 1);
                            }
                            start = kept + 1;
                        }
                        if start <= to {
                            self.gaps.push(start..=to);
                        }
                    }
                }
            }
            "reset" => {
                self.resets += 1;
                self.epoch = data_of().epoch;
                assert!(!self.epoch.is_empty());
                self.entries.clear();
                self.gaps.clear();
                self.next = Some(id.expect("a reset has an id").offset.number() + 1);
            }
            "presence" => self.presences.push(data.to_owned()),
            "link" => self.notices.push(data.to_owned()),
            other => panic!("{other}"),
        }
        if id.is_some() {
            self.last_id = id;
        }
    }

    fn entry(&mut self, entry: Entry) {
        let offset = entry.offset.number();
        let next = *self.next.get_or_insert(offset);
        assert!(offset >= next, "offset {offset} again or too late: {next} is due");
        for missing in next..offset {
            assert!(self.is_excused(missing), "{missing} is missing and nobody said so");
        }
        self.next = Some(offset + 1);
        // Gaps with exceptions name what follows them.
        assert!(!self.is_excused(offset), "{offset} came although it was said to be missing");
        assert!(self.entries.insert(offset, entry).is_none(), "{offset} twice");
    }

    fn is_excused(&self, offset: u64) -> bool {
        self.gaps.iter().any(|gap| gap.contains(&offset))
    }

    pub fn offsets(&self) -> Vec<u64> {
        self.entries.keys().copied().collect()
    }

    pub fn texts(&self) -> Vec<&str> {
        self.entries.values().filter_map(|entry| entry.body.text()).collect()
    }

    pub fn missing(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.end() - gap.start() + 1).sum()
    }

    /// The most events that came within any one second.
    pub fn busiest_second(&self) -> usize {
        let mut most = 0;
        for (index, start) in self.times.iter().enumerate() {
            let within = self.times.iter().skip(index);
            most = most.max(within.take_while(|at| **at < *start + ms(1000)).count());
        }
        most
    }
}
