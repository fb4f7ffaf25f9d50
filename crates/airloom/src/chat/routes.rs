//! The HTTP side.

mod acts;
mod events;
mod guard;
mod messages;
mod refused;
mod socket;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::Chat;
use airloom_chat::Post;

/// The largest body: a post at its limit, or an act.
const BODY: usize = Post::LIMIT + 1;

pub(super) fn router(chat: Chat) -> Router {
    Router::new()
        .route("/{room}/messages", post(messages::send))
        .route("/{room}/entries", post(messages::enter))
        .route("/{room}/reactions", post(acts::react))
        .route("/{room}/votes", post(acts::vote))
        .route("/{room}/typing", post(acts::typing))
        .route("/{room}/moderation", post(acts::moderate))
        .route("/{room}/reviews", post(acts::review))
        .route("/{room}/events", get(events::read))
        .route("/{room}/socket", get(socket::open))
        .method_not_allowed_fallback(async || {
            crate::http::Problem::new(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "Rooms are written by POST and read by GET",
            )
        })
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(chat)
}
