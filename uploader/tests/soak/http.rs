//! Reads and writes messages of HTTP/1.1, as far as a proxy needs it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The head of a request or of a reply: its lines, without the empty line at the end.
#[derive(Debug, Clone)]
pub(crate) struct Head(Vec<String>);

impl Head {
    /// Reads up to the end of the head. `ahead` contains the bytes that were read beyond it. Returns `None`
    /// if the peer sends no further head.
    pub(crate) async fn read(
        from: &mut (impl AsyncRead + Unpin),
        ahead: &mut Vec<u8>,
    ) -> io::Result<Option<Self>> {
        loop {
            if let Some(head) = Self::split(ahead) {
                return Ok(Some(head));
            }
            if from.read_buf(ahead).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Removes the head from the beginning of `bytes`, if it is complete.
    pub(crate) fn split(bytes: &mut Vec<u8>) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let rest = bytes.split_off(end + 4);
        let head = std::mem::replace(bytes, rest);
        let text = String::from_utf8_lossy(&head[..end]);
        Some(Self(text.split("\r\n").map(str::to_owned).collect()))
    }

    /// Returns the first line.
    pub(crate) fn start(&self) -> &str {
        &self.0[0]
    }

    /// Returns method and target of a request.
    pub(crate) fn request(&self) -> (&str, &str) {
        let mut words = self.start().split(' ');
        (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        )
    }

    /// Returns the value of a header, given its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.0[1..].iter().filter_map(|line| line.split_once(':'));
        let found = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// Returns the length of the body.
    pub(crate) fn content_length(&self) -> usize {
        let length = self.header("content-length");
        length.map_or(0, |length| length.parse().expect("a length"))
    }

    /// Sets or removes a header.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        let is_other = |line: &String| {
            let key = line.split_once(':').map(|(key, _)| key);
            !key.is_some_and(|key| key.eq_ignore_ascii_case(name))
        };
        self.0.retain(is_other);
        self.0.extend(value.map(|value| format!("{name}: {value}")));
    }

    /// Changes the value of a header, if it exists.
    pub(crate) fn change(&mut self, name: &str, to: impl FnOnce(&str) -> String) {
        if let Some(value) = self.header(name).map(to) {
            self.set(name, Some(&value));
        }
    }

    /// Returns the bytes as they are sent.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        format!("{}\r\n\r\n", self.0.join("\r\n")).into_bytes()
    }
}

/// A complete reply of the Atlas.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Returns the bytes as they are sent.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [self.head.to_bytes(), self.body.clone()].concat()
    }
}

/// Returns a reply that the proxy makes up. The connection ends after it.
pub(crate) fn made_up(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
