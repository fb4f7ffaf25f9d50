//! `--hooks`: a service that is asked whom to let in, and told what happens, whatever it does.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use airloom_e2e::clip::Clip;
use airloom_e2e::nginx::Nginx;
use airloom_e2e::process::Process;
use airloom_e2e::receiver::{Manner, Receiver};
use airloom_e2e::scratch::Scratch;
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, http, packets, port, wait};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(2);
const YES: Manner = Manner::Says(200, "0");
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A file for `--hooks`.
struct Hooks {
    scratch: Scratch,
    file: PathBuf,
}

impl Hooks {
    fn new(hooks: &Value) -> Self {
        let scratch = Scratch::new();
        let file = scratch.join("hooks.json");
        let hooks_file = Self { scratch, file };
        hooks_file.write(&hooks.to_string());
        hooks_file
    }

    fn write(&self, text: &str) {
        let new = self.scratch.join("new");
        std::fs::write(&new, text).expect("a file");
        std::fs::rename(&new, &self.file).expect("a file");
    }

    fn start(&self) -> Live {
        Live::start(&["--resume", "1", "--hooks", &self.file.display().to_string()])
    }
}

/// Callbacks of a form, all to one receiver.
fn callbacks(receiver: &Receiver, form: &str, when_down: &str) -> Value {
    json!({ "callbacks": {
        "form": form, "when_down": when_down,
        "on_publish": receiver.url("/on_publish"), "on_play": receiver.url("/on_play"),
        "on_publish_done": receiver.url("/on_publish_done"), "on_play_done": receiver.url("/on_play_done"),
    }})
}

fn publish(live: &Live, name: &str) -> Process {
    ffmpeg::publish_for_ever(&Clip::SMALL.file(), &live.rtmp_url(name))
}

/// Publishes, is refused, and says how long that took.
fn refused(live: &Live, name: &str) -> Duration {
    let start = Instant::now();
    let mut publisher = publish(live, name);
    assert!(!publisher.wait(SOON).success(), "{name} was let in");
    start.elapsed()
}

fn metric(live: &Live, line: &str) -> u64 {
    let text = live.get("/metrics").text();
    let value = text.lines().find_map(|known| known.strip_prefix(line)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {line}: {text}"))
}

#[test]
fn a_service_is_asked_as_nginx_rtmp_asks_it() {
    let receiver = Receiver::start(YES);
    let live = Hooks::new(&callbacks(&receiver, "nginx", "refuse")).start();
    let publisher = publish(&live, "cam?key=1%2B1&name=other");
    live.wait_for_state("cam", "live", SOON);
    // The same as a real one says of the same publisher.
    let on_publish = receiver.url("/nginx_publish");
    let nginx = Nginx::start(&format!("on_publish {on_publish};"));
    let _other = ffmpeg::publish_for_ever(&Clip::SMALL.file(), &nginx.url("cam?key=1%2B1"));
    let theirs = receiver.wait_for("/nginx_publish", 1, SOON).remove(0);
    let ours = receiver.wait_for("/on_publish", 1, SOON).remove(0);
    let names = |fields: Vec<(String, String)>| -> Vec<String> {
        let mut names: Vec<_> = fields.into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    };
    assert_eq!(ours.content_type, theirs.content_type);
    assert_eq!(names(ours.fields()), names(theirs.fields()), "{}\n{}", ours.body, theirs.body);
    for name in ["call", "name", "type", "addr", "key"] {
        assert_eq!(ours.field(name), theirs.field(name), "{name}");
    }
    // nginx-rtmp keeps 31 characters of it.
    assert!(ours.field("flashver").starts_with(&theirs.field("flashver")));
    // Viewers are asked for once, however often they ask.
    for _ in 0..20 {
        assert_eq!(live.get("/live/cam/index.m3u8").status, 200);
    }
    let asked = receiver.came("/on_play");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].field("call"), asked[0].field("name")), ("play".into(), "cam".into()));
    let player = ffmpeg::play(&live.rtmp_url("cam"));
    receiver.wait_for("/on_play", 2, SOON);
    drop((publisher, player));
    let done = receiver.wait_for("/on_publish_done", 1, SOON).remove(0);
    assert_eq!((done.field("call"), done.field("name")), ("publish_done".into(), "cam".into()));
    receiver.wait_for("/on_play_done", 1, SOON);

    receiver.is(Manner::Says(403, ""));
    refused(&live, "cam2");
    assert!(live.stream("cam2").is_none());
    // Another name for the stream: the one that nginx-rtmp would publish it under.
    receiver.is(Manner::Leads(302, "secret2name".to_owned()));
    let _renamed = publish(&live, "cam3");
    live.wait_for_state("secret2name", "live", SOON);
    assert!(live.stream("cam3").is_none());
}

