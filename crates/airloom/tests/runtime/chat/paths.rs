//! Requests and what they are answered with.

use serde_json::json;

use super::client::{Reader, entries, request, say};
use super::server::Server;

const MODERATOR: &str = "authorization: Bearer mod-token\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_read() {
    let server = Server::start(|_| {}).await;
    let mut reader = Reader::open(server.address, "lobby", None).await;
    assert!(reader.head.contains("content-type: text/event-stream"), "{}", reader.head);
    assert!(reader.head.contains("connection: close"), "{}", reader.head);

    let answer = say(server.address, "lobby", "ann", "hello \u{1f98a}").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let receipt = answer.json();

    let event = reader.next().await.unwrap();
    assert_eq!((event.name.as_str(), &json!(event.id)), ("batch", &receipt["cursor"]));
    let entry = &entries(&event)[0];
    assert_eq!(entry["id"], receipt["id"]);
    assert_eq!(
        (&entry["kind"], &entry["user"], &entry["text"], &entry["offset"]),
        (&json!("message"), &json!("ann"), &json!("hello \u{1f98a}"), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_admits_once() {
    let server = Server::start(|_| {}).await;
    let body = r#"{"user":"ann","text":"once"}"#;
    let post = async || {
        request(server.address, "POST /api/rooms/r/messages", "idempotency-key: k\r\n", body).await
    };
    let (first, second) = (post().await, post().await);
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.json(), second.json());
    assert_eq!(server.metric("airloom_chat_requests_total{outcome=\"accepted\"}"), 1);
    let reader = &mut Reader::open(server.address, "r", None).await;
    say(server.address, "r", "ann", "last").await;
    assert_eq!(reader.read_to("last").await.0, ["once", "last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_a_problem_document() {
    let server = Server::start(|config| config.room.limits.text = 100).await;
    let long = json!({ "user": "ann", "text": "x".repeat(101) }).to_string();
    let huge = json!({ "user": "ann", "text": "x".repeat(20_000) }).to_string();
    let good = r#"{"user":"ann","text":"hello"}"#;
    let name = "x".repeat(129);
    for (line, headers, body, status, code) in [
        ("POST /api/rooms/r/messages", "", "{", 400, "malformed"),
        ("POST /api/rooms/r/messages", "", r#"{"user":"ann"}"#, 400, "malformed"),
        ("POST /api/rooms/r/messages", "", r#"{"user":"ann","text":"  "}"#, 400, "empty"),
        ("POST /api/rooms/r/messages", "", &long, 413, "too-long"),
        ("POST /api/rooms/r/messages", "", &huge, 413, "body"),
        ("POST /api/rooms/r/messages", "idempotency-key: \u{1}\r\n", good, 400, ""),
        (
            "POST /api/rooms/r/messages",
            "authorization: Bearer x\r\n",
            good,
            401,
            "credential-forged",
        ),
        ("POST /api/rooms/r/entries", "", "{}", 401, "credential-required"),
        ("POST /api/rooms/r/moderation", "", "{}", 401, "credential-required"),
        ("POST /api/rooms/r/moderation", MODERATOR, r#"{"act":"fly"}"#, 400, "malformed"),
        ("POST /api/rooms/r/moderation", MODERATOR, r#"{"act":"delete","target":"1-1"}"#, 202, ""),
        ("GET /api/rooms/r/events?cursor=nonsense", "", "", 400, "malformed"),
        (&format!("GET /api/rooms/{name}/events"), "", "", 404, "room"),
        ("PUT /api/rooms/r/messages", "", "", 405, ""),
        ("GET /api/rooms/r/socket", "", "", 400, "body"),
    ] {
        let answer = request(server.address, line, headers, body).await;
        if status == 202 {
            // Deleting what is gone already is no mistake of the moderator's.
            assert_eq!(answer.status, 200, "{line}: {answer:?}");
            continue;
        }
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        if code.is_empty() {
            continue;
        }
        assert!(answer.head.contains("content-type: application/problem+json"), "{answer:?}");
        let problem = answer.json();
        assert_eq!(problem["type"], format!("urn:airloom:chat:{code}"), "{problem}");
        assert_eq!(problem["status"], status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_act_by_their_token() {
    let server = Server::start(|_| {}).await;
    let act = async |act: serde_json::Value| {
        let line = "POST /api/rooms/r/moderation";
        request(server.address, line, MODERATOR, &act.to_string()).await
    };
    let id = say(server.address, "r", "ann", "rude").await.json()["id"].clone();
    assert_eq!(act(json!({ "act": "delete", "target": id })).await.status, 200);
    let restrict = json!({ "act": "restrict", "user": "ann", "how": "timeout", "lasts": 60_000 });
    assert_eq!(act(restrict).await.status, 200);
    let refused = say(server.address, "r", "ann", "again").await;
    assert_eq!(refused.status, 403);
    assert!(refused.head.contains("retry-after: 60"), "{refused:?}");
    assert_eq!(act(json!({ "act": "pardon", "user": "ann" })).await.status, 200);
    assert_eq!(act(json!({ "act": "modes", "slow_ms": 30_000 })).await.status, 200);
    assert_eq!(say(server.address, "r", "ben", "sorry").await.status, 202);
    let slow = say(server.address, "r", "ben", "really").await;
    assert_eq!(
        (slow.status, slow.json()["type"].as_str()),
        (429, Some("urn:airloom:chat:slow-mode"))
    );

    // A pin is an entry; a tombstone is all that is left of the first.
    let pin = json!({ "kind": "pin", "target": id }).to_string();
    request(server.address, "POST /api/rooms/r/entries", MODERATOR, &pin).await;
    let mut reader = Reader::open(server.address, "r", None).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|kind| kind != "pin") {
        let event = reader.next().await.unwrap();
        seen.extend(entries(&event).iter().map(|it| it["kind"].as_str().unwrap().to_owned()));
        assert!(!event.data.to_string().contains("rude"), "{event:?}");
    }
    assert_eq!(seen, ["delete", "delete", "message", "pin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_that_counts_is_answered() {
    let server = Server::start(|_| {}).await;
    let id = say(server.address, "r", "ann", "hello").await.json()["id"].clone();
    let poll = json!({
        "kind": "poll", "question": "Tea?", "options": [{ "text": "yes" }, { "text": "no" }]
    });
    let opened =
        request(server.address, "POST /api/rooms/r/entries", MODERATOR, &poll.to_string()).await;
    assert_eq!(opened.status, 202, "{opened:?}");
    let poll = opened.json()["id"].clone();
    for (path, body) in [
        ("reactions", json!({ "user": "ben", "target": id, "reaction": "🔥" })),
        ("votes", json!({ "user": "ben", "poll": poll, "option": 0 })),
        ("typing", json!({ "user": "ben" })),
    ] {
        let line = format!("POST /api/rooms/r/{path}");
        let answer = request(server.address, &line, "", &body.to_string()).await;
        assert_eq!(answer.status, 202, "{path}: {answer:?}");
    }
    let again = json!({ "user": "ben", "poll": poll, "option": 1 }).to_string();
    assert_eq!(request(server.address, "POST /api/rooms/r/votes", "", &again).await.status, 409);
    let donation = json!({
        "kind": "donation", "amount": { "minor": 500, "currency": "EUR" }, "text": "well done"
    });
    for (headers, status) in [(MODERATOR, 403), ("authorization: Bearer sys-token\r\n", 202)] {
        let line = "POST /api/rooms/r/entries";
        let answer = request(server.address, line, headers, &donation.to_string()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(server.metric("airloom_chat_rooms"), 1);
}
