//! A room under any requests in any order, as JSON lines; `@7` lets seven milliseconds pass.

#![no_main]

use std::time::Duration;

use airloom_chat::moderation::{AuthorRate, Links, Policies, Rate, Unique, Words};
use airloom_chat::{
    Anchor, Answer, Config, Cursor, Display, Entry, Epoch, History, Input, Limits, Output, Reader,
    Room, Take,
};
use libfuzzer_sys::fuzz_target;

/// What a reader was told last.
#[derive(Default)]
struct Heard {
    next: u64,
    excused: Vec<(u64, u64)>,
}

impl Heard {
    /// Whole events, of known names, whose data is JSON; entries rise and none is missing unsaid.
    fn read(&mut self, events: &[u8]) {
        let text = std::str::from_utf8(events).expect("UTF-8");
        assert!(text.ends_with("\n\n"));
        for event in text.trim_end_matches("\n\n").split("\n\n") {
            let mut lines = event.lines();
            let name = lines.next().and_then(|line| line.strip_prefix("event: ")).expect("a name");
            let (mut data, mut id) = (serde_json::Value::Null, None);
            for line in lines {
                match line.split_once(": ") {
                    Some(("data", json)) => data = serde_json::from_str(json).expect("JSON"),
                    Some(("id", cursor)) => id = cursor.parse::<Cursor>().ok(),
                    _ => panic!("{line}"),
                }
            }
            match name {
                "batch" => {
                    let entries: Vec<Entry> =
                        serde_json::from_value(data["entries"].take()).expect("entries");
                    for entry in &entries {
                        let offset = entry.offset.number();
                        assert!(offset >= self.next, "again or too late");
                        let excused =
                            |it| self.excused.iter().any(|(a, b)| (*a..=*b).contains(&it));
                        assert!(self.next == 0 || (self.next..offset).all(excused), "missing");
                        self.next = offset + 1;
                    }
                    assert_eq!(entries.last().map(|it| it.offset), id.map(|it| it.offset));
                }
                "gap" => {
                    let bound = |name: &str| data[name].as_u64().expect("an offset");
                    self.excused.push((bound("from"), bound("to")));
                    if let Some(id) = id {
                        self.next = id.offset.number() + 1;
                    }
                }
                "presence" | "link" => {}
                "reset" => {
                    *self =
                        Self { next: id.map_or(0, |it| it.offset.number() + 1), ..Self::default() }
                }
                name => panic!("{name}"),
            }
        }
    }
}

fn give(take: Take<'_>, heard: &mut Heard) -> bool {
    match take {
        Take::Write(events) => heard.read(events),
        Take::Own(events) => heard.read(&events),
        Take::Behind => return true,
        Take::Nothing | Take::Wait(_) => {}
    }
    false
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let config = Config {
        display: Some(Display { rate: 2, burst: 3 }),
        history: History { entries: 8, bytes: 2000, age: Duration::from_secs(60) },
        members: 2,
        limits: Limits {
            text: 200,
            pending: 6,
            outputs: 6,
            replay: 400,
            keys: 4,
            users: 4,
            sanctions: 2,
            held: 2,
            reactions: 2,
            voters: 2,
        },
        ..Config::default()
    };
    let second = Duration::from_secs(1);
    let policies = Policies::default()
        .with(Links::at_most(1))
        .with(Unique { within: second })
        .with(AuthorRate(Rate::new(3, second, 3)))
        .with(Words(vec!["bad".to_owned()]));
    let mut now = Duration::ZERO;
    let mut room = Room::new(now, config, policies, Epoch::new(1), Anchor::default());
    let user = "ann".parse().ok();
    let join = |room: &mut Room, user: Option<&_>| room.feed_mut().join(now, user, None);
    let mut readers: Vec<(Reader, Heard)> = vec![
        (join(&mut room, None), Heard::default()),
        (join(&mut room, user.as_ref()), Heard::default()),
    ];
    for line in text.lines().take(200) {
        if let Some(pause) = line.strip_prefix('@') {
            now += Duration::from_millis(pause.parse::<u32>().unwrap_or(100).into());
        } else if let Ok(input) = serde_json::from_str::<Input>(line) {
            // What is refused changes nothing that readers could see.
            let head = room.feed().head();
            match room.handle_input(now, input) {
                Ok(Answer::Admitted(receipt)) => assert!(receipt.cursor <= room.feed().head()),
                Ok(_) => {}
                Err(refusal) => {
                    assert_eq!(room.feed().head(), head);
                    assert!(!refusal.code().is_empty());
                }
            }
        }
        room.handle_timeout(now);
        let mut outputs = 0;
        while let Some(output) = room.poll_output() {
            outputs += 1;
            assert!(outputs <= 64, "outputs without end");
            let Output::Batch(batch) = output else { continue };
            for (reader, heard) in &mut readers {
                if give(reader.take(&batch), heard) {
                    give(room.feed_mut().catch_up(now, reader), heard);
                }
            }
        }
        assert!(room.feed().history_entries() <= 8 + 2 * 6 + 8);
    }
    for (reader, heard) in &mut readers {
        let (mut late, mut rounds) = (now, 0);
        loop {
            late += second;
            rounds += 1;
            assert!(rounds < 100, "catching up without end");
            match room.feed_mut().catch_up(late, reader) {
                Take::Own(events) => heard.read(&events),
                _ => break,
            }
        }
    }
});
