use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use airloom_playlist::Resource;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::Serialize;

use super::body::FileBody;
use super::clip::Span;
use super::item::Item;
use super::movie::{self, Layout, NoMovie};
use super::shelf::Shelf;
#[cfg(feature = "thumbnails")]
use super::thumbnails;
use super::timeline::Timeline;
use super::{Recorder, Recording};
use crate::http::{Problem, is_known, set};
use crate::origin::{Carried, Coding, Encoded, Range, wall_time};

/// Recordings, and the path they are served under.
#[derive(Debug, Clone)]
struct Served {
    recorder: Recorder,
    base: Arc<str>,
}

pub(super) fn router(recorder: Recorder, base: Arc<str>) -> axum::Router {
    axum::Router::new()
        .route("/", get(list))
        .route("/{id}/{file}", get(serve))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Recordings are only read: GET or HEAD")
        })
        .with_state(Served { recorder, base })
}

pub(super) fn rewind(recorder: Recorder, base: Arc<str>) -> axum::Router {
    let lead = async |State(served): State<Served>,
                      Path(name): Path<String>,
                      shown: Option<Extension<Carried>>| {
        let Some(item) = served.recorder.0.shelf.on_air(&name) else {
            let detail = "No stream of that name is being recorded";
            return Problem::new(StatusCode::NOT_FOUND, detail).into_response();
        };
        let mut path = format!("{}/{}/index.m3u8", served.base, item.id());
        if let Some(Extension(shown)) = shown {
            path.push('?');
            path.push_str(shown.query());
        }
        no_store(Redirect::temporary(&path).into_response())
    };
    axum::Router::new().route("/{name}/dvr.m3u8", get(lead)).with_state(Served { recorder, base })
}

/// A recording as the list tells it.
#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    started_at: String,
    duration_s: f64,
    bytes: u64,
    on_air: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_short: Option<super::CutShort>,
    hls: String,
    dash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mp4: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnails: Option<String>,
}

impl Listed {
    fn new(recording: Recording, base: &str) -> Self {
        let path = |file: &str| format!("{base}/{}/{file}", recording.id);
        Self {
            hls: path("index.m3u8"),
            dash: path("manifest.mpd"),
            mp4: (!recording.on_air).then(|| path("video.mp4")),
            thumbnails: (cfg!(feature = "thumbnails") && !recording.on_air)
                .then(|| path("thumbnails.vtt")),
            name: recording.name.to_string(),
            started_at: recording.started_at.to_string(),
            duration_s: recording.duration.as_secs_f64(),
            bytes: recording.bytes,
            on_air: recording.on_air,
            cut_short: recording.cut_short,
            id: recording.id,
        }
    }
}

async fn list(State(served): State<Served>, RawQuery(query): RawQuery) -> Response {
    let on_air = query.is_some_and(|query| query.split('&').any(|pair| pair == "on_air=1"));
    let recordings = served.recorder.0.shelf.recordings(on_air);
    let listed: Vec<_> =
        recordings.into_iter().map(|recording| Listed::new(recording, &served.base)).collect();
    // Plain fields always serialise.
    let body = serde_json::to_vec(&listed).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    no_store(([(header::CONTENT_TYPE, json)], body).into_response())
}

/// What a file of a recording is.
enum Answer {
    Text(Resource, Arc<Encoded>),
    Media(Arc<Layout>),
    Problem(Problem),
}

async fn serve(
    State(served): State<Served>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
    shown: Option<Extension<Carried>>,
    headers: HeaderMap,
) -> Response {
    let shown = shown.map(|Extension(shown)| shown);
    let Ok(Path((id, file))) = path else { return nothing("No recording has such a name") };
    let Some(item) = served.recorder.0.shelf.item(&id) else {
        return nothing("There is no such recording");
    };
    if file == Resource::Time.to_string() {
        return no_store(wall_time().to_string().into_response());
    }
    #[cfg(feature = "thumbnails")]
    if let Some(asked) = thumbnails::Asked::parse(&file) {
        return thumbnails::serve(&served.recorder.0.shelf, item, asked, shown, &headers).await;
    }
    let span = match Span::of(query.as_deref().unwrap_or_default()) {
        Ok(span) => span,
        Err(error) => {
            return Problem::new(StatusCode::BAD_REQUEST, error.to_string()).into_response();
        }
    };
    // It may have to be read from disk first, and the playlist of a long one be compressed.
    let answer = move || {
        let shelf = &served.recorder.0.shelf;
        match find(shelf, &item, &file, span, shown.as_ref().map(Carried::query)) {
            Ok(Answer::Problem(problem)) => problem.into_response(),
            Ok(Answer::Text(resource, found)) => text(resource.content_type(), &found, &headers),
            Ok(Answer::Media(layout)) => {
                let stretch = span.map(Span::query).unwrap_or_default();
                let tag = format!("\"{id}/{file}?{stretch}\"");
                media(&served.recorder, &item, &layout, &tag, &headers)
            }
            Err(error) => {
                tracing::warn!("recording {id} cannot be read: {error}");
                unreadable().into_response()
            }
        }
    };
    tokio::task::spawn_blocking(answer).await.unwrap_or_else(|error| {
        tracing::warn!("a recording cannot be read: {error}");
        unreadable().into_response()
    })
}

pub(super) fn nothing(detail: &'static str) -> Response {
    Problem::new(StatusCode::NOT_FOUND, detail).into_response()
}

pub(super) fn unreadable() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The recording cannot be read")
}

