use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use airloom_chat::{Cursor, Epoch, Offset};
use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use serde::Deserialize;

use super::super::writers::Newcomer;
use super::super::{Chat, Said, Subscription};
use super::guard::Guest;
use super::refused::Refused;
use crate::http::{Detach, Detachable};

/// Where a reader says it stands.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Place {
    cursor: Option<String>,
}

impl Place {
    /// The cursor of a request. What a browser sends back by itself is newer than what its page
    /// wrote into the address.
    pub(super) fn cursor(&self, headers: &HeaderMap) -> Result<Option<Cursor>, Refused> {
        if let Some(last) = headers.get("last-event-id").filter(|last| !last.is_empty()) {
            // Not one of ours: of a life that is none, so that the reader is reset. A page could
            // do nothing about an error.
            let foreign = Cursor { epoch: Epoch::new(0), offset: Offset::ZERO };
            let known = last.to_str().ok().and_then(|last| last.parse().ok());
            return Ok(Some(known.unwrap_or(foreign)));
        }
        let given = self.cursor.as_deref().filter(|given| !given.is_empty());
        Ok(given.map(str::parse).transpose()?)
    }
}

/// Somebody reads, for as long as they like.
pub(super) async fn read(
    State(chat): State<Chat>,
    guest: Guest,
    Query(place): Query<Place>,
    method: Method,
    detachable: Option<Extension<Detachable>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let cursor = place.cursor(&headers)?;
    let user = guest.visitor.user();
    let mut response = if method == Method::GET && detachable.is_some() {
        let seat = chat.hub().join(&guest.room, user, cursor)?;
        let gzip = takes_gzip(&headers);
        let mut response = Response::new(Body::empty());
        if gzip {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        }
        response.extensions_mut().insert(Detach::new(move |socket, head| {
            let hub = std::sync::Arc::clone(seat.hub());
            // A socket that cannot be had from the runtime is closed, and its reader comes back.
            if let Ok(socket) = socket.into_std() {
                hub.writers().add(Newcomer { seat, socket, head, gzip });
            }
        }));
        response
    } else if method == Method::GET {
        let body = Stream::new(chat.subscribe(&guest.room, user, cursor)?);
        Response::new(Body::new(body))
    } else {
        Body::empty().into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // nginx holds back what it takes for an ordinary response.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Whether `Accept-Encoding` names gzip, and not to say that it is not wanted (RFC 9110, 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).any(|coding| {
        let mut words = coding.split(';').map(str::trim);
        let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = words.any(|word| {
            let weight = word.strip_prefix("q=").or_else(|| word.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty())
        });
        named && !refused
    })
}

type Next = Pin<Box<dyn Future<Output = (Subscription, Option<Said>)> + Send>>;

/// A subscription as a response's body.
struct Stream(Next);

impl Stream {
    fn new(subscription: Subscription) -> Self {
        Self(Self::next(subscription))
    }

    fn next(mut subscription: Subscription) -> Next {
        Box::pin(async move {
            let said = subscription.next().await;
            (subscription, said)
        })
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (subscription, said) = std::task::ready!(self.0.as_mut().poll(cx));
        let bytes = match said {
            Some(Said::Events(events)) => events,
            Some(Said::Quiet) => Bytes::from_static(b":\n\n"),
            None => return Poll::Ready(None),
        };
        self.0 = Self::next(subscription);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}
