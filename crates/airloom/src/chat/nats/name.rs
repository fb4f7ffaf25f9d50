//! Rooms as tokens of subjects and as keys of a bucket.

use std::fmt::Write;

use airloom_chat::RoomId;

/// Letters, digits, `-` and `_` as they are, every other byte as `=` and two hexadecimal digits:
/// one token of a subject, and legal in a key (NATS ADR-8).
pub(super) fn token(room: &RoomId) -> String {
    let mut token = String::with_capacity(room.as_str().len());
    for byte in room.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            token.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(token, "={byte:02X}");
        }
    }
    token
}

#[cfg(test)]
mod tests {

    #[test]
    fn every_room_is_a_token_of_its_own() {
        let token = |room: &str| super::token(&room.parse().unwrap());
        assert_eq!(token("lobby-1_a"), "lobby-1_a");
        assert_eq!(token("a.b *>"), "a=2Eb=20=2A=3E");
        assert_eq!(token("="), "=3D");
        assert_eq!(token("ä"), "=C3=A4");
    }
}
