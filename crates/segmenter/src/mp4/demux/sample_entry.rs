use airloom_media::{Codec, aac, avc};
use bytes::Bytes;

use super::Fields;
use super::esds::esds;
use crate::mp4::{BoxType, Error};

/// What the first entry of `stsd` says.
#[derive(Debug)]
pub(super) struct SampleEntry {
    pub(super) codec: Codec,
    /// Width and height; zero for sound.
    pub(super) dimensions: (u16, u16),
}

/// `stsd` (ISO/IEC 14496-12, 8.5.2).
pub(super) fn decode(stsd: &Fields<'_>) -> Result<SampleEntry, Error> {
    let mut stsd = stsd.clone();
    stsd.version()?;
    stsd.u32("entry_count")?;
    let parent = stsd.kind;
    let entry = stsd.children().next();
    let mut entry =
        entry.ok_or(Error::Missing { parent, kind: parent, offset: stsd.offset() })??;
    let (kind, offset) = (entry.kind, entry.offset());
    let unsupported = Error::Unsupported { kind, offset };
    entry.take(8, "data_reference_index")?;
    match &kind.0 {
        b"avc1" | b"avc3" => {
            let dimensions = visual(&mut entry)?;
            let codec = Codec::Avc(record(kind, &entry.child(*b"avcC")?, avc::Config::decode)?);
            Ok(SampleEntry { codec, dimensions })
        }
        b"mp4a" => {
            audio(&mut entry)?;
            let esds_box = match entry.find(*b"esds")? {
                Some(found) => found,
                // QuickTime puts it one level deeper.
                None => entry.child(*b"wave")?.child(*b"esds")?,
            };
            let stream = esds(esds_box)?;
            let codec = match stream.object_type {
                // MPEG-4, and MPEG-2's Main, LC and SSR under the same configuration.
                0x40 | 0x66..=0x68 => {
                    let raw = Bytes::copy_from_slice(stream.specific);
                    let config = aac::Config::decode(raw);
                    Codec::Aac(config.map_err(|error| Error::Codec { kind, error })?)
                }
                _ => return Err(unsupported),
            };
            Ok(SampleEntry { codec, dimensions: (0, 0) })
        }
        _ => Err(unsupported),
    }
}

/// The configuration record that a box holds. It is kept for the track's life and copied, so as
/// not to pin all of `moov`.
fn record<T>(
    kind: BoxType,
    holder: &Fields<'_>,
    decode: impl FnOnce(Bytes) -> Result<T, airloom_media::Error>,
) -> Result<T, Error> {
    decode(Bytes::copy_from_slice(holder.rest())).map_err(|error| Error::Codec { kind, error })
}

/// The fields of a `VisualSampleEntry` (12.1.3): width and height.
fn visual(entry: &mut Fields<'_>) -> Result<(u16, u16), Error> {
    entry.take(16, "pre_defined")?;
    let dimensions = (entry.u16("width")?, entry.u16("height")?);
    entry.take(50, "pre_defined")?;
    Ok(dimensions)
}

/// The fields of an `AudioSampleEntry` (12.2.3), or of QuickTime's sound description of version 1
/// or 2: channels and sampling frequency.
fn audio(entry: &mut Fields<'_>) -> Result<(u16, u32), Error> {
    let version = entry.u16("entry_version")?;
    entry.take(6, "reserved")?;
    let channels = entry.u16("channelcount")?;
    entry.take(6, "samplesize")?;
    let frequency = entry.u32("samplerate")? >> 16;
    match version {
        1 => drop(entry.take(16, "samplesPerPacket")?),
        2 => drop(entry.take(36, "sizeOfStructOnly")?),
        _ => {}
    }
    Ok((channels, frequency))
}
