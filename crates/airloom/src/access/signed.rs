//! Signed URLs.

use std::fmt;
use std::future::ready;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Admission, Denied, Gate, Pass, Visit};

/// A [`Gate`] for tokens in URLs, signed by whoever shares its key: HMAC-SHA256 over what may be
/// done, with which streams, and until when.
///
/// ```text
/// token = ACTION "." EXPIRY "." STREAMS "." MAC
/// ```
///
/// | part | is |
/// |---|---|
/// | `ACTION` | `play` or `publish` |
/// | `EXPIRY` | seconds since the Unix epoch, decimal: the first at which it holds no more |
/// | `STREAMS` | the name of the one stream, or what the names begin with and `*`: `cam` is that stream, `event-*` every one whose name, and so whose path, begins with `event-`, `*` all |
/// | `MAC` | HMAC-SHA256 (RFC 2104) under the key of all that stands before the last `.`, as 64 lower-case hexadecimal digits |
///
/// Nothing of it needs escaping in a URL, and there is no `/`, at which some encoders would take the
/// stream key apart: `index.m3u8?token=play.1767225600.cam.6f0c…`, and as a stream key
/// `cam?token=publish.1767225600.cam.91be…`. A shell makes one with
///
/// ```text
/// text=play.1767225600.cam
/// echo $text.$(printf %s $text | openssl dgst -sha256 -hmac "$key" -r | cut -c -64)
/// ```
///
/// and this crate with [`sign`](Self::sign):
///
/// ```
/// use airloom::access::{Action, Grant, SignedUrls};
///
/// let gate = SignedUrls::new(b"a secret of 32 bytes or some more")?;
/// let token = gate.sign(&Grant { action: Action::Play, expires: 1_767_225_600, streams: "cam" });
/// assert!(token.starts_with("play.1767225600.cam."));
/// # Ok::<(), airloom::access::ShortKey>(())
/// ```
///
/// Within its time a token may be shown as often as one likes, as players must; put
/// [`FirstCome`](super::FirstCome) in front to keep those for publishing to one address. MACs are
/// compared in constant time.
#[derive(Clone)]
pub struct SignedUrls {
    keys: Vec<Hmac<Sha256>>,
}

/// What a token lets somebody do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant<'a> {
    /// What.
    pub action: Action,
    /// The first second since the Unix epoch at which it holds no more.
    pub expires: u64,
    /// With which: a name, or the beginning of names and `*`.
    pub streams: &'a str,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Watch, over RTMP or HTTP.
    Play,
    /// Send media.
    Publish,
}

/// A key too short to sign with: less than 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has 16 bytes at least")]
pub struct ShortKey;

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Play => "play",
            Self::Publish => "publish",
        }
    }
}

impl SignedUrls {
    /// The longest token, in bytes.
    pub const LIMIT: usize = 256;

    /// Believes what is signed with `key`.
    ///
    /// # Errors
    /// [`ShortKey`].
    pub fn new(key: &[u8]) -> Result<Self, ShortKey> {
        Ok(Self { keys: vec![mac(key)?] })
    }

    /// Also believes what is signed with `key`: the one before, while its tokens are still about.
    /// [`sign`](Self::sign) goes on with the first.
    ///
    /// # Errors
    /// [`ShortKey`].
    pub fn with_key(mut self, key: &[u8]) -> Result<Self, ShortKey> {
        self.keys.push(mac(key)?);
        Ok(self)
    }

    /// Makes a token.
    pub fn sign(&self, grant: &Grant<'_>) -> String {
        let mut token = format!("{}.{}.{}", grant.action.word(), grant.expires, grant.streams);
        if let Some(key) = self.keys.first() {
            let mac = key.clone().chain_update(&token).finalize().into_bytes();
            token.push('.');
            token.extend(mac.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        }
        token
    }

    /// Until when `token` lets somebody do `action` with the stream of `visit`.
    ///
    /// # Errors
    /// [`Denied::Malformed`], [`Denied::Forged`], and of those that hold [`Denied::Expired`],
    /// [`Denied::Action`] and [`Denied::Stream`].
    pub fn verify(&self, action: Action, visit: &Visit, token: &str) -> Result<u64, Denied> {
        let malformed = |field| Denied::Malformed { field };
        if token.len() > Self::LIMIT {
            return Err(malformed("token"));
        }
        let (text, mac) = token.rsplit_once('.').ok_or(malformed("token"))?;
        let mac = bytes(mac).ok_or(malformed("MAC"))?;
        let genuine =
            |key: &Hmac<Sha256>| key.clone().chain_update(text).verify_slice(&mac).is_ok();
        if !self.keys.iter().any(genuine) {
            return Err(Denied::Forged);
        }
        let mut parts = text.splitn(3, '.');
        let (word, expires, streams) = (parts.next(), parts.next(), parts.next());
        let expires =
            expires.and_then(|expires| expires.parse().ok()).ok_or(malformed("EXPIRY"))?;
        let streams = streams.ok_or(malformed("STREAMS"))?;
        if visit.seconds() >= expires {
            Err(Denied::Expired)
        } else if word != Some(action.word()) {
            Err(Denied::Action)
        } else if !visit.is_of(streams) {
            Err(Denied::Stream)
        } else {
            Ok(expires)
        }
    }

    fn admit(&self, action: Action, visit: &Visit) -> Admission<'static> {
        let credential = visit.credential.as_deref().ok_or(Denied::Required);
        let expires = credential.and_then(|token| self.verify(action, visit, token));
        Box::pin(ready(expires.map(|expires| Pass::new().until(Visit::until(expires)))))
    }
}

