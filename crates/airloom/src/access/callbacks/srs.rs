//! The form of the HTTP hooks of SRS 4 and later.

use axum::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Call, Config, Verdict};
use crate::access::{Arrival, Visit};
use crate::http::Reply;
use crate::rtmp::server::Connect;

#[derive(Debug, Serialize)]
struct Message<'a> {
    server_id: &'a str,
    action: &'static str,
    client_id: String,
    ip: String,
    vhost: &'static str,
    app: &'a str,
    #[serde(rename = "tcUrl")]
    tc_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<String>,
    #[serde(rename = "pageUrl", skip_serializing_if = "Option::is_none")]
    page_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_id: Option<&'a str>,
}

const VHOST: &str = "__defaultVhost__";

pub(super) fn arrival(config: &Config, arrival: &Arrival) -> Bytes {
    let connect = &arrival.connect;
    bytes(&Message {
        server_id: &config.server,
        action: action(Call::Connect),
        client_id: arrival.id.to_string(),
        ip: arrival.peer.ip().to_string(),
        vhost: VHOST,
        app: &connect.app,
        tc_url: connect.tc_url.clone(),
        stream: None,
        param: None,
        page_url: Some(connect.text("pageUrl")),
        stream_url: None,
        stream_id: None,
    })
}

pub(super) fn visit(config: &Config, call: Call, visit: &Visit) -> Bytes {
    let connect = visit.connect.as_deref();
    let app = connect.map_or(&config.application, |connect| &connect.app);
    let name = visit.stream.as_str();
    let param = if visit.query.is_empty() { String::new() } else { format!("?{}", visit.query) };
    let page = || connect.map(|connect| connect.text("pageUrl")).unwrap_or_default();
    bytes(&Message {
        server_id: &config.server,
        action: action(call),
        client_id: visit.id.to_string(),
        ip: visit.peer.map(|peer| peer.ip().to_string()).unwrap_or_default(),
        vhost: VHOST,
        app,
        tc_url: connect.map(|connect: &Connect| connect.tc_url.clone()).unwrap_or_default(),
        stream: Some(name),
        param: Some(param),
        page_url: (call == Call::Play).then(page),
        stream_url: Some(format!("/{app}/{name}")),
        stream_id: Some(name),
    })
}

const fn action(call: Call) -> &'static str {
    match call {
        Call::Connect => "on_connect",
        Call::Publish => "on_publish",
        Call::Play => "on_play",
        Call::PublishDone => "on_unpublish",
        Call::PlayDone => "on_stop",
        // Not of SRS, and never sent to one.
        Call::Done => "on_done",
    }
}

/// Text and numbers always serialise.
fn bytes(message: &Message<'_>) -> Bytes {
    serde_json::to_vec(message).unwrap_or_default().into()
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Code {
    Plain(i64),
    Object { code: i64 },
}

pub(super) fn judge(reply: &Reply) -> Verdict {
    match serde_json::from_slice(&reply.body) {
        Ok(Code::Plain(0) | Code::Object { code: 0 }) if reply.status == StatusCode::OK => {
            Verdict::Yes
        }
        _ => Verdict::No,
    }
}
