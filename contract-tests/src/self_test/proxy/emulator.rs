//! This module forwards requests to the emulator behind the proxy.

use axum::http::{HeaderMap, HeaderName, header};
use tokio::sync::watch;

use super::{Reply, Request};

/// An `Emulator` is the correct server behind the proxy.
pub struct Emulator {
    url: String,
    client: reqwest::Client,
    /// The number of uploads that are under way.
    pub(super) uploads: watch::Sender<usize>,
}

impl Emulator {
    pub(super) fn new(url: String) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The emulator speaks plain HTTP; reading this machine's certificates would take longer than most clauses.
            .tls_certs_only([])
            .build()?;
        Ok(Self {
            url,
            client,
            uploads: watch::Sender::default(),
        })
    }

    /// Returns the emulator's reply, or 400 for an incomplete request and 502 if the emulator cannot be reached.
    pub async fn answer(&self, request: &Request) -> Reply {
        if !request.is_complete {
            return Reply::new(400, "");
        }
        let reply = self.forward(request).await;
        reply.unwrap_or_else(|_| Reply::new(502, ""))
    }

    /// Waits until no upload is under way, so that a later request sees the result of an interrupted upload.
    pub async fn settled(&self) {
        // This fails only without a sender, and `self` owns the sender.
        let _ = self.uploads.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Forwards the request with its own Host header: the emulator makes upload addresses from it, so they lead to the
    /// proxy.
    async fn forward(&self, request: &Request) -> reqwest::Result<Reply> {
        let url = format!("{}{}", self.url, request.target);
        let sent = self
            .client
            .request(request.method.clone(), url)
            .headers(end_to_end(&request.headers))
            .body(request.body.clone());
        let response = sent.send().await?;
        Ok(Reply {
            status: response.status().as_u16(),
            location: None,
            headers: end_to_end(response.headers()),
            body: response.bytes().await?.into(),
        })
    }
}

/// Returns the headers that do not belong to the connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let passed = headers.iter().filter(|(name, _)| !is_hop_by_hop(name));
    passed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ]
    .contains(name)
}
