use airloom_media::Kind;

use super::writer::{full_box, u32};

/// `hdlr` (ISO/IEC 14496-12, 8.4.3): what kind of track this is.
pub(super) fn hdlr(out: &mut Vec<u8>, kind: Kind) {
    full_box(out, *b"hdlr", 0, 0, |out| {
        u32(out, 0);
        out.extend(match kind {
            Kind::Audio => *b"soun",
            _ => *b"vide",
        });
        out.extend([0; 12]);
        out.push(0); // an empty name
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_handler() {
        let mut out = Vec::new();
        hdlr(&mut out, Kind::Audio);
        assert_eq!(out.len(), 33);
        assert_eq!(out[16..20], *b"soun");
    }
}
