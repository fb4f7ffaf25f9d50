/// Appends a box (ISO/IEC 14496-12, 4.2): its size is filled in when the body is written.
pub(super) fn boxed(out: &mut Vec<u8>, kind: [u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(kind);
    body(out);
    let size = (out.len() - start) as u32;
    if let Some(field) = out.get_mut(start..start + 4) {
        field.copy_from_slice(&size.to_be_bytes());
    }
}

/// Appends what consists of 32-bit fields only, box headers among them: all at once, which is what
/// makes the headers of parts cheap.
pub(super) fn words<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    out.extend_from_slice(words.map(u32::to_be_bytes).as_flattened());
}

/// The type of a box as a field.
pub(super) const fn kind(kind: [u8; 4]) -> u32 {
    u32::from_be_bytes(kind)
}

/// Appends a full box (4.2): a box whose body starts with a version and 24 flags.
pub(super) fn full_box(
    out: &mut Vec<u8>,
    kind: [u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut Vec<u8>),
) {
    boxed(out, kind, |out| {
        u32(out, u32::from(version) << 24 | (flags & 0x00FF_FFFF));
        body(out);
    });
}

pub(super) fn u16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_be_bytes());
}

pub(super) fn u32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_be_bytes());
}

pub(super) fn u64(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_be_bytes());
}

/// The version of a box whose times have to hold `duration`.
pub(super) fn version(duration: u64) -> u8 {
    u8::from(duration >= u64::from(u32::MAX))
}

/// 64 bits in version 1 of a box, 32 in version 0.
pub(super) fn wide(out: &mut Vec<u8>, version: u8, value: u64) {
    if version == 0 { u32(out, value as u32) } else { u64(out, value) }
}

/// The unity transformation of `mvhd` and `tkhd`.
pub(super) fn unity_matrix(out: &mut Vec<u8>) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        u32(out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_header_and_children() {
        let mut out = Vec::new();
        boxed(&mut out, *b"outr", |out| full_box(out, *b"innr", 1, 0x02_0003, |out| u16(out, 7)));
        assert_eq!(out, *b"\0\0\0\x16outr\0\0\0\x0Einnr\x01\x02\0\x03\0\x07");
    }
}
