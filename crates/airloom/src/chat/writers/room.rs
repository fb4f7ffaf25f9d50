use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use airloom_chat::RoomId;

use super::News;
use super::inbox::OWED;

/// Which readers of a thread are in which room, and who is still to be given what was said there.
///
/// A round goes from the last place of a room to the first, since whoever is moved into a gap comes
/// from the end and thus had its turn. What is said while a round goes on is given at once to those
/// whose turn is still to come; another round follows for the others. So a thread that cannot keep
/// up gives everybody more at a time, not later and later.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: HashMap<RoomId, Room>,
    /// Rooms in which a round goes on; the next in line is first.
    line: VecDeque<RoomId>,
}

#[derive(Debug, Default)]
struct Room {
    readers: Vec<u32>,
    /// What the round is about, oldest first; nothing between rounds.
    news: VecDeque<News>,
    /// Readers at the first so many places have not had their turn.
    left: usize,
    /// How many of the news came when others had had their turn.
    late: usize,
    began: Duration,
}

/// Some readers of a room, and what they are to be given.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) room: RoomId,
    pub(super) news: VecDeque<News>,
}

impl Rooms {
    /// Notes a reader; its place among those of the room.
    pub(super) fn enter(&mut self, room: &RoomId, reader: u32) -> u32 {
        let room = self.rooms.entry(room.clone()).or_default();
        room.readers.push(reader);
        room.readers.len() as u32 - 1
    }

    /// Forgets the reader at `place`; whoever takes that place now, if anybody.
    pub(super) fn leave(&mut self, id: &RoomId, place: u32) -> Option<u32> {
        let room = self.rooms.get_mut(id)?;
        let place = place as usize;
        if place < room.readers.len() {
            room.readers.swap_remove(place);
        }
        room.left = room.left.min(room.readers.len());
        if room.readers.is_empty() {
            self.rooms.remove(id);
            return None;
        }
        room.readers.get(place).copied()
    }

    /// The first of a room.
    pub(super) fn first(&self, id: &RoomId) -> Option<u32> {
        self.rooms.get(id)?.readers.first().copied()
    }

    /// Begins a round with what was said in a room, or adds it to the one that goes on.
    pub(super) fn say(&mut self, now: Duration, id: RoomId, news: VecDeque<News>) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        if room.news.is_empty() {
            room.begin(now, news);
            self.line.push_back(id);
            return;
        }
        if room.left < room.readers.len() {
            room.late += news.len();
        }
        room.news.extend(news);
        let excess = room.news.len().saturating_sub(OWED);
        room.news.drain(..excess);
        room.late = room.late.min(room.news.len());
    }

    /// Whether anybody is to be given anything.
    pub(super) fn is_busy(&self) -> bool {
        !self.line.is_empty()
    }

    /// Whose turn it is: `most` readers of one room. To be followed by [`done`](Self::done), and in
    /// between by nothing but [`leave`](Self::leave).
    pub(super) fn turn(&mut self, most: usize, readers: &mut Vec<u32>) -> Option<Turn> {
        readers.clear();
        while let Some(id) = self.line.pop_front() {
            // One that died meanwhile, and perhaps lives again, has no news.
            let Some(room) = self.rooms.get_mut(&id).filter(|room| !room.news.is_empty()) else {
                continue;
            };
            let start = room.left.saturating_sub(most);
            readers.extend(room.readers.iter().take(room.left).skip(start).rev());
            room.left = start;
            return Some(Turn { room: id, news: std::mem::take(&mut room.news) });
        }
        None
    }

    /// After a turn: how long the round took, if that was its end.
    pub(super) fn done(&mut self, now: Duration, turn: Turn) -> Option<Duration> {
        let room = self.rooms.get_mut(&turn.room)?;
        let mut news = turn.news;
        if room.left > 0 {
            room.news = news;
            self.line.push_back(turn.room);
            return None;
        }
        let took = now.saturating_sub(room.began);
        news.drain(..news.len() - room.late);
        if !news.is_empty() {
            room.begin(now, news);
            self.line.push_back(turn.room);
        }
        Some(took)
    }
}

impl Room {
    fn begin(&mut self, now: Duration, news: VecDeque<News>) {
        (self.left, self.late, self.began) = (self.readers.len(), 0, now);
        self.news = news;
    }
}

#[cfg(test)]
mod tests {
    use airloom_chat::moderation::Policies;
    use airloom_chat::{Anchor, Author, Config, Epoch, Input, Output, Submission};
    use proptest::prelude::*;

    use super::*;

    const AT: Duration = Duration::from_millis(7);

    fn id() -> RoomId {
        "r".parse().unwrap()
    }

    /// What a room says tick by tick.
    fn batches(count: u64) -> Vec<News> {
        let (config, policies) = (Config { presence: None, ..Config::default() }, Policies::none());
        let epoch = Epoch::new(1);
        let mut room =
            airloom_chat::Room::new(Duration::ZERO, config, policies, epoch, Anchor::default());
        let ticks = (0..count).map(|second| {
            let now = Duration::from_secs(second);
            let message = Submission::message(Author::new("ann".parse().unwrap()), "word");
            room.handle_input(now, Input::Submit(message)).unwrap();
            room.handle_timeout(now);
            let Some(Output::Batch(batch)) = room.poll_output() else { panic!() };
            News { batch, deflated: None }
        });
        ticks.collect()
    }

    fn offset(news: &News) -> u64 {
        news.batch.first().number()
    }

