use airloom_media::{Codec, Timescale, aac, ac3, av1, avc, flac, hevc, mp3, opus, vp9};
use bytes::Bytes;

use super::Fields;
use super::esds::{ElementaryStream, esds};
use crate::mp4::Error;

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
    let codec = match &kind.0 {
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" | b"vp09" => {
            let dimensions = visual(&mut entry)?;
            let codec = match &kind.0 {
                b"hvc1" | b"hev1" => {
                    Codec::Hevc(record(&entry, *b"hvcC", 0, hevc::Config::decode)?)
                }
                b"av01" => Codec::Av1(record(&entry, *b"av1C", 0, av1::Config::decode)?),
                b"vp09" => {
                    let config = record(&entry, *b"vpcC", 4, vp9::Config::decode)?;
                    Codec::Vp9(config.with_size(dimensions.0, dimensions.1))
                }
                _ => Codec::Avc(record(&entry, *b"avcC", 0, avc::Config::decode)?),
            };
            return Ok(SampleEntry { codec, dimensions });
        }
        b"mp4a" | b".mp3" => {
            let (channels, frequency) = audio(&mut entry)?;
            let esds_box = match (entry.find(*b"esds")?, entry.find(*b"wave")?) {
                (Some(found), _) => Some(found),
                // QuickTime puts it one level deeper.
                (None, Some(wave)) => wave.find(*b"esds")?,
                (None, None) => None,
            };
            match esds_box.map(esds).transpose()? {
                // MPEG-4, and MPEG-2's Main, LC and SSR under the same configuration.
                Some(ElementaryStream { object_type: 0x40 | 0x66..=0x68, specific }) => {
                    let config = aac::Config::decode(Bytes::copy_from_slice(specific));
                    Codec::Aac(config.map_err(|error| Error::Codec { kind, error })?)
                }
                found => {
                    let named = found.map(|stream| stream.object_type);
                    let mp3 = matches!(named, Some(0x69 | 0x6B)) || kind.0 == *b".mp3";
                    let frequency = Timescale::new(frequency).filter(|_| mp3);
                    Codec::Mp3(mp3::Config::new(frequency.ok_or(unsupported)?, channels as u8))
                }
            }
        }
        b"Opus" | b"fLaC" | b"ac-3" | b"ec-3" => {
            audio(&mut entry)?;
            match &kind.0 {
                b"Opus" => Codec::Opus(record(&entry, *b"dOps", 0, opus::Config::decode)?),
                b"fLaC" => Codec::Flac(record(&entry, *b"dfLa", 4, flac::Config::decode)?),
                b"ac-3" => Codec::Ac3(record(&entry, *b"dac3", 0, ac3::Config::decode)?),
                _ => Codec::Eac3(record(&entry, *b"dec3", 0, ac3::EnhancedConfig::decode)?),
            }
        }
        _ => return Err(unsupported),
    };
    Ok(SampleEntry { codec, dimensions: (0, 0) })
}

/// The configuration record in the child `holder` of an entry, behind `skip` bytes. It is kept for
/// the track's life and copied, so as not to pin all of `moov`.
fn record<T>(
    entry: &Fields<'_>,
    holder: [u8; 4],
    skip: usize,
    decode: impl FnOnce(Bytes) -> Result<T, airloom_media::Error>,
) -> Result<T, Error> {
    let mut holder = entry.child(holder)?;
    holder.take(skip, "version")?;
    let kind = entry.kind;
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
