//! Sends a delivery, and signs it as Standard Webhooks are signed.

use std::error::Error;
use std::iter::successors;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use sha2::Sha256;

use super::address::{CheckedResolver, check_url};
use crate::domain::WebhookSecret;
use crate::domain::text::truncated;
use crate::observe::Redactor;

/// The longest time until there is a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The number of bytes of a reply that are read.
const MOST_READ: usize = 1024;

/// The number of characters of a reply, and of an error, that are kept.
const MOST_KEPT: usize = 300;

/// The time for which a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// A client that sends deliveries.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Client);

/// A delivery as it is sent.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) url: &'a str,
    pub(crate) secret: &'a WebhookSecret,
    /// The id of the event, which is the same for each try.
    pub(crate) id: String,
    pub(crate) event: &'static str,
    pub(crate) time: SystemTime,
    pub(crate) body: Vec<u8>,
}

/// The outcome of sending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The status of the reply; `None` where there was none.
    pub(crate) status: Option<u16>,
    /// The reason of a failure.
    pub(crate) error: Option<String>,
}

impl Sent {
    /// The reply that says that the receiver is gone for good (410).
    pub(crate) fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

impl Sender {
    /// Creates a client. A try takes `timeout` at most, the reply included. It uses no proxy of the environment, and
    /// follows no redirect.
    ///
    /// # Errors
    /// When the system's certificates cannot be used.
    pub(crate) fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .dns_resolver(CheckedResolver)
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(2)
            .user_agent(concat!("mock-atlas/", env!("CARGO_PKG_VERSION")));
        Ok(Self(client.build()?))
    }

    /// Sends a delivery once.
    pub(crate) async fn send(&self, message: Message<'_>) -> Sent {
        let secret = message.secret;
        // What was restored of an archive has not been checked.
        let url = match check_url(message.url) {
            Ok(url) => url,
            Err(error) => {
                return Sent {
                    status: None,
                    error: Some(format!("the URL cannot be used: {error}")),
                };
            }
        };
        let timestamp = message.time.duration_since(UNIX_EPOCH);
        let timestamp = timestamp.unwrap_or_default().as_secs().to_string();
        let signature = sign(secret, &message.id, &timestamp, &message.body);
        let request = self
            .0
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .header("webhook-event", message.event)
            .body(message.body);
        match request.send().await {
            Ok(reply) => judge(reply, secret).await,
            Err(error) => Sent {
                status: None,
                error: Some(shown(&reason(error), secret)),
            },
        }
    }
}

/// Returns the signature of a delivery: the HMAC-SHA-256 of its id, its timestamp and its body, with periods between.
fn sign(secret: &WebhookSecret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = secret.key();
    // An HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return String::new();
    };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Judges a reply. Its status counts, even if its body breaks off or never ends.
async fn judge(mut reply: Response, secret: &WebhookSecret) -> Sent {
    let status = reply.status();
    if status.is_success() {
        return Sent {
            status: Some(status.as_u16()),
            error: None,
        };
    }
    let mut beginning = Vec::new();
    while beginning.len() < MOST_READ
        && let Ok(Some(part)) = reply.chunk().await
    {
        beginning.extend_from_slice(&part);
    }
    beginning.truncate(MOST_READ);
    let text = String::from_utf8_lossy(&beginning);
    let what = match status.is_redirection() {
        true => "a redirect, which is not followed",
        false => "",
    };
    let parts = [what, text.trim()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let text = match parts.is_empty() {
        true => format!("status {}", status.as_u16()),
        false => format!("status {}: {}", status.as_u16(), parts.join(": ")),
    };
    Sent {
        status: Some(status.as_u16()),
        error: Some(shown(&text, secret)),
    }
}

/// Returns the reason of an error without the URL, which may hold a secret.
fn reason(error: reqwest::Error) -> String {
    let is_late = error.is_timeout();
    let error = error.without_url();
    let causes = successors(Some(&error as &dyn Error), |&error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    // The first says only that it could not be sent.
    if texts.len() > 1 {
        texts.remove(0);
    }
    texts.dedup();
    match is_late {
        true => "there was no reply in time".to_owned(),
        false => texts.join(": "),
    }
}

/// Returns the beginning of a text without the secret, and without characters that control a terminal.
fn shown(text: &str, secret: &WebhookSecret) -> String {
    let key = secret.reveal().trim_start_matches("whsec_");
    let text = Redactor::new(Some(key)).text(text).into_owned();
    let text = text.replace(|c: char| c.is_control(), " ");
    truncated(&text, MOST_KEPT).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks, as its own libraries test it.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_shown_of_a_reply_is_short_and_has_neither_the_secret_nor_control_characters() {
        let secret = WebhookSecret::random().unwrap();
        let text = format!("\x1b[31m{}\n{}", secret.reveal(), "x".repeat(1000));
        let shown = shown(&text, &secret);
        assert!(!shown.contains(&secret.reveal()[6..]), "{shown}");
        assert!(!shown.contains(char::is_control), "{shown}");
        assert!(shown.chars().count() <= MOST_KEPT + 1, "{shown}");
    }
}
