//! The form of nginx-rtmp 1.2.2, as its `notify` module sends it with `notify_method post`.

use axum::http::header;
use bytes::Bytes;
use form_urlencoded::Serializer;

use super::{Call, Config, Verdict};
use crate::access::{Arrival, Visit};
use crate::http::Reply;
use crate::rtmp::server::Connect;

/// Names that mean something here: a stream key that brings its own is not to pass them off.
const OURS: [&str; 15] = [
    "app", "flashver", "swfurl", "tcurl", "pageurl", "addr", "clientid", "epoch", "call", "name",
    "type", "start", "duration", "reset", "time",
];

pub(super) fn arrival(config: &Config, arrival: &Arrival) -> Bytes {
    let mut form = Serializer::new(String::new());
    client(&mut form, config, Some(&arrival.connect));
    form.append_pair("addr", &arrival.peer.ip().to_string())
        // Milliseconds of a clock of the server's, of 32 bits.
        .append_pair("epoch", &(arrival.now.since_unix().as_millis() as u32).to_string())
        .append_pair("call", Call::Connect.word());
    finish(form, &arrival.connect.query)
}

pub(super) fn visit(config: &Config, call: Call, visit: &Visit) -> Bytes {
    let mut form = Serializer::new(String::new());
    client(&mut form, config, visit.connect.as_deref());
    let address = visit.peer.map(|peer| peer.ip().to_string()).unwrap_or_default();
    form.append_pair("addr", &address)
        .append_pair("clientid", &visit.id.to_string())
        .append_pair("call", call.word())
        .append_pair("name", visit.stream.as_str());
    match call {
        Call::Publish => {
            form.append_pair("type", "live");
        }
        Call::Play => {
            // Live, and whole: what a player that asks for no place in it is said to want.
            form.append_pair("start", "4294965296")
                .append_pair("duration", "0")
                .append_pair("reset", "0");
        }
        _ => {}
    }
    finish(form, &visit.query)
}

fn client(form: &mut Serializer<'_, String>, config: &Config, connect: Option<&Connect>) {
    let said = |name| connect.map(|connect| connect.text(name)).unwrap_or_default();
    let app = connect.map_or(&config.application, |connect| &connect.app);
    form.append_pair("app", app)
        .append_pair("flashver", &said("flashVer"))
        .append_pair("swfurl", &said("swfUrl"))
        .append_pair("tcurl", &said("tcUrl"))
        .append_pair("pageurl", &said("pageUrl"));
}

/// What followed the `?` comes last, without what would be taken for ours.
fn finish(mut form: Serializer<'_, String>, query: &str) -> Bytes {
    let pairs = form_urlencoded::parse(query.as_bytes());
    form.extend_pairs(pairs.filter(|(name, _)| !OURS.contains(&&**name)));
    form.finish().into()
}

pub(super) fn judge(reply: &Reply) -> Verdict {
    if reply.status.is_success() {
        return Verdict::Yes;
    }
    if !reply.status.is_redirection() {
        return Verdict::No;
    }
    match reply.headers.get(header::LOCATION) {
        None => Verdict::Yes,
        Some(name) => {
            let name = name.to_str().ok().and_then(|name| name.parse().ok());
            name.map_or(Verdict::No, Verdict::To)
        }
    }
}
