//! Who may publish and who may play: the integrator's to say.
//!
//! An [`Origin`](crate::Origin) lets everybody in, unless it is given a [`Gate`], which is asked
//! before anything else is done: once for every publish and every player over RTMP, and once for
//! every viewer over HTTP, whose other requests are then let through by what was said to the first.
//! What a viewer shows is the `token` of its URL (and whatever else of it
//! [`Config::carried`](crate::origin::Config::carried) hands on from playlist to media), an
//! `Authorization: Bearer` header, and its address.
//!
//! Ready-made: [`SignedUrls`]; JSON Web Tokens (`jwt`, with the feature of that name); HTTP
//! callbacks as nginx-rtmp and SRS send them (`callbacks`, likewise). [`All`] asks several, and
//! [`FirstCome`] keeps a token for publishing to the address that showed it first.
//!
//! ```
//! use std::future::ready;
//!
//! use airloom::Origin;
//! use airloom::access::{Admission, Denied, Gate, Pass, Visit};
//!
//! /// Everybody watches; who knows the word publishes.
//! #[derive(Debug)]
//! struct Password(&'static str);
//!
//! impl Gate for Password {
//!     fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
//!         let known = visit.credential.as_deref() == Some(self.0);
//!         Box::pin(ready(if known { Ok(Pass::new()) } else { Err(Denied::Forged) }))
//!     }
//!
//!     fn play<'a>(&'a self, _: &'a Visit) -> Admission<'a> {
//!         Box::pin(ready(Ok(Pass::new())))
//!     }
//! }
//!
//! let origin = Origin::builder().gate(Password("sesame")).build();
//! # drop(origin);
//! ```

mod all;
#[cfg(feature = "callbacks")]
pub mod callbacks;
mod denied;
mod first_come;
#[cfg(feature = "jwt")]
pub mod jwt;
mod pass;
mod signed;
mod visit;

use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

pub use all::All;
pub use denied::Denied;
pub use first_come::FirstCome;
pub use pass::Pass;
pub use signed::{Action, Grant, ShortKey, SignedUrls};
pub use visit::{Arrival, Protocol, Visit};

/// What a [`Gate`] answers, now or later.
pub type Admission<'a> = Pin<Box<dyn Future<Output = Result<Pass, Denied>> + Send + 'a>>;

/// Lets publishers and players in, or says why not.
///
/// A question that is not answered within 10 s counts as [`Denied::Unavailable`]; the future is
/// dropped then, and may be dropped earlier, when nobody waits for the answer any more.
pub trait Gate: fmt::Debug + Send + Sync + 'static {
    /// Whether somebody may use an RTMP application. Who may is not let in yet: to publish and to
    /// play are asked for on their own. Everybody, unless this says otherwise.
    ///
    /// # Errors
    /// Why not.
    fn connect<'a>(&'a self, arrival: &'a Arrival) -> Admission<'a> {
        let _ = arrival;
        Box::pin(ready(Ok(Pass::new())))
    }

    /// Whether somebody may publish, asked once for each publish.
    ///
    /// # Errors
    /// Why not.
    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a>;

    /// Whether somebody may play. Over HTTP the answer holds until [`Pass::until`], or as long as
    /// the viewer asks for something at least once a minute; a refusal holds for two seconds.
    ///
    /// # Errors
    /// Why not.
    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a>;
}

/// A gate that others hold, too.
impl<G: Gate + ?Sized> Gate for Arc<G> {
    fn connect<'a>(&'a self, arrival: &'a Arrival) -> Admission<'a> {
        (**self).connect(arrival)
    }

    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        (**self).publish(visit)
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        (**self).play(visit)
    }
}
