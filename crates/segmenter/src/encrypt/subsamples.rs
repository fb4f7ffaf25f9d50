use airloom_media::Codec;

use super::Scheme;
use super::cipher::BLOCK;
use crate::mp4::Auxiliary;

/// Bytes at the start of each coded slice that stay clear, its header among them: a player that
/// decrypts in hardware reads slice headers, and none in use is longer.
const CLEAR_LEAD: usize = 96;

/// Which bytes of a picture are encrypted: clear and encrypted ones in turn (ISO/IEC 23001-7,
/// 9.5), which come to the sample's size. `None` for codecs that are encrypted whole.
pub(super) fn subsamples(codec: &Codec, data: &[u8], scheme: Scheme) -> Option<Vec<(u16, u32)>> {
    let (length_size, is_slice): (usize, fn(u8) -> bool) = match codec {
        Codec::Avc(config) => {
            (config.length_size().into(), |first| (1..=5).contains(&(first & 0x1F)))
        }
        Codec::Hevc(config) => (config.length_size().into(), |first| first >> 1 & 0x3F < 32),
        _ => return None,
    };
    let mut runs = Vec::new();
    // Bytes since the last encrypted one.
    let mut clear = 0;
    let mut rest = data;
    while let Some((length, after)) = rest.split_at_checked(length_size) {
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        // Where the length goes beyond the sample nobody can tell what this is: it may be a slice.
        let whole = after.split_at_checked(length);
        let (nal, next) = whole.unwrap_or((after, &[]));
        rest = next;
        let slice = whole.is_none() || nal.first().is_some_and(|first| is_slice(*first));
        let mut encrypted = if slice { nal.len().saturating_sub(CLEAR_LEAD) } else { 0 };
        if scheme == Scheme::Cenc {
            encrypted -= encrypted % BLOCK;
        }
        clear += length_size + nal.len();
        if encrypted >= BLOCK {
            push(&mut runs, clear - encrypted, encrypted);
            clear = 0;
        }
    }
    clear += rest.len();
    // `subsample_count` is not zero, not even of an empty sample.
    if clear > 0 || runs.is_empty() {
        push(&mut runs, clear, 0);
    }
    bounded(&mut runs, data.len(), scheme);
    Some(runs)
}

/// Adds a run. Clear bytes that do not fit its 16 bits go into runs of their own before it.
fn push(runs: &mut Vec<(u16, u32)>, mut clear: usize, encrypted: usize) {
    while clear > usize::from(u16::MAX) {
        runs.push((u16::MAX, 0));
        clear -= usize::from(u16::MAX);
    }
    runs.push((clear as u16, told(encrypted)));
}

/// Where there are more runs than can be told of a sample of `size` bytes, the last that can is
/// clear as far as it was, and encrypted from there to the end of the sample. Headers of slices
/// after that are encrypted with it: the other way, slices would leave in the clear.
fn bounded(runs: &mut Vec<(u16, u32)>, size: usize, scheme: Scheme) {
    if runs.len() <= Auxiliary::MOST_SUBSAMPLES {
        return;
    }
    runs.truncate(Auxiliary::MOST_SUBSAMPLES);
    let Some((mut clear, _)) = runs.pop() else { return };
    let before = runs.iter().map(|&(clear, encrypted)| usize::from(clear) + encrypted as usize);
    let mut encrypted = size.saturating_sub(before.sum::<usize>() + usize::from(clear));
    if scheme == Scheme::Cenc {
        // Whole blocks: what is over stays clear, or takes the rest of its block from there.
        let over = encrypted % BLOCK;
        if let Some(more) = clear.checked_add(over as u16) {
            (clear, encrypted) = (more, encrypted - over);
        } else {
            let taken = BLOCK - over;
            (clear, encrypted) = (clear - taken as u16, encrypted + taken);
        }
    }
    runs.push((clear, told(encrypted)));
}

/// As a field: no sample is of more bytes than its `sample_size` of 32 bits can say.
fn told(encrypted: usize) -> u32 {
    u32::try_from(encrypted).unwrap_or(u32::MAX)
}
