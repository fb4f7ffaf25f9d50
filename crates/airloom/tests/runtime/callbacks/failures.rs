//! A service that is not there, hangs, or says nonsense.

use std::time::Duration;

use airloom::access::callbacks::{Callbacks, Config, Form, WhenDown};
use airloom::access::{Denied, Gate};
use airloom::http::Endpoint;

use super::receiver::{Receiver, nobody, patient, speaks, visit};

fn asking(endpoint: Endpoint, form: Form, when_down: WhenDown) -> Callbacks {
    let mut config = Config::new(form);
    config.on_publish = Some(endpoint);
    config.when_down = when_down;
    config.timeout = Duration::from_millis(300);
    Callbacks::new(config)
}

async fn is_down(endpoint: Endpoint) {
    for form in [Form::Nginx, Form::Srs] {
        let refuses = asking(endpoint.clone(), form, WhenDown::Refuse);
        assert_eq!(refuses.publish(&visit()).await.map(drop), Err(Denied::Unavailable));
        let allows = asking(endpoint.clone(), form, WhenDown::Allow);
        assert_eq!(allows.publish(&visit()).await.map(drop), Ok(()));
        for callbacks in [refuses, allows] {
            let metrics = callbacks.metrics();
            assert!(metrics.contains("{call=\"publish\",outcome=\"failed\"} 1\n"), "{metrics}");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_as_the_policy_says() {
    is_down(nobody()).await;
}

#[tokio::test]
async fn silence_is_as_the_policy_says() {
    is_down(speaks("").await).await;
    is_down(speaks("HTTP/1.1 200 OK\r\n").await).await;
    is_down(speaks("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0").await).await;
}

#[tokio::test]
async fn nonsense_is_as_the_policy_says() {
    is_down(speaks("220 mail.example ESMTP\r\n").await).await;
    is_down(speaks(vec![0xFF; 1000]).await).await;
    is_down(speaks(vec![b'a'; 100_000]).await).await;
}

/// An answer is read up to a limit, and no further.
#[tokio::test]
async fn an_answer_without_end_is_as_the_policy_says() {
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(1 << 20, b'0');
    is_down(speaks(endless).await).await;
}

/// Once there are as many questions as may be, others wait their time and no longer.
#[tokio::test]
async fn questions_wait_for_a_place() {
    let mut config = Config::new(Form::Nginx);
    config.on_publish = Some(speaks("").await);
    config.timeout = Duration::from_millis(300);
    config.at_once = 1;
    let callbacks = Callbacks::new(config);
    let questions: Vec<_> = (0..20)
        .map(|_| {
            let callbacks = callbacks.clone();
            tokio::spawn(async move { callbacks.publish(&visit()).await.map(drop) })
        })
        .collect();
    for question in questions {
        assert_eq!(question.await.unwrap(), Err(Denied::Unavailable));
    }
    assert!(callbacks.metrics().contains("{call=\"publish\",outcome=\"failed\"} 20\n"));
}

/// Those who leave while nobody listens are not kept in memory without end.
#[tokio::test]
async fn notices_are_dropped_past_their_bound() {
    let receiver = Receiver::answering(200, None, "").await;
    let mut config = patient(Form::Nginx);
    config.on_publish = Some(receiver.at("/"));
    config.on_publish_done = Some(speaks("").await);
    config.notices = 5;
    let callbacks = Callbacks::new(config);
    let mut passes = Vec::new();
    for _ in 0..8 {
        passes.push(callbacks.publish(&visit()).await.unwrap());
    }
    drop(passes);
    assert!(callbacks.metrics().contains("airloom_callbacks_dropped_total 3\n"));
}
