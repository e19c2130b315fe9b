//! A transaction is a request that passes the proxy, with its reply.

use axum::{
    body::Bytes,
    http::{HeaderMap, Method},
};

use crate::http::exchange::SUCCESS;

/// A request on its way to the emulator.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The path and the query.
    pub target: String,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// Its body, as far as it came.
    pub body: Bytes,
    /// Whether the whole body came; the emulator never sees a request whose body did not, unless it is made whole.
    pub whole: bool,
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it has this method, and a path that ends so.
    pub fn is(&self, method: Method, path_end: &str) -> bool {
        self.method == method && self.path().ends_with(path_end)
    }
}

/// A reply on its way back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Where a redirect leads to.
    pub location: Option<String>,
    /// Its other headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply with no headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            location: None,
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    /// Whether its status is one that the Go client takes as success.
    pub fn succeeded(&self) -> bool {
        SUCCESS.contains(&self.status)
    }

    /// The path, without a query, of the upload address that it hands out.
    pub fn upload_path(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let address = reqwest::Url::parse(body.get("upload_path")?.as_str()?).ok()?;
        Some(address.path().to_owned())
    }

    /// Replaces a text in the body, if that is text; a file need not be.
    pub fn replace(&mut self, from: &str, to: &str) {
        if let Ok(text) = std::str::from_utf8(&self.body) {
            self.body = text.replace(from, to).into_bytes();
        }
    }

    /// Changes the body if it is JSON.
    pub fn change(&mut self, change: impl FnOnce(&mut serde_json::Value)) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.body = value.to_string().into_bytes();
        }
    }
}

/// A `Transaction` is a request, and what became of it.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// The request as the client sent it.
    pub request: Request,
    /// The reply as the client was to see it; none when the client went away before.
    pub reply: Option<Reply>,
    /// Whether the reply was lost on its way.
    pub lost: bool,
}

impl Transaction {
    /// The reply that the client got.
    pub fn delivered(&self) -> Option<&Reply> {
        self.reply.as_ref().filter(|_| !self.lost)
    }
}
