//! The chat beside a stream, from outside: its paths, and the page in headless Chromium.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::{busy, http};
use serde_json::{Value, json};

const TOKEN: &str = "a-moderator-of-the-tests";
const SOON: Duration = Duration::from_mins(2);

/// One event of a room.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

/// Somebody who reads.
struct Reader {
    lines: BufReader<TcpStream>,
    head: String,
}

impl Reader {
    fn open(live: &Live, room: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(live.http()).expect("a connection");
        socket.set_read_timeout(Some(SOON)).expect("a timeout");
        let path = format!("/api/rooms/{room}/events");
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", live.http())
            .expect("a request");
        let mut lines = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).expect("a head") > 0, "{head}");
        }
        Self { lines, head: head.to_lowercase() }
    }

    /// The next event that is not about who is here.
    fn next(&mut self) -> Event {
        loop {
            let mut event =
                Event { name: String::new(), id: String::new(), data: Value::default() };
            loop {
                let mut line = String::new();
                assert!(self.lines.read_line(&mut line).expect("an event") > 0, "it ended");
                let line = line.trim_end();
                if line.is_empty() {
                    break;
                }
                match line.split_once(": ") {
                    Some(("event", name)) => name.clone_into(&mut event.name),
                    Some(("id", id)) => id.clone_into(&mut event.id),
                    Some(("data", data)) => {
                        event.data = serde_json::from_str(data).expect("JSON in one line");
                    }
                    _ => {}
                }
            }
            if !event.name.is_empty() && event.name != "presence" {
                return event;
            }
        }
    }

    /// The next entry, and where the reader stands after its batch.
    fn entries(&mut self, count: usize) -> (Vec<Value>, String) {
        let mut entries = Vec::new();
        loop {
            let event = self.next();
            assert_eq!(event.name, "batch", "{event:?}");
            entries.extend(event.data["entries"].as_array().expect("entries").iter().cloned());
            if entries.len() >= count {
                return (entries, event.id);
            }
        }
    }
}

fn say(live: &Live, room: &str, user: &str, text: &str) -> http::Response {
    let url = live.url(&format!("/api/rooms/{room}/messages"));
    http::post(&url, &[], &json!({ "user": user, "text": text }))
}

#[test]
fn what_is_said_is_read_and_resumed() {
    let live = Live::start(&[]);
    let mut reader = Reader::open(&live, "talk", "");
    assert!(reader.head.starts_with("http/1.1 200"), "{}", reader.head);
    assert!(reader.head.contains("content-type: text/event-stream"), "{}", reader.head);
    assert!(reader.head.contains("access-control-allow-origin: *"), "{}", reader.head);

    let answer = say(&live, "talk", "ann", "first");
    assert_eq!(answer.status, 202, "{}", answer.text());
    let receipt = answer.json();
    let (entries, cursor) = reader.entries(1);
    assert_eq!(receipt["cursor"], cursor.as_str());
    let first = &entries[0];
    assert_eq!((&first["id"], &first["kind"]), (&receipt["id"], &json!("message")));
    assert_eq!((&first["user"], &first["text"]), (&json!("ann"), &json!("first")));
    assert!(first["offset"].is_u64() && first["at"].is_string(), "{first}");
    drop(reader);

    for number in 0..20 {
        assert_eq!(say(&live, "talk", "ben", &format!("missed {number}")).status, 202);
    }
    let mut back = Reader::open(&live, "talk", &format!("last-event-id: {cursor}\r\n"));
    let offset = first["offset"].as_u64().expect("a number");
    let (entries, _) = back.entries(20);
    for (number, entry) in (0..20).zip(&entries) {
        assert_eq!(entry["offset"], offset + 1 + number, "{entries:?}");
        assert_eq!(entry["text"], format!("missed {number}"));
    }

    let mut other = Reader::open(&live, "talk", "last-event-id: 1:3\r\n");
    assert_eq!(other.next().name, "reset");
}

