//! What clients of a chat send: cursors, ids, posts as HTTP carries them and as messages of a
//! WebSocket, entries and acts of those with a role, and tokens.

#![no_main]

use airloom_chat::access::jwt::{Key, Verifier};
use airloom_chat::access::{Denied, Visit};
use airloom_chat::{
    Act, Body, Currency, Cursor, EntryId, Key as Idempotency, KeyedPost, Post, RoomId, UserId,
    WallTime,
};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|data: &[u8]| {
    if let Ok(post) = Post::parse(data) {
        assert!(data.len() <= Post::LIMIT && post.text.len() <= data.len());
        let submission = post.clone().submit(None);
        assert_eq!(submission.body.text(), Some(post.text.as_str()));
        comes_back(&submission);
    }
    if let Ok(keyed) = KeyedPost::parse(data) {
        // The key is all that a WebSocket adds.
        assert_eq!(Post::parse(data).as_ref(), Ok(&keyed.post));
        assert!(keyed.key.as_ref().is_none_or(|key| key.as_str().len() <= Idempotency::LIMIT));
        comes_back(&keyed.submit());
    }
    if let Ok(body) = serde_json::from_slice::<Body>(data) {
        comes_back(&body);
    }
    if let Ok(act) = serde_json::from_slice::<Act>(data) {
        comes_back(&act);
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

/// What was read is written so that it reads the same.
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let again = serde_json::to_vec(value).expect("JSON takes it");
    assert_eq!(serde_json::from_slice::<T>(&again).ok().as_ref(), Some(value));
}
