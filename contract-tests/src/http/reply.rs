//! A reply is kept as it came, before anything is judged.

use reqwest::header::{CONTENT_ENCODING, HeaderMap, LOCATION};

/// A reply, as it came.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body, or, if it has too much of something, perhaps only its beginning.
    pub(crate) body: Vec<u8>,
    /// What it has too much of, if so.
    pub(crate) excess: Option<String>,
}

impl Reply {
    /// Where a redirect leads to.
    pub(crate) fn location(&self) -> Option<String> {
        let moved = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        moved.then(|| location.to_owned())
    }

    /// How it says that its body is encoded.
    pub(crate) fn encoding(&self) -> Option<String> {
        let encoding = self.headers.get(CONTENT_ENCODING)?;
        Some(String::from_utf8_lossy(encoding.as_bytes()).into_owned())
    }
}
