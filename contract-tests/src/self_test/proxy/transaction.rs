//! A transaction is a request through the proxy, with its reply.

use axum::{
    body::Bytes,
    http::{HeaderMap, Method},
};

use crate::http::exchange::SUCCESS;

/// A request on its way to the emulator.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path and the query.
    pub target: String,
    /// The headers, as received.
    pub headers: HeaderMap,
    /// The body, as far as it was received.
    pub body: Bytes,
    /// Whether the body is complete. The emulator never gets an incomplete request, unless an interceptor sets this.
    pub is_complete: bool,
}

impl Request {
    /// Returns the target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Tells whether the request has this method, and a path with this end.
    pub fn is(&self, method: Method, path_end: &str) -> bool {
        self.method == method && self.path().ends_with(path_end)
    }
}

/// A reply on its way back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The target of a redirect.
    pub location: Option<String>,
    /// The other headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Creates a reply without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            location: None,
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    /// Tells whether the status is one that the Go client accepts as success.
    pub fn succeeded(&self) -> bool {
        SUCCESS.contains(&self.status)
    }

    /// Returns the path of the upload address in the body, without its query: `upload_path`, or HCP's `url`.
    pub fn upload_path(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let address = reqwest::Url::parse(
            body.get("upload_path")
                .or_else(|| body.get("url"))?
                .as_str()?,
        )
        .ok()?;
        Some(address.path().to_owned())
    }

    /// Replaces a text in the body, unless the body is not UTF-8.
    pub fn replace(&mut self, from: &str, to: &str) {
        if let Ok(text) = std::str::from_utf8(&self.body) {
            self.body = text.replace(from, to).into_bytes();
        }
    }

    /// Applies `change` to the body if it is JSON.
    pub fn change(&mut self, change: impl FnOnce(&mut serde_json::Value)) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.body = value.to_string().into_bytes();
        }
    }
}

/// A `Transaction` is a request with its reply, if there was one.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// The request as the client sent it.
    pub request: Request,
    /// The reply as it was sent to the client; `None` when the client disconnected before.
    pub reply: Option<Reply>,
    /// Whether the reply was lost on its way.
    pub lost: bool,
}

impl Transaction {
    /// Returns the reply that the client got.
    pub fn delivered(&self) -> Option<&Reply> {
        self.reply.as_ref().filter(|_| !self.lost)
    }
}
