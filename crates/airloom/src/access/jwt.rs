//! JSON Web Tokens (RFC 7519) as credentials. Feature `jwt`.
//!
//! A [`Verifier`] takes signed tokens in compact form of HS256, ES256 (RFC 7518, 3) or Ed25519
//! (RFC 8037), and nothing else: a token without a signature, or encrypted, is refused. Each key is
//! for one algorithm, whatever a token says of itself.
//!
//! | claim | meaning |
//! |---|---|
//! | `exp` | when it ends; required |
//! | `nbf` | when it begins |
//! | `aud`, `iss` | as the verifier asks for them |
//! | `play` | a list of the streams that may be played; `cam` is that stream, `event-*` every one whose name begins with `event-`, `*` all |
//! | `publish` | a list of the streams that may be published, likewise |
//!
//! ```
//! use std::time::Duration;
//!
//! use airloom::Origin;
//! use airloom::access::jwt::{Key, Verifier};
//!
//! let key = Key::hs256(b"a secret of thirty-two bytes or more")?;
//! let gate = Verifier::new("video.example").with_key(key).with_leeway(Duration::from_secs(30));
//! let origin = Origin::builder().gate(gate).build();
//! # drop(origin);
//! # Ok::<(), airloom::access::jwt::KeyError>(())
//! ```
//!
//! A viewer's token is checked once, and its other requests go by that until it expires: see
//! [`Gate::play`]. HS256 costs some microseconds, the others some hundred.

use std::future::ready;
use std::time::Duration;

use airloom_chat::access::Denied as Disbelieved;
use airloom_chat::access::jwt::Trust;
pub use airloom_chat::access::jwt::{Key, KeyError};
use airloom_playlist::WallTime;
use serde::Deserialize;

use super::{Action, Admission, Denied, Gate, Pass, Visit};

/// A [`Gate`] that believes whoever holds the other half of its keys.
#[derive(Debug, Clone)]
pub struct Verifier(Trust);

impl Verifier {
    /// The longest token, in bytes.
    pub const LIMIT: usize = Trust::LIMIT;

    /// Takes tokens whose `aud` names `audience`; with no key yet, none at all.
    ///
    /// Without an audience of one's own, a token that the same issuer made for another service
    /// would let in here too.
    pub fn new(audience: &str) -> Self {
        Self(Trust::new(audience))
    }

    /// One more key: the next one, while tokens of the one before it are still about.
    #[must_use]
    pub fn with_key(self, key: Key) -> Self {
        Self(self.0.with_key(key))
    }

    /// Only tokens whose `iss` is `issuer`.
    #[must_use]
    pub fn with_issuer(self, issuer: &str) -> Self {
        Self(self.0.with_issuer(issuer))
    }

    /// How far the clock of the issuer may be from ours. Default 1 min.
    #[must_use]
    pub fn with_leeway(self, leeway: Duration) -> Self {
        Self(self.0.with_leeway(leeway))
    }

    /// Until when `token` lets somebody do `action` with the stream of `visit`.
    ///
    /// # Errors
    /// Why it does not hold: [`Denied::Malformed`], [`Denied::Algorithm`],
    /// [`Denied::UnknownKey`], [`Denied::Forged`], [`Denied::Audience`], [`Denied::Issuer`],
    /// [`Denied::TooEarly`], [`Denied::Expired`], [`Denied::Action`] for one that lists no stream
    /// for that, or [`Denied::Stream`].
    pub fn verify(&self, action: Action, visit: &Visit, token: &str) -> Result<WallTime, Denied> {
        let now = airloom_chat::WallTime::from_unix(visit.now.since_unix());
        let held = self.0.verify::<Claims>(now, token)?;
        let streams = match action {
            Action::Play => held.claims.play,
            Action::Publish => held.claims.publish,
        };
        if streams.is_empty() {
            Err(Denied::Action)
        } else if !streams.iter().any(|streams| visit.is_of(streams)) {
            Err(Denied::Stream)
        } else {
            Ok(WallTime::from_unix(held.until.since_unix()))
        }
    }

    fn admit(&self, action: Action, visit: &Visit) -> Admission<'static> {
        let credential = visit.credential.as_deref().ok_or(Denied::Required);
        let until = credential.and_then(|token| self.verify(action, visit, token));
        Box::pin(ready(until.map(|until| Pass::new().until(until))))
    }
}

impl Gate for Verifier {
    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.admit(Action::Publish, visit)
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.admit(Action::Play, visit)
    }
}

