//! A reader that knows nothing but the boxes and the key: what an init says of encryption, and the
//! samples of its parts as they were.

use std::ops::Range;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use airloom_segmenter::{Init, Part};

use crate::rig::boxes::{Chunk, at, children};

/// What `sinf` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Protection {
    pub(super) scheme: [u8; 4],
    pub(super) key_id: [u8; 16],
    pub(super) pattern: (usize, usize),
    pub(super) iv_size: usize,
    pub(super) constant_iv: Vec<u8>,
}

/// A sample that was decrypted.
#[derive(Debug)]
pub(super) struct Decrypted {
    pub(super) data: Vec<u8>,
    /// Its vector, where it has one of its own.
    pub(super) iv: Vec<u8>,
    /// What its runs say is encrypted; all of it where there are no runs.
    pub(super) encrypted: Vec<Range<usize>>,
    /// How many runs there are, and what they come to.
    pub(super) runs: usize,
    pub(super) told: usize,
}

impl Protection {
    pub(super) fn of(init: &Init) -> Self {
        Self::read(at(&init.data, &[b"moov", b"trak"]))
    }

    /// From the body of a `trak`.
    pub(super) fn read(trak: &[u8]) -> Self {
        let stsd = at(trak, &[b"mdia", b"minf", b"stbl", b"stsd"]);
        let (kind, entry) = children(&stsd[8..])[0];
        let fields = match &kind {
            b"encv" => 78,
            b"enca" => 28,
            _ => panic!("{} is not encrypted", kind.escape_ascii()),
        };
        let sinf = at(&entry[fields..], &[b"sinf"]);
        let tenc = at(sinf, &[b"schi", b"tenc"]);
        assert_eq!(tenc[6], 1, "default_isProtected");
        Self {
            scheme: at(sinf, &[b"schm"])[4..8].try_into().unwrap(),
            pattern: (usize::from(tenc[5] >> 4), usize::from(tenc[5] & 0xF)),
            iv_size: tenc[7].into(),
            key_id: tenc[8..24].try_into().unwrap(),
            constant_iv: tenc.get(25..).unwrap_or_default().to_vec(),
        }
    }

    /// The samples of a part of the init's track.
    pub(super) fn decrypt(&self, content: [u8; 16], part: &Part) -> Vec<Decrypted> {
        let cipher = Aes128::new(&content.into());
        let bytes = super::bytes(part);
        let moof = bytes.windows(4).position(|four| four == b"moof").unwrap() - 4;
        let traf = at(&bytes[moof..], &[b"moof", b"traf"]);
        let find = |kind: &[u8; 4]| children(traf).into_iter().find(|(found, _)| found == kind);
        let mut told = find(b"senc").map(|(_, senc)| (senc[3], &senc[8..]));
        let mut sizes = find(b"saiz").map_or(&[][..], |(_, saiz)| &saiz[9..]);
        let mut samples = Vec::new();
        for sample in Chunk::read(&bytes).samples {
            let mut data = sample.data.to_vec();
            let (mut iv, mut runs) = (Vec::new(), vec![(0, data.len())]);
            let mut count = 0;
            if let Some((flags, rest)) = &mut told {
                let before = rest.len();
                iv = take(rest, self.iv_size).to_vec();
                if *flags & 2 != 0 {
                    count = usize::from(u16::from_be_bytes(take(rest, 2).try_into().unwrap()));
                    assert!(count > 0, "subsample_count");
                    runs = (0..count).map(|_| run(rest)).collect();
                }
                let size = take(&mut sizes, 1)[0];
                assert_eq!(before - rest.len(), usize::from(size), "what saiz says");
            }
            let sum: usize = runs.iter().map(|(clear, encrypted)| clear + encrypted).sum();
            let mut place = 0;
            let ranges = runs.iter().map(|(clear, encrypted)| {
                place += clear + encrypted;
                place - encrypted..place
            });
            let encrypted: Vec<_> = ranges.collect();
            match &self.scheme {
                b"cbcs" => encrypted.iter().for_each(|range| {
                    self.cbc(&cipher, &mut data[range.clone()]);
                }),
                b"cenc" => ctr(&cipher, &iv, &mut data, &encrypted),
                other => panic!("{}", other.escape_ascii()),
            }
            samples.push(Decrypted { data, iv, encrypted, runs: count, told: sum });
        }
        assert!(sizes.is_empty() && told.is_none_or(|(_, rest)| rest.is_empty()));
        samples
    }

    /// ISO/IEC 23001-7, 10.4: each run from the constant vector, its last part of a block clear.
    fn cbc(&self, cipher: &Aes128, data: &mut [u8]) {
        let (crypt, skip) = self.pattern;
        let mut previous: [u8; 16] = self.constant_iv[..].try_into().unwrap();
        for (index, block) in data.chunks_exact_mut(16).enumerate() {
            if skip > 0 && index % (crypt + skip) >= crypt {
                continue;
            }
            let was: [u8; 16] = (&*block).try_into().unwrap();
            let mut plain = was.into();
            cipher.decrypt_block(&mut plain);
            block.iter_mut().zip(plain.iter().zip(previous)).for_each(|(byte, (plain, mixed))| {
                *byte = plain ^ mixed;
            });
            previous = was;
        }
    }
}

/// 10.1: one stream of bytes over all runs.
fn ctr(cipher: &Aes128, iv: &[u8], data: &mut [u8], encrypted: &[Range<usize>]) {
    let places = encrypted.iter().cloned().flatten();
    let mut stream = aes::Block::default();
    for (count, place) in places.enumerate() {
        if count % 16 == 0 {
            stream[..8].copy_from_slice(iv);
            stream[8..].copy_from_slice(&(count as u64 / 16).to_be_bytes());
            cipher.encrypt_block(&mut stream);
        }
        data[place] ^= stream[count % 16];
    }
}

fn run(rest: &mut &[u8]) -> (usize, usize) {
    let clear = u16::from_be_bytes(take(rest, 2).try_into().unwrap());
    let encrypted = u32::from_be_bytes(take(rest, 4).try_into().unwrap());
    (clear.into(), encrypted as usize)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(count);
    *rest = after;
    taken
}
