//! What clients of a chat send: cursors, ids, posts as HTTP and WebSocket carry them, and tokens.

#![no_main]

use airloom_chat::access::jwt::{Key, Verifier};
use airloom_chat::access::{Denied, Visit};
use airloom_chat::{Currency, Cursor, EntryId, Post, RoomId, UserId, WallTime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(post) = Post::parse(data) {
        assert!(data.len() <= Post::LIMIT && post.text.len() <= data.len());
        let submission = post.clone().submit(None);
        assert_eq!(submission.body.text(), Some(post.text.as_str()));
        let again = serde_json::to_vec(&submission).expect("JSON takes it");
        assert_eq!(serde_json::from_slice(&again).ok(), Some(submission));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    // One thing has one form.
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
    if let Ok(id) = text.parse::<EntryId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(user) = text.parse::<UserId>() {
        assert_eq!(user.as_str(), text);
        assert!(text.len() <= UserId::LIMIT);
    }
    if let Ok(currency) = text.parse::<Currency>() {
        assert_eq!(currency.to_string(), text);
    }
    if let Ok(at) = text.parse::<WallTime>() {
        assert_eq!(at.to_string().parse(), Ok(at));
    }
    let Ok(room) = "lobby".parse::<RoomId>() else { return };
    let Ok(key) = Key::hs256(&[7; 32]) else { return };
    let visit = Visit { room: &room, now: WallTime::UNIX_EPOCH };
    let denied = Verifier::new("chat").with_key(key).verify(visit, text);
    assert!(denied.is_err(), "nobody has signed this");
    assert_ne!(denied, Err(Denied::Required));
});
