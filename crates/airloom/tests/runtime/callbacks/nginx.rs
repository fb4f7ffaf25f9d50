use airloom::Origin;
use airloom::access::callbacks::{Callbacks, Form};
use airloom::access::{Denied, Gate};
use airloom::rtmp::{self, ClientError, Player, Publisher};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use tower_service::Service;

use super::receiver::{Asked, Receiver, all, listen, patient, visit};

fn names(asked: &Asked) -> Vec<String> {
    asked.fields().into_iter().map(|(name, _)| name).collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    &fields.iter().find(|(known, _)| known == name).unwrap().1
}

/// What nginx 1.22 with nginx-rtmp 1.2.2 sends when ffmpeg publishes and plays, in its order: each
/// field was taken from there.
#[tokio::test]
async fn requests_have_the_fields_of_nginx_rtmp() {
    let mut receiver = Receiver::answering(200, None, "").await;
    let callbacks = Callbacks::new(all(Form::Nginx, &receiver));
    let origin = Origin::builder().gate(callbacks.clone()).build();
    let target = listen(&origin, "cam?token=x&k=a%20b&name=other").await;
    let client = ["app", "flashver", "swfurl", "tcurl", "pageurl", "addr"];

    let publisher = Publisher::connect(rtmp::Config::default(), target.clone()).await.unwrap();
    let connect = receiver.next().await;
    assert_eq!(
        (&connect.path[..], names(&connect)),
        (
            "/connect",
            [&client[..], &["epoch", "call"]].concat().iter().map(ToString::to_string).collect()
        )
    );
    assert_eq!(connect.content_type, "application/x-www-form-urlencoded");
    let publish = receiver.next().await;
    let own = ["clientid", "call", "name", "type"];
    // What the key brings comes last; but not a second name, by which somebody could be fooled.
    let args = ["token", "k"];
    let wanted = [&client[..], &own[..], &args[..]].concat();
    assert_eq!(
        (&publish.path[..], names(&publish)),
        ("/publish", wanted.iter().map(ToString::to_string).collect())
    );
    let sent = publish.fields();
    for (name, value) in [
        ("app", "live"),
        ("tcurl", &target.tc_url()[..]),
        ("addr", "127.0.0.1"),
        ("call", "publish"),
        ("name", "cam"),
        ("type", "live"),
        ("token", "x"),
        ("k", "a b"),
    ] {
        assert_eq!(field(&sent, name), value, "{name}");
    }

    let player = Player::connect(rtmp::Config::default(), target).await.unwrap();
    assert_eq!(receiver.next().await.path, "/connect");
    let play = receiver.next().await;
    let own = ["clientid", "call", "name", "start", "duration", "reset"];
    let wanted = [&client[..], &own[..], &args[..]].concat();
    assert_eq!(names(&play), wanted.iter().map(ToString::to_string).collect::<Vec<_>>());
    let asked = play.fields();
    assert_eq!((field(&asked, "call"), field(&asked, "start")), ("play", "4294965296"));

    player.finish().await.unwrap();
    let own = ["clientid", "call", "name"];
    let wanted = [&client[..], &own[..], &args[..]].concat();
    let mut gone = Vec::new();
    for (path, call) in [("/play_done", "play_done"), ("/done", "done")] {
        let done = receiver.next().await;
        assert_eq!(names(&done), wanted.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!((&done.path[..], field(&done.fields(), "call")), (path, call));
        gone.push(field(&done.fields(), "clientid").to_owned());
    }
    assert_eq!(gone, [field(&asked, "clientid"), field(&asked, "clientid")]);
    publisher.finish().await.unwrap();
    let done = receiver.next().await;
    assert_eq!((&done.path[..], field(&done.fields(), "call")), ("/publish_done", "publish_done"));
    assert_eq!(field(&done.fields(), "clientid"), field(&sent, "clientid"));
    assert_eq!(receiver.next().await.path, "/done");
    let metrics = callbacks.metrics();
    for line in
        ["{call=\"publish\",outcome=\"allowed\"} 1\n", "{call=\"connect\",outcome=\"allowed\"} 2\n"]
    {
        assert!(metrics.contains(line), "{metrics}");
    }
}

async fn answer(status: u16, location: Option<&'static str>) -> Result<Option<String>, Denied> {
    let mut receiver = Receiver::answering(status, location, "whatever").await;
    let mut config = patient(Form::Nginx);
    config.on_publish = Some(receiver.at("/publish"));
    let pass = Callbacks::new(config).publish(&visit()).await;
    receiver.next().await;
    // Whatever it says, it is asked once.
    assert!(receiver.is_done());
    pass.map(|pass| pass.stream().map(ToString::to_string))
}

#[tokio::test]
async fn the_status_is_the_answer() {
    assert_eq!(answer(200, None).await, Ok(None));
    assert_eq!(answer(204, None).await, Ok(None));
    assert_eq!(answer(302, Some("other")).await, Ok(Some("other".to_owned())));
    assert_eq!(answer(302, None).await, Ok(None));
    for status in [400, 401, 403, 404, 500] {
        assert_eq!(answer(status, None).await, Err(Denied::Refused), "{status}");
    }
    // A proxy whose service is down says nothing of its own.
    assert_eq!(answer(503, None).await, Err(Denied::Unavailable));
}

/// A redirect names a stream and is followed nowhere, so none can loop.
#[tokio::test]
async fn a_redirect_to_itself_ends_where_it_begins() {
    for location in ["/publish", "http://127.0.0.1/publish", "rtmp://127.0.0.1/live/x", "a b", ""] {
        assert_eq!(answer(302, Some(location)).await, Err(Denied::Refused), "{location}");
    }
}

#[tokio::test]
async fn a_publisher_is_put_under_the_name_it_is_given_or_refused() {
    let mut receiver = Receiver::answering(302, Some("studio-1"), "").await;
    let mut config = patient(Form::Nginx);
    config.on_publish = Some(receiver.at("/"));
    let origin = Origin::builder().gate(Callbacks::new(config)).build();
    let target = listen(&origin, "secret-key").await;
    let publisher = Publisher::connect(rtmp::Config::default(), target.clone()).await.unwrap();
    assert_eq!(origin.streams("")[0].name, "studio-1");
    assert_eq!(origin.streams("").len(), 1);
    receiver.next().await;
    drop(publisher);

    let receiver = Receiver::answering(403, None, "").await;
    let mut config = patient(Form::Nginx);
    config.on_publish = Some(receiver.at("/"));
    origin.set_gate(Some(std::sync::Arc::new(Callbacks::new(config))));
    let refused = Publisher::connect(rtmp::Config::default(), target).await.unwrap_err();
    let ClientError::Rejected { code, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(&code[..], "NetStream.Publish.Unauthorized");
}

/// One question a viewer, whatever it loads.
#[tokio::test]
async fn viewers_over_http_are_asked_for_once() {
    let mut receiver = Receiver::answering(200, None, "").await;
    let callbacks = Callbacks::new(all(Form::Nginx, &receiver));
    let origin = Origin::builder().gate(callbacks.clone()).build();
    for _ in 0..20 {
        let mut ask = Request::get("/cam/init-1-0.mp4?token=x").body(Body::empty()).unwrap();
        ask.extensions_mut().insert(ConnectInfo(visit().peer.unwrap()));
        origin.router().call(ask).await.unwrap();
    }
    let asked = receiver.next().await;
    let fields = asked.fields();
    assert_eq!((field(&fields, "app"), field(&fields, "addr")), ("live", "10.0.0.1"));
    assert_eq!((field(&fields, "name"), field(&fields, "token")), ("cam", "x"));
    assert!(receiver.is_done());
    assert!(callbacks.metrics().contains("{call=\"play\",outcome=\"allowed\"} 1\n"));
}
