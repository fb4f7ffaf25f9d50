//! Multivariant playlists (RFC 8216bis, 4.4.6).

use std::fmt::Write;

use crate::{Format, FrameRate, Rendition, Resource, Session, Steering, VideoRange};

mod groups;

use groups::{Group, Groups, Seat};

/// One rendition and what was measured of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) rendition: &'a Rendition,
    /// Peak segment bit rate, bits a second.
    pub(crate) peak: u64,
    /// Average segment bit rate, bits a second.
    pub(crate) average: u64,
    /// Whether each of its segments can be decoded alone, as far as the past tells: a client keeps
    /// what it is told here for as long as it plays.
    pub(crate) independent: bool,
}

/// Every video rendition is a variant with each group of sound of its encoding; sound that differs
/// in its codec is a group of its own (4.4.6.2.1: a variant's CODECS must name what it holds).
/// Without pictures, each group of sound is a variant.
pub(crate) fn render(entries: &[Entry<'_>], session: &Session) -> String {
    let mut out = String::with_capacity(256 + entries.len() * 256);
    let _ = write!(out, "#EXTM3U\n#EXT-X-VERSION:{}\n", session.version());
    if entries.iter().all(|entry| entry.independent) {
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    session.write(&mut out);
    let range = |entry: &Entry<'_>| match entry.rendition.format {
        Format::Video { range, .. } => Some(range),
        Format::Audio { .. } => None,
    };
    let videos: Vec<_> = entries.iter().filter(|entry| range(entry).is_some()).collect();
    let Groups { seats, groups } = &Groups::new(entries, &videos);
    // Sound alone, and only one of it, is a plain variant: there is nothing to choose from.
    let listed = !videos.is_empty() || seats.len() > 1;
    if listed {
        for (index, group) in groups.iter().enumerate() {
            for (seat, audio) in seats.iter().zip(&group.members) {
                let default = seats.first().is_some_and(|first| first.name == seat.name);
                write_media(&mut out, &group_id(index), seat, audio.rendition, default);
            }
        }
    }
    if !videos.is_empty() {
        session.captions.write(&mut out);
    }
    // Apple's authoring rules, 9.16: of all where it is of one.
    let ranged = videos.iter().filter_map(|video| range(video)).any(|it| it != VideoRange::Sdr);
    let common = Common { session, ranged };
    for video in &videos {
        let with = groups::sound_of(video.rendition.variant, groups);
        let mut silent = true;
        for (index, group) in groups.iter().enumerate() {
            if Some(group.variant) == with {
                silent = false;
                write_variant(&mut out, video, Some((group, Some(group_id(index)))), common);
            }
        }
        if silent {
            write_variant(&mut out, video, None, common);
        }
    }
    if videos.is_empty() {
        for (index, group) in groups.iter().enumerate() {
            let id = listed.then(|| group_id(index));
            // The group's first rendition is what the URI names.
            if let Some(first) = group.members.first() {
                write_variant(&mut out, first, Some((group, id)), common);
            }
        }
    }
    out
}

/// What all variants say alike.
#[derive(Debug, Clone, Copy)]
struct Common<'a> {
    session: &'a Session,
    /// Whether they say how bright their pictures are.
    ranged: bool,
}

fn group_id(index: usize) -> String {
    if index == 0 { "audio".to_owned() } else { format!("audio-{}", index + 1) }
}

/// `EXT-X-MEDIA` (4.4.6.1). In every group what is the same has the same name, language and defaults
/// (4.4.6.1.1). Apple's authoring rules, 8.10, want a language in any case, for which BCP 47 has a
/// tag.
fn write_media(
    out: &mut String,
    group: &str,
    seat: &Seat<'_>,
    rendition: &Rendition,
    default: bool,
) {
    let said = |yes: bool| if yes { "YES" } else { "NO" };
    let (default, auto) = (said(default), said(seat.auto));
    let (name, language) = (seat.name, seat.language.unwrap_or("und"));
    let _ = write!(
        out,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"Audio {name}\",\
         LANGUAGE=\"{language}\",DEFAULT={default},AUTOSELECT={auto}"
    );
    if let Format::Audio { channels: channels @ 1.., .. } = rendition.format {
        let _ = write!(out, ",CHANNELS=\"{channels}\"");
    }
    let _ = writeln!(out, ",URI=\"{}\"", Resource::Media { track: rendition.track });
}

