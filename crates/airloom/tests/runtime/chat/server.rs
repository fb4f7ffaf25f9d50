use std::net::SocketAddr;

use airloom::chat::core::access::{Anonymous, Tokens};
use airloom::chat::core::{Author, Roles, RoomId};
use airloom::chat::{Chat, Config};
use airloom::http;
use axum::Router;
use tokio::sync::oneshot;

/// A chat on a free port, with a moderator (`mod-token`) and a system (`sys-token`).
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) chat: Chat,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub(super) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let author = |name: &str, roles| Author::new(name.parse().unwrap()).with_roles(roles);
        let authority = Tokens::new(Anonymous::Guest)
            .with("mod-token", author("mod", Roles::MODERATOR))
            .with("sys-token", author("system", Roles::SYSTEM));
        let chat = Chat::builder().config(config).authority(authority).build().unwrap();
        let listener = http::Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let app = Router::new().nest("/api/rooms", chat.router());
        tokio::spawn(listener.serve(app, async move { drop(stopped.await) }));
        Self { address, chat, _stop: stop }
    }

    /// What the writer threads and tasks count.
    pub(super) fn metric(&self, name: &str) -> u64 {
        let text = self.chat.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().parse().unwrap()
    }
}

pub(super) fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}
