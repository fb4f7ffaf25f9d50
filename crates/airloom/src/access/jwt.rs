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

mod key;

use std::future::ready;
use std::time::Duration;

use airloom_playlist::WallTime;
use jwt_compact::{Claims, ParseError, UntrustedToken};
use serde::Deserialize;
use serde_json::Value;

use super::{Action, Admission, Denied, Gate, Pass, Visit};
use key::{Critical, Others};
pub use key::{Key, KeyError};

/// A [`Gate`] that believes whoever holds the other half of its keys.
#[derive(Debug, Clone)]
pub struct Verifier {
    audience: Box<str>,
    issuer: Option<Box<str>>,
    leeway: Duration,
    keys: Vec<Key>,
}

impl Verifier {
    /// The longest token, in bytes: what fits the header lines of every common server.
    pub const LIMIT: usize = 8 << 10;

    /// Takes tokens whose `aud` names `audience`; with no key yet, none at all.
    ///
    /// Without an audience of one's own, a token that the same issuer made for another service
    /// would let in here too.
    pub fn new(audience: &str) -> Self {
        let leeway = Duration::from_mins(1);
        Self { audience: audience.into(), issuer: None, leeway, keys: Vec::new() }
    }

    /// One more key: the next one, while tokens of the one before it are still about.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }

    /// Only tokens whose `iss` is `issuer`.
    #[must_use]
    pub fn with_issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// How far the clock of the issuer may be from ours. Default 1 min.
    #[must_use]
    pub const fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Until when `token` lets somebody do `action` with the stream of `visit`.
    ///
    /// # Errors
    /// Why it does not hold: [`Denied::Malformed`], [`Denied::Algorithm`],
    /// [`Denied::UnknownKey`], [`Denied::Forged`], [`Denied::Audience`], [`Denied::Issuer`],
    /// [`Denied::TooEarly`], [`Denied::Expired`], [`Denied::Action`] for one that lists no stream
    /// for that, or [`Denied::Stream`].
    pub fn verify(&self, action: Action, visit: &Visit, token: &str) -> Result<WallTime, Denied> {
        let malformed = |field| Denied::Malformed { field };
        if token.len() > Self::LIMIT {
            return Err(malformed("token"));
        }
        let token = UntrustedToken::<Critical>::try_from(token).map_err(|error| match error {
            ParseError::MalformedHeader(_) => malformed("header"),
            _ => malformed("token"),
        })?;
        // Whatever must be understood is not (RFC 7515, 4.1.11).
        if token.header().other_fields.crit.is_some() {
            return Err(malformed("crit"));
        }
        let Claims { expiration, not_before, custom, .. } = self.claims(&token)?;
        let expires = expiration.ok_or(malformed("exp"))?.timestamp_millis();
        let begins = not_before.map(|it| it.timestamp_millis());
        let custom: Private =
            serde_json::from_value(Value::Object(custom)).map_err(|_| malformed("claims"))?;
        self.check(visit, expires, begins, &custom)?;
        let streams = match action {
            Action::Play => custom.play,
            Action::Publish => custom.publish,
        };
        if streams.is_empty() {
            Err(Denied::Action)
        } else if !streams.iter().any(|streams| visit.is_of(streams)) {
            Err(Denied::Stream)
        } else {
            let expires = Duration::from_millis(u64::try_from(expires).unwrap_or_default());
            Ok(WallTime::from_unix(expires.saturating_add(self.leeway)))
        }
    }

    /// The claims, once a key vouches for them.
    fn claims(&self, token: &UntrustedToken<'_, Critical>) -> Result<Claims<Others>, Denied> {
        let mut denied = Denied::Algorithm;
        for key in self.keys.iter().filter(|key| key.is_for(token.algorithm())) {
            if !key.answers_to(token.header().key_id.as_deref()) {
                denied = if denied == Denied::Algorithm { Denied::UnknownKey } else { denied };
                continue;
            }
            match key.validate(token) {
                Err(Denied::Forged) => denied = Denied::Forged,
                answer => return answer,
            }
        }
        Err(denied)
    }

    fn check(
        &self,
        visit: &Visit,
        expires: i64,
        begins: Option<i64>,
        custom: &Private,
    ) -> Result<(), Denied> {
        let now = i128::try_from(visit.now.since_unix().as_millis()).unwrap_or(i128::MAX);
        let leeway = i128::try_from(self.leeway.as_millis()).unwrap_or(i128::MAX);
        if !custom.aud.as_ref().is_some_and(|aud| aud.names(&self.audience)) {
            Err(Denied::Audience)
        } else if self.issuer.is_some() && custom.iss.as_deref() != self.issuer.as_deref() {
            Err(Denied::Issuer)
        } else if now.saturating_sub(leeway) >= i128::from(expires) {
            // RFC 7519, 4.1.4: on or after.
            Err(Denied::Expired)
        } else if begins.is_some_and(|it| now.saturating_add(leeway) < i128::from(it)) {
            Err(Denied::TooEarly)
        } else {
            Ok(())
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

/// The claims beside the times.
#[derive(Deserialize)]
struct Private {
    #[serde(default)]
    aud: Option<OneOrMore>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    play: Vec<String>,
    #[serde(default)]
    publish: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn names(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::More(more) => more.iter().any(|one| one == wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use jwt_compact::alg::{Hs256, Hs256Key};
    use jwt_compact::{AlgorithmExt, Header};
    use serde_json::json;

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
