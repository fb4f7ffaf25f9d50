//! A blocking HTTP/1.1 client of the size these tests need: one request a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, de-chunked.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header; the empty string where there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// Fails unless this is a problem document of that status (RFC 9457).
    pub fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "no {member}: {problem}");
        }
    }
}

/// `GET`; panics when no answer comes.
pub fn get(url: &str) -> Response {
    request("GET", url, &[])
}

/// `GET` of something that must be there.
pub fn fetch(url: &str) -> Vec<u8> {
    let response = get(url);
    assert_eq!(response.status, 200, "{url}: {}", response.text());
    response.body
}

/// Any request without a body.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Response {
    try_request(method, url, headers).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// Any request without a body, where a broken connection is an answer too.
///
/// # Errors
///
/// What the socket says, or `InvalidData` for an answer that is not HTTP.
pub fn try_request(method: &str, url: &str, headers: &[(&str, &str)]) -> std::io::Result<Response> {
    exchange(method, url, headers, "")
}

/// `POST` of JSON; panics when no answer comes.
pub fn post(url: &str, headers: &[(&str, &str)], body: &Value) -> Response {
    let body = body.to_string();
    let length = body.len().to_string();
    let own = [("content-type", "application/json"), ("content-length", length.as_str())];
    let headers = [&own, headers].concat();
    exchange("POST", url, &headers, &body).unwrap_or_else(|error| panic!("POST {url}: {error}"))
}

fn exchange(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Response> {
    let (host, path) = split(url);
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(SILENCE))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    head.push_str(body);
    socket.write_all(head.as_bytes())?;
    read(&mut BufReader::new(socket), method == "HEAD")
}

/// Host with port, and path with query, of an `http://` address.
pub fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not http: {url}"));
    let slash = rest.find('/').unwrap_or(rest.len());
    (&rest[..slash], if slash == rest.len() { "/" } else { &rest[slash..] })
}

/// The address a link in the document at `base` leads to.
pub fn join(base: &str, link: &str) -> String {
    if link.starts_with("http://") {
        return link.to_owned();
    }
    let (host, path) = split(base);
    if link.starts_with('/') {
        return format!("http://{host}{link}");
    }
    let path = path.split('?').next().unwrap_or(path);
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("http://{host}{}", parts.join("/"))
}

fn read(socket: &mut impl BufRead, head_only: bool) -> std::io::Result<Response> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    socket.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| bad(&format!("no status line: {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        socket.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut response = Response { status, headers, body: Vec::new() };
    if head_only || matches!(status, 204 | 304) {
        return Ok(response);
    }
    if response.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        loop {
            line.clear();
            socket.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16)
                .map_err(|_| bad(&format!("not a chunk length: {line:?}")))?;
            let start = response.body.len();
            response.body.resize(start + length, 0);
            socket.read_exact(&mut response.body[start..])?;
            line.clear();
            socket.read_line(&mut line)?;
            if length == 0 {
                return Ok(response);
            }
        }
    }
    match response.header("content-length").parse::<usize>() {
        Ok(length) => {
            response.body.resize(length, 0);
            socket.read_exact(&mut response.body)?;
        }
        Err(_) => {
            socket.read_to_end(&mut response.body)?;
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_against_the_document() {
        let base = "http://h:1/live/a/index.m3u8?x=1";
        assert_eq!(join(base, "v/1.m4s"), "http://h:1/live/a/v/1.m4s");
        assert_eq!(join(base, "../b/x"), "http://h:1/live/b/x");
        assert_eq!(join(base, "/x?y"), "http://h:1/x?y");
        assert_eq!(join(base, "http://o/x"), "http://o/x");
    }

    #[test]
    fn chunked_bodies_are_put_together() {
        let mut text: &[u8] =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        assert_eq!(read(&mut text, false).expect("an answer").body, b"abcde");
    }
}
