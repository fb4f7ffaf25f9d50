use bytes::Bytes;

use super::digest::{self, Scheme, Signer};
use super::{PACKET, VERSION, check_version, fill, first_packet, padding};
use crate::Error;

/// The server's side: C0 and C1 in, S0, S1 and S2 out, C2 in.
#[derive(Debug)]
pub struct Server {
    seed: u64,
    buffer: Vec<u8>,
    state: State,
    scheme: Option<Scheme>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Second,
    Done,
}

impl Server {
    /// A server that waits for C0. `seed` only varies the padding of what it sends.
    pub const fn new(seed: u64) -> Self {
        Self { seed, buffer: Vec::new(), state: State::First, scheme: None }
    }

    /// Takes from the front of `input` what belongs to the handshake, and answers what to send.
    ///
    /// A client that asks for versions 4 to 31 is answered with 3, which it may settle for (5.2.2).
    /// What C2 says is not looked at: too many clients fill it with anything.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a version below 3, or from 32 on: those are text protocols.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Error> {
        let mut reply = None;
        if self.state == State::First {
            let complete = fill(&mut self.buffer, 1 + PACKET, input);
            if let Some(version) = self.buffer.first() {
                check_version(*version, "C0 version", VERSION..=31)?;
            }
            if !complete {
                return Ok(None);
            }
            if let Some(c1) = self.buffer.last_chunk::<PACKET>() {
                let (scheme, bytes) = answer(c1, self.seed);
                self.scheme = scheme;
                reply = Some(bytes);
            }
            self.buffer.clear();
            self.state = State::Second;
        }
        if self.state == State::Second && fill(&mut self.buffer, PACKET, input) {
            self.buffer = Vec::new();
            self.state = State::Done;
        }
        Ok(reply)
    }

    /// Whether C2 arrived: chunks follow.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How the client signed, if it did.
    pub const fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }
}

/// S0, S1 and S2.
fn answer(c1: &[u8; PACKET], seed: u64) -> (Option<Scheme>, Bytes) {
    // A client that leaves its version zero does not sign.
    let signed = c1.get(4..8).is_some_and(|version| version != [0; 4]);
    let found = if signed { digest::find(c1, Signer::Client) } else { None };
    let mut reply = Vec::with_capacity(1 + 2 * PACKET);
    reply.push(VERSION);
    if let Some((scheme, asked)) = found {
        let mut s1 = first_packet([4, 5, 0, 1], seed);
        digest::sign(&mut s1, scheme, Signer::Server);
        let mut s2 = padding(!seed);
        digest::sign_answer(&mut s2, &asked, Signer::Server);
        reply.extend_from_slice(&s1);
        reply.extend_from_slice(&s2);
    } else {
        reply.extend_from_slice(&first_packet([0; 4], seed));
        reply.extend_from_slice(c1);
    }
    (found.map(|(scheme, _)| scheme), reply.into())
}