/// `EXT-X-STREAM-INF` (4.4.6.2) of `entry` with a group of sound, or of such a group alone.
fn write_variant(
    out: &mut String,
    entry: &Entry<'_>,
    sound: Option<(&Group<'_, '_>, Option<String>)>,
    Common { session, ranged }: Common<'_>,
) {
    let Entry { rendition, mut peak, mut average, .. } = *entry;
    let mut codecs = rendition.codecs.clone();
    let group = sound.as_ref().map(|(group, _)| *group);
    if let (Format::Audio { .. }, Some(group)) = (rendition.format, group) {
        (peak, average, codecs) = (group.peak(), group.average(), group.codecs());
    } else if let Some(group) = group {
        peak = peak.saturating_add(group.peak());
        average = average.saturating_add(group.average());
        let _ = write!(codecs, ",{}", group.codecs());
    }
    let _ = write!(
        out,
        "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codecs}\""
    );
    if let Format::Video { width, height, frame_rate, range } = rendition.format {
        if width > 0 && height > 0 {
            let _ = write!(out, ",RESOLUTION={width}x{height}");
        }
        if let Some(rate) = frame_rate {
            let _ = write!(out, ",FRAME-RATE={}", Decimal3(rate));
        }
        if ranged {
            let _ = write!(out, ",VIDEO-RANGE={}", range.name());
        }
        session.captions.write_reference(out);
    }
    if let Some((_, Some(group))) = sound {
        let _ = write!(out, ",AUDIO=\"{group}\"");
    }
    if let Some(pathway) = session.steering.as_ref().and_then(Steering::pathway) {
        let _ = write!(out, ",PATHWAY-ID=\"{pathway}\"");
    }
    let _ = write!(out, "\n{}\n", Resource::Media { track: rendition.track });
}

/// A frame rate rounded to three decimals, as `FRAME-RATE` wants it.
struct Decimal3(FrameRate);

impl std::fmt::Display for Decimal3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (n, d) = (u64::from(self.0.numerator()), u64::from(self.0.denominator()));
        let thousandths = (n * 1000 + d / 2) / d;
        write!(f, "{}.{:03}", thousandths / 1000, thousandths % 1000)
    }
}

#[cfg(test)]
mod tests {
    use airloom_media::{Duration, Timescale, TrackId};

    use super::*;

    fn audio(track: u32, codecs: &str, language: Option<&str>) -> Rendition {
        Rendition {
            track: TrackId::new(track),
            timescale: Timescale::new(48_000).unwrap(),
            codecs: codecs.to_owned(),
            init: 0,
            format: Format::Audio { sample_rate: 48_000, channels: 2 },
            language: language.map(str::to_owned),
            presentation_delay: Duration::ZERO,
            part_target: None,
            variant: 0,
        }
    }

    fn video(track: u32, rate: (u32, u32)) -> Rendition {
        Rendition {
            track: TrackId::new(track),
            timescale: Timescale::MPEG,
            codecs: "avc1.640028".to_owned(),
            init: 0,
            format: Format::Video {
                width: 1920,
                height: 1080,
                frame_rate: FrameRate::new(rate.0, rate.1),
                range: VideoRange::Sdr,
            },
            language: None,
            presentation_delay: Duration::ZERO,
            part_target: None,
            variant: 0,
        }
    }

