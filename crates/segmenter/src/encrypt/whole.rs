use bytes::Bytes;

use super::cipher::{BLOCK, Cipher};

/// A whole segment of any format as HLS's method `AES-128` has it (RFC 8216bis, 4.4.4.4): CBC with
/// PKCS #7 padding. `chunks` are its bytes in order; one copy.
///
/// Without an `IV` attribute in the playlist the vector is the media sequence number, big-endian.
pub fn aes_128<'a>(
    key: [u8; 16],
    iv: [u8; 16],
    chunks: impl IntoIterator<Item = &'a Bytes, IntoIter: Clone>,
) -> Bytes {
    let chunks = chunks.into_iter();
    let size: usize = chunks.clone().map(Bytes::len).sum();
    let padding = BLOCK - size % BLOCK;
    let mut out = Vec::with_capacity(size + padding);
    for chunk in chunks {
        out.extend_from_slice(chunk);
    }
    out.resize(size + padding, padding as u8);
    Cipher::new(key).cbc(&mut out, iv, (1, 0));
    Bytes::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `openssl enc -aes-128-cbc` makes of it.
    #[test]
    fn is_padded_to_whole_blocks() {
        let chunks = [Bytes::from_static(b"hello "), Bytes::from_static(b"world")];
        let encrypted = aes_128([1; 16], [2; 16], &chunks);
        assert_eq!(encrypted[..], HELLO);
        assert_eq!(aes_128([1; 16], [2; 16], &[Bytes::from(vec![0; 16])]).len(), 32);
    }

    const HELLO: [u8; 16] = [
        0x1C, 0x90, 0xDD, 0x40, 0x78, 0x38, 0x8A, 0x2F, 0x2C, 0xDE, 0xE3, 0x12, 0x05, 0xB1, 0xF2,
        0x22,
    ];
}
