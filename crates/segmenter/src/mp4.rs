//! ISO base media files (ISO/IEC 14496-12): reading foreign and own ones, segments on demand from
//! a file on disk, and writing recordings.
//!
//! - [`Demuxer`] goes over a file once and makes an [`Index`] of it: progressive files, fragmented
//!   ones, edit lists, recordings that were cut off at any byte. Tracks that cannot be read are
//!   [`Skipped`], and [`Unsaid`] tells what a file says and segments cannot.
//! - [`Vod`] gives any segment of an indexed file, as CMAF (ISO/IEC 23000-19): a header made on
//!   demand, and where in the file the media lies.
//! - [`fragmented`](fn@fragmented) makes the header of a recording under way; the segments of a
//!   [`Segmenter`](crate::Segmenter) follow it as they are.
//! - [`Progressive`] is the finished recording: `moov` in front, media taken from the file that was
//!   indexed.
//!
//! Nothing here reads or writes by itself: bytes and ranges go in and come out.
//!
//! ```
//! use airloom_segmenter::mp4::{Demuxer, Limits, Vod};
//! # use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac};
//! # use airloom_segmenter::{Config, Output, Segmenter, mp4};
//! # use bytes::Bytes;
//! # let mut segmenter = Segmenter::new(Config::default());
//! # let codec = Codec::Aac(aac::Config::decode(Bytes::from_static(&[0x11, 0x90]))?);
//! # let track = TrackId::new(2);
//! # segmenter.set_track(Track { id: track, timescale: Timescale::MILLIS, codec })?;
//! # for frame in 0..500 {
//! #     segmenter.handle_input(Sample {
//! #         track, decode_time: Timestamp::new(frame * 1024 / 48), composition_offset: Delta::ZERO,
//! #         duration: None, sync: true, data: Bytes::from_static(&[0x21; 300]),
//! #     })?;
//! # }
//! # segmenter.finish();
//! # let mut file = Vec::new();
//! # while let Some(output) = segmenter.poll_output() {
//! #     match output {
//! #         Output::Init(init) => file.extend(mp4::fragmented(&[&init])?),
//! #         Output::Segment(segment) => segment.chunks().for_each(|chunk| file.extend(chunk)),
//! #         _ => {}
//! #     }
//! # }
//! // `file` is a recording of ten seconds of sound; it could as well lie on a disk.
//! let mut demuxer = Demuxer::new(file.len() as u64, Limits::default());
//! while let Some(range) = demuxer.poll_request() {
//!     let range = range.start as usize..range.end as usize;
//!     demuxer.handle_input(Bytes::copy_from_slice(&file[range]))?;
//! }
//! let index = demuxer.finish()?;
//! let sound = index.tracks()[0].track().id;
//! assert_eq!(index.tracks()[0].len(), 500);
//!
//! let vod = Vod::new(index, std::time::Duration::from_secs(2));
//! let segment = vod.segment(sound, 2).expect("there are five");
//! assert!(segment.header[4..8] == *b"styp" && segment.independent);
//! // Send `segment.header`, then the bytes of the file at `segment.media`.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audio;
mod btrt;
mod colr;
mod demux;
mod dinf;
mod edit;
mod emsg;
mod error;
mod esds;
mod fragmented;
mod ftyp;
mod hdlr;
mod hvcc;
mod index;
mod init;
mod limits;
mod matrix;
mod mdat;
mod mdhd;
mod mdia;
mod mfhd;
mod minf;
mod moof;
mod moov;
mod mvex;
mod mvhd;
mod pasp;
mod prft;
mod progressive;
#[cfg(feature = "encryption")]
mod protected;
mod sample_tables;
mod sidx;
mod smhd;
mod stated;
mod stbl;
mod stsd;
mod styp;
mod table;
mod tfdt;
mod tfhd;
mod tkhd;
mod traf;
mod trak;
mod trex;
mod trun;
mod unsaid;
mod visual;
mod vmhd;
mod vod;
mod writer;

pub use demux::Demuxer;
pub use edit::Edited;
pub use error::{BoxType, Error};
pub use fragmented::fragmented;
pub use index::{Entries, Entry, Index, IndexedTrack, Skipped};
pub use limits::Limits;
pub use matrix::Matrix;
pub use progressive::Progressive;
pub use unsaid::Unsaid;
pub use vod::{Vod, VodSegment};

pub(crate) use emsg::emsg;
pub(crate) use init::{Presentation, init, is_supported};
pub(crate) use moof::{Fragment, chunk_header};
pub(crate) use prft::prft;
#[cfg(feature = "encryption")]
pub(crate) use protected::{Auxiliary, Protection, protected_header, protected_init};
#[cfg(feature = "encryption")]
use sidx::SIZE as SIDX;
pub(crate) use sidx::{Subsegment, sap_type, sidx};
pub(crate) use table::Table;
pub(crate) use trun::Stated;

/// Bytes of the `styp` that a segment's first header starts with.
pub(crate) const STYP: usize = styp::SIZE;

#[cfg(test)]
pub(crate) mod tests {
    /// The children of a run of boxes: type and body.
    pub(crate) fn boxes(mut data: &[u8]) -> Vec<([u8; 4], &[u8])> {
        let mut found = Vec::new();
        while !data.is_empty() {
            let size = u32::from_be_bytes(data[..4].try_into().unwrap()) as usize;
            assert!(size >= 8, "a box is at least its header");
            found.push((data[4..8].try_into().unwrap(), &data[8..size]));
            data = &data[size..];
        }
        found
    }

    /// The body of the first child of that type.
    pub(crate) fn child(data: &[u8], kind: [u8; 4]) -> &[u8] {
        boxes(data).into_iter().find(|(found, _)| *found == kind).expect("the box is there").1
    }
}
