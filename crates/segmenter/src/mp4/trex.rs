use super::writer::{full_box, u32};

/// `trex` (ISO/IEC 14496-12, 8.8.3): no defaults; every fragment states its own.
pub(super) fn trex(out: &mut Vec<u8>, track_id: u32) {
    full_box(out, *b"trex", 0, 0, |out| {
        u32(out, track_id);
        u32(out, 1); // default_sample_description_index
        out.extend([0; 12]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_32_bytes() {
        let mut out = Vec::new();
        trex(&mut out, 3);
        assert_eq!(out.len(), 32);
        assert_eq!(out[12..20], [0, 0, 0, 3, 0, 0, 0, 1]);
    }
}
