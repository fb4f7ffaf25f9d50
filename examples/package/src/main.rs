//! Turns an MP4 or FLV file into a folder of HLS and DASH that any static file server can serve.

mod source;

use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use airloom_media::TrackId;
use airloom_playlist::{self as playlist, ContentProtection, Input, KeyMethod, Protection};
use airloom_playlist::{Answer, LiveWindow, Request, Resource, WallTime};
use airloom_rtmp::flv::Event;
use airloom_segmenter::Error::TooManyTracks;
use airloom_segmenter::encrypt::{Encryptor, Key, Scheme};
use airloom_segmenter::{Config, Output, Segmenter};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// A folder that is being filled.
struct Package {
    folder: PathBuf,
    segmenter: Segmenter,
    /// Tracks that are more than the segmenter takes.
    left_out: HashSet<TrackId>,
    cipher: Option<(Encryptor, Protection)>,
    window: LiveWindow,
    now: WallTime,
}

fn main() -> Done {
    let mut words: Vec<_> = std::env::args().skip(1).collect();
    let encrypted = words.first().is_some_and(|word| word == "--cbcs");
    words.drain(..usize::from(encrypted));
    let [file, folder] = &words[..] else { return Err("package [--cbcs] FILE FOLDER".into()) };
    fs::create_dir_all(folder)?;
    let mut package = Package {
        folder: folder.into(),
        segmenter: Segmenter::new(Config::recorded()),
        left_out: HashSet::new(),
        cipher: encrypted.then(|| encryption(folder.as_ref())).transpose()?,
        window: LiveWindow::new(playlist::Config::recorded()),
        now: WallTime::from_unix(UNIX_EPOCH.elapsed()?),
    };
    source::read(File::open(file)?, |event, percent| package.take(event, percent))?;
    package.segmenter.finish();
    package.drain()?;
    package.playlists()
}

/// With a key to try players with: anyone who finds the folder finds it.
fn encryption(folder: &Path) -> Done<(Encryptor, Protection)> {
    let [mut id, mut key, mut iv] = [[0; 16]; 3];
    [&mut id, &mut key, &mut iv].into_iter().try_for_each(|field| getrandom::fill(field))?;
    fs::write(folder.join("key.bin"), key)?;
    let named = playlist::Key::new(KeyMethod::SampleAes, "key.bin")?;
    let keys = vec![named.with_iv(iv).with_format("identity")?];
    let content = vec![ContentProtection::cbcs(id)];
    let encryptor = Encryptor::new(Scheme::Cbcs, Key::new(id, key, iv));
    Ok((encryptor, Protection { keys, content }))
}

impl Package {
    fn take(&mut self, event: Event, percent: u64) -> Done {
        match event {
            Event::Track(track) => {
                println!("{} {}: {}", track.codec.kind(), track.id, track.codec);
                match self.segmenter.set_track(track) {
                    Err(error @ TooManyTracks { track, .. }) => {
                        println!("left out: {error}");
                        self.left_out.insert(track);
                    }
                    done => done?,
                }
            }
            Event::Sample(sample) if self.left_out.contains(&sample.track) => {}
            Event::Sample(sample) => self.segmenter.handle_input(sample)?,
            // What pictures need to be decoded is in the track.
            Event::Color { .. } => {}
            skipped => println!("left out: {skipped:?}"),
        }
        eprint!("\r[{:25}] {percent} %", "#".repeat(percent as usize / 4));
        self.drain()
    }

    /// Takes what is made through the cipher, if there is one.
    fn drain(&mut self) -> Done {
        while let Some(output) = self.segmenter.poll_output() {
            match &mut self.cipher {
                Some((encryptor, _)) => encryptor.handle_input(output)?,
                None => self.keep(&output)?,
            }
            while let Some(output) = self.cipher.as_mut().and_then(|(it, _)| it.poll_output()) {
                self.keep(&output)?;
            }
        }
        Ok(())
    }

    /// Writes media, and tells the playlists.
    fn keep(&mut self, output: &Output) -> Done {
        match Resource::of_output(output) {
            Some(resource) => {
                let mut file = File::create(self.folder.join(resource.to_string()))?;
                output.chunks().try_for_each(|chunk| file.write_all(chunk))?;
            }
            None => println!("{output:?}"),
        }
        if let Some(input) = Input::of_output(output) {
            self.window.handle_input(self.now, input)?;
        }
        if let (Output::Init(init), Some((_, protection))) = (output, &self.cipher) {
            let input = Input::Protect(init.track, protection.clone());
            self.window.handle_input(self.now, input)?;
        }
        Ok(())
    }

    fn playlists(&mut self) -> Done {
        let seconds = self.segmenter.target_duration().ok_or("there is no media in the file")?;
        self.window.handle_input(self.now, Input::TargetDuration(seconds))?;
        self.window.handle_input(self.now, Input::End)?;
        for resource in self.window.playlists() {
            let Answer::Ready(playlist) = self.window.answer(&Request::new(resource)) else {
                return Err(format!("{resource} cannot be made").into());
            };
            fs::write(self.folder.join(resource.to_string()), &playlist.body)?;
        }
        eprintln!("\r{}: done{:30}", self.folder.display(), "");
        Ok(())
    }
}
