//! Writes such a file: `mdat` in front, then `moov`, then whatever a test appends.

use airloom_media::TrackId;
use airloom_segmenter::mp4::{Demuxer, Entry, Error, Index, Limits, Progressive, Vod, VodSegment};

/// x264, 640x360.
const AVC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1E, 0xFF, 0xE1, 0x00, 0x1E, 0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9, 0x40, 0xA0,
    0x2F, 0xF9, 0x70, 0x16, 0xA0, 0x20, 0x20, 0x28, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03,
    0x01, 0xE0, 0x78, 0xB1, 0x6C, 0xB0, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0, 0xFD,
    0xF8, 0xF8, 0x00,
];

pub(crate) const UNITY: [i32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// Ticks a second of edit lists.
pub(crate) const MOVIE: u32 = 1000;

/// A box of the joined pieces.
pub(crate) fn boxed(kind: [u8; 4], body: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let body: Vec<u8> = body.into_iter().flatten().collect();
    [&(body.len() as u32 + 8).to_be_bytes()[..], &kind, &body].concat()
}

pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// One track; all of its samples are in one chunk.
#[derive(Debug, Clone)]
pub(crate) struct Trak {
    pub(crate) id: u32,
    pub(crate) handler: [u8; 4],
    /// The type of its sample entry.
    pub(crate) codec: [u8; 4],
    pub(crate) timescale: u32,
    /// `sample_delta` of each sample.
    pub(crate) deltas: Vec<u32>,
    pub(crate) offsets: Vec<i32>,
    /// Numbers from 1; none for all.
    pub(crate) sync: Vec<u32>,
    /// Bytes in each sample.
    pub(crate) size: u32,
    /// Duration, `media_time` and `media_rate`.
    pub(crate) edits: Vec<(u32, i32, u32)>,
    pub(crate) matrix: [i32; 9],
    pub(crate) language: [u8; 3],
    /// `sample_description_index`.
    pub(crate) description: u32,
    /// The entry of `dref`.
    pub(crate) reference: Vec<u8>,
    /// Boxes in front of `mdia`, with `tkhd` or without.
    pub(crate) head: Option<Vec<u8>>,
}

impl Trak {
    /// Pictures of 40 ms at 90 kHz, those at multiples of `group` sync samples.
    pub(crate) fn video(id: u32, pictures: usize, group: usize) -> Self {
        Self {
            id,
            handler: *b"vide",
            codec: *b"avc1",
            timescale: 90_000,
            deltas: vec![3600; pictures],
            offsets: Vec::new(),
            sync: (0..pictures).step_by(group).map(|number| number as u32 + 1).collect(),
            size: 10,
            edits: Vec::new(),
            matrix: UNITY,
            language: *b"und",
            description: 1,
            reference: boxed(*b"url ", [words(&[1])]),
            head: None,
        }
    }

    /// AAC at 48 kHz.
    pub(crate) fn sound(id: u32, frames: usize) -> Self {
        Self {
            handler: *b"soun",
            codec: *b"mp4a",
            timescale: 48_000,
            deltas: vec![1024; frames],
            sync: Vec::new(),
            size: 7,
            ..Self::video(id, 0, 1)
        }
    }

    fn tkhd(&self) -> Vec<u8> {
        let matrix = self.matrix.map(|value| value as u32);
        let head = [words(&[7, 0, 0, self.id, 0, 0, 0, 0, 0, 0]), words(&matrix), words(&[0, 0])];
        boxed(*b"tkhd", head)
    }

    fn edts(&self) -> Vec<u8> {
        if self.edits.is_empty() {
            return Vec::new();
        }
        let entries = self
            .edits
            .iter()
            .map(|(duration, time, rate)| words(&[*duration, *time as u32, *rate]));
        let head = words(&[0, self.edits.len() as u32]);
        boxed(*b"edts", [boxed(*b"elst", std::iter::once(head).chain(entries))])
    }

    fn entry(&self) -> Vec<u8> {
        let start = words(&[0, 1]);
        if self.codec == *b"avc1" {
            let mut fields = vec![0; 16];
            fields.extend([2, 128, 1, 104]);
            fields.resize(16 + 4 + 50, 0);
            return boxed(*b"avc1", [start, fields, boxed(*b"avcC", [AVC.to_vec()])]);
        }
        let fields = words(&[0, 0, 0x0002_0010, 0, 48_000 << 16]);
        if self.codec == *b"Opus" {
            let record = vec![0, 2, 1, 56, 0, 0, 0xBB, 0x80, 0, 0, 0];
            return boxed(*b"Opus", [start, fields, boxed(*b"dOps", [record])]);
        }
        let decoder = [&[4, 17, 0x40, 0x15][..], &[0; 11], &[5, 2, 0x11, 0x90]].concat();
        let stream = [&[0, 0, 0, 0, 3, 22, 0, 0, 0][..], &decoder].concat();
        boxed(*b"mp4a", [start, fields, boxed(*b"esds", [stream])])
    }

    /// `trak`, with the samples from byte `at` on.
    fn trak(&self, at: u32) -> Vec<u8> {
        let count = self.deltas.len() as u32;
        let runs = |values: &[u32]| {
            let entries: Vec<_> = values.iter().flat_map(|value| [1, *value]).collect();
            [words(&[0, values.len() as u32]), words(&entries)]
        };
        let language =
            self.language.iter().fold(0, |packed, letter| packed << 5 | u32::from(letter & 31));
        let mut tables = vec![
            boxed(*b"stsd", [words(&[0, 1]), self.entry()]),
            boxed(*b"stts", runs(&self.deltas)),
        ];
        if !self.offsets.is_empty() {
            let offsets: Vec<_> = self.offsets.iter().map(|offset| *offset as u32).collect();
            tables.push(boxed(*b"ctts", runs(&offsets)));
        }
        if !self.sync.is_empty() {
            let head = words(&[0, self.sync.len() as u32]);
            tables.push(boxed(*b"stss", [head, words(&self.sync)]));
        }
        let chunks = u32::from(count > 0);
        // No size of all means that each has its own.
        let sizes = if self.size == 0 { vec![0; 4 * self.deltas.len()] } else { Vec::new() };
        tables.extend([
            boxed(
                *b"stsc",
                [words(&[0, chunks]), words(&[1, count, self.description][..3 * chunks as usize])],
            ),
            boxed(*b"stsz", [words(&[0, self.size, count]), sizes]),
            boxed(*b"stco", [words(&[0, chunks]), words(&[at][..chunks as usize])]),
        ]);
        let dinf = boxed(*b"dinf", [boxed(*b"dref", [words(&[0, 1]), self.reference.clone()])]);
        let mdia = [
            boxed(*b"mdhd", [words(&[0, 0, 0, self.timescale, 0, language << 16])]),
            boxed(*b"hdlr", [words(&[0, 0]), self.handler.to_vec(), vec![0; 13]]),
            boxed(*b"minf", [dinf, boxed(*b"stbl", tables)]),
        ];
        let head = self.head.clone().unwrap_or_else(|| self.tkhd());
        boxed(*b"trak", [head, self.edts(), boxed(*b"mdia", mdia)])
    }
}

/// `mdat` and `moov` of tracks, and `more` in `moov` behind them.
pub(crate) fn file(traks: &[Trak], more: &[u8]) -> Vec<u8> {
    let mut at = 8;
    let mut boxes = vec![boxed(*b"mvhd", [words(&[0, 0, 0, MOVIE, 0]), vec![0; 80]])];
    for trak in traks {
        boxes.push(trak.trak(at));
        at += trak.size * trak.deltas.len() as u32;
    }
    boxes.push(more.to_vec());
    let media = (8..at).map(|byte| byte as u8).collect();
    [boxed(*b"mdat", [media]), boxed(*b"moov", boxes)].concat()
}

pub(crate) fn index_with(file: &[u8], limits: Limits) -> Result<Index, Error> {
    let mut demuxer = Demuxer::new(file.len() as u64, limits);
    while let Some(range) = demuxer.poll_request() {
        let data = file[range.start as usize..range.end as usize].to_vec();
        demuxer.handle_input(data.into())?;
    }
    demuxer.finish()
}

pub(crate) fn index(file: &[u8]) -> Index {
    index_with(file, Limits::default()).unwrap()
}

/// Decode times of a track.
pub(crate) fn times(index: &Index, track: u32) -> Vec<i64> {
    let track = index.track(TrackId::new(track)).expect("the track is there");
    track.entries().map(|entry: Entry| entry.decode_time.ticks()).collect()
}

/// Where the media of a track lies.
pub(crate) fn places(index: &Index, track: u32) -> Vec<u64> {
    let track = index.track(TrackId::new(track)).expect("the track is there");
    track.entries().map(|entry: Entry| entry.offset).collect()
}

/// The finished recording.
pub(crate) fn written(index: &Index, source: &[u8]) -> Vec<u8> {
    let progressive = Progressive::new(index).unwrap();
    let mut file = progressive.head().to_vec();
    for range in progressive.media() {
        file.extend_from_slice(&source[range.start as usize..range.end as usize]);
    }
    assert_eq!(file.len() as u64, progressive.size());
    file
}

/// The segments of a track.
pub(crate) fn segments(vod: &Vod, track: u32) -> Vec<VodSegment> {
    (0..vod.len()).filter_map(|number| vod.segment(TrackId::new(track), number)).collect()
}
