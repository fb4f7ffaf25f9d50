//! ISO base media files (ISO/IEC 14496-12) as CMAF (ISO/IEC 23000-19) shapes them: one box a file,
//! each a function that appends the box to a buffer.

mod avc1;
mod avcc;
mod colr;
mod dinf;
mod esds;
mod ftyp;
mod hdlr;
mod init;
mod mdat;
mod mdhd;
mod mdia;
mod mfhd;
mod minf;
mod moof;
mod moov;
mod mp4a;
mod mvex;
mod mvhd;
mod pasp;
mod smhd;
mod stbl;
mod stsd;
mod styp;
mod tfdt;
mod tfhd;
mod tkhd;
mod traf;
mod trak;
mod trex;
mod trun;
mod vmhd;
mod writer;

pub(crate) use init::{Presentation, init};
pub(crate) use moof::{Fragment, chunk_header};

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
