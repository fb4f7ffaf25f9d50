use serde::Deserialize;

use crate::{Author, Body, EntryId, Error, Key, Submission, UserId};

/// What a client sends to have something said: `{"user","text"}`, and `reply_to` where it is a
/// reply.
///
/// Of the author it holds only what the client claims; who it is and which roles they have is for
/// the integrator to establish. Other members of the object are passed over.
///
/// ```
/// use airloom_chat::{Body, Post};
///
/// let post = Post::parse(br#"{"user":"ann","text":"hello"}"#)?;
/// let submission = post.submit(None);
/// assert_eq!(submission.body, Body::Message { text: "hello".to_owned() });
/// # Ok::<(), airloom_chat::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Post {
    /// Who the client says it is.
    pub user: UserId,
    /// What is to be said.
    pub text: String,
    /// To which entry, if to any.
    #[serde(default)]
    pub reply_to: Option<EntryId>,
}

impl Post {
    /// The longest body, in bytes: a text at its limit with every character escaped.
    pub const LIMIT: usize = 16 << 10;

    /// Reads a request's body.
    ///
    /// # Errors
    /// [`Error::TooLong`] beyond [`LIMIT`](Self::LIMIT); [`Error::Json`] for what is not such an
    /// object, a name with control characters among it.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        if body.len() > Self::LIMIT {
            return Err(Error::TooLong { field: "body", limit: Self::LIMIT });
        }
        Ok(serde_json::from_slice(body)?)
    }

    /// As a submission of a viewer of that name.
    pub fn submit(self, key: Option<Key>) -> Submission {
        let text = self.text;
        let body = match self.reply_to {
            Some(to) => Body::Reply { to, text },
            None => Body::Message { text },
        };
        Submission { author: Author::new(self.user), key, body }
    }
}

/// What a client sends over a WebSocket to have something said: a [`Post`] whose object may hold a
/// `key`, under which it is admitted once. Over HTTP the key is a header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyedPost {
    /// What is to be said.
    #[serde(flatten)]
    pub post: Post,
    /// Under which key, if under any.
    #[serde(default)]
    pub key: Option<Key>,
}

impl KeyedPost {
    /// Reads a WebSocket's message.
    ///
    /// # Errors
    /// Those of [`Post::parse`]; a key that is none is [`Error::Json`] too.
    pub fn parse(message: &[u8]) -> Result<Self, Error> {
        if message.len() > Post::LIMIT {
            return Err(Error::TooLong { field: "message", limit: Post::LIMIT });
        }
        Ok(serde_json::from_slice(message)?)
    }

    /// As a submission of a viewer of that name.
    pub fn submit(self) -> Submission {
        self.post.submit(self.key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Cursor, Epoch, Offset, Receipt, Roles};

    #[test]
    fn roles_cannot_be_claimed() {
        let post = Post::parse(br#"{"user":"ann","text":"x","roles":["moderator"],"key":"k"}"#);
        let submission = post.unwrap().submit(None);
        assert_eq!((submission.author.roles, submission.key), (Roles::NONE, None));
    }

    #[test]
    fn what_is_not_a_post_is_located() {
        for body in [
            &b""[..],
            b"{",
            b"[]",
            b"\"x\"",
            br#"{"user":"ann"}"#,
            br#"{"user":"","text":"x"}"#,
            br#"{"user":"a\u0000","text":"x"}"#,
            br#"{"user":"ann","text":7}"#,
            br#"{"user":"ann","text":"x","reply_to":"1:2"}"#,
            b"{\"user\":\"ann\",\"text\":\"\xff\"}",
            br#"{"user":"ann","text":"x"} {}"#,
        ] {
            let text = String::from_utf8_lossy(body);
            assert!(matches!(Post::parse(body), Err(Error::Json { .. })), "{text}");
        }
        let deep = "[".repeat(Post::LIMIT);
        assert!(matches!(Post::parse(deep.as_bytes()), Err(Error::Json { .. })));
        assert!(matches!(Post::parse(&vec![b' '; Post::LIMIT + 1]), Err(Error::TooLong { .. })));
    }

    #[test]
    fn a_message_of_a_web_socket_is_a_post_with_a_key() {
        let read = |text: &str| KeyedPost::parse(text.as_bytes());
        let keyed = read(r#"{"key":"k","user":"ann","text":"x","more":[{}]}"#).unwrap();
        assert_eq!(keyed.key, Some("k".parse().unwrap()));
        assert_eq!(keyed.submit().key, Some("k".parse().unwrap()));
        assert_eq!(read(r#"{"user":"ann","text":"x","key":null}"#).unwrap().key, None);
        for text in [
            r#"{"user":"ann","text":"x","key":""}"#,
            r#"{"user":"ann","text":"x","key":7}"#,
            r#"{"user":"ann","text":"x","key":"k","key":"l"}"#,
            r#"{"user":"ann","user":"ben","text":"x"}"#,
            r#"{"text":"x","key":"k"}"#,
            r#"["ann","x","k"]"#,
            "event: answer",
        ] {
            assert!(matches!(read(text), Err(Error::Json { .. })), "{text}");
        }
        let long = vec![b' '; Post::LIMIT + 1];
        assert!(matches!(KeyedPost::parse(&long), Err(Error::TooLong { .. })));
    }

    #[test]
    fn the_answer_is_that_of_the_contract() {
        let (epoch, offset) = (Epoch::new(0xe), Offset::new(1));
        let receipt = Receipt { id: EntryId { epoch, offset }, cursor: Cursor { epoch, offset } };
        assert_eq!(serde_json::to_string(&receipt).unwrap(), r#"{"id":"e-1","cursor":"e:1"}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(body: Vec<u8>) {
            let _ = Post::parse(&body);
            let _ = KeyedPost::parse(&body);
        }

        #[test]
        fn any_text_comes_through(text: String) {
            let body = serde_json::json!({ "user": "ann", "text": text }).to_string();
            prop_assert_eq!(Post::parse(body.as_bytes()).unwrap().text, text);
        }
    }
}