    /// Who was given what, in this order, and whether the turn ended the round.
    fn turn(rooms: &mut Rooms, most: usize) -> Option<(Vec<u32>, Vec<u64>, bool)> {
        let mut readers = Vec::new();
        let turn = rooms.turn(most, &mut readers)?;
        let news = turn.news.iter().map(offset).collect();
        let ended = rooms.done(AT, turn).is_some();
        Some((readers, news, ended))
    }

    fn entered(readers: u32) -> Rooms {
        let mut rooms = Rooms::default();
        for reader in 0..readers {
            rooms.enter(&id(), reader);
        }
        rooms
    }

    #[test]
    fn everybody_has_one_turn() {
        let mut rooms = entered(5);
        assert!(!rooms.is_busy());
        rooms.say(AT, id(), batches(1).into());
        assert_eq!(turn(&mut rooms, 2), Some((vec![4, 3], vec![1], false)));
        assert!(rooms.is_busy());
        assert_eq!(turn(&mut rooms, 2), Some((vec![2, 1], vec![1], false)));
        assert_eq!(turn(&mut rooms, 2), Some((vec![0], vec![1], true)));
        assert_eq!(turn(&mut rooms, 2), None);
        assert!(!rooms.is_busy());
    }

    #[test]
    fn a_small_room_does_not_wait_for_a_large_one() {
        let mut rooms = entered(1000);
        let small: RoomId = "small".parse().unwrap();
        rooms.enter(&small, 5000);
        rooms.say(AT, id(), batches(1).into());
        rooms.say(AT, small, batches(1).into());
        assert_eq!(turn(&mut rooms, 10).unwrap().0.len(), 10);
        assert_eq!(turn(&mut rooms, 10), Some((vec![5000], vec![1], true)));
        assert_eq!(turn(&mut rooms, 10).unwrap().0.len(), 10);
    }

    /// A thread that cannot keep up gives each reader all there is at its turn, and nobody has two
    /// turns before everybody had one.
    #[test]
    fn what_is_said_during_a_round_shortens_the_wait_of_those_still_to_come() {
        let mut rooms = entered(4);
        let mut said = batches(3).into_iter().map(|news| VecDeque::from([news]));
        rooms.say(AT, id(), said.next().unwrap());
        assert_eq!(turn(&mut rooms, 2), Some((vec![3, 2], vec![1], false)));
        rooms.say(AT, id(), said.next().unwrap());
        assert_eq!(turn(&mut rooms, 2), Some((vec![1, 0], vec![1, 2], true)));
        assert_eq!(turn(&mut rooms, 2), Some((vec![3, 2], vec![2], false)));
        rooms.say(AT, id(), said.next().unwrap());
        assert_eq!(turn(&mut rooms, 2), Some((vec![1, 0], vec![2, 3], true)));
        assert_eq!(turn(&mut rooms, 4), Some((vec![3, 2, 1, 0], vec![3], true)));
        assert_eq!(turn(&mut rooms, 4), None);
    }

    #[test]
    fn no_more_is_owed_than_fits() {
        let mut rooms = entered(2);
        let mut said = batches(10).into_iter().map(|news| VecDeque::from([news]));
        rooms.say(AT, id(), said.next().unwrap());
        assert_eq!(turn(&mut rooms, 1), Some((vec![1], vec![1], false)));
        said.for_each(|news| rooms.say(AT, id(), news));
        let last: Vec<_> = (11 - OWED as u64..=10).collect();
        assert_eq!(turn(&mut rooms, 1), Some((vec![0], last.clone(), true)));
        assert_eq!(turn(&mut rooms, 2), Some((vec![1, 0], last, true)));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Enter,
        Leave(usize),
        Say,
        Turn(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Enter),
            any::<usize>().prop_map(Step::Leave),
            Just(Step::Say),
            (1..4_usize).prop_map(Step::Turn),
        ]
    }

    proptest! {
        /// Whoever comes and goes, and at whatever moment.
        #[test]
        fn nobody_who_stays_misses_the_last_word(steps in prop::collection::vec(step(), 0..60)) {
            let mut rooms = Rooms::default();
            let mut said = batches(60).into_iter();
            // By reader: its place, and the last it was given; who comes in has what was said.
            let mut known = HashMap::<u32, (u32, u64)>::new();
            let (mut next, mut last) = (0, 0);
            // However it began, all have their turn in the end.
            let rest = std::iter::repeat_n(Step::Turn(3), 100);
            for step in steps.into_iter().chain(rest) {
                match step {
                    Step::Enter => {
                        known.insert(next, (rooms.enter(&id(), next), last));
                        next += 1;
                    }
                    Step::Leave(index) => {
                        let index = index % known.len().max(1);
                        let Some(reader) = known.keys().copied().nth(index) else { continue };
                        let Some((place, _)) = known.remove(&reader) else { continue };
                        if let Some(moved) = rooms.leave(&id(), place) {
                            known.entry(moved).and_modify(|it| it.0 = place);
                        }
                    }
                    Step::Say => {
                        let news = said.next().unwrap();
                        last = offset(&news);
                        rooms.say(AT, id(), [news].into());
                    }
                    Step::Turn(most) => {
                        let Some((readers, news, _)) = turn(&mut rooms, most) else { continue };
                        for reader in readers {
                            known.entry(reader).and_modify(|it| it.1 = *news.last().unwrap());
                        }
                    }
                }
            }
            prop_assert!(!rooms.is_busy());
            prop_assert!(known.values().all(|(_, had)| *had == last), "{last}: {known:?}");
        }
    }
}
