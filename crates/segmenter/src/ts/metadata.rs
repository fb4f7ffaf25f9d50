//! Timed metadata: ID3 tags in PES packets (Apple, Timed Metadata for HTTP Live Streaming 2;
//! ISO/IEC 13818-1, 2.6.58 and 2.6.60).

use super::pat::PROGRAM_NUMBER;

/// What every ID3v2 tag starts with.
pub(super) const IDENTIFIER: &[u8; 3] = b"ID3";

/// The longest tag that one PES packet holds: its length must be told, and counts eight bytes of
/// the header.
pub(super) const LONGEST: usize = u16::MAX as usize - 8;

/// `metadata_pointer_descriptor`, for the program: it has a metadata stream of this kind.
pub(super) const POINTER: [u8; 17] = [
    0x25,
    15,
    // metadata_application_format and metadata_format: as their identifiers say.
    0xFF,
    0xFF,
    b'I',
    b'D',
    b'3',
    b' ',
    0xFF,
    b'I',
    b'D',
    b'3',
    b' ',
    // metadata_service_id; no locator, carried in this transport stream.
    0x00,
    0x1F,
    0x00,
    PROGRAM_NUMBER,
];

/// `metadata_descriptor`, for the stream.
pub(super) const DESCRIPTOR: [u8; 15] = [
    0x26, 13, 0xFF, 0xFF, b'I', b'D', b'3', b' ', 0xFF, b'I', b'D', b'3', b' ',
    // metadata_service_id; no decoder configuration.
    0x00, 0x0F,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_as_long_as_they_say() {
        assert_eq!(usize::from(POINTER[1]), POINTER.len() - 2);
        assert_eq!(usize::from(DESCRIPTOR[1]), DESCRIPTOR.len() - 2);
    }
}
