use bytes::Bytes;

use super::digest::{self, Scheme, Signer};
use super::{PACKET, VERSION, check_version, fill, first_packet, padding};
use crate::Error;

/// The client's side: C0 and C1 out, S0, S1 and S2 in, C2 out.
#[derive(Debug)]
pub struct Client {
    seed: u64,
    hello: Bytes,
    buffer: Vec<u8>,
    scheme: Option<Scheme>,
    done: bool,
}

impl Client {
    /// A client that signs by `scheme`, or does not. `seed` only varies the padding of what it
    /// sends.
    ///
    /// Servers that know no digests answer a signed hello all the same.
    pub fn new(scheme: Option<Scheme>, seed: u64) -> Self {
        let c1 = match scheme {
            None => first_packet([0; 4], seed),
            Some(scheme) => {
                // A Flash Player old enough to be known by every server, new enough to sign.
                let mut c1 = first_packet([9, 0, 124, 2], seed);
                digest::sign(&mut c1, scheme, Signer::Client);
                c1
            }
        };
        let hello = [&[VERSION], &c1[..]].concat().into();
        Self { seed, hello, buffer: Vec::new(), scheme, done: false }
    }

    /// C0 and C1, to be sent first.
    pub fn hello(&self) -> Bytes {
        self.hello.clone()
    }

    /// Takes from the front of `input` what belongs to the handshake, and answers C2 when it is
    /// time to send it. What S2 says is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for any version but 3.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Error> {
        if self.done {
            return Ok(None);
        }
        let complete = fill(&mut self.buffer, 1 + 2 * PACKET, input);
        if let Some(version) = self.buffer.first() {
            check_version(*version, "S0 version", VERSION..=VERSION)?;
        }
        if !complete {
            return Ok(None);
        }
        self.done = true;
        let buffer = std::mem::take(&mut self.buffer);
        let Some(s1) = buffer.get(1..).and_then(|rest| rest.first_chunk::<PACKET>()) else {
            return Ok(None);
        };
        let signed = self.scheme.and_then(|_| digest::find(s1, Signer::Server));
        self.scheme = signed.map(|(scheme, _)| scheme);
        Ok(Some(match signed {
            Some((_, asked)) => {
                let mut c2 = padding(!self.seed);
                digest::sign_answer(&mut c2, &asked, Signer::Client);
                Bytes::copy_from_slice(&c2)
            }
            None => Bytes::copy_from_slice(s1),
        }))
    }

    /// Whether S2 arrived and C2 was answered: chunks follow.
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// How the server signed, once done; how this side did, before.
    pub const fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }
}
