//! Giving readers what is due to them.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use airloom_chat::Take;
use bytes::Bytes;

use super::super::News;
use super::super::inbox::OWED;
use super::Writer;

/// How many readers are given something before the thread looks for what else there is: some
/// milliseconds of writing.
const PORTION: usize = 256;
static NOTHING: Bytes = Bytes::new();

impl Writer {
    /// Gives some of the readers what is due to them.
    pub(super) fn deliver(&mut self) {
        let mut readers = std::mem::take(&mut self.scratch);
        let mut most = PORTION;
        while most > 0
            && let Some(turn) = self.rooms.turn(most, &mut readers)
        {
            for key in &readers {
                // Some may go before their turn comes; nobody comes meanwhile.
                self.give(*key as usize, &turn.news);
            }
            self.tell(&turn.room);
            most = most.saturating_sub(readers.len().max(1));
            let witness = self.rooms.first(&turn.room);
            if let Some(took) = self.rooms.done(self.start.elapsed(), turn)
                && took > self.brisk
                && let Some(entry) = witness.and_then(|key| self.readers.get(key as usize))
            {
                entry.seat.hub().delivered(entry.seat.room(), took);
            }
        }
        self.scratch = readers;
    }

    /// Gives a reader what it lacks of a room's news, in one go.
    fn give(&mut self, key: usize, news: &VecDeque<News>) {
        let Some(entry) = self.readers.get_mut(key) else { return };
        if !entry.connection.is_free() {
            return;
        }
        let mut given = [const { Take::Nothing }; OWED];
        let (mut count, mut rest) = (0, Take::Nothing);
        for one in news {
            match entry.take(&mut self.squeeze, one) {
                Take::Nothing => {}
                some @ (Take::Write(_) | Take::Own(_)) => {
                    if let Some(place) = given.get_mut(count) {
                        *place = some;
                    }
                    count += 1;
                }
                other => {
                    rest = other;
                    break;
                }
            }
        }
        let parts = given.each_ref().map(|part| match part {
            Take::Write(bytes) => bytes,
            Take::Own(bytes) => bytes,
            _ => &NOTHING,
        });
        if count > 0 {
            let [first, ..] = parts;
            let written = match count {
                1 => entry.connection.write(first),
                _ => entry.connection.write_all(parts),
            };
            entry.spoke = self.slice as u32;
            self.written.note(&written, count);
            if let Err(error) = written {
                return self.end(key, &error);
            }
        }
        match rest {
            Take::Behind => self.catch_up(key),
            Take::Wait(until) => self.wait(key, until),
            _ => {}
        }
    }

    /// Gives a reader what it missed, as far as it may be given that now.
    pub(super) fn catch_up(&mut self, key: usize) {
        while let Some(entry) = self.readers.get_mut(key)
            && entry.connection.is_free()
        {
            let written = match entry.seat.catch_up() {
                Take::Own(bytes) => entry.write_own(&mut self.squeeze, &bytes),
                Take::Write(bytes) => entry.write_own(&mut self.squeeze, bytes),
                Take::Wait(until) => return self.wait(key, until),
                Take::Nothing | Take::Behind => return,
            };
            entry.spoke = self.slice as u32;
            self.written.note(&written, 1);
            if let Err(error) = written {
                return self.end(key, &error);
            }
        }
    }

    pub(super) fn wait(&mut self, key: usize, until: Duration) {
        if let Some(entry) = self.readers.get_mut(key)
            && !std::mem::replace(&mut entry.waits, true)
        {
            self.waiting.push(Reverse((until, key)));
        }
    }

    pub(super) fn ask_again(&mut self) {
        while let Some(Reverse((due, key))) = self.waiting.peek().copied() {
            // The key may be another's by now, who is then asked early, which does no harm.
            if self.readers.get(key).is_some_and(|entry| due > entry.seat.hub().now()) {
                return;
            }
            self.waiting.pop();
            if let Some(entry) = self.readers.get_mut(key) {
                entry.waits = false;
                self.catch_up(key);
            }
        }
    }
}