impl Gate for SignedUrls {
    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.admit(Action::Publish, visit)
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.admit(Action::Play, visit)
    }
}

/// Says how many keys there are, and none of them.
impl fmt::Debug for SignedUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUrls").field("keys", &self.keys.len()).finish()
    }
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>, ShortKey> {
    if key.len() < 16 {
        return Err(ShortKey);
    }
    // HMAC takes keys of any length.
    Hmac::new_from_slice(key).map_err(|_| ShortKey)
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

/// 32 bytes as lower-case hexadecimal digits.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use airloom_playlist::WallTime;

    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn visit(stream: &str, now: u64) -> Visit {
        Visit::new(stream.parse().unwrap(), "", WallTime::from_unix(Duration::from_secs(now)))
    }

    fn token(action: Action, expires: u64, streams: &str) -> String {
        SignedUrls::new(KEY).unwrap().sign(&Grant { action, expires, streams })
    }

    /// The MAC is what `openssl dgst -sha256 -hmac` makes of the rest.
    #[test]
    fn tokens_are_as_documented() {
        let expected = "play.1767225600.cam.\
                        c9c4f84380d18407a0b1915690fd0def9515de7b269c004e7033e118dbdfd98f";
        assert_eq!(token(Action::Play, 1_767_225_600, "cam"), expected);
    }

    #[test]
    fn a_token_holds_for_its_action_its_streams_and_its_time() {
        let gate = SignedUrls::new(KEY).unwrap();
        let one = token(Action::Play, 100, "cam");
        assert_eq!(gate.verify(Action::Play, &visit("cam", 99), &one), Ok(100));
        assert_eq!(gate.verify(Action::Play, &visit("cam", 100), &one), Err(Denied::Expired));
        assert_eq!(gate.verify(Action::Publish, &visit("cam", 99), &one), Err(Denied::Action));
        for other in ["cam2", "ca", "Cam"] {
            assert_eq!(gate.verify(Action::Play, &visit(other, 99), &one), Err(Denied::Stream));
        }
        let some = token(Action::Publish, 100, "event-*");
        assert_eq!(gate.verify(Action::Publish, &visit("event-1.hd", 0), &some), Ok(100));
        assert_eq!(gate.verify(Action::Publish, &visit("even", 0), &some), Err(Denied::Stream));
        let all = token(Action::Play, 100, "*");
        assert_eq!(gate.verify(Action::Play, &visit("anything", 0), &all), Ok(100));
    }

    #[test]
    fn whatever_is_changed_is_forged() {
        let gate = SignedUrls::new(KEY).unwrap();
        let good = token(Action::Play, 100, "cam");
        let visit = visit("cam", 0);
        assert!(gate.verify(Action::Play, &visit, &good).is_ok());
        for at in 0..good.len() {
            for flip in [1, 2, 0x10] {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= flip;
                let Ok(forged) = String::from_utf8(bytes) else { continue };
                let denied = gate.verify(Action::Play, &visit, &forged).unwrap_err();
                assert!(matches!(denied, Denied::Forged | Denied::Malformed { .. }), "{forged}");
            }
        }
        let other = SignedUrls::new(b"another key of enough bytes").unwrap();
        assert_eq!(other.verify(Action::Play, &visit, &good), Err(Denied::Forged));
        for odd in ["", ".", "play", "play.100.cam.", &good[..good.len() - 1], &"x".repeat(300)] {
            let denied = gate.verify(Action::Play, &visit, odd);
            assert!(matches!(denied, Err(Denied::Malformed { .. })), "{odd}: {denied:?}");
        }
    }

    #[test]
    fn keys_are_renewed_while_old_tokens_are_about() {
        let new = SignedUrls::new(b"the key of this month").unwrap().with_key(KEY).unwrap();
        let old = token(Action::Play, 100, "cam");
        assert_eq!(new.verify(Action::Play, &visit("cam", 0), &old), Ok(100));
        let fresh = new.sign(&Grant { action: Action::Play, expires: 100, streams: "cam" });
        assert_ne!(fresh, old);
        assert_eq!(new.verify(Action::Play, &visit("cam", 0), &fresh), Ok(100));
        assert_eq!(SignedUrls::new(b"short").err(), Some(ShortKey));
        assert_eq!(format!("{new:?}"), "SignedUrls { keys: 2 }");
    }
}