/// What a token says of somebody.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    play: Vec<String>,
    #[serde(default)]
    publish: Vec<String>,
}

/// Why a token is not believed; what a chat alone refuses does not come from there.
impl From<Disbelieved> for Denied {
    fn from(denied: Disbelieved) -> Self {
        match denied {
            Disbelieved::Required => Self::Required,
            Disbelieved::Malformed { field } => Self::Malformed { field },
            Disbelieved::Algorithm => Self::Algorithm,
            Disbelieved::UnknownKey => Self::UnknownKey,
            Disbelieved::Forged => Self::Forged,
            Disbelieved::Expired => Self::Expired,
            Disbelieved::TooEarly => Self::TooEarly,
            Disbelieved::Audience => Self::Audience,
            Disbelieved::Issuer => Self::Issuer,
            Disbelieved::Unavailable => Self::Unavailable,
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use jwt_compact::alg::{Hs256, Hs256Key};
    use jwt_compact::{AlgorithmExt, Claims, Header};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn gate() -> Verifier {
        let key = Key::hs256(SECRET).unwrap();
        Verifier::new("video").with_key(key).with_leeway(Duration::ZERO)
    }

    fn visit(stream: &str, now: u64) -> Visit {
        Visit::new(stream.parse().unwrap(), "", WallTime::from_unix(Duration::from_secs(now)))
    }

    fn token(secret: &[u8], claims: &Value) -> String {
        let claims: Claims<Value> = serde_json::from_value(claims.clone()).unwrap();
        Hs256.token(&Header::empty(), &claims, &Hs256Key::new(secret)).unwrap()
    }

    #[test]
    fn a_token_holds_for_the_streams_it_lists() {
        let claims =
            json!({ "aud": "video", "exp": 100, "play": ["cam", "event-*"], "publish": ["cam"] });
        let token = token(SECRET, &claims);
        let said = |action, stream| gate().verify(action, &visit(stream, 50), &token);
        let until = WallTime::from_unix(Duration::from_secs(100));
        assert_eq!(said(Action::Play, "cam"), Ok(until));
        assert_eq!(said(Action::Play, "event-7"), Ok(until));
        assert_eq!(said(Action::Play, "cam2"), Err(Denied::Stream));
        assert_eq!(said(Action::Publish, "cam"), Ok(until));
        assert_eq!(said(Action::Publish, "event-7"), Err(Denied::Stream));
    }

    #[test]
    fn what_does_not_hold_says_why() {
        let good =
            json!({ "aud": ["x", "video"], "iss": "us", "exp": 100, "nbf": 10, "play": ["*"] });
        let said = |claims: &Value, now| {
            let token = token(SECRET, claims);
            gate().with_issuer("us").verify(Action::Play, &visit("cam", now), &token).map(drop)
        };
        let but = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        assert_eq!(said(&good, 99), Ok(()));
        assert_eq!(said(&good, 100), Err(Denied::Expired));
        assert_eq!(said(&good, 9), Err(Denied::TooEarly));
        assert_eq!(said(&but("aud", json!("chat")), 50), Err(Denied::Audience));
        assert_eq!(said(&but("iss", json!("them")), 50), Err(Denied::Issuer));
        assert_eq!(said(&but("play", json!([])), 50), Err(Denied::Action));
        let claims = Denied::Malformed { field: "claims" };
        assert_eq!(said(&but("play", json!("cam")), 50), Err(claims));
        let no_end = json!({ "aud": "video", "iss": "us", "play": ["*"] });
        assert_eq!(said(&no_end, 50), Err(Denied::Malformed { field: "exp" }));
    }

    #[test]
    fn nobody_vouches_for_what_is_forged() {
        let claims = json!({ "aud": "video", "exp": 100, "play": ["*"] });
        let said = |token: &str| gate().verify(Action::Play, &visit("cam", 1), token).map(drop);
        let forged = token(b"another secret of thirty-two bytes", &claims);
        assert_eq!(said(&forged), Err(Denied::Forged));
        let good = token(SECRET, &claims);
        assert_eq!(said(&good), Ok(()));
        // {"alg":"none"} with the same claims and no signature.
        let body = good.split('.').nth(1).unwrap();
        assert_eq!(said(&format!("eyJhbGciOiJub25lIn0.{body}.")), Err(Denied::Algorithm));
        for odd in ["", "a.b.c", "..", &good[1..], &"a".repeat(9000)] {
            let denied = said(odd);
            assert!(matches!(denied, Err(Denied::Malformed { .. })), "{odd:.20}: {denied:?}");
        }
    }
}
