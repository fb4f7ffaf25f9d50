//! The handshake that opens a connection (RTMP 1.0, 5.2), plain or with the digests of Flash
//! Player 9 and later, which some peers insist on before they send H.264.
//!
//! In a digest handshake, 32 bytes of C1 and S1 are an HMAC of the other 1504. Where they stand is
//! said by four bytes of the packet itself, in one of two places: see [`Scheme`].

mod client;
mod digest;
mod server;

pub use client::Client;
pub use digest::Scheme;
pub use server::Server;

use bytes::{Buf, Bytes};

use crate::Error;

/// Bytes of C1, S1, C2 and S2.
pub const PACKET: usize = 1536;

/// The only version of the protocol (5.2.2).
const VERSION: u8 = 3;

/// Moves bytes from the front of `input` to `buffer` until that holds `wanted`; answers whether it
/// does.
fn fill(buffer: &mut Vec<u8>, wanted: usize, input: &mut Bytes) -> bool {
    let take = wanted.saturating_sub(buffer.len()).min(input.len());
    buffer.extend_from_slice(input.get(..take).unwrap_or_default());
    input.advance(take);
    buffer.len() >= wanted
}

/// Bytes that differ from connection to connection. They are padding: nothing secret hangs on them.
fn padding(seed: u64) -> [u8; PACKET] {
    let mut state = seed;
    let mut bytes = [0; PACKET];
    for word in bytes.chunks_exact_mut(8) {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    bytes
}

/// C1 and S1: time, version or zero, then padding.
fn first_packet(version: [u8; 4], seed: u64) -> [u8; PACKET] {
    let mut packet = padding(seed);
    if let Some(head) = packet.first_chunk_mut::<8>() {
        let [a, b, c, d] = version;
        *head = [0, 0, 0, 0, a, b, c, d];
    }
    packet
}

/// Checks C0 or S0.
fn check_version(
    version: u8,
    field: &'static str,
    accepted: std::ops::RangeInclusive<u8>,
) -> Result<(), Error> {
    if accepted.contains(&version) {
        return Ok(());
    }
    Err(Error::Malformed { field, offset: 0, value: version.into() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Carries bytes between the two until neither has more to say.
    fn converse(mut client: Client, mut server: Server, step: usize) -> (Client, Server) {
        let mut to_server = client.hello();
        let mut to_client = Bytes::new();
        while !(to_server.is_empty() && to_client.is_empty()) {
            let mut piece = to_server.split_to(step.min(to_server.len()));
            if let Some(reply) = server.read(&mut piece).unwrap() {
                to_client = [&to_client[..], &reply].concat().into();
            }
            assert!(piece.is_empty());
            let mut piece = to_client.split_to(step.min(to_client.len()));
            if let Some(reply) = client.read(&mut piece).unwrap() {
                to_server = [&to_server[..], &reply].concat().into();
            }
            assert!(piece.is_empty());
        }
        (client, server)
    }

    #[test]
    fn every_kind_meets_its_own_kind() {
        for scheme in [None, Some(Scheme::Zero), Some(Scheme::One)] {
            for step in [1, 7, 1536, 10_000] {
                let (client, server) = converse(Client::new(scheme, 1), Server::new(2), step);
                assert!(client.is_done() && server.is_done());
                assert_eq!((client.scheme(), server.scheme()), (scheme, scheme));
            }
        }
    }

    #[test]
    fn what_follows_is_left_in_the_input() {
        let mut client = Client::new(Some(Scheme::Zero), 1);
        let mut server = Server::new(2);
        let reply = server.read(&mut client.hello()).unwrap().unwrap();
        let c2 = client.read(&mut reply.clone()).unwrap().unwrap();
        let mut input = Bytes::from([&c2[..], b"chunks"].concat());
        assert_eq!(server.read(&mut input), Ok(None));
        assert!(server.is_done());
        assert_eq!(&input[..], b"chunks");
    }

    #[test]
    fn a_foreign_version_is_answered_or_refused() {
        // 5.2.2: a server that does not know the version answers 3 ...
        let mut c0c1 = vec![4];
        c0c1.extend([0; PACKET]);
        let reply = Server::new(0).read(&mut c0c1.into()).unwrap().unwrap();
        assert_eq!((reply[0], reply.len()), (3, 1 + 2 * PACKET));
        // ... and 32 and above are text protocols that came to the wrong port, as 'G' of GET.
        let refused = Server::new(0).read(&mut Bytes::from_static(b"GET / HTTP/1.1"));
        let error = Error::Malformed { field: "C0 version", offset: 0, value: 0x47 };
        assert_eq!(refused, Err(error));
        let refused = Client::new(None, 0).read(&mut Bytes::from_static(b"\x06"));
        assert_eq!(refused, Err(Error::Malformed { field: "S0 version", offset: 0, value: 6 }));
    }

    #[test]
    fn a_plain_server_answers_a_digest_client() {
        // Servers that know no digest echo C1 and leave their version zero.
        let mut client = Client::new(Some(Scheme::One), 9);
        let hello = client.hello();
        let mut reply = vec![3];
        reply.extend(first_packet([0; 4], 5));
        reply.extend_from_slice(&hello[1..]);
        let s1 = Bytes::copy_from_slice(&reply[1..=PACKET]);
        let c2 = client.read(&mut reply.into()).unwrap().unwrap();
        assert!(client.is_done());
        assert_eq!((client.scheme(), c2), (None, s1));
    }

    proptest! {
        #[test]
        fn any_first_packet_is_answered(bytes in prop::collection::vec(any::<u8>(), PACKET)) {
            let mut input = Bytes::from([&[3], &bytes[..]].concat());
            let reply = Server::new(0).read(&mut input).unwrap().unwrap();
            prop_assert_eq!(reply.len(), 1 + 2 * PACKET);
        }
    }
}
