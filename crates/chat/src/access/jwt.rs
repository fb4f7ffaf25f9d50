//! JSON Web Tokens (RFC 7519) as credentials. Feature `jwt`.
//!
//! A [`Verifier`] takes signed tokens in compact form of HS256, ES256 (RFC 7518, 3) or Ed25519
//! (RFC 8037), and nothing else: a token without a signature, or encrypted, is refused. Each key is
//! for one algorithm, whatever a token says of itself.
//!
//! | claim | meaning |
//! |---|---|
//! | `sub` | the [`UserId`]; required |
//! | `exp` | when it ends; required |
//! | `nbf` | when it begins |
//! | `aud`, `iss` | as the verifier asks for them |
//! | `name` | what the others see |
//! | `roles` | a list of `follower`, `subscriber`, `vip`, `moderator`, `broadcaster`, `system`; others are passed over |
//! | `rooms` | a list of the rooms it is for; absent means all |
//!
//! ```
//! use std::time::Duration;
//!
//! use airloom_chat::access::jwt::{Key, Verifier};
//!
//! let key = Key::hs256(b"a secret of thirty-two bytes or more")?;
//! let authority = Verifier::new("chat.example").with_key(key).with_leeway(Duration::from_secs(30));
//! # Ok::<(), airloom_chat::access::jwt::KeyError>(())
//! ```

use std::future::ready;
use std::time::Duration;

use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key, VerifyingKey};
use jwt_compact::{
    Algorithm, AlgorithmExt, Claims, ParseError, Renamed, UntrustedToken, ValidationError,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Anonymous, Authority, Denied, Identified, Visit};
use crate::{Author, Name, Roles, RoomId, UserId};

/// Everything a token says beside its times, read once somebody vouches for it.
type Others = serde_json::Map<String, Value>;
type Ed25519Key = <Ed25519 as Algorithm>::VerifyingKey;
type Es256Key = <Es256 as Algorithm>::VerifyingKey;

/// An [`Authority`] that believes whoever holds the other half of its keys.
#[derive(Debug, Clone)]
pub struct Verifier {
    audience: Box<str>,
    issuer: Option<Box<str>>,
    leeway: Duration,
    anonymous: Anonymous,
    keys: Vec<Key>,
}

impl Verifier {
    /// The longest token, in bytes: what fits the header lines of every common server.
    pub const LIMIT: usize = 8 << 10;

    /// Takes tokens whose `aud` names `audience`; with no key yet, none at all.
    ///
    /// Without an audience of one's own, a token that the same issuer made for another service
    /// would open the chat too.
    pub fn new(audience: &str) -> Self {
        Self {
            audience: audience.into(),
            issuer: None,
            leeway: Duration::from_mins(1),
            anonymous: Anonymous::default(),
            keys: Vec::new(),
        }
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

    /// What those may do who show no token. Default [`Anonymous::Reads`].
    #[must_use]
    pub const fn with_anonymous(mut self, anonymous: Anonymous) -> Self {
        self.anonymous = anonymous;
        self
    }

    /// Who shows `token`.
    ///
    /// # Errors
    /// Why it does not hold: [`Denied::Malformed`], [`Denied::Algorithm`],
    /// [`Denied::UnknownKey`], [`Denied::Forged`], [`Denied::Audience`], [`Denied::Issuer`],
    /// [`Denied::TooEarly`], [`Denied::Expired`] or [`Denied::Room`].
    pub fn verify(&self, visit: Visit<'_>, token: &str) -> Result<Author, Denied> {
        if token.len() > Self::LIMIT {
            return Err(Denied::Malformed { field: "token" });
        }
        let token = UntrustedToken::<Critical>::try_from(token).map_err(|error| match error {
            ParseError::MalformedHeader(_) => Denied::Malformed { field: "header" },
            _ => Denied::Malformed { field: "token" },
        })?;
        // Whatever must be understood is not (RFC 7515, 4.1.11).
        if token.header().other_fields.crit.is_some() {
            return Err(Denied::Malformed { field: "crit" });
        }
        let Claims { expiration, not_before, custom, .. } = self.claims(&token)?;
        let expires = expiration.ok_or(Denied::Malformed { field: "exp" })?.timestamp_millis();
        let begins = not_before.map(|it| it.timestamp_millis());
        let custom: Private = serde_json::from_value(Value::Object(custom))
            .map_err(|_| Denied::Malformed { field: "claims" })?;
        self.check(visit, expires, begins, &custom)?;
        Ok(Author { id: custom.sub, name: custom.name, roles: custom.roles })
    }

    /// The claims, once a key vouches for them.
    fn claims(&self, token: &UntrustedToken<'_, Critical>) -> Result<Claims<Others>, Denied> {
        let mut denied = Denied::Algorithm;
        for key in &self.keys {
            if !key.is_for(token.algorithm()) {
                continue;
            }
            let named = token.header().key_id.as_deref();
            if named.is_some() && key.id.is_some() && named != key.id.as_deref() {
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
        visit: Visit<'_>,
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
        } else if custom.rooms.as_ref().is_some_and(|rooms| !rooms.contains(visit.room)) {
            Err(Denied::Room)
        } else {
            Ok(())
        }
    }
}

impl Authority for Verifier {
    fn identify<'a>(&'a self, visit: Visit<'a>, credential: &'a str) -> Identified<'a> {
        Box::pin(ready(self.verify(visit, credential)))
    }

