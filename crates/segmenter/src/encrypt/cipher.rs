use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// Bytes of a block.
pub(super) const BLOCK: usize = 16;

/// AES-128 in the modes that Common Encryption asks for.
pub(super) struct Cipher(Aes128);

impl Cipher {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self(Aes128::new(&key.into()))
    }

    /// CBC over the whole blocks of `data`: of every `crypt + skip` of them the first `crypt`; all
    /// of them where `skip` is zero. What is no whole block stays clear.
    pub(super) fn cbc(&self, data: &mut [u8], iv: [u8; BLOCK], (crypt, skip): (u8, u8)) {
        let period = usize::from(crypt) + usize::from(skip);
        let mut previous = iv;
        for (index, block) in data.chunks_exact_mut(BLOCK).enumerate() {
            if skip > 0 && index % period >= usize::from(crypt) {
                continue;
            }
            let mut mixed = previous;
            for (mixed, byte) in mixed.iter_mut().zip(block.iter()) {
                *mixed ^= byte;
            }
            previous = self.block(mixed);
            block.copy_from_slice(&previous);
        }
    }

    /// CTR over the parts of a sample that are encrypted, one stream of bytes over all of them.
    pub(super) fn ctr<'a>(&self, parts: impl Iterator<Item = &'a mut [u8]>, iv: [u8; 8]) {
        let mut counter = [0; BLOCK];
        counter[..8].copy_from_slice(&iv);
        let mut count = 0u64;
        let (mut stream, mut used) = ([0; BLOCK], BLOCK);
        for byte in parts.flatten() {
            if used == BLOCK {
                counter[8..].copy_from_slice(&count.to_be_bytes());
                stream = self.block(counter);
                count = count.wrapping_add(1);
                used = 0;
            }
            *byte ^= stream[used];
            used += 1;
        }
    }

    pub(super) fn block(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = block.into();
        self.0.encrypt_block(&mut block);
        block.into()
    }
}

/// Says nothing of the key.
impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [
        0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F,
        0x3C,
    ];
    const PLAIN: [u8; 16] = [
        0x6B, 0xC1, 0xBE, 0xE2, 0x2E, 0x40, 0x9F, 0x96, 0xE9, 0x3D, 0x7E, 0x11, 0x73, 0x93, 0x17,
        0x2A,
    ];

    /// NIST SP 800-38A, F.2.1.
    #[test]
    fn cbc_of_the_standard() {
        let iv: [u8; 16] = std::array::from_fn(|index| index as u8);
        let mut data = [&PLAIN[..], &[9; 5]].concat();
        Cipher::new(KEY).cbc(&mut data, iv, (1, 0));
        assert_eq!(data[..4], [0x76, 0x49, 0xAB, 0xAC]);
        assert_eq!(data[16..], [9; 5]);
    }

    #[test]
    fn one_block_in_ten() {
        let mut data = [5; 16 * 21];
        Cipher::new(KEY).cbc(&mut data, [0; 16], (1, 9));
        let changed: Vec<_> =
            data.chunks(16).enumerate().filter(|(_, block)| *block != [5; 16]).collect();
        assert_eq!(changed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 10, 20]);
    }

    #[test]
    fn ctr_goes_on_over_parts_and_undoes_itself() {
        let cipher = Cipher::new(KEY);
        let mut whole = [7; 50];
        cipher.ctr([&mut whole[..]].into_iter(), [1; 8]);
        let mut parts = [7; 50];
        let (one, other) = parts.split_at_mut(13);
        cipher.ctr([one, other].into_iter(), [1; 8]);
        assert_eq!(whole, parts);
        cipher.ctr([&mut whole[..]].into_iter(), [1; 8]);
        assert_eq!(whole, [7; 50]);
    }
}
