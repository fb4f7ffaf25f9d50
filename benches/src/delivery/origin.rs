//! An origin in a process of its own, whose stream goes on by one part whenever it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom::media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, avc};
use airloom::origin::Publishing;
use airloom::rtmp::{Media, Publication};
use airloom::{Origin, http};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;

use crate::Failure;

/// 640x360 at 30 fps, High profile.
const AVC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1E, 0xFF, 0xE1, 0x00, 0x1E, 0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9, 0x40, 0xA0,
    0x2F, 0xF9, 0x70, 0x16, 0xA0, 0x20, 0x20, 0x28, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03,
    0x01, 0xE0, 0x78, 0xB1, 0x6C, 0xB0, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0, 0xFD,
    0xF8, 0xF8, 0x00,
];
const AAC: &[u8] = &[0x11, 0x90];
const VIDEO: TrackId = TrackId::new(1);
const AUDIO: TrackId = TrackId::new(2);

/// A picture of 6 Mbit/s at 30 pictures a second; those of sound are what 160 kbit/s are.
const PICTURE: usize = 25_000;
const SOUND: usize = 427;

/// Pictures between two keyframes: segments of 2 s.
const KEYFRAMES: i64 = 60;

/// What is published before anybody comes: more than the window of 60 s.
const BEFORE: i64 = 2105;

/// Pictures of a part.
const STEP: i64 = 6;

struct Encoder {
    publishing: Publishing,
    picture: Bytes,
    key: Bytes,
    sound: Bytes,
    pictures: i64,
    sounds: i64,
}

impl Encoder {
    fn new(origin: &Origin) -> Result<Self, Failure> {
        let mut publishing = origin.publish(&"bench".parse()?)?;
        let video = Codec::Avc(avc::Config::decode(Bytes::from_static(AVC))?);
        let audio = Codec::Aac(aac::Config::decode(Bytes::from_static(AAC))?);
        for (id, codec) in [(VIDEO, video), (AUDIO, audio)] {
            publishing.handle(Media::Track(Track { id, timescale: Timescale::MILLIS, codec }))?;
        }
        let nal = |kind: u8| {
            let mut nal = (PICTURE as u32 - 4).to_be_bytes().to_vec();
            nal.resize(PICTURE, 0x5A);
            nal[4] = kind;
            Bytes::from(nal)
        };
        let sound = Bytes::from(vec![0x21; SOUND]);
        let (picture, key) = (nal(0x41), nal(0x65));
        Ok(Self { publishing, picture, key, sound, pictures: 0, sounds: 0 })
    }

    /// Publishes up to so many pictures, and the sound that goes with them.
    fn run_to(&mut self, pictures: i64) -> Result<(), Failure> {
        while self.pictures < pictures {
            let (picture, sound) = (self.pictures * 1000 / 30, self.sounds * 1024 / 48);
            let (track, time, sync, data);
            if picture <= sound {
                (track, time, sync) = (VIDEO, picture, self.pictures % KEYFRAMES == 0);
                data = if sync { &self.key } else { &self.picture };
                self.pictures += 1;
            } else {
                (track, time, sync, data) = (AUDIO, sound, true, &self.sound);
                self.sounds += 1;
            }
            self.publishing.handle(Media::Sample(Sample {
                track,
                decode_time: Timestamp::new(time),
                composition_offset: Delta::ZERO,
                duration: None,
                sync,
                data: data.clone(),
            }))?;
        }
        Ok(())
    }

    /// Goes on by a part, and says at what time the picture that completes it was given.
    fn step(&mut self) -> Result<Duration, Failure> {
        self.run_to(self.pictures + STEP - 1)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        self.run_to(self.pictures + 1)?;
        self.publishing.flush();
        Ok(now)
    }
}

/// Serves `/live/bench/…`, and on `/step` the next part, for ever.
pub fn serve(port: u16) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let origin = Origin::builder().resume(Duration::from_secs(3600)).build();
        let mut encoder = Encoder::new(&origin)?;
        encoder.run_to(BEFORE)?;
        encoder.publishing.flush();
        let encoder = Arc::new(Mutex::new(encoder));
        let step = move || {
            let told = encoder.lock().unwrap_or_else(PoisonError::into_inner).step();
            let text = told.map_or_else(|it| it.to_string(), |time| time.as_nanos().to_string());
            async move { text }
        };
        let app = Router::new().nest("/live", origin.router()).route("/step", get(step));
        let listener = http::Listener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        listener.serve(app, std::future::pending()).await;
        Ok(())
    })
}
