use airloom_chat::{Answer, Body, Input, Key, Post, Submission};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::Chat;
use super::guard::{Guest, Raw, json};
use super::refused::Refused;

/// Somebody says something.
pub(super) async fn send(
    State(chat): State<Chat>,
    guest: Guest,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Refused> {
    let key = key(&headers)?;
    let answer = say(&chat, &guest, Post::parse(&body)?, key).await?;
    Ok(accepted(answer))
}

/// Somebody with a role enters what is no message.
pub(super) async fn enter(
    State(chat): State<Chat>,
    guest: Guest,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Refused> {
    let author = guest.visitor.known()?.clone();
    let (key, body) = (key(&headers)?, json::<Body>(&body)?);
    let submission = Submission { author, key, body };
    Ok(accepted(chat.request(&guest.room, Input::Submit(submission)).await?))
}

pub(super) async fn say(
    chat: &Chat,
    guest: &Guest,
    post: Post,
    key: Option<Key>,
) -> Result<Answer, Refused> {
    let author = guest.visitor.writer(&post.user)?;
    let submission = Submission { author, ..post.submit(key) };
    Ok(chat.request(&guest.room, Input::Submit(submission)).await?)
}

fn key(headers: &HeaderMap) -> Result<Option<Key>, Refused> {
    let malformed = airloom_chat::Error::Malformed { field: "idempotency key" };
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| malformed)?;
    Ok(Some(text.parse()?))
}

fn accepted(answer: Answer) -> Response {
    (StatusCode::ACCEPTED, Json(told(answer))).into_response()
}

/// What a writer is told.
pub(super) fn told(answer: Answer) -> serde_json::Value {
    match answer {
        Answer::Admitted(receipt) => json!(receipt),
        Answer::Held(ticket) => json!({ "held": ticket }),
        _ => json!({}),
    }
}
