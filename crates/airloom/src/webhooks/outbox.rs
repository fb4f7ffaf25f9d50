use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::Config;
use super::message::Message;
use crate::origin::StreamName;
use crate::rtmp::Backoff;

/// The longest a receiver can ask to be left alone.
const RETRY_AFTER: Duration = Duration::from_hours(1);

/// What waits for one receiver: a line for each stream, of which the first is sent until it arrives.
///
/// Time is an argument: since any fixed point.
#[derive(Debug)]
pub(super) struct Outbox {
    lines: HashMap<StreamName, Line>,
    waiting: usize,
    under_way: usize,
    gone: bool,
    counts: Counts,
    /// Numbers of messages that wait no longer, whatever came of them.
    over: Vec<u64>,
}

/// What came of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) dropped: u64,
}

#[derive(Debug)]
struct Line {
    messages: VecDeque<Message>,
    backoff: Backoff,
    /// When the first may be sent; `None` while it is on its way.
    ready: Option<Duration>,
}

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A status, and how long to wait if it says so.
    Status(u16, Option<Duration>),
    /// None.
    None,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let (lines, counts) = (HashMap::new(), Counts::default());
        Self { lines, waiting: 0, under_way: 0, gone: false, counts, over: Vec::new() }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Messages that have not arrived yet.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts a message at the end of its stream's line, where the receiver still wants any.
    pub(super) fn push(&mut self, config: &Config, message: Message) {
        if self.gone {
            self.counts.dropped += 1;
            self.over.push(message.sequence);
            return;
        }
        let made = message.made;
        let line = self.lines.entry(message.stream.clone()).or_insert_with(|| Line {
            messages: VecDeque::new(),
            backoff: Backoff::new(config.first_wait, config.longest_wait),
            ready: Some(made),
        });
        line.messages.push_back(message);
        self.waiting += 1;
        while self.waiting > config.queue.max(1) && self.drop_oldest() {}
    }

    /// The numbers of those that have come to wait no longer since this was last asked.
    pub(super) fn take_over(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.over)
    }

    /// The next message to send, if any.
    pub(super) fn poll(&mut self, config: &Config, now: Duration) -> Option<Message> {
        if self.under_way >= config.at_once.max(1) {
            return None;
        }
        let due = |line: &&mut Line| line.ready.is_some_and(|ready| ready <= now);
        // The one that has waited longest goes first.
        let line = self.lines.values_mut().filter(due);
        let line = line.min_by_key(|line| line.messages.front().map(|first| first.sequence))?;
        let message = line.messages.front()?.clone();
        line.ready = None;
        self.under_way += 1;
        Some(message)
    }

    /// When [`poll`](Self::poll) has something next.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.lines.values().filter_map(|line| line.ready).min()
    }

    /// Takes in what came of the first message of a stream's line.
    pub(super) fn settle(
        &mut self,
        config: &Config,
        now: Duration,
        stream: &StreamName,
        answer: Answer,
    ) {
        self.under_way = self.under_way.saturating_sub(1);
        let Some(line) = self.lines.get_mut(stream) else { return };
        line.ready = Some(now);
        match answer {
            Answer::Status(200..=299, _) => {
                self.counts.delivered += 1;
                line.backoff.reset();
                self.over.extend(line.messages.pop_front().map(|first| first.sequence));
                self.waiting -= 1;
            }
            Answer::Status(410, _) => {
                // It does not want any more, and says so (RFC 9110, 15.5.11).
                self.counts.failed += 1;
                self.counts.dropped += self.waiting as u64;
                self.gone = true;
                self.waiting = 0;
                let lines = self.lines.drain().flat_map(|(_, line)| line.messages);
                self.over.extend(lines.map(|message| message.sequence));
                return;
            }
            Answer::Status(_, after) => {
                let after = after.unwrap_or_default().min(RETRY_AFTER);
                line.ready = Some(now + line.backoff.wait().max(after));
                self.counts.failed += 1;
            }
            Answer::None => {
                line.ready = Some(now + line.backoff.wait());
                self.counts.failed += 1;
            }
        }
        // What nobody took for so long is of no use to anybody any more.
        while line
            .messages
            .front()
            .is_some_and(|first| now.saturating_sub(first.made) >= config.give_up)
        {
            self.over.extend(line.messages.pop_front().map(|first| first.sequence));
            self.waiting -= 1;
            self.counts.dropped += 1;
        }
        if line.messages.is_empty() {
            self.lines.remove(stream);
        }
    }

    /// Whether the receiver wants no more.
    pub(super) const fn is_gone(&self) -> bool {
        self.gone
    }

    /// Drops the oldest message that is not on its way, if there is one.
    fn drop_oldest(&mut self) -> bool {
        let first = |line: &Line| usize::from(line.ready.is_none());
        let oldest = self
            .lines
            .iter()
            .filter_map(|(name, line)| Some((line.messages.get(first(line))?.sequence, name)))
            .min();
        let Some(name) = oldest.map(|(_, name)| name.clone()) else { return false };
        if let Some(line) = self.lines.get_mut(&name) {
            let dropped = line.messages.remove(first(line));
            self.over.extend(dropped.map(|message| message.sequence));
            if line.messages.is_empty() {
                self.lines.remove(&name);
            }
        }
        self.waiting -= 1;
        self.counts.dropped += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    fn config() -> Config {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        Config::new("http://127.0.0.1/".parse().unwrap(), secret)
    }

    fn message(stream: &str, sequence: u64, made: u64) -> Message {
        let (made, id) = (Duration::from_secs(made), sequence.to_string().into());
        Message { stream: stream.parse().unwrap(), sequence, made, id, body: bytes::Bytes::new() }
    }

    /// Plays a receiver that answers `answer` from `from` to `to`, each attempt taking a second;
    /// what it took in, and when it was asked.
    fn play(
        outbox: &mut Outbox,
        config: &Config,
        mut now: u64,
        to: u64,
        answer: Answer,
    ) -> Vec<(u64, u64)> {
        let mut asked = Vec::new();
        while now < to {
            while let Some(message) = outbox.poll(config, Duration::from_secs(now)) {
                asked.push((now, message.sequence));
                let then = Duration::from_secs(now + 1);
                outbox.settle(config, then, &message.stream, answer);
            }
            now += 1;
        }
        asked
    }

    #[test]
    fn a_receiver_that_is_down_for_an_hour_is_told_everything_in_order() {
        let (mut outbox, config) = (Outbox::new(), config());
        for sequence in 0..300 {
            let stream = ["a", "b", "c"][sequence as usize % 3];
            outbox.push(&config, message(stream, sequence, sequence * 12));
        }
        let failed = play(&mut outbox, &config, 0, 3600, Answer::None);
        // Three streams that wait five minutes at most, half of it on average, and not all at once.
        assert!((36..200).contains(&failed.len()), "{}", failed.len());
        assert!(failed.iter().all(|(_, sequence)| *sequence < 3), "only the first is tried");
        assert_eq!((outbox.waiting(), outbox.counts().failed), (300, failed.len() as u64));
        // It is back: everything arrives, each stream's in order.
        let told = play(&mut outbox, &config, 3600, 4200, Answer::Status(204, None));
        assert_eq!((told.len(), outbox.waiting(), outbox.lines.len()), (300, 0, 0));
        for stream in 0..3 {
            let of_it: Vec<_> =
                told.iter().map(|told| told.1).filter(|it| it % 3 == stream).collect();
            assert!(of_it.is_sorted());
        }
        assert_eq!(outbox.counts().dropped, 0);
        assert_eq!(outbox.poll_timeout(), None);
        let mut over = outbox.take_over();
        over.sort_unstable();
        assert_eq!(over, (0..300).collect::<Vec<_>>());
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_is_lost() {
        let (mut outbox, mut config) = (Outbox::new(), config());
        config.queue = 10;
        for sequence in 0..5 {
            outbox.push(&config, message("a", sequence, 0));
        }
        // The first is on its way, and is not taken back.
        assert_eq!(outbox.poll(&config, Duration::ZERO).unwrap().sequence, 0);
        for sequence in 5..100 {
            let stream = if sequence % 2 == 0 { "a" } else { "b" };
            outbox.push(&config, message(stream, sequence, 0));
        }
        assert_eq!((outbox.waiting(), outbox.counts().dropped), (10, 90));
        assert_eq!(outbox.take_over().len(), 90);
        outbox.settle(&config, Duration::ZERO, &"a".parse().unwrap(), Answer::Status(200, None));
        let told = play(&mut outbox, &config, 0, 100, Answer::Status(200, None));
        let mut told: Vec<_> = told.into_iter().map(|told| told.1).collect();
        told.sort_unstable();
        assert_eq!(told, (91..100).collect::<Vec<_>>());
    }

    #[test]
    fn one_stream_that_is_refused_does_not_hold_up_another() {
        let (mut outbox, config) = (Outbox::new(), config());
        for sequence in 0..10 {
            outbox.push(&config, message(["bad", "good"][sequence as usize % 2], sequence, 0));
        }
        let mut told = Vec::new();
        for second in 0..60 {
            let now = Duration::from_secs(second);
            while let Some(message) = outbox.poll(&config, now) {
                let good = message.stream.as_str() == "good";
                let status = if good { 200 } else { 500 };
                told.extend(good.then_some(message.sequence));
                outbox.settle(&config, now, &message.stream, Answer::Status(status, None));
            }
        }
        assert_eq!(told, [1, 3, 5, 7, 9]);
        assert_eq!(outbox.waiting(), 5);
    }

    #[test]
    fn a_message_is_given_up_in_the_end_and_a_receiver_that_is_gone_at_once() {
        let (mut outbox, mut config) = (Outbox::new(), config());
        config.give_up = Duration::from_mins(10);
        outbox.push(&config, message("a", 0, 0));
        outbox.push(&config, message("a", 1, 3000));
        play(&mut outbox, &config, 0, 1800, Answer::Status(500, None));
        assert_eq!((outbox.waiting(), outbox.counts().dropped), (1, 1));
        play(&mut outbox, &config, 3000, 3001, Answer::Status(410, None));
        assert!(outbox.is_gone());
        outbox.push(&config, message("a", 2, 3001));
        assert_eq!((outbox.waiting(), outbox.counts().dropped), (0, 3));
        assert_eq!(outbox.take_over(), [0, 1, 2]);
        assert_eq!(outbox.poll(&config, Duration::from_hours(9)), None);
    }

    #[test]
    fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
        let (mut outbox, config) = (Outbox::new(), config());
        outbox.push(&config, message("a", 0, 0));
        let busy = Answer::Status(429, Some(Duration::from_mins(10)));
        assert_eq!(play(&mut outbox, &config, 0, 600, busy), [(0, 0)]);
        let forever = Answer::Status(503, Some(Duration::MAX));
        assert_eq!(play(&mut outbox, &config, 600, 4200, forever).len(), 1);
        assert_eq!(play(&mut outbox, &config, 4200, 4500, Answer::Status(200, None)).len(), 1);
    }
}
