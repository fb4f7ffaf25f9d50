use airloom_media::Codec;

use super::Scheme;
use super::cipher::BLOCK;

/// Bytes at the start of each coded slice that stay clear, its header among them: a player that
/// decrypts in hardware reads slice headers, and none in use is longer.
const CLEAR_LEAD: usize = 96;

/// The most runs one sample is told in: what the eight bits of `saiz` count. Slices beyond that
/// stay clear.
const MOST: usize = 40;

/// Which bytes of a picture are encrypted: clear and encrypted ones in turn (ISO/IEC 23001-7,
/// 9.5). `None` for codecs that are encrypted whole.
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
    let mut clear = 0usize;
    let mut rest = data;
    while let Some((length, after)) = rest.split_at_checked(length_size) {
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let Some((nal, next)) = after.split_at_checked(length) else { break };
        rest = next;
        let slice = nal.first().is_some_and(|first| is_slice(*first));
        let mut encrypted = nal.len().saturating_sub(CLEAR_LEAD);
        if scheme == Scheme::Cenc {
            encrypted -= encrypted % BLOCK;
        }
        if !slice || encrypted < BLOCK || runs.len() + 4 > MOST {
            clear += length_size + nal.len();
            continue;
        }
        clear += length_size + nal.len() - encrypted;
        lead(&mut runs, &mut clear);
        runs.push((clear as u16, u32::try_from(encrypted).unwrap_or(u32::MAX)));
        clear = 0;
    }
    clear += rest.len();
    while clear > 0 {
        let now = clear.min(usize::from(u16::MAX));
        runs.push((now as u16, 0));
        clear -= now;
        if runs.len() >= MOST {
            break;
        }
    }
    Some(runs)
}

/// Clear bytes that do not fit the 16 bits of one run go into runs of their own.
fn lead(runs: &mut Vec<(u16, u32)>, clear: &mut usize) {
    while *clear > usize::from(u16::MAX) {
        runs.push((u16::MAX, 0));
        *clear -= usize::from(u16::MAX);
    }
}
