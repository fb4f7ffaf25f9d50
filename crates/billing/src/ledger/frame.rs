//! How groups of records stand in a segment.
//!
//! A segment is a header and then groups, each written and synced as one. All integers are
//! little endian; checksums are CRC-32C; the chain is SHA-256.
//!
//! | segment header | bytes | | group header | bytes |
//! |---|---|---|---|---|
//! | `AIRLOOM` and the version 1 | 8 | | `AGRP` | 4 |
//! | number of the first record | 8 | | payload length | 4 |
//! | chain before the first group | 32 | | number of records | 4 |
//! | checksum of the above | 4 | | checksum of the payload | 4 |
//! | | | | number of the first record | 8 |
//! | | | | time of receipt, ms | 8 |
//! | | | | chain | 32 |
//! | | | | checksum of the above | 4 |
//!
//! The payload is followed by one byte `E`. A group thus begins and ends with a byte that is not
//! zero, and no record holds 512 zeros: a sector of zeros in a group was never written.
//!
//! The chain of a group is the hash of the chain before it, the first 32 bytes of its header and
//! its payload: who changes a record must change every group after it.

use sha2::{Digest, Sha256};

use crate::{DamageKind, WallTime};

pub(super) type Chain = [u8; 32];

pub(super) const SEGMENT: usize = 52;
pub(super) const GROUP: usize = 68;
/// The byte after a group's payload.
pub(super) const END: u8 = b'E';
const SEGMENT_MAGIC: &[u8; 8] = b"AIRLOOM\x01";
const GROUP_MAGIC: &[u8; 4] = b"AGRP";

/// What a disk writes whole or not at all; what it did not write reads as zeros.
const SECTOR: usize = 512;

pub(super) fn segment_header(first: u64, chain: &Chain) -> [u8; SEGMENT] {
    let mut header = [0; SEGMENT];
    header[..8].copy_from_slice(SEGMENT_MAGIC);
    header[8..16].copy_from_slice(&first.to_le_bytes());
    header[16..48].copy_from_slice(chain);
    let crc = crc32c::crc32c(&header[..48]);
    header[48..].copy_from_slice(&crc.to_le_bytes());
    header
}

fn link(before: &Chain, header: &[u8], payload: &[u8]) -> Chain {
    Sha256::new().chain_update(before).chain_update(header).chain_update(payload).finalize().into()
}

/// Makes a group of its payload: `group` is [`GROUP`] bytes of anything, then the payload.
/// Returns the chain after it.
pub(super) fn seal(
    group: &mut Vec<u8>,
    first: u64,
    count: u32,
    at: WallTime,
    before: &Chain,
) -> Chain {
    let Some((header, payload)) = group.split_first_chunk_mut::<GROUP>() else { return *before };
    header[..4].copy_from_slice(GROUP_MAGIC);
    header[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[8..12].copy_from_slice(&count.to_le_bytes());
    header[12..16].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    header[16..24].copy_from_slice(&first.to_le_bytes());
    header[24..32].copy_from_slice(&at.unix_millis().to_le_bytes());
    let chain = link(before, &header[..32], payload);
    header[32..64].copy_from_slice(&chain);
    let crc = crc32c::crc32c(&header[..64]);
    header[64..].copy_from_slice(&crc.to_le_bytes());
    group.push(END);
    chain
}

/// A group found whole and in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    pub(super) offset: usize,
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) at: WallTime,
    pub(super) payload: &'a [u8],
    pub(super) chain: Chain,
}

impl Group<'_> {
    /// The first byte after the group.
    pub(super) fn end(&self) -> usize {
        self.offset + GROUP + self.payload.len() + 1
    }
}

/// What a segment holds at some place.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Group(Group<'a>),
    /// The segment ends here.
    End,
    /// What an interrupted write leaves: part of a group, then nothing or unwritten sectors.
    /// No such group was ever acknowledged.
    Torn,
    Damaged(DamageKind),
}

/// Whether an interrupted write can have left these bytes, which start at `offset` in their
/// segment: some sector of them was never written.
fn unwritten(bytes: &[u8], offset: usize) -> bool {
    let first = (SECTOR - offset % SECTOR).min(bytes.len());
    let (head, rest) = bytes.split_at(first);
    std::iter::once(head)
        .chain(rest.chunks(SECTOR))
        .any(|sector| !sector.is_empty() && sector.iter().all(|&byte| byte == 0))
}

/// Whether a whole group header stands anywhere behind the first byte. Groups are written one
/// after another, each once the one before is synced: what has another behind it was not
/// interrupted.
fn followed(bytes: &[u8]) -> bool {
    bytes.windows(GROUP).skip(1).any(|header| {
        header.starts_with(GROUP_MAGIC)
            && u32::from_le_bytes(word(header, 64)) == crc32c::crc32c(&header[..64])
    })
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

/// The chain a segment says it continues; its header's checksum is checked elsewhere.
pub(super) fn chain_before(bytes: &[u8]) -> Chain {
    word(bytes, 16)
}

/// Reads a segment's header and says what it holds.
pub(super) fn read_header(bytes: &[u8], first: u64, chain: &Chain) -> Result<(), Found<'static>> {
    match bytes.get(..SEGMENT) {
        None => Err(Found::Torn),
        Some(header) if header == segment_header(first, chain) => Ok(()),
        // A segment's header leaves together with its first group.
        Some(header) if unwritten(header, 0) && !bytes.get(GROUP..).is_some_and(followed) => {
            Err(Found::Torn)
        }
        Some(header) => {
            let crc = u32::from_le_bytes(word(header, 48));
            let whole = crc == crc32c::crc32c(&header[..48]) && header[..8] == *SEGMENT_MAGIC;
            let chained = u64::from_le_bytes(word(header, 8)) == first;
            Err(Found::Damaged(if whole && chained {
                DamageKind::Chain
            } else {
                DamageKind::SegmentHeader
            }))
        }
    }
}

