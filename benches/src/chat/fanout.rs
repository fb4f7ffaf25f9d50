use std::hint::black_box;
use std::time::Duration;

use airloom_chat::moderation::Policies;
use airloom_chat::{
    Anchor, Author, Config, Epoch, Input, Output, Reader, Room, Submission, Take, UserId,
};
use bytes::{Bytes, BytesMut};
use tokio::sync::broadcast;

use crate::measure::{Contender, Tally};
use crate::{Failure, Heat};

/// A tenth of a second of 1,000 messages a second.
const A_TICK: usize = 100;
const TEXT: &str = "a message of the length that people write when they are in a hurry";

/// `ticks` tenths of a second for so many readers.
pub(super) fn heat(key: &str, readers: usize, ticks: usize) -> Heat<'static> {
    let contenders = vec![
        Contender::with_setup(
            "tokio::sync::broadcast 1, a message each",
            move || Broadcast::new(readers),
            move |state| state.one_by_one(ticks),
        ),
        Contender::with_setup(
            "tokio::sync::broadcast 1, a batch each",
            move || Broadcast::new(readers),
            move |state| state.batched(ticks),
        ),
        Contender::with_setup(
            "airloom-chat",
            move || Audience::new(readers),
            move |state| state.run(ticks),
        ),
    ];
    let items = (readers * ticks * A_TICK) as u64;
    Heat {
        key: key.to_owned(),
        title: format!("Chat: {readers} readers in process, 1,000 messages/s"),
        method: "One thread: admits what is said, makes what is to be sent of it, and hands every \
                 reader a reference to it (no socket). An item is one message given to one reader. \
                 airloom-chat also moderates, numbers, keeps the history and counts who is here; \
                 broadcast's messages are ready-made.",
        bytes: items * Broadcast::message(0).len() as u64,
        items,
        item: "delivered message",
        contenders,
    }
}

/// A room and those who read in it.
struct Audience {
    room: Room,
    readers: Vec<Reader>,
    writers: Vec<UserId>,
    now: Duration,
}

impl Audience {
    fn new(count: usize) -> Self {
        let now = Duration::ZERO;
        let config = Config { display: None, deliveries: u32::MAX, ..Config::default() };
        let mut room =
            Room::new(now, config, Policies::default(), Epoch::new(1), Anchor::default());
        let readers = (0..count).map(|_| room.feed_mut().join(now, None, None)).collect();
        let writers = (0..500).filter_map(|number| format!("user{number}").parse().ok()).collect();
        let mut audience = Self { room, readers, writers, now };
        // The counting of who came is told; the rest is steady.
        for _ in 0..3 {
            audience.now += Duration::from_secs(1);
            audience.tick();
        }
        audience
    }

    /// Gives everybody what is due. Returns the bytes handed out, and to how many.
    fn tick(&mut self) -> (u64, u64) {
        let (mut bytes, mut served) = (0, 0);
        self.room.handle_timeout(self.now);
        while let Some(output) = self.room.poll_output() {
            let Output::Batch(batch) = output else { continue };
            for reader in &mut self.readers {
                match reader.take(black_box(&batch)) {
                    Take::Write(events) => bytes += black_box(events).len() as u64,
                    Take::Own(events) => bytes += black_box(events).len() as u64,
                    Take::Nothing => continue,
                    Take::Behind | Take::Wait(_) => {
                        let caught = self.room.feed_mut().catch_up(self.now, reader);
                        drop(black_box(caught));
                        continue;
                    }
                }
                served += 1;
            }
        }
        (bytes, served)
    }

    fn run(&mut self, ticks: usize) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for _ in 0..ticks {
            self.now += Duration::from_millis(100);
            for writer in self.writers.iter().cycle().take(A_TICK) {
                let message = Submission::message(Author::new(writer.clone()), TEXT);
                let answer = self.room.handle_input(self.now, Input::Submit(message));
                answer.map_err(|refusal| refusal.to_string())?;
            }
            let (_, served) = self.tick();
            tally.items += served * A_TICK as u64;
        }
        let due = self.readers.len() * ticks * A_TICK;
        if tally.items == due as u64 {
            Ok(tally)
        } else {
            Err(format!("{} of {due} were delivered", tally.items).into())
        }
    }
}

struct Broadcast {
    sender: broadcast::Sender<Bytes>,
    receivers: Vec<broadcast::Receiver<Bytes>>,
}

impl Broadcast {
    fn new(count: usize) -> Self {
        let (sender, _) = broadcast::channel(16);
        let receivers = (0..count).map(|_| sender.subscribe()).collect();
        Self { sender, receivers }
    }

    /// What one message is as an event of its own.
    fn message(number: usize) -> Bytes {
        format!("data: {{\"offset\":{number},\"user\":\"user1\",\"text\":\"{TEXT}\"}}\n\n").into()
    }

    fn send(&mut self, message: Bytes) -> Result<u64, Failure> {
        self.sender.send(message)?;
        let mut served = 0;
        for receiver in &mut self.receivers {
            black_box(receiver.try_recv()?);
            served += 1;
        }
        Ok(served)
    }

    fn one_by_one(&mut self, ticks: usize) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for number in 0..ticks * A_TICK {
            tally.items += self.send(Self::message(number))?;
        }
        Ok(tally)
    }

    fn batched(&mut self, ticks: usize) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for tick in 0..ticks {
            let mut batch = BytesMut::new();
            for number in 0..A_TICK {
                batch.extend_from_slice(&Self::message(tick * A_TICK + number));
            }
            tally.items += self.send(batch.freeze())? * A_TICK as u64;
        }
        Ok(tally)
    }
}
