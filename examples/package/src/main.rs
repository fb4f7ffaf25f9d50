//! Turns an MP4 or FLV file into a folder of HLS and DASH that any static file server can serve.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use airloom_playlist::{self as playlist, ContentProtection, Input, KeyMethod, Protection};
use airloom_playlist::{Answer, LiveWindow, Request, Resource, WallTime};
use airloom_rtmp::flv::{Event, FileReader};
use airloom_segmenter::encrypt::{Encryptor, Key, Scheme};
use airloom_segmenter::mp4::{Index, Limits};
use airloom_segmenter::{Config, Output, Segmenter};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// A folder that is being filled.
struct Package {
    folder: PathBuf,
    segmenter: Segmenter,
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
        cipher: encrypted.then(|| encryption(folder.as_ref())).transpose()?,
        window: LiveWindow::new(playlist::Config::recorded()),
        now: WallTime::from_unix(UNIX_EPOCH.elapsed()?),
    };
    package.read(File::open(file)?)?;
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
    fn read(&mut self, mut input: File) -> Done {
        let len = input.metadata()?.len();
        let mut at = |range: std::ops::Range<u64>| -> Done<bytes::Bytes> {
            let mut data = Vec::new();
            input.seek(SeekFrom::Start(range.start))?;
            (&input).take(range.end - range.start).read_to_end(&mut data)?;
            Ok(data.into())
        };
        if *at(0..3)? == *b"FLV" {
            let mut reader = FileReader::new(&airloom_rtmp::Config::default());
            for start in (0..len).step_by(1 << 18) {
                reader.handle_input(at(start..start + (1 << 18))?)?;
                std::iter::from_fn(|| reader.poll_output())
                    .try_for_each(|event| self.take(event, start * 100 / len))?;
            }
            return Ok(());
        }
        // Tables, then samples one by one: nothing of the file is held.
        let index = Index::read::<Box<dyn Error>>(len, Limits::default(), &mut at)?;
        index.skipped().iter().for_each(|it| println!("left out: {} ({})", it.handler, it.error));
        index.damage().into_iter().chain(index.broken()).for_each(|it| println!("damaged: {it}"));
        for track in index.tracks() {
            self.take(Event::Track(track.track().clone()), 0)?;
            track.unsaid().for_each(|it| println!("track {} {it}", track.track().id));
        }
        index.entries().try_for_each(|entry| {
            self.take(Event::Sample(entry.sample(at(entry.range())?)), entry.offset * 100 / len)
        })
    }

    fn take(&mut self, event: Event, percent: u64) -> Done {
        match event {
            Event::Track(track) => {
                println!("{} {}: {}", track.codec.kind(), track.id, track.codec);
                self.segmenter.set_track(track)?;
            }
            Event::Sample(sample) => self.segmenter.handle_input(sample)?,
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
        let told = Input::of_output(output).map(|it| self.window.handle_input(self.now, it));
        told.transpose()?;
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
