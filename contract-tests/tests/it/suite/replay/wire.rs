//! Reads recorded requests, and sends them over a raw socket as the client wrote them.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest that a reply may take.
const LIMIT: Duration = Duration::from_secs(20);
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Returns the lines of a recording.
pub(super) fn recording(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Returns the request target as the client sent it.
pub(super) fn target_of(request: &Value) -> &str {
    request["target"].as_str().unwrap()
}

/// A server, and what stands in its requests for the recorded placeholders.
pub(super) struct Wire {
    /// The host and port of the server.
    pub(super) address: String,
    /// Pairs of a placeholder and its value, of which earlier ones are replaced first.
    pub(super) placeholders: Vec<(&'static str, String)>,
}

/// A reply to a replayed request.
pub(super) struct Reply {
    pub(super) status: u64,
    /// The head, in lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// Returns the body.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Returns the value of a header, in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Wire {
    /// Sends a recorded request to a target. Only placeholders and the length that follows from them differ from
    /// what the client sent.
    pub(super) async fn replay(&self, request: &Value, target: &str) -> Reply {
        let method = request["method"].as_str().unwrap();
        let body = self.body_of(request);
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        let (mut waits, mut is_chunked) = (false, false);
        for header in request["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            let value = match name {
                "Content-Length" => body.len().to_string(),
                _ => self.header_value(value),
            };
            waits |= name == "Expect";
            is_chunked |= value == "chunked";
            head += &format!("{name}: {value}\r\n");
        }
        let head = format!("{head}\r\n").into_bytes();
        let body = if is_chunked { chunked(&body) } else { body };
        let exchange = self.exchange(&head, &body, waits, method == "HEAD");
        let reply = tokio::time::timeout(LIMIT, exchange).await;
        reply.unwrap_or_else(|_| panic!("no reply in {LIMIT:?}: {method} {target}"))
    }

    async fn exchange(&self, head: &[u8], body: &[u8], waits: bool, is_head: bool) -> Reply {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(head).await.unwrap();
        if waits {
            let mut interim = [0; CONTINUE.len()];
            stream.read_exact(&mut interim).await.unwrap();
            assert_eq!(
                interim.escape_ascii().to_string(),
                CONTINUE.escape_ascii().to_string()
            );
        }
        stream.write_all(body).await.unwrap();
        read_reply(&mut stream, is_head).await
    }

    fn header_value(&self, recorded: &str) -> String {
        let value = self.filled(recorded);
        match value.strip_prefix("Basic ") {
            // The recording shows what the client had encoded.
            Some(pair) => format!("Basic {}", BASE64_STANDARD.encode(pair)),
            None => value,
        }
    }

    /// Returns a text with the values of its placeholders.
    pub(super) fn filled(&self, text: &str) -> String {
        let placeholders = self.placeholders.iter();
        placeholders.fold(text.to_owned(), |text, (placeholder, value)| {
            text.replace(placeholder, value)
        })
    }

    fn body_of(&self, request: &Value) -> Vec<u8> {
        match &request["body"] {
            Value::String(text) => match size_of_upload(text) {
                Some(size) => vagrant_box(provider_of(target_of(request)), size),
                None => self.filled(text).into_bytes(),
            },
            upload if upload["magic"].is_string() => file_of(upload),
            json => {
                let mut text = json.to_string();
                // Go ends a JSON body with a line feed.
                if length_of(request) == Some(text.len() + 1) {
                    text.push('\n');
                }
                self.filled(&text).into_bytes()
            }
        }
    }
}

/// Returns the body of an upload of which the recording has the size and the beginning.
pub(super) fn file_of(upload: &Value) -> Vec<u8> {
    let magic = upload["magic"].as_str().unwrap();
    let mut bytes: Vec<u8> = (0..magic.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&magic[at..at + 2], 16).unwrap())
        .collect();
    bytes.resize(upload["bytes"].as_u64().unwrap() as usize, b'.');
    bytes
}

/// Returns the size in a text such as `<200401 bytes>`.
fn size_of_upload(text: &str) -> Option<usize> {
    text.strip_prefix('<')?
        .strip_suffix(" bytes>")?
        .parse()
        .ok()
}

/// Returns the provider in a recorded upload path, such as `/_up/acme.web.1.0.0.virtualbox.amd64`.
fn provider_of(target: &str) -> &str {
    target.rsplit('.').nth(1).unwrap()
}

fn length_of(request: &Value) -> Option<usize> {
    let headers = request["headers"].as_array().unwrap();
    let length = headers
        .iter()
        .find(|header| header[0] == "Content-Length")?;
    length[1].as_str().unwrap().parse().ok()
}

/// Returns a box of exactly this size, which is filled up behind its content.
pub(super) fn vagrant_box(provider: &str, size: usize) -> Vec<u8> {
    let metadata = format!(r#"{{"provider":"{provider}"}}"#);
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    let added = archive.append_data(&mut header, "metadata.json", metadata.as_bytes());
    added.unwrap();
    let mut bytes = archive.into_inner().unwrap();
    assert!(bytes.len() <= size, "{size} bytes are too few");
    bytes.resize(size, 0);
    bytes
}

/// Returns the body in two chunks.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    for chunk in body.chunks(body.len().div_ceil(2)) {
        sent.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        sent.extend(chunk);
        sent.extend(b"\r\n");
    }
    sent.extend(b"0\r\n\r\n");
    sent
}

/// Reads a reply to its end: the length in its head, or the end of the stream.
async fn read_reply(stream: &mut TcpStream, is_head: bool) -> Reply {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end;
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "no head");
    };
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply { status, head, body };
    assert!(
        reply.header("transfer-encoding").is_none(),
        "a client of HTTP/1.1 may be sent chunks, but this reader knows none"
    );
    let length = reply.header("content-length").map(|it| it.parse().unwrap());
    match length {
        _ if is_head || status == 204 => assert!(reply.body.is_empty()),
        Some(length) => {
            // A connection may be cut before the end.
            while reply.body.len() < length {
                match stream.read_buf(&mut reply.body).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => break,
                }
            }
        }
        None => _ = stream.read_to_end(&mut reply.body).await.unwrap(),
    }
    reply
}