/// The group at `offset` of a segment, which must start with record `first` after `before`.
pub(super) fn read_group<'a>(
    bytes: &'a [u8],
    offset: usize,
    first: u64,
    before: &Chain,
) -> Found<'a> {
    let rest = bytes.get(offset..).unwrap_or_default();
    if rest.is_empty() {
        return Found::End;
    }
    let Some((header, body)) = rest.split_first_chunk::<GROUP>() else { return Found::Torn };
    let broken = |kind| {
        if unwritten(rest, offset) && !followed(rest) { Found::Torn } else { Found::Damaged(kind) }
    };
    let crc = u32::from_le_bytes(word(header, 64));
    if header[..4] != *GROUP_MAGIC || crc != crc32c::crc32c(&header[..64]) {
        return broken(DamageKind::GroupHeader);
    }
    let len = u32::from_le_bytes(word(header, 4)) as usize;
    let (Some(payload), Some(&end)) = (body.get(..len), body.get(len)) else { return Found::Torn };
    if end != END || crc32c::crc32c(payload) != u32::from_le_bytes(word(header, 12)) {
        return broken(DamageKind::Checksum);
    }
    let group = Group {
        offset,
        first: u64::from_le_bytes(word(header, 16)),
        count: u32::from_le_bytes(word(header, 8)),
        at: WallTime::from_unix_millis(i64::from_le_bytes(word(header, 24))),
        payload,
        chain: word(header, 32),
    };
    if group.first != first || group.chain != link(before, &header[..32], payload) {
        return Found::Damaged(DamageKind::Chain);
    }
    Found::Group(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(payload: &[u8]) -> (Vec<u8>, Chain) {
        let mut bytes = vec![0; GROUP];
        bytes.extend_from_slice(payload);
        let chain = seal(&mut bytes, 1, 1, WallTime::UNIX_EPOCH, &[0; 32]);
        (bytes, chain)
    }

    #[test]
    fn a_group_comes_back() {
        let (bytes, chain) = group(b"payload");
        let Found::Group(found) = read_group(&bytes, 0, 1, &[0; 32]) else { panic!("a group") };
        assert_eq!((found.payload, found.chain, found.count), (&b"payload"[..], chain, 1));
        assert!(matches!(read_group(&bytes, bytes.len(), 2, &chain), Found::End));
    }

    #[test]
    fn every_flipped_bit_of_the_last_group_is_damage_and_not_a_torn_write() {
        let (bytes, _) = group(&[0xa5; 700]);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = read_group(&bytes, 0, 1, &[0; 32]);
            assert!(matches!(found, Found::Damaged(_)), "bit {bit}: {found:?}");
        }
    }

    #[test]
    fn every_cut_and_every_unwritten_sector_is_a_torn_write() {
        let (bytes, _) = group(&[0xa5; 2000]);
        for cut in 1..bytes.len() {
            assert!(matches!(read_group(&bytes[..cut], 0, 1, &[0; 32]), Found::Torn), "{cut}");
        }
        for sector in 0..4 {
            let mut bytes = bytes.clone();
            let end = bytes.len().min((sector + 1) * SECTOR);
            bytes[sector * SECTOR..end].fill(0);
            assert!(matches!(read_group(&bytes, 0, 1, &[0; 32]), Found::Torn), "{sector}");
        }
    }

    #[test]
    fn a_lost_sector_with_a_group_behind_it_is_damage() {
        let (mut bytes, chain) = group(&[0xa5; 2000]);
        let mut next = vec![0; GROUP];
        next.extend_from_slice(b"more");
        seal(&mut next, 2, 1, WallTime::UNIX_EPOCH, &chain);
        let first = bytes.len();
        bytes.extend_from_slice(&next);
        for sector in 0..first / SECTOR {
            let mut bytes = bytes.clone();
            bytes[sector * SECTOR..(sector + 1) * SECTOR].fill(0);
            let found = read_group(&bytes, 0, 1, &[0; 32]);
            assert!(matches!(found, Found::Damaged(_)), "{sector}: {found:?}");
            let mut segment = segment_header(1, &[0; 32]).to_vec();
            segment.extend_from_slice(&bytes);
            segment[..SECTOR].fill(0);
            let found = read_header(&segment, 1, &[0; 32]);
            assert!(matches!(found, Err(Found::Damaged(DamageKind::SegmentHeader))));
        }
    }

    #[test]
    fn a_group_in_the_wrong_place_breaks_the_chain() {
        let (bytes, _) = group(b"payload");
        for (first, before) in [(2, [0; 32]), (1, [1; 32])] {
            let found = read_group(&bytes, 0, first, &before);
            assert!(matches!(found, Found::Damaged(DamageKind::Chain)));
        }
    }
}