#[test]
fn a_service_is_asked_as_srs_asks_it() {
    let receiver = Receiver::start(Manner::Says(200, r#"{"code":0}"#));
    let live = Hooks::new(&callbacks(&receiver, "srs", "refuse")).start();
    let publisher = publish(&live, "cam?key=1");
    live.wait_for_state("cam", "live", SOON);
    let asked: Value =
        serde_json::from_str(&receiver.wait_for("/on_publish", 1, SOON)[0].body).expect("JSON");
    for (member, value) in
        [("action", "on_publish"), ("app", "live"), ("stream", "cam"), ("param", "?key=1")]
    {
        assert_eq!(asked[member], value, "{asked}");
    }
    for member in ["server_id", "client_id", "ip", "vhost", "tcUrl", "stream_url", "stream_id"] {
        assert!(asked[member].is_string(), "{member}: {asked}");
    }
    assert_eq!(live.get("/live/cam/index.m3u8").status, 200);
    drop(publisher);
    let told: Value = serde_json::from_str(&receiver.wait_for("/on_publish_done", 1, SOON)[0].body)
        .expect("JSON");
    assert_eq!(told["action"], "on_unpublish", "{told}");
    for no in
        [Manner::Says(200, r#"{"code":1}"#), Manner::Says(200, "1"), Manner::Says(200, "<html>")]
    {
        receiver.is(no);
        refused(&live, "cam2");
    }
}

/// What is no answer.
const NO_ANSWERS: [Manner; 4] =
    [Manner::Hangs, Manner::Babbles, Manner::HangsUp, Manner::Says(503, "")];

#[test]
fn a_service_that_is_down_in_any_way_is_what_the_policy_says_it_is() {
    let receiver = Receiver::start(YES);
    let hooks = Hooks::new(&callbacks(&receiver, "nginx", "refuse"));
    let live = hooks.start();
    let mut down = 0;
    for manner in NO_ANSWERS {
        receiver.is(manner.clone());
        let after = refused(&live, "cam");
        assert!(after < Duration::from_secs(15), "{manner:?}: {after:?}");
        down += 1;
        let line = "airloom_access_total{action=\"publish\",outcome=\"unavailable\"}";
        assert_eq!(metric(&live, line), down, "{manner:?}");
    }
    // Nobody is asked twice, and nobody else held up.
    assert_eq!(receiver.came("/on_publish").len() as u64, down);
    // A redirect to itself, for ever: the address is taken for a name, which it is not.
    receiver.is(Manner::Leads(302, receiver.url("/on_publish")));
    refused(&live, "cam");
    assert_eq!(receiver.came("/on_publish").len() as u64, down + 1);

    // The show goes on, from the next request on.
    hooks.write(&callbacks(&receiver, "nginx", "allow").to_string());
    live.process().signal("HUP");
    wait::until(SOON, "the hooks to be read again", || {
        live.process().errors().contains("read again").then_some(())
    });
    receiver.is(Manner::Hangs);
    let _publisher = publish(&live, "cam");
    live.wait_for_state("cam", "live", SOON);
    // What cannot be understood changes nothing.
    hooks.write("{ \"callbacks\": 1 }");
    live.process().signal("HUP");
    wait::until(SOON, "the hooks to be refused", || {
        live.process().errors().contains("stay as they were").then_some(())
    });
    let _other = publish(&live, "cam2");
    live.wait_for_state("cam2", "live", SOON);
    // Limits are read, too.
    hooks.write(r#"{ "limits": { "streams": 2 } }"#);
    live.process().signal("HUP");
    wait::until(SOON, "the hooks to be read again", || {
        (live.process().errors().matches("read again").count() == 2).then_some(())
    });
    refused(&live, "cam3");
}

#[test]
fn webhooks_that_nobody_took_are_told_after_the_process_was_killed() {
    // A port where nobody listens yet.
    let port = port::free();
    let url = format!("http://127.0.0.1:{port}/events");
    let hooks = Hooks::new(&json!({ "webhooks": [{ "url": url, "secret": SECRET }] }));
    let (data, file) = (Scratch::new(), hooks.file.display().to_string());
    let flags = ["--resume", "1", "--hooks", &file];
    let live = Live::start_in(data.path(), &[], &flags);
    let publisher = publish(&live, "cam");
    let waiting = format!("airloom_webhook_waiting{{receiver=\"{url}\"}}");
    wait::until(SOON, "the first segment to be told", || {
        (metric(&live, &waiting) == 2).then_some(())
    });
    drop(publisher);
    wait::until(SOON, "the end to be told", || (metric(&live, &waiting) == 4).then_some(()));
    live.end("KILL");

    let receiver = Receiver::at(port, Manner::Says(204, ""));
    let live = Live::start_in(data.path(), &[], &flags);
    let came = receiver.wait_for("/events", 4, SOON);
    let told: Vec<_> = came
        .iter()
        .map(|request| serde_json::from_str::<Value>(&request.body).expect("JSON"))
        .map(|body| (body["type"].clone(), body["data"]["sequence"].clone()))
        .collect();
    let expected = ["started", "first_segment", "interrupted", "ended"];
    for (index, (told, expected)) in told.iter().zip(expected).enumerate() {
        assert_eq!(*told, (json!(format!("stream.{expected}")), json!(index + 1)));
    }
    wait::until(SOON, "all to be delivered", || (metric(&live, &waiting) == 0).then_some(()));
    live.end("TERM");
    // They are not told once more.
    let _live = Live::start_in(data.path(), &[], &flags);
    assert_eq!(receiver.came("/events").len(), 4);
}

#[test]
fn what_nobody_publishes_is_pulled_from_nginx_while_somebody_watches() {
    let nginx = Nginx::start("idle_streams off;");
    let from = nginx.url("{name}");
    let hooks = Hooks::new(&json!({ "pull": { "from": from, "linger_s": 1, "patience_s": 4 } }));
    let live = hooks.start();
    let missing = live.get("/live/cam/index.m3u8");
    assert!([502, 504].contains(&missing.status), "{}", missing.text());
    missing.assert_problem(missing.status);
    assert!(missing.json()["type"].as_str().expect("a type").starts_with("urn:airloom:pull:"));
    let _publisher = ffmpeg::publish_for_ever(&Clip::SMALL.file(), &nginx.url("cam"));
    let index = live.url("/live/cam/index.m3u8");
    wait::until(SOON, "the stream to be pulled", || {
        (http::get(&index).status == 200).then_some(())
    });
    // Many more, over HTTP and RTMP, of one pull.
    let viewers: Vec<_> = (0..20)
        .map(|_| {
            let index = index.clone();
            std::thread::spawn(move || http::get(&index).status)
        })
        .collect();
    assert!(viewers.into_iter().all(|viewer| viewer.join().expect("an answer") == 200));
    assert_eq!(metric(&live, "airloom_pulls "), 1);
    let player = ffmpeg::play(&live.rtmp_url("cam"));
    wait::until(SOON, "the player to play", || (!player.output().is_empty()).then_some(()));
    drop(player);
    // Nobody asks for it any more.
    wait::until(SOON, "the pull to end", || (metric(&live, "airloom_pulls ") == 0).then_some(()));
    assert!(live.stream("cam").is_none());
    // The source goes away under a viewer: what there is stays, and then it is said why.
    assert_eq!(http::get(&index).status, 200);
    drop(nginx);
    live.wait_for_state("cam", "ended", SOON);
    let gone = live.get("/live/other/index.m3u8");
    gone.assert_problem(502);
    assert_eq!(gone.json()["type"], "urn:airloom:pull:unreachable");
    assert!(metric(&live, "airloom_pulls_failed_total{reason=\"unreachable\"}") >= 1);
}

#[test]
fn what_is_published_goes_on_to_nginx_and_past_one_that_is_dead() {
    let nginx = Nginx::start("");
    let dead = "rtmp://127.0.0.1:9/relay/{name}";
    let hooks = Hooks::new(&json!({ "push": [dead, nginx.url("{name}")] }));
    let live = hooks.start();
    let mut publisher = ffmpeg::publish(&Clip::SMALL.file(), &live.rtmp_url("cam"));
    live.wait_for_state("cam", "live", SOON);
    wait::until(SOON, "one push to be connected", || {
        (metric(&live, "airloom_pushes_connected ") == 1).then_some(())
    });
    assert_eq!(metric(&live, "airloom_pushes "), 2);
    assert!(publisher.wait(SOON).success(), "{}", publisher.errors());
    wait::until(SOON, "the pushes to end", || {
        (metric(&live, "airloom_pushes ") == 0).then_some(())
    });
    assert!(metric(&live, "airloom_pushes_interrupted_total ") >= 1);
    let pushed = packets::of(&nginx.recording("cam").display().to_string(), packets::Form::Exact);
    let source = Clip::SMALL.media(packets::Form::Exact);
    for kind in [packets::Kind::Video, packets::Kind::Audio] {
        pushed.track(kind).assert_run_of(source.track(kind), 0);
    }
}