/// Blocks.
fn find(
    shelf: &Shelf,
    item: &Arc<Item>,
    file: &str,
    span: Option<Span>,
    shown: Option<&str>,
) -> io::Result<Answer> {
    let absent =
        |detail: &'static str| Ok(Answer::Problem(Problem::new(StatusCode::NOT_FOUND, detail)));
    let timeline = shelf.timeline(item)?;
    if let Some(single) = Single::parse(file) {
        return single_file(shelf, item, &timeline, &single, span);
    }
    let Some(resource) = Resource::parse(file) else {
        return absent("A recording has no resource of that name");
    };
    let mut timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
    let found = match resource {
        Resource::Init { track, id } => timeline.init(track, id).map(|data| Layout::new(data, [])),
        Resource::Segment { track, sequence } => {
            timeline.segment(track, sequence).map(|pieces| Layout::new(Bytes::new(), pieces))
        }
        _ => {
            let text = timeline.text(resource, span, shown);
            return text.map_or_else(
                || absent("Nothing of that was recorded"),
                |text| Ok(Answer::Text(resource, text)),
            );
        }
    };
    found.map_or_else(
        || absent("Not in this recording"),
        |layout| Ok(Answer::Media(Arc::new(layout))),
    )
}

/// What a single MP4 file is made of.
enum Single {
    /// `video.mp4` and `clip.mp4`: the volume that is asked for by time, or lasts longest.
    Any,
    /// `video-2.mp4`: the second configuration.
    Volume(u32),
}

impl Single {
    fn parse(file: &str) -> Option<Self> {
        let name = file.strip_suffix(".mp4")?;
        if ["video", "clip"].contains(&name) {
            return Some(Self::Any);
        }
        let number = name.strip_prefix("video-")?.parse().ok()?;
        (number > 0).then_some(Self::Volume(number))
    }
}

fn single_file(
    shelf: &Shelf,
    item: &Item,
    timeline: &Mutex<Timeline>,
    single: &Single,
    span: Option<Span>,
) -> io::Result<Answer> {
    let problem = |status, detail: String| Ok(Answer::Problem(Problem::new(status, detail)));
    let Some(finished) = item.finished() else {
        let detail = "It is still being recorded: its playlists can be played, the file is next";
        return problem(StatusCode::CONFLICT, detail.to_owned());
    };
    let (start, touched) = {
        let timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
        (timeline.start(), span.map(|span| timeline.volumes(span)))
    };
    let volume = match (single, touched.as_deref()) {
        (Single::Volume(volume), _) if *volume <= finished.volumes => *volume,
        (Single::Volume(_), _) | (Single::Any, Some([])) => {
            return problem(StatusCode::NOT_FOUND, NoMovie::Nothing.to_string());
        }
        (Single::Any, None) => finished.longest,
        (Single::Any, Some([volume])) => *volume,
        (Single::Any, Some(_)) => {
            let detail = "The configuration changes in that time, which one MP4 file cannot say: \
                          a playlist of it can";
            return problem(StatusCode::CONFLICT, detail.to_owned());
        }
    };
    let span = span.unwrap_or(Span::ALL);
    let key = (item.id().to_owned(), volume, span);
    match shelf.movies.get(key, || movie::movie(item, volume, span, start)) {
        Ok(layout) => Ok(Answer::Media(layout)),
        Err(error @ NoMovie::Nothing) => problem(StatusCode::NOT_FOUND, error.to_string()),
        Err(error @ NoMovie::TooLong) => problem(StatusCode::CONFLICT, error.to_string()),
        Err(NoMovie::Disk(error)) => Err(error.into()),
        Err(error @ NoMovie::Format(_)) => Err(io::Error::other(error)),
    }
}

/// A text that may change, for whoever does not know it as it is.
pub(super) fn text(content_type: &str, text: &Encoded, headers: &HeaderMap) -> Response {
    let coding = Coding::negotiate(headers);
    let tag = text.tag(coding);
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(text.body(coding)));
        if let Some(name) = coding.name() {
            response.headers_mut().insert(header::CONTENT_ENCODING, name);
        }
        response
    };
    set(&mut response, header::VARY, "accept-encoding");
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::CONTENT_TYPE, content_type);
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

fn media(
    recorder: &Recorder,
    item: &Item,
    layout: &Arc<Layout>,
    tag: &str,
    headers: &HeaderMap,
) -> Response {
    let size = layout.size;
    let body = |start, length| {
        let shelf = Arc::clone(&recorder.0.shelf);
        let folder = item.folder().to_owned();
        Body::new(FileBody::new(shelf, folder, Arc::clone(layout), start, length))
    };
    let mut response = if is_known(headers, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match Range::of(headers, tag, size) {
            Range::Whole => Response::new(body(0, size)),
            Range::Single { start, length } => {
                let mut response = Response::new(body(start, length));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let range = format!("bytes {start}-{}/{size}", start + length - 1);
                set(&mut response, header::CONTENT_RANGE, &range);
                response
            }
            Range::Unsatisfiable => {
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                let problem = Problem::new(status, "The range lies outside of what is there");
                let mut response = problem.into_response();
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
                return response;
            }
        }
    };
    set(&mut response, header::ETAG, tag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::CONTENT_TYPE, "video/mp4");
    // A name of media never stands for other bytes.
    set(&mut response, header::CACHE_CONTROL, "public, max-age=86400, immutable");
    response
}

fn no_store(mut response: Response) -> Response {
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}
