//! A chat beside every stream: its room has the stream's name.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};

use airloom::Usage;
use airloom::chat::core::access::{Anonymous, Tokens};
use airloom::chat::core::{Answer, Audit, Author, Error, Input, Roles, RoomId, UserId};
use airloom::chat::{Chat, Observer};
use airloom::origin::StreamName;

/// Meters every request where it is admitted, and logs what moderators do.
#[derive(Debug)]
struct Desk(Usage);

impl Observer for Desk {
    fn accepted(&self, room: &RoomId, _: &Input, _: &Answer) {
        self.0.chat_request(room.as_str());
    }

    fn audit(&self, room: &RoomId, audit: &Audit) {
        let by = audit.by.as_ref().map_or("nobody", UserId::as_str);
        tracing::info!(%room, by, deed = ?audit.deed, "moderated");
    }
}

/// Anybody reads and writes under any name; who shows `token` moderates.
pub(crate) fn open(token: &str, usage: Usage) -> io::Result<Chat> {
    let moderator = || -> Result<Author, Error> {
        let author = Author::new("moderator".parse()?).with_roles(Roles::MODERATOR);
        Ok(Author { name: Some("Moderator".parse()?), ..author })
    };
    let moderator = moderator().map_err(io::Error::other)?;
    Chat::builder()
        .authority(Tokens::new(Anonymous::Guest).with(token, moderator))
        .observer(Desk(usage))
        .named(|room| room.as_str().parse::<StreamName>().is_ok())
        .build()
}

/// A token that nobody guesses, for those who were given none.
pub(crate) fn token() -> io::Result<String> {
    let mut random = [0; 12];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut token = String::with_capacity(24);
    for byte in random {
        // Writing into a String cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    Ok(token)
}
