//! Reads requests and sends replies over bare TCP: a reply may break off in ways that no HTTP library would
//! allow.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::form_urlencoded;

use super::super::server::Request;
use super::content::Content;
use super::faults::Fault;

const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Encodes a name as a segment of a path.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, &ENCODED).to_string()
}

pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The target of a request: the segments of its path and the pairs of its query, decoded.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn of(request: &Request) -> Self {
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, query),
            None => (request.target.as_str(), ""),
        };
        // A doubled slash comes from an address that ends in a slash.
        let parts = path.split('/').filter(|part| !part.is_empty());
        Self {
            path: parts.map(decoded).collect(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        }
    }

    pub(super) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let found = self.query.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

/// A reply, with the part of a content that is its body, and its fault.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) fault: Option<Fault>,
}

impl Reply {
    pub(super) fn of(status: u16, content: Content) -> Self {
        Self {
            status,
            headers: Vec::new(),
            from: 0,
            to: content.length(),
            content,
            fault: None,
        }
    }

    pub(super) fn text(status: u16, kind: &str, text: &str) -> Self {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        Self::of(status, Content::Bytes(bytes)).with("Content-Type", kind)
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", &body.to_string())
    }

    pub(super) fn redirect(location: &str) -> Self {
        Self::text(302, "text/html", "Found").with("Location", location)
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Sends a reply. Returns whether the connection can be used for another request.
pub(super) async fn send(stream: &mut TcpStream, method: &str, reply: &Reply) -> io::Result<bool> {
    let length = reply.to - reply.from;
    let fault = reply.fault.as_ref();
    // The announced length of the body, and the length that is sent.
    let (said, sent) = match fault {
        Some(Fault::Silence) => return stall(stream).await,
        Some(Fault::Hangup) => return Ok(false),
        Some(Fault::Reset(bytes) | Fault::Cut(bytes) | Fault::Stall(bytes)) => {
            (length, length.min(*bytes))
        }
        Some(Fault::Shorter(bytes)) => (length.min(*bytes), length.min(*bytes)),
        Some(Fault::Longer(bytes)) => (length + bytes, length),
        _ => (length, length),
    };
    let mut head = format!("HTTP/1.1 {} Standing in\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {said}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    if method == "HEAD" {
        return Ok(true);
    }
    body(stream, reply, reply.from + sent).await?;
    match fault {
        Some(Fault::Reset(_)) => {
            stream.set_zero_linger()?;
            Ok(false)
        }
        Some(Fault::Cut(_)) => Ok(false),
        Some(Fault::Stall(_)) => stall(stream).await,
        Some(Fault::Longer(bytes)) => {
            stream.write_all(&vec![b'+'; *bytes as usize]).await?;
            Ok(true)
        }
        _ => Ok(true),
    }
}

async fn body(stream: &mut TcpStream, reply: &Reply, end: u64) -> io::Result<()> {
    const STEPS: u64 = 20;
    let slow = match reply.fault {
        Some(Fault::Slow(a_second)) => Some((a_second / STEPS).max(1)),
        _ => None,
    };
    let other = matches!(reply.fault, Some(Fault::OtherBytes | Fault::Replaced));
    let mut at = reply.from;
    while at < end {
        let most = (end - at).min(slow.unwrap_or(u64::MAX));
        let mut piece = reply.content.piece(at);
        piece.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        at += piece.len() as u64;
        if other {
            piece = piece.iter().map(|byte| byte ^ 0x5a).collect();
        }
        stream.write_all(&piece).await?;
        if slow.is_some() {
            tokio::time::sleep(Duration::from_secs(1) / STEPS as u32).await;
        }
    }
    Ok(())
}

/// Waits until the client disconnects.
async fn stall(stream: &mut TcpStream) -> io::Result<bool> {
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(false)
}
