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

mod key;
mod trust;

use std::future::ready;
use std::time::Duration;

use serde::Deserialize;

use super::{Anonymous, Authority, Denied, Identified, Visit};
use crate::{Author, Name, Roles, RoomId, UserId};
pub use key::{Key, KeyError};
pub use trust::{Held, Trust};

/// An [`Authority`] that believes whoever holds the other half of its keys.
#[derive(Debug, Clone)]
pub struct Verifier {
    trust: Trust,
    anonymous: Anonymous,
}

impl Verifier {
    /// The longest token, in bytes.
    pub const LIMIT: usize = Trust::LIMIT;

    /// Takes tokens whose `aud` names `audience`; with no key yet, none at all.
    ///
    /// Without an audience of one's own, a token that the same issuer made for another service
    /// would open the chat too.
    pub fn new(audience: &str) -> Self {
        Self { trust: Trust::new(audience), anonymous: Anonymous::default() }
    }

    /// One more key: the next one, while tokens of the one before it are still about.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.trust = self.trust.with_key(key);
        self
    }

    /// Only tokens whose `iss` is `issuer`.
    #[must_use]
    pub fn with_issuer(mut self, issuer: &str) -> Self {
        self.trust = self.trust.with_issuer(issuer);
        self
    }

    /// How far the clock of the issuer may be from ours. Default 1 min.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.trust = self.trust.with_leeway(leeway);
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
        let Claims { sub, name, roles, rooms } = self.trust.verify(visit.now, token)?.claims;
        if rooms.is_some_and(|rooms| !rooms.contains(visit.room)) {
            return Err(Denied::Room);
        }
        Ok(Author { id: sub, name, roles })
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

/// What a token says of somebody.
#[derive(Deserialize)]
struct Claims {
    sub: UserId,
    #[serde(default)]
    name: Option<Name>,
    #[serde(default)]
    roles: Roles,
    #[serde(default)]
    rooms: Option<Vec<RoomId>>,
}
