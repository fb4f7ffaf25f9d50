use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::PACKET;

/// Bytes of a digest.
pub(super) const DIGEST: usize = 32;

/// What follows both names below to make the long keys.
const SUFFIX: [u8; 32] = [
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57,
    0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

/// Whose key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    Client,
    Server,
}

impl Signer {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Client => b"Genuine Adobe Flash Player 001",
            Self::Server => b"Genuine Adobe Flash Media Server 001",
        }
    }
}

/// Where the digest stands in C1 and S1. After time and version the packet has two blocks of 764
/// bytes, one for a key (of encrypted RTMP) and one for the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Key block first, digest block second.
    Zero,
    /// Digest block first, key block second. What most clients send.
    One,
}

impl Scheme {
    /// Where the digest of `packet` stands: after the four offset bytes of its block, by their sum.
    fn position(self, packet: &[u8; PACKET]) -> usize {
        let block = match self {
            Self::Zero => 8 + 764,
            Self::One => 8,
        };
        let sum: usize = packet.iter().skip(block).take(4).map(|byte| usize::from(*byte)).sum();
        block + 4 + sum % 728
    }
}

fn hmac<'a>(key: &[u8], data: impl IntoIterator<Item = &'a [u8]>) -> [u8; DIGEST] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; DIGEST] };
    for part in data {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The digest of everything in `packet` but the digest itself.
fn digest(packet: &[u8; PACKET], position: usize, signer: Signer) -> [u8; DIGEST] {
    let before = packet.get(..position).unwrap_or_default();
    let after = packet.get(position + DIGEST..).unwrap_or_default();
    hmac(signer.name(), [before, after])
}

/// Writes the digest into C1 or S1, and answers it.
pub(super) fn sign(packet: &mut [u8; PACKET], scheme: Scheme, signer: Signer) -> [u8; DIGEST] {
    let position = scheme.position(packet);
    let digest = digest(packet, position, signer);
    if let Some(place) = packet.get_mut(position..position + DIGEST) {
        place.copy_from_slice(&digest);
    }
    digest
}

/// Finds the digest in C1 or S1, in either place.
pub(super) fn find(packet: &[u8; PACKET], signer: Signer) -> Option<(Scheme, [u8; DIGEST])> {
    [Scheme::One, Scheme::Zero].into_iter().find_map(|scheme| {
        let position = scheme.position(packet);
        let digest = digest(packet, position, signer);
        let there = packet.get(position..position + DIGEST)?;
        (there == digest).then_some((scheme, digest))
    })
}

/// Signs C2 or S2: its last 32 bytes answer the digest of the other side's first packet.
pub(super) fn sign_answer(packet: &mut [u8; PACKET], asked: &[u8; DIGEST], signer: Signer) {
    let key = hmac(&[signer.name(), &SUFFIX].concat(), [asked.as_slice()]);
    let (body, end) = packet.split_at_mut(PACKET - DIGEST);
    end.copy_from_slice(&hmac(&key, [&*body]));
}
