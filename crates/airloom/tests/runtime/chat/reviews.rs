//! What a policy holds, and who decides about it in their own time.

use std::pin::Pin;

use airloom::chat::core::moderation::{Policies, ReviewAll};
use airloom::chat::core::{Answer, Author, Body, Input, Refusal, RoomId, Submission};
use airloom::chat::{Chat, Config, Observer, Reviewer, Said};
use tokio::sync::{mpsc, oneshot};

use super::client::PATIENCE;
use super::server::room;

/// Passes every question on to the test, which answers when it likes.
#[derive(Debug)]
struct Desk(mpsc::UnboundedSender<(String, oneshot::Sender<bool>)>);

impl Reviewer for Desk {
    fn review(
        &self,
        _room: RoomId,
        submission: Submission,
    ) -> Pin<Box<dyn Future<Output = Option<bool>> + Send>> {
        let (verdict, decided) = oneshot::channel();
        let text = submission.body.text().unwrap_or_default().to_owned();
        let _ = self.0.send((text, verdict));
        Box::pin(async move { decided.await.ok() })
    }
}

fn chat(config: Config) -> (Chat, mpsc::UnboundedReceiver<(String, oneshot::Sender<bool>)>) {
    let (sender, questions) = mpsc::unbounded_channel();
    let chat = Chat::builder()
        .config(config)
        .policies(|_| Policies::default().with(ReviewAll))
        .reviewer(Desk(sender))
        .build()
        .unwrap();
    (chat, questions)
}

async fn say(chat: &Chat, text: &str) -> Result<Answer, Refusal> {
    let submission = Submission::message(Author::new("ann".parse().unwrap()), text);
    chat.request(&room("r"), Input::Submit(submission)).await
}

async fn read(subscription: &mut airloom::chat::Subscription, text: &str) -> bool {
    let found = async {
        while let Some(said) = subscription.next().await {
            if let Said::Events(events) = said
                && String::from_utf8_lossy(&events).contains(text)
            {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reviewer_approves_appears_and_nothing_else() {
    let (chat, mut questions) = chat(Config::default());
    let mut reader = chat.subscribe(&room("r"), None, None).unwrap();
    for text in ["first", "second", "third"] {
        assert!(matches!(say(&chat, text).await, Ok(Answer::Held(_))));
    }
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(tokio::time::timeout(PATIENCE, questions.recv()).await.unwrap().unwrap());
    }
    // Whichever is decided first appears first; the second is never decided.
    asked.sort_by(|one, other| one.0.cmp(&other.0));
    let mut asked = asked.into_iter().map(|(_, verdict)| verdict);
    let (first, _second, third) =
        (asked.next().unwrap(), asked.next().unwrap(), asked.next().unwrap());
    first.send(false).unwrap();
    third.send(true).unwrap();
    assert!(read(&mut reader, "third").await);
}

/// A moderator was quicker, and the reviewer's word comes to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_may_be_quicker() {
    let (chat, mut questions) = chat(Config::default());
    let Ok(Answer::Held(ticket)) = say(&chat, "hello").await else { panic!("it is held") };
    let (_, verdict) = tokio::time::timeout(PATIENCE, questions.recv()).await.unwrap().unwrap();
    let review = Input::Review { ticket, by: Some("mod".parse().unwrap()), approve: false };
    assert_eq!(chat.request(&room("r"), review.clone()).await, Ok(Answer::Done));
    let _ = verdict.send(true);
    assert_eq!(chat.request(&room("r"), review).await, Err(Refusal::UnknownTicket));
}

/// However slow the reviewer, no more than so many are asked at once, and the chat goes on.
#[tokio::test(flavor = "multi_thread")]
async fn so_many_at_once_and_no_more() {
    let mut config = Config::default();
    config.reviews = 1;
    let (chat, mut questions) = chat(config);
    let mut reader = chat.subscribe(&room("r"), None, None).unwrap();
    say(&chat, "one").await.unwrap();
    let (_, one) = tokio::time::timeout(PATIENCE, questions.recv()).await.unwrap().unwrap();
    say(&chat, "two").await.unwrap();
    let author = Author::new("mod".parse().unwrap());
    let author = author.with_roles(airloom::chat::core::Roles::MODERATOR);
    let body = Body::Message { text: "unheld".to_owned() };
    let submission = Submission { author, key: None, body };
    chat.request(&room("r"), Input::Submit(submission)).await.unwrap();
    assert!(read(&mut reader, "unheld").await);
    assert!(questions.try_recv().is_err(), "the second waits");
    one.send(true).unwrap();
    let (text, two) = tokio::time::timeout(PATIENCE, questions.recv()).await.unwrap().unwrap();
    assert_eq!(text, "two");
    two.send(true).unwrap();
    assert!(read(&mut reader, "two").await);
}

/// An observer hears of the same.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_reviewer_the_observer_is_told() {
    #[derive(Debug)]
    struct Ear(mpsc::UnboundedSender<String>);
    impl Observer for Ear {
        fn review(
            &self,
            _room: &RoomId,
            _ticket: airloom::chat::core::Ticket,
            submission: &Submission,
        ) {
            let _ = self.0.send(submission.body.text().unwrap_or_default().to_owned());
        }
    }
    let (sender, mut heard) = mpsc::unbounded_channel();
    let chat = Chat::builder()
        .policies(|_| Policies::default().with(ReviewAll))
        .observer(Ear(sender))
        .build();
    let chat = chat.unwrap();
    say(&chat, "hello").await.unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap(), "hello");
}
