//! Reads a CMAF chunk back from its bytes alone.

use bytes::Bytes;

/// Boxes next to each other: type and body.
pub fn children(mut data: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut found = Vec::new();
    while !data.is_empty() {
        let size = u32_at(data, 0) as usize;
        assert!((8..=data.len()).contains(&size), "a box of {size} bytes");
        found.push((data[4..8].try_into().unwrap(), &data[8..size]));
        data = &data[size..];
    }
    found
}

/// The body of the box at a path.
pub fn at<'a>(data: &'a [u8], path: &[&[u8; 4]]) -> &'a [u8] {
    path.iter().fold(data, |data, kind| {
        let found = children(data).into_iter().find(|(found, _)| found == *kind);
        found.unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(*kind))).1
    })
}

fn u32_at(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(data[at..at + 4].try_into().unwrap())
}

#[derive(Debug)]
pub struct Chunk {
    pub starts_segment: bool,
    pub track: u32,
    pub base_media_decode_time: u64,
    pub samples: Vec<Read>,
}

#[derive(Debug)]
pub struct Read {
    pub duration: u32,
    pub composition_offset: i32,
    pub sync: bool,
    pub data: Bytes,
}

impl Chunk {
    pub fn read(data: &[u8]) -> Self {
        let top = children(data);
        let starts_segment = top[0].0 == *b"styp";
        // Messages and the time of production may stand in front.
        let beside = |kind: &[u8; 4]| matches!(kind, b"styp" | b"prft" | b"emsg" | b"sidx");
        let front = top.iter().take_while(|(kind, _)| beside(kind));
        let moof_at: usize = front.clone().map(|(_, body)| 8 + body.len()).sum();
        let kinds: Vec<_> = top.iter().skip(front.count()).map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [*b"moof", *b"mdat"]);

        let traf = at(data, &[b"moof", b"traf"]);
        let tfhd = at(traf, &[b"tfhd"]);
        let flags = u32_at(tfhd, 0);
        assert_eq!(flags & 0x02_0000, 0x02_0000, "default-base-is-moof");
        let track = u32_at(tfhd, 4);
        let mut next = 8;
        let mut field = |flag: u32| {
            (flags & flag != 0).then(|| {
                next += 4;
                u32_at(tfhd, next - 4)
            })
        };
        assert_eq!(field(0x03), None);
        let default_duration = field(0x08);
        assert_eq!(field(0x10), None);
        let default_flags = field(0x20).unwrap();

        let tfdt = at(traf, &[b"tfdt"]);
        assert_eq!(tfdt[0], 1, "64 bits");
        let base_media_decode_time = u64::from_be_bytes(tfdt[4..12].try_into().unwrap());

        let trun = at(traf, &[b"trun"]);
        let (version, flags) = (trun[0], u32_at(trun, 0) & 0xFF_FFFF);
        let count = u32_at(trun, 4);
        let mut data_at = moof_at + u32_at(trun, 8) as usize;
        let mut next = 12;
        let mut field = |present: bool| {
            present.then(|| {
                next += 4;
                u32_at(trun, next - 4)
            })
        };
        let first_flags = field(flags & 0x04 != 0);
        let mut samples = Vec::new();
        for index in 0..count {
            let duration = field(flags & 0x100 != 0).or(default_duration).unwrap();
            let size = field(flags & 0x200 != 0).unwrap() as usize;
            let own_flags = field(flags & 0x400 != 0);
            let offset = field(flags & 0x800 != 0).unwrap_or(0);
            let flags = own_flags.or(first_flags.filter(|_| index == 0)).unwrap_or(default_flags);
            assert!(version == 1 || i32::try_from(offset).is_ok());
            samples.push(Read {
                duration,
                composition_offset: offset as i32,
                sync: flags & 0x0001_0000 == 0,
                data: Bytes::copy_from_slice(&data[data_at..data_at + size]),
            });
            data_at += size;
        }
        assert_eq!(version == 1, samples.iter().any(|sample| sample.composition_offset < 0));
        assert_eq!(data_at, data.len(), "mdat holds the samples and nothing else");
        Self { starts_segment, track, base_media_decode_time, samples }
    }
}
