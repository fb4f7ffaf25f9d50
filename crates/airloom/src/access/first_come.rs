use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use airloom_playlist::WallTime;

use super::{Admission, Arrival, Denied, Gate, Visit};

/// Credentials remembered at once. 64 bytes each.
const MOST: usize = 10_000;

/// A gate in front of another that keeps a credential for publishing to the address which showed it
/// first: what was overheard is [`Denied::Replayed`] from anywhere else, until it expires.
///
/// From the same address it may be shown again, so that an encoder whose line broke comes back. Only
/// credentials that the other gate lets in until a time are kept to an address. Of more than 10,000
/// at once that have not expired, further ones are [`Denied::Unavailable`].
#[derive(Debug)]
pub struct FirstCome<G> {
    gate: G,
    hashers: (RandomState, RandomState),
    holders: Mutex<HashMap<(u64, u64), Holder>>,
}

#[derive(Debug, Clone, Copy)]
struct Holder {
    address: IpAddr,
    until: WallTime,
}

impl<G: Gate> FirstCome<G> {
    /// Stands in front of `gate`.
    pub fn new(gate: G) -> Self {
        let hashers = (RandomState::new(), RandomState::new());
        Self { gate, hashers, holders: Mutex::default() }
    }

    fn take(&self, visit: &Visit, until: WallTime) -> Result<(), Denied> {
        let (Some(credential), Some(peer)) = (&visit.credential, visit.peer) else {
            return Ok(());
        };
        let name = (self.hashers.0.hash_one(credential), self.hashers.1.hash_one(credential));
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        match holders.get(&name) {
            Some(holder) if holder.address == peer.ip() => return Ok(()),
            Some(holder) if holder.until > visit.now => return Err(Denied::Replayed),
            _ => {}
        }
        if holders.len() >= MOST {
            holders.retain(|_, holder| holder.until > visit.now);
        }
        if holders.len() >= MOST {
            return Err(Denied::Unavailable);
        }
        holders.insert(name, Holder { address: peer.ip(), until });
        Ok(())
    }
}

impl<G: Gate> Gate for FirstCome<G> {
    fn connect<'a>(&'a self, arrival: &'a Arrival) -> Admission<'a> {
        self.gate.connect(arrival)
    }

    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        Box::pin(async move {
            let pass = self.gate.publish(visit).await?;
            match pass.expires() {
                Some(until) => self.take(visit, until).map(|()| pass),
                None => Ok(pass),
            }
        })
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.gate.play(visit)
    }
}
