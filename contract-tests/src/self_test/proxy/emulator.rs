//! The emulator behind the proxy, as an interceptor asks it.

use axum::http::{HeaderMap, HeaderName, header};
use tokio::sync::watch;

use super::{Reply, Request};

/// An `Emulator` is the correct server behind the proxy.
pub struct Emulator {
    url: String,
    client: reqwest::Client,
    /// How many uploads are under way.
    pub(super) uploads: watch::Sender<usize>,
}

impl Emulator {
    pub(super) fn new(url: String) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The emulator speaks plain HTTP: to read this machine's certificates would take longer than most clauses.
            .tls_certs_only([])
            .build()?;
        Ok(Self {
            url,
            client,
            uploads: watch::Sender::default(),
        })
    }

    /// The emulator's reply. There is none for half a request, nor when the emulator is gone.
    pub async fn answer(&self, request: &Request) -> Reply {
        if !request.whole {
            return Reply::new(400, "");
        }
        let reply = self.forward(request).await;
        reply.unwrap_or_else(|_| Reply::new(502, ""))
    }

    /// Waits until no upload is under way, so that a half one is behind those who ask what became of it.
    pub async fn settled(&self) {
        // The sender is here, so there is always somebody to wait for.
        let _ = self.uploads.subscribe().wait_for(|count| *count == 0).await;
    }

    /// The request goes on with its Host, from which the emulator makes the addresses of uploads: they lead here again.
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

/// The headers that are not about a connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let passed = headers.iter().filter(|(name, _)| !is_of_the_hop(name));
    passed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_of_the_hop(name: &HeaderName) -> bool {
    [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ]
    .contains(name)
}
