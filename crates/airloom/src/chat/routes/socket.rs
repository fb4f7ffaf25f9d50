use airloom_chat::{KeyedPost, Post};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::{Chat, Said, Subscription};
use super::events::Place;
use super::guard::Guest;
use super::messages::{say, told};
use super::refused::Refused;

/// Somebody reads and writes over one connection.
pub(super) async fn open(
    State(chat): State<Chat>,
    guest: Guest,
    Query(place): Query<Place>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let upgrade = upgrade.map_err(|rejection| Refused::Body(rejection.into_response().status()))?;
    let cursor = place.cursor(&headers)?;
    let subscription = chat.subscribe(&guest.room, guest.visitor.user(), cursor)?;
    let upgrade = upgrade
        .max_message_size(Post::LIMIT)
        .max_frame_size(Post::LIMIT)
        // Beyond a batch and an answer nothing waits to be written: then reading waits too.
        .write_buffer_size(0)
        .max_write_buffer_size(4 << 20);
    Ok(upgrade.on_upgrade(move |socket| serve(socket, chat, guest, subscription)))
}

async fn serve(mut socket: WebSocket, chat: Chat, guest: Guest, mut subscription: Subscription) {
    loop {
        let message = tokio::select! {
            said = subscription.next() => match said {
                Some(Said::Events(events)) => match Utf8Bytes::try_from(events) {
                    Ok(text) => Message::Text(text),
                    // What the core writes is UTF-8.
                    Err(_) => continue,
                },
                Some(Said::Quiet) => Message::Ping(bytes::Bytes::new()),
                None => Message::Close(Some(CloseFrame {
                    code: close_code::RESTART,
                    reason: Utf8Bytes::from_static("come back with your cursor"),
                })),
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => answer(&chat, &guest, text.as_bytes()).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        let ends = matches!(message, Message::Close(_));
        if socket.send(message).await.is_err() || ends {
            return;
        }
    }
}

/// What became of a post, as an event like those that are read.
async fn answer(chat: &Chat, guest: &Guest, text: &[u8]) -> Message {
    let (key, outcome) = match KeyedPost::parse(text) {
        Ok(KeyedPost { post, key }) => (key.clone(), say(chat, guest, post, key).await),
        Err(error) => (None, Err(error.into())),
    };
    let mut told = match outcome {
        Ok(answer) => told(answer),
        Err(refused) => json!({
            "status": refused.status().as_u16(),
            "type": format!("urn:airloom:chat:{}", refused.code()),
            "detail": refused.detail(),
            "retry_after": refused.retry_after(),
        }),
    };
    if let (Some(key), Some(fields)) = (key, told.as_object_mut()) {
        fields.insert("key".to_owned(), json!(key));
    }
    Message::Text(format!("event: answer\ndata: {told}\n\n").into())
}
