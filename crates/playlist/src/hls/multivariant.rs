//! Multivariant playlists (RFC 8216bis, 4.4.6).

use std::fmt::Write;

use airloom_media::TrackId;

use crate::{Format, FrameRate, Rendition, Resource, Session, Steering};

/// One rendition and what was measured of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) rendition: &'a Rendition,
    /// Peak segment bit rate, bits a second.
    pub(crate) peak: u64,
    /// Average segment bit rate, bits a second.
    pub(crate) average: u64,
    /// Whether each of its segments can be decoded alone.
    pub(crate) independent: bool,
}

/// Every video rendition is a variant with each group of sound of its encoding; sound that differs
/// in its codec is a group of its own (4.4.6.2.1: a variant's CODECS must name what it holds).
/// Without pictures, each group of sound is a variant.
pub(crate) fn render(entries: &[Entry<'_>], session: &Session) -> String {
    let mut out = String::with_capacity(256 + entries.len() * 256);
    // EXT-X-MEDIA came with version 4; nothing here needs more (section 8).
    out.push_str("#EXTM3U\n#EXT-X-VERSION:4\n");
    if entries.iter().all(|entry| entry.independent) {
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    session.write(&mut out);
    let pathway = session.steering.as_ref().and_then(Steering::pathway);
    let videos: Vec<_> = entries
        .iter()
        .filter(|entry| matches!(entry.rendition.format, Format::Video { .. }))
        .collect();
    let groups = groups(entries, &videos);
    // Sound alone, and only one of it, is a plain variant: there is nothing to choose from.
    let listed = !videos.is_empty() || groups.iter().any(|group| group.members.len() > 1);
    if listed {
        for (index, group) in groups.iter().enumerate() {
            for (place, audio) in group.members.iter().enumerate() {
                let name = counterpart(audio, &groups);
                write_media(&mut out, &group_id(index), audio.rendition, name, place == 0);
            }
        }
    }
    for video in &videos {
        let with = sound_of(video.rendition.variant, &groups);
        let mut silent = true;
        for (index, group) in groups.iter().enumerate() {
            if Some(group.variant) == with {
                silent = false;
                let names = (Some(group_id(index)), pathway);
                write_variant(&mut out, video, group.loudest(), names);
            }
        }
        if silent {
            write_variant(&mut out, video, None, (None, pathway));
        }
    }
    if videos.is_empty() {
        for (index, group) in groups.iter().enumerate() {
            let id = listed.then(|| group_id(index));
            // The group's first rendition is what the URI names; its peak is the group's.
            if let (Some(first), Some(loudest)) = (group.members.first(), group.loudest()) {
                let entry = Entry { peak: loudest.peak, average: loudest.average, ..**first };
                write_variant(&mut out, &entry, None, (id, pathway));
            }
        }
    }
    out
}

/// Renditions of sound to choose from: of one encoding, and of one codec.
struct Group<'a, 'b> {
    variant: u32,
    members: Vec<&'b Entry<'a>>,
}

impl<'a, 'b> Group<'a, 'b> {
    fn loudest(&self) -> Option<&'b Entry<'a>> {
        self.members.iter().copied().max_by_key(|entry| entry.peak)
    }
}

/// The groups that pictures go with, or all where there are none, in the order they came.
fn groups<'a, 'b>(entries: &'b [Entry<'a>], videos: &[&Entry<'_>]) -> Vec<Group<'a, 'b>> {
    let mut groups: Vec<Group<'_, '_>> = Vec::new();
    for entry in entries {
        if !matches!(entry.rendition.format, Format::Audio { .. }) {
            continue;
        }
        let variant = entry.rendition.variant;
        let same = groups.iter_mut().find(|group| {
            let first = group.members.first();
            group.variant == variant
                && first.is_some_and(|first| first.rendition.codecs == entry.rendition.codecs)
        });
        match same {
            Some(group) => group.members.push(entry),
            None => groups.push(Group { variant, members: vec![entry] }),
        }
    }
    if !videos.is_empty() {
        let used: Vec<_> =
            videos.iter().filter_map(|video| sound_of(video.rendition.variant, &groups)).collect();
        groups.retain(|group| used.contains(&group.variant));
    }
    groups
}

/// The encoding whose sound goes with the pictures of `variant`.
fn sound_of(variant: u32, groups: &[Group<'_, '_>]) -> Option<u32> {
    let own = groups.iter().find(|group| group.variant == variant);
    own.or_else(|| groups.iter().min_by_key(|group| group.variant)).map(|group| group.variant)
}

/// The track of the first encoding that `audio` stands for: what is the same sound has the same
/// name in every group (4.4.6.1.1).
fn counterpart(audio: &Entry<'_>, groups: &[Group<'_, '_>]) -> TrackId {
    let of = |variant: u32| {
        let members = groups.iter().filter(move |group| group.variant == variant);
        let mut tracks: Vec<_> =
            members.flat_map(|group| &group.members).map(|entry| entry.rendition.track).collect();
        tracks.sort_unstable();
        tracks
    };
    let own = audio.rendition.track;
    let first = groups.iter().map(|group| group.variant).min().unwrap_or_default();
    let place = of(audio.rendition.variant).iter().position(|track| *track == own);
    place.and_then(|place| of(first).get(place).copied()).unwrap_or(own)
}

fn group_id(index: usize) -> String {
    if index == 0 { "audio".to_owned() } else { format!("audio-{}", index + 1) }
}

/// `EXT-X-MEDIA` (4.4.6.1).
fn write_media(out: &mut String, group: &str, rendition: &Rendition, name: TrackId, default: bool) {
    let track = rendition.track;
    let _ = write!(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"Audio {name}\"");
    if let Some(language) = &rendition.language {
        let _ = write!(out, ",LANGUAGE=\"{language}\"");
    }
    let default = if default { "YES" } else { "NO" };
    let _ = write!(out, ",DEFAULT={default},AUTOSELECT=YES");
    if let Format::Audio { channels: 1.., .. } = rendition.format
        && let Format::Audio { channels, .. } = rendition.format
    {
        let _ = write!(out, ",CHANNELS=\"{channels}\"");
    }
    let _ = writeln!(out, ",URI=\"{}\"", Resource::Media { track });
}

/// `EXT-X-STREAM-INF` (4.4.6.2).
fn write_variant(
    out: &mut String,
    entry: &Entry<'_>,
    audio: Option<&Entry<'_>>,
    (group, pathway): (Option<String>, Option<&str>),
) {
    let peak = entry.peak.saturating_add(audio.map_or(0, |audio| audio.peak));
    let average = entry.average.saturating_add(audio.map_or(0, |audio| audio.average));
    let rendition = entry.rendition;
    let _ = write!(
        out,
        "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}",
        rendition.codecs
    );
    if let Some(audio) = audio {
        let _ = write!(out, ",{}", audio.rendition.codecs);
    }
    out.push('"');
    if let Format::Video { width, height, frame_rate } = rendition.format {
        if width > 0 && height > 0 {
            let _ = write!(out, ",RESOLUTION={width}x{height}");
        }
        if let Some(rate) = frame_rate {
            let _ = write!(out, ",FRAME-RATE={}", Decimal3(rate));
        }
    }
    if let Some(group) = group {
        let _ = write!(out, ",AUDIO=\"{group}\"");
    }
    if let Some(pathway) = pathway {
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
    use airloom_media::{Duration, Timescale};

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

    #[test]
    fn each_codec_of_sound_is_a_group_and_a_variant() {
        let renditions = [
            video(1, (25, 1)),
            audio(2, "mp4a.40.2", None),
            audio(3, "opus", None),
            audio(4, "mp4a.40.2", None),
        ];
        let entries: Vec<_> = renditions.iter().map(|r| entry(r, 1000)).collect();
        let text = render(&entries, &Session::default());
        assert_eq!(text.matches("GROUP-ID=\"audio\"").count(), 2);
        assert_eq!(text.matches("GROUP-ID=\"audio-2\"").count(), 1);
        assert_eq!(text.matches("DEFAULT=YES").count(), 2);
        assert!(text.contains("CODECS=\"avc1.640028,opus\""));
        assert!(text.contains(",AUDIO=\"audio-2\"\n1.m3u8\n"));
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
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"Audio 2\",DEFAULT=YES,\
                 AUTOSELECT=YES,CHANNELS=\"2\",URI=\"{track}.m3u8\"\n"
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
