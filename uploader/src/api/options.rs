//! Defines the options of a client: the Atlas, the token, the certificates, the retries and the timeouts.

use std::sync::Arc;
use std::time::Duration;

use super::http::tls::Trust;
use crate::api::atlas_url::AtlasUrl;
use crate::api::retry::RetryPolicy;
use crate::base::reporter::{Reporter, Silent};
use crate::base::secret::{Redactor, Token};

/// The options of a client. Only the URL has no default.
#[derive(Clone)]
pub struct ClientOptions {
    /// The address of the Atlas.
    pub url: AtlasUrl,
    /// The token. Public artifacts can be read without one.
    pub token: Option<Token>,
    /// The trusted certificates, and the client's own certificate.
    pub trust: Trust,
    /// The policy for repeating requests.
    pub retry: RetryPolicy,
    /// The time limit for the head of a reply, for the whole body of a reply that is not a download, and for
    /// the next bytes of a download.
    pub api_timeout: Duration,
    /// The time limit for an upload to make progress: until the connection takes the next bytes, or until the
    /// reply after the last byte.
    pub stall_timeout: Duration,
    /// The redactor with which the token and every upload URL are registered.
    pub redactor: Redactor,
    /// The receiver of progress and of repeated requests.
    pub reporter: Arc<dyn Reporter>,
    /// Whether the token was already verified, so that a push need not verify it.
    pub authenticated: bool,
    /// Whether bytes may be sent to an address without TLS that an Atlas with TLS names.
    pub allow_http_upload: bool,
}

impl ClientOptions {
    /// Returns the default options for an Atlas: no token, the system's certificates, the default retries, a
    /// timeout of one minute for a request and of two for a stalled upload, and no reporter.
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
