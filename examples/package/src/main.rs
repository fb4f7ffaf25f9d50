//! Turns an MP4 or FLV file into a folder of HLS and DASH that any static file server can serve.

mod protection;
mod source;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use airloom_media::{Sample, Track, TrackId};
use airloom_playlist::{self as playlist, Answer, Input, LiveWindow, Request, Resource, WallTime};
use airloom_segmenter::encrypt::{Encryptor, Scheme};
use airloom_segmenter::{Config, Output, Segmenter};
use protection::Secret;

/// A folder that is being filled.
struct Package {
    folder: PathBuf,
    segmenter: Segmenter,
    secret: Option<Secret>,
    encryptor: Option<Encryptor>,
    window: LiveWindow,
    tracks: Vec<TrackId>,
    now: WallTime,
    len: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words: Vec<_> = std::env::args().skip(1).collect();
    let encrypted = words.first().is_some_and(|word| word == "--cbcs");
    words.drain(..usize::from(encrypted));
    let [file, folder] = &words[..] else { return Err("package [--cbcs] FILE FOLDER".into()) };
    fs::create_dir_all(folder)?;
    let mut input = BufReader::with_capacity(1 << 20, File::open(file)?);
    let (mut config, mut listed) = (Config::default(), playlist::Config::default());
    (config.part, config.ts, listed.part_target) = (None, false, None);
    (listed.window, listed.limits.segments) = (Duration::from_secs(1 << 30), 1 << 20);
    let secret = encrypted.then(Secret::random).transpose()?;
    let mut package = Package {
        folder: folder.into(),
        segmenter: Segmenter::new(config),
        encryptor: secret.as_ref().map(|secret| Encryptor::new(Scheme::Cbcs, secret.key())),
        secret,
        window: LiveWindow::new(listed),
        tracks: Vec::new(),
        now: WallTime::from_unix(UNIX_EPOCH.elapsed()?),
        len: input.get_ref().metadata()?.len(),
    };
    package.read(&mut input)?;
    package.segmenter.finish();
    package.drain()?;
    package.playlists()
}

impl Package {
    fn track(&mut self, track: Track) -> Result<(), Box<dyn Error>> {
        println!("{} {}: {}", track.codec.kind(), track.id, track.codec);
        Ok(self.segmenter.set_track(track)?)
    }

    fn sample(&mut self, sample: Sample, at: u64) -> Result<(), Box<dyn Error>> {
        let percent = (at * 100 / self.len.max(1)) as usize;
        eprint!("\r[{:25}] {percent} %", "#".repeat(percent / 4));
        self.segmenter.handle_input(sample)?;
        self.drain()
    }

    /// Takes what is made through the cipher, if there is one.
    fn drain(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some(output) = self.segmenter.poll_output() {
            match &mut self.encryptor {
                Some(encryptor) => encryptor.handle_input(output)?,
                None => self.keep(output)?,
            }
            while let Some(output) = self.encryptor.as_mut().and_then(Encryptor::poll_output) {
                self.keep(output)?;
            }
        }
        Ok(())
    }

    /// Writes media, and tells the playlists.
    fn keep(&mut self, output: Output) -> Result<(), Box<dyn Error>> {
        let input = match output {
            Output::Init(init) => {
                let id = init.id.into();
                let name = Resource::Init { track: init.track, id }.to_string();
                fs::write(self.folder.join(name), &init.data)?;
                self.tracks.retain(|track| *track != init.track);
                self.tracks.push(init.track);
                let track = Track { id: init.track, timescale: init.timescale, codec: init.codec };
                let mut rendition = playlist::Rendition::new(&track, id);
                rendition.presentation_delay = init.presentation_delay;
                Input::Track(rendition)
            }
            Output::Segment(segment) => {
                let (track, sequence) = (segment.track, segment.sequence);
                let name = Resource::Segment { track, sequence }.to_string();
                let mut file = File::create(self.folder.join(name))?;
                segment.chunks().try_for_each(|chunk| file.write_all(chunk))?;
                if let Some(seconds) = self.segmenter.target_duration() {
                    self.window.handle_input(self.now, Input::TargetDuration(seconds))?;
                }
                Input::Segment(playlist::Segment {
                    track,
                    sequence,
                    start: segment.start,
                    duration: segment.duration,
                    independent: segment.independent,
                    discontinuity: segment.discontinuity,
                    bytes: segment.size as u64,
                })
            }
            Output::Gap(gap) => Input::Gap(playlist::Gap {
                track: gap.track,
                sequence: gap.sequence,
                start: gap.start,
                duration: gap.duration,
                discontinuity: gap.discontinuity,
            }),
            Output::Event(event) => {
                println!("{event:?}");
                return Ok(());
            }
            _ => return Ok(()),
        };
        Ok(self.window.handle_input(self.now, input)?)
    }

    fn playlists(mut self) -> Result<(), Box<dyn Error>> {
        self.window.handle_input(self.now, Input::End)?;
        let media = self.tracks.iter().map(|&track| Resource::Media { track });
        for resource in media.chain([Resource::Multivariant, Resource::Mpd]) {
            let Answer::Ready(playlist) = self.window.answer(&Request::new(resource)) else {
                return Err(format!("{resource} cannot be made").into());
            };
            let mut text = String::from_utf8(playlist.body.to_vec())?;
            if let Some(secret) = &self.secret {
                text = secret.name(&text);
                fs::write(self.folder.join("key.bin"), secret.content())?;
            }
            fs::write(self.folder.join(resource.to_string()), text)?;
        }
        eprintln!("\r{}: {} tracks{:30}", self.folder.display(), self.tracks.len(), "");
        Ok(())
    }
}
