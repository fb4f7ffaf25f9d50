use airloom_chat::{Act, Author, EntryId, Input, Reaction, Ticket, UserId};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::Chat;
use super::guard::{Guest, Raw, json};
use super::messages::told;
use super::refused::Refused;

#[derive(Debug, Deserialize)]
struct React {
    user: UserId,
    target: EntryId,
    reaction: Reaction,
}

#[derive(Debug, Deserialize)]
struct Vote {
    user: UserId,
    poll: EntryId,
    option: usize,
}

#[derive(Debug, Deserialize)]
struct Typing {
    user: UserId,
}

#[derive(Debug, Deserialize)]
struct Review {
    ticket: Ticket,
    approve: bool,
}

pub(super) async fn react(
    State(chat): State<Chat>,
    guest: Guest,
    Raw(body): Raw,
) -> Result<StatusCode, Refused> {
    let React { user, target, reaction } = json(&body)?;
    let by = guest.visitor.writer(&user)?;
    chat.request(&guest.room, Input::React { by, target, reaction }).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn vote(
    State(chat): State<Chat>,
    guest: Guest,
    Raw(body): Raw,
) -> Result<StatusCode, Refused> {
    let Vote { user, poll, option } = json(&body)?;
    let by = guest.visitor.writer(&user)?;
    chat.request(&guest.room, Input::Vote { by, poll, option }).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn typing(
    State(chat): State<Chat>,
    guest: Guest,
    Raw(body): Raw,
) -> Result<StatusCode, Refused> {
    let Typing { user } = json(&body)?;
    let Author { id: by, .. } = guest.visitor.writer(&user)?;
    chat.request(&guest.room, Input::Typing { by }).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn moderate(
    State(chat): State<Chat>,
    guest: Guest,
    Raw(body): Raw,
) -> Result<Response, Refused> {
    let by = guest.visitor.known()?.clone();
    let act: Act = json(&body)?;
    let answer = chat.request(&guest.room, Input::Moderate { by, act }).await?;
    Ok(Json(told(answer)).into_response())
}

pub(super) async fn review(
    State(chat): State<Chat>,
    guest: Guest,
    Raw(body): Raw,
) -> Result<Response, Refused> {
    let by = guest.visitor.known()?.clone();
    if !by.roles.is_staff() {
        return Err(airloom_chat::Refusal::NotAllowed.into());
    }
    let Review { ticket, approve } = json(&body)?;
    let input = Input::Review { ticket, by: Some(by.id), approve };
    Ok(Json(told(chat.request(&guest.room, input).await?)).into_response())
}
