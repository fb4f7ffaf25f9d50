//! mp4-atom 0.17 with glue: it writes boxes and has no muxing policy, so cutting and timing are
//! written here. A part is one buffer: `moof`, the header of `mdat`, one copy of each payload.

use bytes::{Bytes, BytesMut};
use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{
    Atom, Audio, Avc1, Avcc, Codec, Decode, Dinf, Dref, DrefEntry, Encode, Esds, Ftyp, Hdlr, Mdhd,
    Mdia, Mfhd, Minf, Moof, Moov, Mp4a, Mvex, Mvhd, Smhd, Stbl, Stsd, Tfdt, Tfhd, Tkhd, Traf, Trak,
    Trex, Trun, TrunEntry, TrunSamples, Url, Visual, Vmhd,
};

use crate::Failure;
use crate::input::{Input, Kind, Tag};
use crate::output::{Collect, Lane, Muxer};

pub(super) const MUXER: Muxer = Muxer { name: "mp4-atom 0.17 with glue, parts of 200 ms", run };

/// Milliseconds a part holds at most.
const PART: u32 = 200;

struct Track {
    lane: Lane,
    timescale: u32,
    sequence_number: u32,
    /// A sample whose duration is not known yet.
    last: Option<Tag>,
    entries: Vec<TrunEntry>,
    payloads: Vec<Bytes>,
    start: u64,
    /// Ticks of all samples in `entries`.
    length: u64,
}

impl Track {
    fn new(lane: Lane, timescale: u32) -> Self {
        Self {
            lane,
            timescale,
            sequence_number: 0,
            last: None,
            entries: Vec::new(),
            payloads: Vec::new(),
            start: 0,
            length: 0,
        }
    }

    fn ticks(&self, milliseconds: u32) -> u64 {
        (u64::from(milliseconds) * u64::from(self.timescale) + 500) / 1000
    }

    /// Takes the next tag, which gives the one before it a duration.
    fn push(&mut self, tag: &Tag, out: &mut dyn Collect) -> Result<(), Failure> {
        if let Some(last) = self.last.replace(tag.clone()) {
            self.add(&last, tag.timestamp);
            let full = self.length >= self.ticks(PART);
            if full || self.lane == Lane::Video && tag.is_key() {
                self.write(out)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), Failure> {
        if let Some(last) = self.last.take() {
            self.add(&last, last.timestamp + 33);
        }
        self.write(out)
    }

    fn add(&mut self, tag: &Tag, next: u32) {
        let time = self.ticks(tag.timestamp);
        if self.entries.is_empty() {
            self.start = time;
            self.length = 0;
        }
        let duration = self.ticks(next) - time;
        self.length += duration;
        let payload = tag.payload();
        let offset = tag.composition_offset();
        self.entries.push(TrunEntry {
            duration: Some(duration as u32),
            size: Some(payload.len() as u32),
            flags: Some(if tag.is_key() { 0x0200_0000 } else { 0x0101_0000 }),
            cts: Some(self.ticks(offset.unsigned_abs()) as i64 * i64::from(offset.signum())),
        });
        self.payloads.push(payload);
    }

    fn write(&mut self, out: &mut dyn Collect) -> Result<(), Failure> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.sequence_number += 1;
        let payload: usize = self.payloads.iter().map(Bytes::len).sum();
        let mut moof = Moof {
            mfhd: Mfhd { sequence_number: self.sequence_number },
            traf: vec![Traf {
                tfhd: Tfhd { track_id: 1, default_base_is_moof: true, ..Tfhd::default() },
                tfdt: Some(Tfdt { base_media_decode_time: self.start }),
                trun: vec![Trun {
                    data_offset: Some(0),
                    samples: TrunSamples::Explicit(std::mem::take(&mut self.entries)),
                }],
                ..Traf::default()
            }],
        };
        let mut part = BytesMut::with_capacity(payload + 256 + self.payloads.len() * 16);
        // The offset of the payload is known once the box that holds it is written.
        moof.encode(&mut part)?;
        moof.traf[0].trun[0].data_offset = Some(part.len() as i32 + 8);
        part.clear();
        moof.encode(&mut part)?;
        part.extend_from_slice(&(payload as u32 + 8).to_be_bytes());
        part.extend_from_slice(b"mdat");
        for payload in self.payloads.drain(..) {
            part.extend_from_slice(&payload);
        }
        out.put(self.lane, &part.freeze());
        Ok(())
    }
}

fn run(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let mut video = Track::new(Lane::Video, 90_000);
    let mut audio = Track::new(Lane::Audio, 48_000);
    for tag in &input.tags {
        let track = match tag.kind {
            Kind::Video => &mut video,
            Kind::Audio => &mut audio,
            Kind::Script => continue,
        };
        if tag.is_config() {
            out.put(track.lane, &init(track, &tag.payload())?);
        } else if tag.is_sample() {
            track.push(tag, out)?;
        }
    }
    video.finish(out)?;
    audio.finish(out)
}

fn init(track: &Track, config: &Bytes) -> Result<Bytes, Failure> {
    let (codec, handler) = if track.lane == Lane::Video {
        let avcc = Avcc::decode_body(&mut config.as_ref())?;
        let visual =
            Visual { data_reference_index: 1, width: 1920, height: 1080, ..Visual::default() };
        let entry = Avc1 {
            visual,
            avcc,
            btrt: None,
            colr: None,
            pasp: None,
            taic: None,
            fiel: None,
            spatial: None,
        };
        (Codec::from(entry), b"vide")
    } else {
        let audio = Audio {
            data_reference_index: 1,
            channel_count: 2,
            sample_size: 16,
            sample_rate: (track.timescale as u16).into(),
        };
        let dec_specific = DecoderSpecific::decode(&mut config.as_ref())?;
        let dec_config = DecoderConfig {
            object_type_indication: 0x40,
            stream_type: 5,
            dec_specific: Some(dec_specific),
            ..DecoderConfig::default()
        };
        let es_desc = EsDescriptor {
            es_id: 1,
            dec_config,
            sl_config: SLConfig::default(),
            ..EsDescriptor::default()
        };
        (Codec::from(Mp4a { audio, esds: Esds { es_desc }, btrt: None, taic: None }), b"soun")
    };
    let video = track.lane == Lane::Video;
    let stbl = Stbl { stsd: Stsd { codecs: vec![codec] }, ..Stbl::default() };
    let minf = Minf {
        vmhd: video.then(Vmhd::default),
        smhd: (!video).then(Smhd::default),
        dinf: Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } },
        stbl,
        ..Minf::default()
    };
    let moov = Moov {
        mvhd: Mvhd { timescale: 1000, next_track_id: 2, ..Mvhd::default() },
        mvex: Some(Mvex {
            trex: vec![Trex {
                track_id: 1,
                default_sample_description_index: 1,
                ..Trex::default()
            }],
            ..Mvex::default()
        }),
        trak: vec![Trak {
            tkhd: Tkhd { track_id: 1, enabled: true, ..Tkhd::default() },
            mdia: Mdia {
                mdhd: Mdhd {
                    timescale: track.timescale,
                    language: "und".to_owned(),
                    ..Mdhd::default()
                },
                hdlr: Hdlr { handler: handler.into(), name: String::new() },
                minf,
            },
            ..Trak::default()
        }],
        ..Moov::default()
    };
    let mut out = BytesMut::new();
    Ftyp {
        major_brand: b"iso6".into(),
        minor_version: 0,
        compatible_brands: vec![b"iso6".into(), b"cmfc".into()],
    }
    .encode(&mut out)?;
    moov.encode(&mut out)?;
    Ok(out.freeze())
}
