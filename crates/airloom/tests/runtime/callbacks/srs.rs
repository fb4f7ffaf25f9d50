use airloom::Origin;
use airloom::access::callbacks::{Callbacks, Form};
use airloom::access::{Denied, Gate};
use airloom::rtmp::{self, Player, Publisher};
use serde_json::{Value, json};

use super::receiver::{Receiver, all, listen, patient, visit};

async fn next(receiver: &mut Receiver) -> Value {
    let asked = receiver.next().await;
    assert_eq!(asked.content_type, "application/json");
    serde_json::from_str(&asked.body).unwrap()
}

/// The members are those of "HTTP Callback" in the documentation of SRS 5 and 6.
#[tokio::test]
async fn requests_have_the_members_of_srs() {
    let mut receiver = Receiver::answering(200, None, r#"{"code":0,"data":null}"#).await;
    let origin = Origin::builder().gate(Callbacks::new(all(Form::Srs, &receiver))).build();
    let target = listen(&origin, "livestream?token=xxx&salt=yyy").await;
    let (url, config) = (target.tc_url(), rtmp::Config::default);

    let publisher = Publisher::connect(config(), target.clone()).await.unwrap();
    let connect = next(&mut receiver).await;
    assert_eq!(
        connect,
        json!({
            "server_id": "airloom", "action": "on_connect", "client_id": connect["client_id"],
            "ip": "127.0.0.1", "vhost": "__defaultVhost__", "app": "live", "tcUrl": url,
            "pageUrl": ""
        })
    );
    let publish = next(&mut receiver).await;
    let visit = |action, client: &Value| {
        json!({
            "server_id": "airloom", "action": action, "client_id": client, "ip": "127.0.0.1",
            "vhost": "__defaultVhost__", "app": "live", "tcUrl": url, "stream": "livestream",
            "param": "?token=xxx&salt=yyy", "stream_url": "/live/livestream",
            "stream_id": "livestream"
        })
    };
    let publishing = publish["client_id"].clone();
    assert!(publishing.is_string());
    assert_eq!(publish, visit("on_publish", &publishing));

    let player = Player::connect(config(), target).await.unwrap();
    assert_eq!(next(&mut receiver).await["action"], "on_connect");
    let play = next(&mut receiver).await;
    let mut wanted = visit("on_play", &play["client_id"]);
    wanted["pageUrl"] = json!("");
    assert_eq!(play, wanted);
    player.finish().await.unwrap();
    assert_eq!(next(&mut receiver).await, visit("on_stop", &play["client_id"]));
    publisher.finish().await.unwrap();
    assert_eq!(next(&mut receiver).await, visit("on_unpublish", &publishing));
    assert!(receiver.is_done());
}

#[tokio::test]
async fn code_0_is_yes_and_all_else_is_no() {
    for (status, answer, said) in [
        (200, "0", Ok(())),
        (200, r#"{"code":0}"#, Ok(())),
        (200, "1", Err(Denied::Refused)),
        (200, r#"{"code":403,"msg":"no"}"#, Err(Denied::Refused)),
        (200, "", Err(Denied::Refused)),
        (200, "ok", Err(Denied::Refused)),
        (200, "<html>", Err(Denied::Refused)),
        (200, r#"{"data":0}"#, Err(Denied::Refused)),
        (200, r#"{"code":"0"}"#, Err(Denied::Refused)),
        (201, "0", Err(Denied::Refused)),
        (302, "0", Err(Denied::Refused)),
        (403, "0", Err(Denied::Refused)),
        (502, "0", Err(Denied::Unavailable)),
    ] {
        let receiver = Receiver::answering(status, None, answer).await;
        let mut config = patient(Form::Srs);
        config.on_play = Some(receiver.at("/api/v1/sessions"));
        let answered = Callbacks::new(config).play(&visit()).await.map(drop);
        assert_eq!(answered, said, "{status} {answer}");
    }
}
