use airloom_media::{Codec, Kind};
use bytes::{Bytes, BytesMut};

use super::Scheme;
use super::keys::Keyed;
use super::subsamples::subsamples;
use crate::mp4::Auxiliary;

/// Blocks that are encrypted and skipped: only pictures under `cbcs` have a pattern.
pub(super) fn pattern(scheme: Scheme, codec: &Codec) -> (u8, u8) {
    match (scheme, codec.kind()) {
        (Scheme::Cbcs, Kind::Video) => (1, 9),
        _ => (0, 0),
    }
}

/// A copy of a sample that is encrypted, and what a decoder must know of it. `number` counts the
/// samples of all keys.
pub(super) fn encrypted(
    scheme: Scheme,
    keyed: &Keyed,
    number: u64,
    codec: &Codec,
    data: &Bytes,
) -> (Bytes, Auxiliary) {
    let mut out = BytesMut::from(&data[..]);
    let subsamples = subsamples(codec, data, scheme);
    let whole = [(0, u32::try_from(data.len()).unwrap_or(u32::MAX))];
    let parts = protected(&mut out, subsamples.as_deref().unwrap_or(&whole));
    let iv = match scheme {
        Scheme::Cbcs => {
            parts.for_each(|part| keyed.cipher.cbc(part, keyed.key.iv, pattern(scheme, codec)));
            None
        }
        Scheme::Cenc => {
            let iv = keyed.key.counted(number);
            keyed.cipher.ctr(parts, iv);
            Some(iv)
        }
    };
    (out.freeze(), Auxiliary { iv, subsamples: subsamples.unwrap_or_default() })
}

/// The encrypted bytes of each run.
fn protected<'a>(data: &'a mut [u8], runs: &[(u16, u32)]) -> impl Iterator<Item = &'a mut [u8]> {
    let mut rest = data;
    runs.iter().map_while(move |&(clear, encrypted)| {
        let (_, after) = std::mem::take(&mut rest).split_at_mut_checked(clear.into())?;
        let (part, next) = after.split_at_mut_checked(encrypted as usize)?;
        rest = next;
        Some(part)
    })
}
