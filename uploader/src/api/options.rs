//! The options of a client: which Atlas, with which token, and how patiently.

use std::sync::Arc;
use std::time::Duration;

use super::http::tls::Trust;
use crate::api::atlas_url::AtlasUrl;
use crate::api::retry::RetryPolicy;
use crate::base::reporter::{Reporter, Silent};
use crate::base::secret::{Redactor, Token};

/// What a client needs to know. Only the URL has no default.
#[derive(Clone)]
pub struct ClientOptions {
    /// Which Atlas.
    pub url: AtlasUrl,
    /// The token; public artifacts can be read without.
    pub token: Option<Token>,
    /// Which servers are believed.
    pub trust: Trust,
    /// How often, and how far apart, a request is repeated.
    pub retry: RetryPolicy,
    /// The longest to wait for the head of a reply, for the whole body of one that is no download, and
    /// for the next bytes of a download.
    pub api_timeout: Duration,
    /// The longest an upload may go without a byte taken, or without the reply at its end.
    pub stall_timeout: Duration,
    /// Learns the token and every upload URL.
    pub redactor: Redactor,
    /// Hears of progress and of repeated requests.
    pub reporter: Arc<dyn Reporter>,
    /// Whether somebody has verified the token, so that a push need not.
    pub authenticated: bool,
    /// It says whether bytes may go to an address without TLS that an Atlas with TLS gives.
    pub allow_http_upload: bool,
}

impl ClientOptions {
    /// The defaults for an Atlas: no token, the system's certificates, the default retries, a minute
    /// for a call, two for an upload that stands still, and nobody who listens.
    pub fn new(url: AtlasUrl) -> Self {
        Self {
            url,
            token: None,
            trust: Trust::default(),
            retry: RetryPolicy::default(),
            api_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(120),
            redactor: Redactor::new(),
            reporter: Arc::new(Silent),
            authenticated: false,
            allow_http_upload: false,
        }
    }
}
