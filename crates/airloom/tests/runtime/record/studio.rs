use std::path::Path;
use std::sync::Arc;

use airloom::Origin;
use airloom::access::Gate;
use airloom::record::{Config, Recorder, Recording};
use airloom::segmenter::mp4::{Demuxer, Index, Limits};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::Duration;
use tower_service::Service;

/// An origin that is recorded.
pub(super) struct Studio {
    pub(super) origin: Origin,
    pub(super) recorder: Recorder,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The links of a playlist, those of its tags left out.
    pub(super) fn links(&self) -> Vec<String> {
        let lines = self.text().lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }
}

impl Studio {
    pub(super) fn open(folder: &Path) -> Self {
        Self::with(folder, Config::default())
    }

    pub(super) fn with(folder: &Path, config: Config) -> Self {
        let recorder = Recorder::open(folder, config).unwrap();
        let origin = Self::origin(&recorder).build();
        Self { origin, recorder }
    }

    /// One that does not let everybody in.
    pub(super) fn guarded(folder: &Path, gate: impl Gate) -> Self {
        let recorder = Recorder::open(folder, Config::default()).unwrap();
        let origin = Self::origin(&recorder).gate(gate).build();
        Self { origin, recorder }
    }

    fn origin(recorder: &Recorder) -> airloom::origin::Builder {
        let observer = Arc::new(recorder.clone());
        Origin::builder().resume(Duration::from_secs(5)).observer(observer)
    }

    /// Ends all streams, waits until everything is written, and gives the recordings.
    pub(super) async fn wrap(&self) -> Vec<Recording> {
        self.origin.end().await;
        self.recorder.close().await;
        self.recorder.recordings()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(path, &[]).await
    }

    pub(super) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let name = |path: &str| path.split('/').nth(1)?.parse().ok();
        let rewind = self.origin.guarded(self.recorder.rewind("/vod"), name);
        let live = self.origin.router().merge(rewind);
        let known = self.recorder.clone();
        let vod = self.origin.guarded(self.recorder.router("/vod"), move |path| {
            known.stream(path.split('/').nth(1)?)
        });
        let mut app = axum::Router::new().nest("/live", live).nest("/vod", vod);
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = app.call(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// What our own demuxer finds.
pub(super) fn index(file: &[u8]) -> Index {
    let mut demuxer = Demuxer::new(file.len() as u64, Limits::default());
    while let Some(range) = demuxer.poll_request() {
        let data = Bytes::copy_from_slice(&file[range.start as usize..range.end as usize]);
        demuxer.handle_input(data).unwrap();
    }
    demuxer.finish().unwrap()
}

/// The payload of each sample of a track, in order, with its decode time in milliseconds.
pub(super) fn samples(index: &Index, track: usize, file: &[u8]) -> Vec<(i64, Vec<u8>)> {
    let track = &index.tracks()[track];
    let hz = i64::from(track.track().timescale.hz());
    let one = |entry: airloom::segmenter::mp4::Entry| {
        let range = entry.range().start as usize..entry.range().end as usize;
        (entry.decode_time.ticks() * 1000 / hz, file[range].to_vec())
    };
    track.entries().map(one).collect()
}
