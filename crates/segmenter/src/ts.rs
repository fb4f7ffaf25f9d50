//! MPEG-2 transport streams (ISO/IEC 13818-1): the access units of a closed segment in, one
//! contiguous segment out.
//!
//! Transport packets interleave headers with payload, so writing them copies the payload, once;
//! that is why it is left until somebody asks. [`measure`] tells at once, from lengths alone, how
//! long a segment will be and what the next one starts with; [`render`] writes it, now or later
//! or never. Both take the same path through the same layout, and everything that can go wrong
//! goes wrong in [`measure`].
//!
//! # What is written
//!
//! - PAT and PMT first and every [`Config::psi_interval`]; only tracks that exist are declared.
//!   PIDs: PMT 0x1000, video 0x100, audio 0x101, metadata 0x102.
//! - One PES packet an access unit, in the order given, with a DTS only where it differs from
//!   the PTS. `PES_packet_length` is zero only where a picture exceeds 64 KiB.
//! - All times are those given plus [`BASE`], modulo 2^33. PCRs lie [`PCR_LEAD`] before the
//!   decode times and at most [`PCR_INTERVAL`] apart, in packets of their own where no unit can
//!   carry one. They go on over the border of a segment. A gap longer than
//!   [`Limits::pcr_fill`] packets bridge is one step marked by `discontinuity_indicator`, and
//!   so is a step back by more than the lead: output never grows with a gap.
//! - H.264, HEVC; AAC, AC-3, E-AC-3, MP3.
//! - Each picture starts with an access unit delimiter; each that holds an IDR picture (HEVC: any
//!   random access point) or is marked as sync has the parameter sets before it, unless it carries
//!   all kinds itself.
//!   Empty NAL units are dropped. NAL units follow as a byte stream (ISO/IEC 14496-10, annex B).
//! - Each AAC frame has an ADTS header; frames of the others go as they are.
//! - ID3 tags, where [`Program::with_metadata`] declares them, are one PES packet each.
//! - `random_access_indicator` is set on the sync units of the PID that carries the clock.
//!
//! ```
//! use airloom_media::{Timestamp, aac};
//! use airloom_segmenter::ts::{self, AccessUnit, Counters, Program, Stream};
//! use bytes::Bytes;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let aac = aac::Config::decode(Bytes::from_static(&[0x11, 0x90]))?;
//! let program = Program::new(None, Some(&aac), &ts::Config::default())?;
//! // 48 kHz: frames of 1024 samples are 1920 ticks of 90 kHz apart.
//! let units = (0..94).map(|frame| AccessUnit {
//!     stream: Stream::Audio,
//!     decode_time: Timestamp::new(frame * 1920),
//!     presentation_time: Timestamp::new(frame * 1920),
//!     sync: true,
//!     data: &[0x21; 340],
//! });
//!
//! let measured = ts::measure(&program, units.clone(), Counters::default())?;
//! // Later, if at all:
//! let segment = ts::render(&program, units, Counters::default())?;
//! assert_eq!(segment.len(), measured.len);
//! // The next segment starts with `measured.counters`.
//! # Ok(())
//! # }
//! ```

mod adaptation;
mod adts;
mod annexb;
mod config;
mod counters;
mod crc;
mod error;
mod interleave;
mod layout;
mod metadata;
mod packet;
mod pat;
mod pcr;
mod pes;
mod pmt;
mod program;
mod section;
mod stream_type;
mod unit;
mod writer;

use bytes::Bytes;

pub use config::{Config, Limits};
pub use counters::Counters;
pub use error::Error;
pub use interleave::{Interleave, interleave};
pub use pcr::{BASE, PCR_INTERVAL, PCR_LEAD};
pub use program::Program;
pub use unit::{AccessUnit, Stream};

/// What a segment will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// What the segment after it starts with.
    pub counters: Counters,
    /// Its length in bytes.
    pub len: usize,
}

/// Checks the units of a segment and tells its length, without writing or allocating.
///
/// `units` are in the order they are to be written, by decode time over all tracks: see
/// [`interleave()`]. Costs a look at the length of each NAL unit.
///
/// # Errors
///
/// [`Error::Undeclared`], [`Error::Truncated`], [`Error::FrameTooLong`], [`Error::NotId3`] and
/// [`Error::TagTooLong`] for a unit that cannot be written, [`Error::SegmentTooLong`] for too many of them. Nothing is lost: leave the
/// unit out, or write fewer, and measure again.
pub fn measure<'a>(
    program: &Program,
    units: impl IntoIterator<Item = AccessUnit<'a>>,
    counters: Counters,
) -> Result<Measured, Error> {
    layout::segment(program, units.into_iter(), counters, &mut layout::Nothing)
}

/// Writes a segment: one allocation of the measured size, one copy of the payload.
///
/// Goes over `units` twice, to measure and to write.
///
/// # Errors
///
/// Those of [`measure`]; none where that succeeded for the same arguments.
pub fn render<'a, I>(program: &Program, units: I, counters: Counters) -> Result<Bytes, Error>
where
    I: IntoIterator<Item = AccessUnit<'a>>,
    I::IntoIter: Clone,
{
    let units = units.into_iter();
    let measured = measure(program, units.clone(), counters)?;
    let mut writer = writer::Writer::new(measured.len);
    layout::segment(program, units, counters, &mut writer)?;
    Ok(writer.finish())
}
