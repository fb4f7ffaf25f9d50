use std::time::{SystemTime, UNIX_EPOCH};

use airloom_chat::access::{Visit, Visitor, admit};
use airloom_chat::{RoomId, WallTime};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::super::Chat;
use super::refused::Refused;

/// Who wants something, in which room.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) room: RoomId,
    pub(super) visitor: Visitor,
}

#[derive(Debug, Default, Deserialize)]
struct Token {
    token: Option<String>,
}

impl FromRequestParts<Chat> for Guest {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, chat: &Chat) -> Result<Self, Refused> {
        let room: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, chat).await;
        let room: RoomId = room
            .ok()
            .and_then(|Path(room)| room.parse().ok())
            .filter(|room| chat.has_room(room))
            .ok_or(Refused::Room)?;
        let token = Query::<Token>::try_from_uri(&parts.uri).ok().and_then(|query| query.0.token);
        let credential = bearer(&parts.headers).or(token.as_deref());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let visit = Visit { room: &room, now: WallTime::from_unix(since) };
        let visitor = admit(chat.authority(), visit, credential).await?;
        Ok(Self { room, visitor })
    }
}

/// What an `Authorization: Bearer …` says (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// A request's body, as it came.
#[derive(Debug)]
pub(super) struct Raw(pub(super) Bytes);

impl FromRequest<Chat> for Raw {
    type Rejection = Refused;

    async fn from_request(request: Request, chat: &Chat) -> Result<Self, Refused> {
        let body: Result<Bytes, BytesRejection> = Bytes::from_request(request, chat).await;
        body.map(Self).map_err(|rejection| Refused::Body(rejection.into_response().status()))
    }
}

/// A request's body as JSON.
pub(super) fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::Malformed(error.into()))
}
