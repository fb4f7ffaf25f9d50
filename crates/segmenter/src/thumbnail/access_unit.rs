//! What the decoder is given of a sample: parameter sets and slices of an IDR picture, as a byte
//! stream (ISO/IEC 14496-10, annex B), and nothing that was not looked at.

use airloom_media::avc::{Config, Sps};

use super::{Error, Limits};

const START: [u8; 4] = [0, 0, 0, 1];

/// `nal_unit_type` (table 7-1) of what is passed on.
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;

/// The byte stream of a keyframe, its track's parameter sets first.
pub(super) fn of(codec: &Config, data: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    if data.len() > limits.sample_bytes {
        return Err(Error::TooManyBytes(data.len()));
    }
    let mut out = Vec::with_capacity(data.len() + 256);
    for set in codec.sequence_parameter_sets().iter().chain(codec.picture_parameter_sets()) {
        append(&mut out, set, 0)?;
    }
    let mut keyframe = false;
    let mut at = 0;
    while at < data.len() {
        let truncated = Error::Malformed { field: "NALUnitLength", offset: at };
        let rest = data.get(at..).unwrap_or_default();
        let Some((length, rest)) = rest.split_at_checked(codec.length_size().into()) else {
            return Err(truncated);
        };
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let nal = rest.get(..length).ok_or(truncated)?;
        at += usize::from(codec.length_size());
        match nal.first().map_or(0, |first| first & 0x1F) {
            IDR => {
                keyframe = true;
                append(&mut out, nal, at)?;
            }
            SPS => {
                check(nal, limits)?;
                append(&mut out, nal, at)?;
            }
            PPS => append(&mut out, nal, at)?,
            // Delimiters, messages, other layers: no picture needs them.
            _ => {}
        }
        at += length;
    }
    if keyframe { Ok(out) } else { Err(Error::NotKeyframe) }
}

/// Refuses a sequence parameter set for which a decoder should not make room.
pub(super) fn check(nal: &[u8], limits: &Limits) -> Result<(), Error> {
    let sps = Sps::decode(nal)
        .map_err(|_| Error::Malformed { field: "sequenceParameterSetNALUnit", offset: 0 })?;
    let bits = sps.bit_depth_luma.max(sps.bit_depth_chroma);
    let (profile, chroma) = (sps.profile_idc, sps.chroma_format_idc);
    // Of other profiles a decoder may read other fields than were looked at here.
    if ![66, 77, 100].contains(&profile) || bits != 8 || chroma != 1 {
        return Err(Error::UnsupportedFormat { profile, bits, chroma });
    }
    let (width, height) = (sps.coded_width, sps.coded_height);
    if u64::from(width) * u64::from(height) > u64::from(limits.pixels) {
        return Err(Error::TooLarge { width, height });
    }
    Ok(())
}

/// Appends a NAL unit that is one: with a start code inside it would be two, and the second not
/// looked at.
fn append(out: &mut Vec<u8>, nal: &[u8], offset: usize) -> Result<(), Error> {
    // `trailing_zero_8bits` that an encoder left.
    let used = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let nal = nal.get(..used).unwrap_or_default();
    if let Some(at) = nal.windows(3).position(|window| matches!(window, [0, 0, 0..=2])) {
        return Err(Error::Malformed {
            field: "emulation_prevention_three_byte",
            offset: offset + at,
        });
    }
    out.extend_from_slice(&START);
    out.extend_from_slice(nal);
    Ok(())
}