#[test]
fn one_key_admits_once() {
    let live = Live::start(&[]);
    let url = live.url("/api/rooms/talk/messages");
    let body = json!({ "user": "ann", "text": "once" });
    let answers: Vec<_> = (0..3)
        .map(|_| http::post(&url, &[("idempotency-key", "k-1")], &body))
        .map(|answer| (answer.status, answer.json()))
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 202), "{answers:?}");
    say(&live, "talk", "ann", "last");
    let (entries, _) = Reader::open(&live, "talk", "").entries(2);
    let texts: Vec<_> = entries.iter().map(|entry| &entry["text"]).collect();
    assert_eq!(texts, ["once", "last"]);
}

#[test]
fn refusals_are_problem_documents() {
    let live = Live::start(&["--moderator", TOKEN]);
    let url = live.url("/api/rooms/talk/messages");
    for (body, status) in [
        (json!({ "user": "ann" }), 400),
        (json!({ "user": "ann", "text": " " }), 400),
        (json!({ "user": "", "text": "x" }), 400),
        (json!({ "user": "ann", "text": "x".repeat(3000) }), 413),
        (json!({ "user": "ann", "text": "x".repeat(100_000) }), 413),
    ] {
        http::post(&url, &[], &body).assert_problem(status);
    }
    live.get("/api/rooms/no%20such%20name/events").assert_problem(404);
    live.get("/api/rooms/talk/events?cursor=nonsense").assert_problem(400);
    http::request("DELETE", &url, &[]).assert_problem(405);

    let moderation = live.url("/api/rooms/talk/moderation");
    let timeout = json!({ "act": "restrict", "user": "ann", "how": "timeout", "lasts": 60_000 });
    http::post(&moderation, &[], &timeout).assert_problem(401);
    let wrong = [("authorization", "Bearer another-token")];
    http::post(&moderation, &wrong, &timeout).assert_problem(401);
    let right = format!("Bearer {TOKEN}");
    let done = http::post(&moderation, &[("authorization", &right)], &timeout);
    assert_eq!(done.status, 200, "{}", done.text());
    let refused = say(&live, "talk", "ann", "hello");
    refused.assert_problem(403);
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(say(&live, "talk", "ben", "hello").status, 202);
}

/// However fast a room is written, a reader gets ten events a second at most.
#[test]
fn at_most_ten_events_a_second() {
    let live = Live::start(&[]);
    let mut reader = Reader::open(&live, "busy", "");
    let url = live.url("/api/rooms/busy/messages");
    let writer = std::thread::spawn(move || {
        let start = Instant::now();
        let mut said = 0;
        while start.elapsed() < Duration::from_secs(4) {
            let body = json!({ "user": "ann", "text": format!("number {said}") });
            said += u64::from(http::post(&url, &[], &body).status == 202);
        }
        http::post(&url, &[], &json!({ "user": "ann", "text": "last" }));
        said
    });
    let (mut events, mut next, mut done) = (0_u32, 1, false);
    let start = Instant::now();
    while !done {
        let event = reader.next();
        events += 1;
        if event.name == "gap" {
            next = next.max(event.data["to"].as_u64().expect("a number") + 1);
        }
        for entry in event.data["entries"].as_array().into_iter().flatten() {
            let offset = entry["offset"].as_u64().expect("a number");
            assert!(offset <= next, "{offset} after {next} with nothing said of the rest");
            next = next.max(offset + 1);
            done |= entry["text"] == "last";
        }
        // What is left out at the end is stated with what comes next.
        done |= event.name == "gap" && writer.is_finished();
        if writer.is_finished() && !done {
            say(&live, "busy", "ben", "last");
        }
    }
    // Over all: what is held up on its way comes at once with what follows.
    let most = 5.0 + 10.0 * start.elapsed().as_secs_f64();
    assert!(f64::from(events) <= most, "{events} events, {most} at most");
    assert!(writer.join().expect("a writer") > 100);
}

#[test]
fn the_page_talks_resumes_moderates_and_stands_a_flood() {
    busy::attempt("chat", || {
        let live = Live::start(&["--moderator", TOKEN]);
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let mut script = Process::start(
            Command::new("node")
                .arg(scripts.join("chat.mjs"))
                .args([&live.url(""), "talk", TOKEN])
                .current_dir(scripts),
        );
        let status = script.wait(Duration::from_mins(3));
        let report = format!("{}{}", script.output(), script.errors());
        let report = report.trim_end().to_owned();
        if status.success() { Ok(report) } else { Err(report) }
    });
}