    fn anonymous(&self, _: Visit<'_>) -> Anonymous {
        self.anonymous
    }
}

/// What vouches for tokens: a shared secret, or the public half of a pair.
///
/// Its debug form shows no secret.
#[derive(Debug, Clone)]
pub struct Key {
    id: Option<Box<str>>,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Hs256(Hs256Key),
    Ed25519(Ed25519Key),
    Es256(Box<Es256Key>),
}

impl Key {
    /// A secret that the issuer and this verifier share (HS256).
    ///
    /// # Errors
    /// [`KeyError::Short`] below 32 bytes (RFC 7518, 3.2).
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < 32 {
            return Err(KeyError::Short);
        }
        Ok(Self::of(Form::Hs256(Hs256Key::new(secret))))
    }

    /// An Ed25519 public key of 32 bytes: `x` of a JSON Web Key, decoded.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn ed25519(public: &[u8]) -> Result<Self, KeyError> {
        let key = <Ed25519Key as VerifyingKey<Ed25519>>::from_slice(public);
        key.map(Form::Ed25519).map(Self::of).map_err(|_| KeyError::NotAKey)
    }

    /// A P-256 public key (ES256) as SEC 1 writes it: 4 and the two coordinates, 65 bytes, or the
    /// compressed 33.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn es256(public: &[u8]) -> Result<Self, KeyError> {
        let key = <Es256Key as VerifyingKey<Es256>>::from_slice(public);
        key.map(|key| Self::of(Form::Es256(Box::new(key)))).map_err(|_| KeyError::NotAKey)
    }

    /// The same under a name: a token that names another in its `kid` is not tried on it.
    #[must_use]
    pub fn named(mut self, id: &str) -> Self {
        self.id = Some(id.into());
        self
    }

    const fn of(form: Form) -> Self {
        Self { id: None, form }
    }

    fn is_for(&self, algorithm: &str) -> bool {
        match self.form {
            Form::Hs256(_) => algorithm == "HS256",
            // RFC 8037 called it EdDSA; RFC 9864 says which.
            Form::Ed25519(_) => matches!(algorithm, "EdDSA" | "Ed25519"),
            Form::Es256(_) => algorithm == "ES256",
        }
    }

    fn validate(&self, token: &UntrustedToken<'_, Critical>) -> Result<Claims<Others>, Denied> {
        let valid = match &self.form {
            Form::Hs256(key) => Hs256.validator(key).validate(token),
            Form::Ed25519(key) if token.algorithm() == "EdDSA" => {
                Ed25519.validator(key).validate(token)
            }
            Form::Ed25519(key) => {
                let algorithm: Renamed<Ed25519> = Ed25519::with_specific_name();
                algorithm.validator(key).validate(token)
            }
            Form::Es256(key) => Es256.validator(key.as_ref()).validate(token),
        };
        valid.map(|token| token.into_parts().1).map_err(|error| match error {
            ValidationError::MalformedClaims(_) => Denied::Malformed { field: "claims" },
            _ => Denied::Forged,
        })
    }
}

/// Why something is no [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A secret that is shorter than what it produces.
    #[error("a secret of HS256 has 32 bytes at least")]
    Short,
    /// Bytes that are no point of the curve.
    #[error("not a public key")]
    NotAKey,
}

#[derive(Clone, Deserialize)]
struct Critical {
    crit: Option<serde::de::IgnoredAny>,
}

/// The claims beside the times.
#[derive(Deserialize)]
struct Private {
    sub: UserId,
    #[serde(default)]
    aud: Option<OneOrMore>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    name: Option<Name>,
    #[serde(default)]
    roles: Roles,
    #[serde(default)]
    rooms: Option<Vec<RoomId>>,
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
