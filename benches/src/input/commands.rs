//! What an encoder says before it sends media.

use super::set_chunk_size;

/// Set Chunk Size with `connect`, `createStream`, and `publish`, to be sent after the handshake;
/// an encoder waits for an answer to each.
pub fn publish_commands(chunk_size: usize, port: u16, name: &str) -> [Vec<u8>; 3] {
    let mut first = set_chunk_size(chunk_size);
    first.extend(command(0, &connect(port)));
    let create_stream = command(0, &[string("createStream"), number(2.0), vec![5]].concat());
    let publish = [string("publish"), number(3.0), vec![5], string(name), string("live")];
    [first, create_stream, command(1, &publish.concat())]
}

/// An AMF0 command as one chunk of type 0, on chunk stream 3.
fn command(message_stream: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![3, 0, 0, 0];
    message.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&[20, message_stream, 0, 0, 0]);
    message.extend_from_slice(body);
    message
}

fn connect(port: u16) -> Vec<u8> {
    let mut body = [string("connect"), number(1.0), vec![3]].concat();
    let url = format!("rtmp://127.0.0.1:{port}/live");
    for (key, value) in
        [("app", "live"), ("type", "nonprivate"), ("flashVer", "FMLE/3.0"), ("tcUrl", &url)]
    {
        body.extend_from_slice(&string(key)[1..]);
        body.extend_from_slice(&string(value));
    }
    body.extend_from_slice(&[0, 0, 9]);
    body
}

fn string(text: &str) -> Vec<u8> {
    let mut value = vec![2];
    value.extend_from_slice(&(text.len() as u16).to_be_bytes());
    value.extend_from_slice(text.as_bytes());
    value
}

fn number(value: f64) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&value.to_be_bytes());
    bytes
}
