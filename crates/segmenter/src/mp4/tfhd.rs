use super::writer::{kind, words};

pub(super) const DEFAULT_SAMPLE_DURATION: u32 = 0x08;
const DEFAULT_SAMPLE_FLAGS: u32 = 0x20;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

/// Bytes of [`tfhd`].
pub(super) fn size(default_duration: Option<u32>) -> usize {
    20 + if default_duration.is_some() { 4 } else { 0 }
}

/// `tfhd` (ISO/IEC 14496-12, 8.8.7): offsets count from `moof`; a duration where all samples share
/// it, and the flags of those that do not state theirs.
pub(super) fn tfhd(
    out: &mut Vec<u8>,
    track_id: u32,
    default_duration: Option<u32>,
    default_flags: u32,
) {
    let (size, kind) = (size(default_duration) as u32, kind(*b"tfhd"));
    let flags = DEFAULT_BASE_IS_MOOF | DEFAULT_SAMPLE_FLAGS;
    match default_duration {
        Some(duration) => {
            let flags = flags | DEFAULT_SAMPLE_DURATION;
            words(out, [size, kind, flags, track_id, duration, default_flags]);
        }
        None => words(out, [size, kind, flags, track_id, default_flags]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_as_long_as_it_says() {
        for duration in [None, Some(1024)] {
            let mut out = Vec::new();
            tfhd(&mut out, 1, duration, 0x0200_0000);
            assert_eq!(out.len(), size(duration));
        }
    }

    #[test]
    fn with_a_duration() {
        let mut out = Vec::new();
        tfhd(&mut out, 2, Some(1024), 0x0200_0000);
        assert_eq!(out, *b"\0\0\0\x18tfhd\0\x02\0\x28\0\0\0\x02\0\0\x04\0\x02\0\0\0");
    }
}