    fn entry(rendition: &Rendition, peak: u64) -> Entry<'_> {
        Entry { rendition, peak, average: peak / 2, independent: true }
    }

    #[test]
    fn video_with_sound() {
        let (v, a) = (video(1, (30_000, 1001)), audio(2, "mp4a.40.2", Some("en")));
        assert_eq!(
            render(&[entry(&v, 6_000_000), entry(&a, 130_000)], &Session::default()),
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio 2\",LANGUAGE=\"en\",\
             DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"2.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=6130000,AVERAGE-BANDWIDTH=3065000,\
             CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=1920x1080,FRAME-RATE=29.970,\
             AUDIO=\"audio\"\n1.m3u8\n"
        );
    }

    /// gohlslib#329, SRS#512: an audio-only stream declares what it has and nothing else.
    #[test]
    fn sound_alone() {
        let a = audio(7, "mp4a.40.2", None);
        assert_eq!(
            render(&[entry(&a, 130_000)], &Session::default()),
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-STREAM-INF:BANDWIDTH=130000,AVERAGE-BANDWIDTH=65000,CODECS=\"mp4a.40.2\"\n\
             7.m3u8\n"
        );
    }

    /// SRS#409: a video-only stream has no group of sound.
    #[test]
    fn pictures_alone() {
        let v = video(1, (60, 1));
        assert_eq!(
            render(&[Entry { independent: false, ..entry(&v, 5_000_000) }], &Session::default()),
            "#EXTM3U\n#EXT-X-VERSION:4\n\
             #EXT-X-STREAM-INF:BANDWIDTH=5000000,AVERAGE-BANDWIDTH=2500000,\
             CODECS=\"avc1.640028\",RESOLUTION=1920x1080,FRAME-RATE=60.000\n1.m3u8\n"
        );
    }

    /// Lines that begin with `tag`.
    fn tags<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
        text.lines().filter(|line| line.starts_with(tag)).collect()
    }

    /// What a listener can choose in each group, and where that is.
    fn choices(text: &str) -> Vec<(String, String, String)> {
        let value = |line: &str, name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        let of = |line: &&str| {
            let part = |name| value(line, name).unwrap_or_default();
            (part("GROUP-ID"), part("NAME"), part("URI"))
        };
        tags(text, "#EXT-X-MEDIA:").iter().map(of).collect()
    }

    /// 4.4.6.1.1: each group has the same members; what is not there in its codec is there in
    /// another, and CODECS names both.
    #[test]
    fn each_codec_of_sound_is_a_group_of_the_same_members() {
        let renditions = [
            video(1, (25, 1)),
            audio(2, "mp4a.40.2", None),
            audio(3, "opus", None),
            audio(4, "mp4a.40.2", None),
        ];
        let entries: Vec<_> = renditions.iter().map(|r| entry(r, 1000)).collect();
        let text = render(&entries, &Session::default());
        let choice = |group: &str, name: u32, track: u32| {
            (group.to_owned(), format!("Audio {name}"), format!("{track}.m3u8"))
        };
        assert_eq!(
            choices(&text),
            [
                choice("audio", 2, 2),
                choice("audio", 4, 4),
                choice("audio-2", 2, 3),
                choice("audio-2", 4, 4),
            ]
        );
        assert_eq!(text.matches("DEFAULT=YES").count(), 2);
        // One of a language is chosen by it, and not both (4.4.6.1.1).
        assert_eq!(text.matches("AUTOSELECT=YES").count(), 2);
        assert!(text.contains("CODECS=\"avc1.640028,mp4a.40.2\""), "{text}");
        assert!(text.contains("CODECS=\"avc1.640028,opus,mp4a.40.2\""), "{text}");
        assert!(text.contains(",AUDIO=\"audio-2\"\n1.m3u8\n"));
    }

    /// The same over encodings, one of which has less: languages decide what stands for what.
    #[test]
    fn an_encoding_without_a_language_borrows_it() {
        let of = |variant, rendition| Rendition { variant, ..rendition };
        let renditions = [
            of(0, video(1, (25, 1))),
            of(0, audio(2, "mp4a.40.2", Some("en"))),
            of(0, audio(3, "mp4a.40.2", Some("de"))),
            of(1, video(4, (25, 1))),
            of(1, audio(5, "mp4a.40.5", Some("de"))),
        ];
        let entries: Vec<_> = renditions.iter().map(|r| entry(r, 1000)).collect();
        let text = render(&entries, &Session::default());
        let uris: Vec<_> = choices(&text).into_iter().map(|(group, _, uri)| (group, uri)).collect();
        let uri = |group: &str, uri: &str| (group.to_owned(), uri.to_owned());
        assert_eq!(
            uris,
            [
                uri("audio", "2.m3u8"),
                uri("audio", "3.m3u8"),
                uri("audio-2", "2.m3u8"),
                uri("audio-2", "5.m3u8"),
            ]
        );
        let media = tags(&text, "#EXT-X-MEDIA:");
        for (one, other) in [(0, 2), (1, 3)] {
            let rest = |line: &str| {
                line.split_once(",NAME").unwrap().1.rsplit_once(",URI").unwrap().0.to_owned()
            };
            assert_eq!(rest(media[one]), rest(media[other]));
        }
        assert!(text.contains("CODECS=\"avc1.640028,mp4a.40.5,mp4a.40.2\""), "{text}");
    }

    /// 4.4.6.2: each of the two is the largest sum that any choice of sound makes.
    #[test]
    fn bandwidths_are_those_of_the_most_demanding_choice() {
        let (v, a, b) = (video(1, (25, 1)), audio(2, "opus", None), audio(3, "opus", None));
        let steady = Entry { average: 900, ..entry(&a, 900) };
        let text = render(&[entry(&v, 4000), steady, entry(&b, 1000)], &Session::default());
        assert!(text.contains("BANDWIDTH=5000,AVERAGE-BANDWIDTH=2900,"), "{text}");
        let text = render(&[steady, entry(&b, 1000)], &Session::default());
        assert!(text.contains("BANDWIDTH=1000,AVERAGE-BANDWIDTH=900,"), "{text}");
    }

    /// Apple's authoring rules, 9.16: every variant says how bright it is where one is not SDR.
    #[test]
    fn video_range_is_said_where_one_is_high() {
        let (sdr, mut hdr) = (video(1, (25, 1)), video(2, (25, 1)));
        let text = render(&[entry(&sdr, 1000), entry(&hdr, 1000)], &Session::default());
        assert!(!text.contains("VIDEO-RANGE"), "{text}");
        if let Format::Video { range, .. } = &mut hdr.format {
            *range = VideoRange::of_transfer(16);
        }
        let text = render(&[entry(&sdr, 1000), entry(&hdr, 1000)], &Session::default());
        assert!(text.contains(",VIDEO-RANGE=SDR\n1.m3u8\n"), "{text}");
        assert!(text.contains(",VIDEO-RANGE=PQ\n2.m3u8\n"), "{text}");
        let others = [1, 6, 13, 14, 15, 18].map(VideoRange::of_transfer);
        assert_eq!(others[..5], [VideoRange::Sdr; 5]);
        assert_eq!(others[5], VideoRange::Hlg);
    }

    /// Several encodings of one programme: each of its pictures goes with its own sound, which is
    /// called the same in all of them (4.4.6.1.1).
    #[test]
    fn each_encoding_goes_with_its_own_sound() {
        let of = |variant, rendition| Rendition { variant, ..rendition };
        let renditions = [
            of(0, video(1, (25, 1))),
            of(0, audio(2, "mp4a.40.2", None)),
            of(1, video(3, (25, 1))),
            of(1, audio(4, "mp4a.40.2", None)),
            // Without a sound of its own.
            of(2, video(5, (25, 1))),
        ];
        let entries: Vec<_> =
            renditions.iter().map(|r| entry(r, u64::from(r.track.get()) * 1000)).collect();
        let text = render(&entries, &Session::default());
        let media = |group: &str, track| {
            format!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"Audio 2\",LANGUAGE=\"und\",\
                 DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"{track}.m3u8\"\n"
            )
        };
        assert!(text.contains(&(media("audio", 2) + &media("audio-2", 4))), "{text}");
        let variants: Vec<_> = text.lines().skip_while(|l| !l.contains("STREAM-INF")).collect();
        let [one, _, two, _, three, _] = variants[..] else { panic!("{text}") };
        assert!(one.contains("BANDWIDTH=3000,") && one.ends_with(",AUDIO=\"audio\""), "{one}");
        assert!(two.contains("BANDWIDTH=7000,") && two.ends_with(",AUDIO=\"audio-2\""), "{two}");
        assert!(
            three.contains("BANDWIDTH=7000,") && three.ends_with(",AUDIO=\"audio\""),
            "{three}"
        );
    }
}
