use airloom_media::{
    Codec, Colour, Declared, Timescale, aac, ac3, av1, avc, flac, hevc, mp3, opus, vp9,
};
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
    let (version, _) = stsd.version()?;
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
            let codec = declared(&entry, codec, dimensions);
            return Ok(SampleEntry { codec, dimensions });
        }
        b"mp4a" | b".mp3" => {
            let (channels, frequency) = audio(&mut entry, version)?;
            let esds_box = match entry.find(*b"esds")? {
                Some(found) => Some(found),
                // QuickTime puts it one level deeper.
                None => match entry.find(*b"wave")? {
                    Some(wave) => wave.find(*b"esds")?,
                    None => None,
                },
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
            audio(&mut entry, version)?;
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

/// What the entry says beside the codec's record. These boxes may be missing, and no picture is worth
/// less for one that cannot be read.
fn declared(entry: &Fields<'_>, codec: Codec, dimensions: (u16, u16)) -> Codec {
    let own = codec.picture().and_then(|picture| picture.colour);
    codec.with_declared(Declared {
        size: Some(dimensions).filter(|(width, height)| *width > 0 && *height > 0),
        aspect_ratio: aspect_ratio(entry),
        colour: colour(entry, own),
    })
}

/// `pasp` (12.1.4), as near as 16 bits can say it.
fn aspect_ratio(entry: &Fields<'_>) -> Option<(u16, u16)> {
    let mut pasp = entry.find(*b"pasp").ok()??;
    let (mut horizontal, mut vertical) = (pasp.u32("hSpacing").ok()?, pasp.u32("vSpacing").ok()?);
    while horizontal.max(vertical) > u16::MAX.into() {
        (horizontal, vertical) = (horizontal / 2, vertical / 2);
    }
    let ratio = (u16::try_from(horizontal).ok()?, u16::try_from(vertical).ok()?);
    (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
}

/// `colr` (12.1.5) of type `nclx`, or of QuickTime's `nclc`, which does not say the range. What is not
/// specified there is as the codec says.
fn colour(entry: &Fields<'_>, own: Option<Colour>) -> Option<Colour> {
    let boxes = entry.children().map_while(Result::ok);
    let stated = boxes.filter(|child| child.kind.0 == *b"colr").find_map(|mut colr| {
        let kind = colr.array("colour_type").ok()?;
        let full_range = own.is_some_and(|own| own.full_range);
        let mut code = |field| u8::try_from(colr.u16(field).ok()?).ok();
        let mut colour = Colour {
            primaries: code("colour_primaries")?,
            transfer: code("transfer_characteristics")?,
            matrix: code("matrix_coefficients")?,
            full_range,
        };
        match &kind {
            b"nclx" => colour.full_range = colr.u8("full_range_flag").ok()? & 0x80 != 0,
            b"nclc" => {}
            _ => return None,
        }
        Some(colour)
    })?;
    let unspecified = |code| code == Colour::UNSPECIFIED;
    let Colour { primaries, transfer, matrix, full_range } = stated;
    if [primaries, transfer, matrix].into_iter().all(unspecified) && !full_range {
        return None;
    }
    let or = |code, own: Option<u8>| own.filter(|_| unspecified(code)).unwrap_or(code);
    Some(Colour {
        primaries: or(primaries, own.map(|own| own.primaries)),
        transfer: or(transfer, own.map(|own| own.transfer)),
        matrix: or(matrix, own.map(|own| own.matrix)),
        full_range,
    })
}

/// The fields of an `AudioSampleEntry` (12.2.3), which is of version 1 in an `stsd` of version 1; or
/// of QuickTime's sound description of version 1 or 2. Channels and sampling frequency.
fn audio(entry: &mut Fields<'_>, stsd_version: u8) -> Result<(u16, u32), Error> {
    let version = entry.u16("entry_version")?;
    entry.take(6, "reserved")?;
    let channels = entry.u16("channelcount")?;
    entry.take(6, "samplesize")?;
    let mut frequency = entry.u32("samplerate")? >> 16;
    match (version, stsd_version) {
        (1, 0) => drop(entry.take(16, "samplesPerPacket")?),
        (2, 0) => drop(entry.take(36, "sizeOfStructOnly")?),
        // A frequency that does not fit stands in `srat` (12.2.3.2).
        (1, _) => {
            if let Ok(Some(mut srat)) = entry.find(*b"srat") {
                srat.version()?;
                frequency = srat.u32("sampling_rate")?;
            }
        }
        _ => {}
    }
    Ok((channels, frequency))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::BoxType;
    use crate::mp4::writer::{boxed, full_box, u16, u32};
    use crate::testing::avc_codec;

    /// The body of `stsd` around one entry.
    fn stsd(version: u8, kind: [u8; 4], entry: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = vec![version, 0, 0, 0, 0, 0, 0, 1];
        boxed(&mut out, kind, |out| {
            out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
            entry(out);
        });
        out
    }

    fn read(stsd: &[u8]) -> Result<SampleEntry, Error> {
        decode(&Fields::new(BoxType(*b"stsd"), stsd, 0))
    }

    fn visual_fields(out: &mut Vec<u8>) {
        out.extend([0; 16]);
        u16(out, 640);
        u16(out, 360);
        out.extend([0; 50]);
    }

    /// x264's record, which says 1:1 and BT.709, and these boxes.
    fn avc(boxes: impl FnOnce(&mut Vec<u8>)) -> Codec {
        let codec = avc_codec();
        let Codec::Avc(config) = &codec else { panic!("it is H.264") };
        let stsd = stsd(0, *b"avc1", |out| {
            visual_fields(out);
            boxed(out, *b"avcC", |out| out.extend_from_slice(config.raw()));
            boxes(out);
        });
        read(&stsd).unwrap().codec
    }

    fn pasp(out: &mut Vec<u8>, horizontal: u32, vertical: u32) {
        boxed(out, *b"pasp", |out| {
            u32(out, horizontal);
            u32(out, vertical);
        });
    }

    fn colr(out: &mut Vec<u8>, kind: [u8; 4], codes: [u16; 3], range: &[u8]) {
        boxed(out, *b"colr", |out| {
            out.extend(kind);
            for code in codes {
                u16(out, code);
            }
            out.extend_from_slice(range);
        });
    }

    #[test]
    fn shape_and_colour_are_as_the_container_says() {
        let plain = avc(|_| {});
        let picture = avc(|out| {
            colr(out, *b"prof", [0; 3], &[0]);
            colr(out, *b"nclx", [9, 16, 9], &[0]);
            pasp(out, 4, 3);
        })
        .picture()
        .unwrap();
        assert_eq!(picture.aspect_ratio, Some((4, 3)));
        let hdr10 = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false };
        assert_eq!(picture.colour, Some(hdr10));
        // What it says like the codec is nothing new.
        let same = avc(|out| {
            pasp(out, 1, 1);
            colr(out, *b"nclx", [1, 1, 1], &[0]);
        });
        assert_eq!(same, plain);
        assert_eq!(same, avc_codec());
    }

    #[test]
    fn what_the_container_leaves_open_is_as_the_codec_says() {
        let plain = avc(|_| {});
        assert_eq!(avc(|out| colr(out, *b"nclx", [2, 2, 2], &[0])), plain);
        let colour = |codec: Codec| codec.picture().and_then(|picture| picture.colour).unwrap();
        let full = colour(avc(|out| colr(out, *b"nclx", [2, 2, 2], &[0x80])));
        assert_eq!((full.matrix, full.full_range), (1, true));
        // QuickTime's, without a range.
        let other = colour(avc(|out| colr(out, *b"nclc", [6, 1, 6], &[])));
        assert_eq!((other.primaries, other.matrix, other.full_range), (6, 6, false));
    }

    #[test]
    fn a_shape_that_cannot_be_is_left_to_the_codec() {
        let plain = avc(|_| {});
        assert_eq!(avc(|out| pasp(out, 0, 0)), plain);
        assert_eq!(avc(|out| pasp(out, u32::MAX, 1)), plain);
        assert_eq!(avc(|out| boxed(out, *b"pasp", |out| out.push(1))), plain);
        let large = avc(|out| pasp(out, 400_000, 300_000)).picture().unwrap();
        assert_eq!(large.aspect_ratio, Some((50_000, 37_500)));
        // A box that ends behind the entry: the codec can still be read.
        assert_eq!(avc(|out| out.extend(b"\0\0\xFF\0abcd")), plain);
    }

    #[test]
    fn av1_and_vp9_have_the_size_and_shape_of_the_entry() {
        for (kind, holder, record) in [
            (*b"av01", *b"av1C", &[0x81, 4, 0x0C, 0][..]),
            (*b"vp09", *b"vpcC", &[1, 0, 0, 0, 0, 11, 0x82, 2, 2, 2, 0, 0]),
        ] {
            let stsd = stsd(0, kind, |out| {
                visual_fields(out);
                boxed(out, holder, |out| out.extend_from_slice(record));
                pasp(out, 4, 3);
                colr(out, *b"nclx", [9, 16, 9], &[0]);
            });
            let codec = read(&stsd).unwrap().codec;
            let picture = codec.picture().unwrap();
            assert_eq!((picture.width, picture.height), (640, 360));
            assert_eq!(picture.aspect_ratio, Some((4, 3)));
            assert_eq!(picture.colour.map(|colour| colour.transfer), Some(16));
            // And they are written where they were read.
            let mut out = Vec::new();
            crate::mp4::visual::visual(&mut out, &codec, None);
            let again = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &out].concat();
            assert_eq!(read(&again).unwrap().codec, codec);
        }
    }

    fn audio_fields(out: &mut Vec<u8>, version: u16, frequency: u32) {
        u16(out, version);
        out.extend([0; 6]);
        u16(out, 2);
        out.extend([0, 16, 0, 0, 0, 0]);
        u32(out, frequency << 16);
    }

    fn frequency(stsd: &[u8]) -> u32 {
        read(stsd).unwrap().codec.sound().unwrap().sampling_frequency.hz()
    }

    fn esds(out: &mut Vec<u8>) {
        crate::mp4::esds::esds(out, 0x40, &[0x11, 0x90], None);
    }

    #[test]
    fn version_1_is_told_from_quicktimes_by_the_version_of_stsd() {
        let iso = stsd(1, *b"mp4a", |out| {
            audio_fields(out, 1, 1);
            full_box(out, *b"srat", 0, 0, |out| u32(out, 96_000));
            esds(out);
        });
        assert_eq!(frequency(&iso), 48_000, "of the configuration");
        let quicktime = stsd(0, *b"mp4a", |out| {
            audio_fields(out, 1, 48_000);
            out.extend([0; 16]);
            boxed(out, *b"wave", esds);
        });
        assert_eq!(frequency(&quicktime), 48_000);
        // MP3 has no configuration that says it.
        let mp3 = stsd(1, *b".mp3", |out| {
            audio_fields(out, 1, 1);
            full_box(out, *b"srat", 0, 0, |out| u32(out, 44_100));
        });
        assert_eq!(frequency(&mp3), 44_100);
    }

    #[test]
    fn nothing_behind_esds_loses_the_track() {
        let stsd = stsd(0, *b"mp4a", |out| {
            audio_fields(out, 0, 48_000);
            esds(out);
            out.extend(b"\0\0\xFF\0abcd");
        });
        assert_eq!(frequency(&stsd), 48_000);
    }
}
