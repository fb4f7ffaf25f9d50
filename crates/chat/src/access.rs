//! Who may come in: the integrator's to say.
//!
//! A [`Room`](crate::Room) believes every [`Author`] and every role it is given. Whoever drives it
//! asks an [`Authority`] first, through [`admit`]: of what a client shows (a bearer token, as a
//! rule) the authority says who that is, and of those who show nothing what they may do all the
//! same.
//!
//! ```
//! use std::future::ready;
//!
//! use airloom_chat::access::{Anonymous, Authority, Denied, Identified, Visit};
//! use airloom_chat::{Author, Roles};
//!
//! /// One password, for the moderators of every room; everybody else reads.
//! #[derive(Debug)]
//! struct Desk(&'static str);
//!
//! impl Authority for Desk {
//!     fn identify<'a>(&'a self, _: Visit<'a>, credential: &'a str) -> Identified<'a> {
//!         let author = || Ok(Author::new("desk".parse()?).with_roles(Roles::MODERATOR));
//!         let known = credential == self.0;
//!         Box::pin(ready(if known { author() } else { Err(Denied::Forged) }))
//!     }
//! }
//! ```

mod denied;
#[cfg(feature = "jwt")]
pub mod jwt;
mod tokens;

use std::fmt;
use std::pin::Pin;

use crate::{Author, RoomId, UserId, WallTime};

pub use denied::Denied;
pub use tokens::Tokens;

/// What an [`Authority`] answers, now or later, on whatever runtime asks.
pub type Identified<'a> = Pin<Box<dyn Future<Output = Result<Author, Denied>> + Send + 'a>>;

/// Knows who somebody is.
pub trait Authority: fmt::Debug + Send + Sync {
    /// Who shows `credential`, with the roles they have in this room.
    ///
    /// # Errors
    /// Why that is not known. Nobody comes in by a credential that does not hold, not even as a
    /// reader: they would take themselves for somebody they are not here.
    fn identify<'a>(&'a self, visit: Visit<'a>, credential: &'a str) -> Identified<'a>;

    /// What somebody may do who shows no credential. They read, unless this says otherwise.
    fn anonymous(&self, visit: Visit<'_>) -> Anonymous {
        let _ = visit;
        Anonymous::Reads
    }
}

/// Where somebody wants to go, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit<'a> {
    /// Which room.
    pub room: &'a RoomId,
    /// The time, for credentials that end.
    pub now: WallTime,
}

/// What those may do who show no credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Anonymous {
    /// Nothing: they are [`Denied::Required`] one.
    Nothing,
    /// They read.
    #[default]
    Reads,
    /// They read, and write under any name they claim.
    ///
    /// For a demonstration, or a room whose names mean nothing: a guest may claim the name that
    /// belongs to somebody with a credential, and share their timeouts.
    Guest,
}

/// Somebody who came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visitor {
    /// Somebody the authority knows.
    Known(Author),
    /// A reader without a name.
    Reader,
    /// Somebody who may write under any name; see [`Anonymous::Guest`].
    Guest,
}

impl Visitor {
    /// Who reads, where that is established.
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::Known(author) => Some(&author.id),
            Self::Reader | Self::Guest => None,
        }
    }

    /// Who moderates, votes or takes back what they wrote: only somebody known.
    ///
    /// # Errors
    /// [`Denied::Required`].
    pub fn known(&self) -> Result<&Author, Denied> {
        match self {
            Self::Known(author) => Ok(author),
            Self::Reader | Self::Guest => Err(Denied::Required),
        }
    }

    /// Who writes, where they claim to be `claimed`. A name that is established goes before one
    /// that is claimed.
    ///
    /// # Errors
    /// [`Denied::Required`] for a reader.
    pub fn writer(&self, claimed: &UserId) -> Result<Author, Denied> {
        match self {
            Self::Known(author) => Ok(author.clone()),
            Self::Guest => Ok(Author::new(claimed.clone())),
            Self::Reader => Err(Denied::Required),
        }
    }
}

/// Lets somebody in, or says why not.
///
/// # Errors
/// What the authority says of the credential; [`Denied::Required`] where there is none and the
/// room takes nobody without.
pub async fn admit(
    authority: &dyn Authority,
    visit: Visit<'_>,
    credential: Option<&str>,
) -> Result<Visitor, Denied> {
    match credential {
        Some(credential) => authority.identify(visit, credential).await.map(Visitor::Known),
        None => match authority.anonymous(visit) {
            Anonymous::Nothing => Err(Denied::Required),
            Anonymous::Reads => Ok(Visitor::Reader),
            Anonymous::Guest => Ok(Visitor::Guest),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::Roles;

    fn admitted(authority: &dyn Authority, credential: Option<&str>) -> Result<Visitor, Denied> {
        let room = "lobby".parse().unwrap();
        let visit = Visit { room: &room, now: WallTime::UNIX_EPOCH };
        let mut future = std::pin::pin!(admit(authority, visit, credential));
        let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("a table does not wait");
        };
        answer
    }

    #[test]
    fn who_shows_nothing_is_let_in_by_policy() {
        for (policy, admission) in [
            (Anonymous::Nothing, Err(Denied::Required)),
            (Anonymous::Reads, Ok(Visitor::Reader)),
            (Anonymous::Guest, Ok(Visitor::Guest)),
        ] {
            assert_eq!(admitted(&Tokens::new(policy), None), admission);
        }
    }

    #[test]
    fn a_credential_that_does_not_hold_is_not_anonymity() {
        let desk = Author::new("desk".parse().unwrap()).with_roles(Roles::MODERATOR);
        let tokens = Tokens::new(Anonymous::Guest).with("secret", desk.clone());
        assert_eq!(admitted(&tokens, Some("secret")), Ok(Visitor::Known(desk)));
        for wrong in ["", "Secret", "secre", "secret "] {
            assert_eq!(admitted(&tokens, Some(wrong)), Err(Denied::Forged), "{wrong:?}");
        }
    }

    #[test]
    fn only_a_guest_has_the_name_they_claim_and_only_the_known_moderate() {
        let (ann, ben): (UserId, UserId) = ("ann".parse().unwrap(), "ben".parse().unwrap());
        let known = Visitor::Known(Author::new(ann.clone()));
        assert_eq!(known.writer(&ben).unwrap().id, ann);
        assert_eq!((known.known().unwrap().id.clone(), known.user()), (ann, known.user()));
        assert_eq!(Visitor::Guest.writer(&ben).unwrap(), Author::new(ben.clone()));
        assert_eq!(Visitor::Guest.known(), Err(Denied::Required));
        assert_eq!(Visitor::Reader.writer(&ben), Err(Denied::Required));
        assert_eq!(Visitor::Reader.user(), None);
    }
}
