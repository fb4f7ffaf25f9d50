use std::time::Duration;

use jwt_compact::{ParseError, UntrustedToken};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::key::{Critical, Key, Others};
use crate::WallTime;
use crate::access::Denied;

/// Whose tokens are believed: those signed by its keys, for its audience, while they hold.
///
/// What else a token says is the caller's to judge: a [`Verifier`](super::Verifier) does for a
/// chat, and another may for a service of yours whose tokens have other claims.
///
/// ```
/// use airloom_chat::WallTime;
/// use airloom_chat::access::Denied;
/// use airloom_chat::access::jwt::{Key, Trust};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Seat { row: u32 }
///
/// let trust = Trust::new("stadium").with_key(Key::hs256(b"a secret of thirty-two bytes or more")?);
/// let seat = trust.verify::<Seat>(WallTime::UNIX_EPOCH, "no token");
/// assert_eq!(seat.map(|held| held.claims.row), Err(Denied::Malformed { field: "token" }));
/// # Ok::<(), airloom_chat::access::jwt::KeyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trust {
    audience: Box<str>,
    issuer: Option<Box<str>>,
    leeway: Duration,
    keys: Vec<Key>,
}

/// What a token says that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<T> {
    /// The claims asked for.
    pub claims: T,
    /// Until when it holds: `exp`, and the leeway after it.
    pub until: WallTime,
}

impl Trust {
    /// The longest token, in bytes: what fits the header lines of every common server.
    pub const LIMIT: usize = 8 << 10;

    /// Takes tokens whose `aud` names `audience`; with no key yet, none at all.
    pub fn new(audience: &str) -> Self {
        let leeway = Duration::from_mins(1);
        Self { audience: audience.into(), issuer: None, leeway, keys: Vec::new() }
    }

    /// One more key.
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

    /// What `token` says at `now`, and until when.
    ///
    /// # Errors
    /// Why it does not hold: [`Denied::Malformed`], [`Denied::Algorithm`],
    /// [`Denied::UnknownKey`], [`Denied::Forged`], [`Denied::Audience`], [`Denied::Issuer`],
    /// [`Denied::TooEarly`] or [`Denied::Expired`].
    pub fn verify<T: DeserializeOwned>(
        &self,
        now: WallTime,
        token: &str,
    ) -> Result<Held<T>, Denied> {
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
        let claims = self.claims(&token)?;
        let expires = claims.expiration.ok_or(malformed("exp"))?.timestamp_millis();
        let begins = claims.not_before.map(|it| it.timestamp_millis());
        let others = Value::Object(claims.custom);
        let named = Named::deserialize(&others).map_err(|_| malformed("claims"))?;
        let claims = serde_json::from_value(others).map_err(|_| malformed("claims"))?;
        self.check(now, expires, begins, &named)?;
        let until = Duration::from_millis(u64::try_from(expires).unwrap_or_default());
        Ok(Held { claims, until: WallTime::from_unix(until.saturating_add(self.leeway)) })
    }

    /// The claims, once a key vouches for them.
    fn claims(
        &self,
        token: &UntrustedToken<'_, Critical>,
    ) -> Result<jwt_compact::Claims<Others>, Denied> {
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
        now: WallTime,
        expires: i64,
        begins: Option<i64>,
        named: &Named,
    ) -> Result<(), Denied> {
        let now = i128::try_from(now.since_unix().as_millis()).unwrap_or(i128::MAX);
        let leeway = i128::try_from(self.leeway.as_millis()).unwrap_or(i128::MAX);
        if !named.aud.as_ref().is_some_and(|aud| aud.names(&self.audience)) {
            Err(Denied::Audience)
        } else if self.issuer.is_some() && named.iss.as_deref() != self.issuer.as_deref() {
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
}

/// Whom a token is for and by.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    aud: Option<OneOrMore>,
    #[serde(default)]
    iss: Option<String>,
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
