//! A reply is the status, the headers and the body of a response, before anything is judged.

use reqwest::header::{CONTENT_ENCODING, HeaderMap, LOCATION};

/// A reply as it was received.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body, which may be incomplete when a limit was exceeded.
    pub(crate) body: Vec<u8>,
    /// The limit that the reply exceeds, in words.
    pub(crate) excess: Option<String>,
}

impl Reply {
    /// Returns the target of a redirect.
    pub(crate) fn location(&self) -> Option<String> {
        let moved = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        moved.then(|| location.to_owned())
    }

    /// Returns the Content-Encoding.
    pub(crate) fn encoding(&self) -> Option<String> {
        let encoding = self.headers.get(CONTENT_ENCODING)?;
        Some(String::from_utf8_lossy(encoding.as_bytes()).into_owned())
    }
}
