//! The credentials of requests to a registry: a service principal of HCP, whose tokens expire, or a token of
//! Vagrant Cloud. Tokens are kept only in memory.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::{Host, Url, form_urlencoded};

use crate::api::http::pool::Pool;
use crate::api::http::reply;
use crate::api::http::request_line::request_line;
use crate::base::error::{Cause, RequestLine};
use crate::base::secret::{Redactor, Token as GivenToken};

/// The address of HCP's token endpoint, which `HCP_AUTH_URL` overrides.
const AUTH_URL: &str = "https://auth.idp.hashicorp.com";
const TOKEN_PATH: &str = "/oauth2/token";
/// The audience of the tokens, as in the requests of HashiCorp's own clients.
const AUDIENCE: &str = "https://api.hashicorp.cloud";
/// The time before expiry at which a token is replaced, unless a tenth of its lifetime is shorter.
const BEFORE_EXPIRY: Duration = Duration::from_secs(60);
/// The lifetime of a token whose reply does not tell it.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);

/// The suffixes of HCP's own hosts.
const OF_HASHICORP: [&str; 2] = [".hashicorp.com", ".hashicorp.cloud"];

/// Returns whether an address is that of HCP's own API.
pub(super) fn is_hcp(address: &Url) -> bool {
    address.host_str() == Some("api.cloud.hashicorp.com")
}

/// Returns whether an address is that of Vagrant Cloud.
pub(super) fn is_vagrant_cloud(address: &Url) -> bool {
    let host = address.host_str();
    host.is_some_and(|host| VAGRANT_CLOUD.contains(&host))
}

/// The host names of Vagrant Cloud, all of the same service.
pub(super) const VAGRANT_CLOUD: [&str; 3] = [
    "vagrantcloud.com",
    "app.vagrantup.com",
    "atlas.hashicorp.com",
];

/// The credentials from the environment.
#[derive(Clone, Default)]
pub struct Credentials {
    client: Option<ServicePrincipal>,
    token: Option<String>,
    /// The server from `VAGRANT_SERVER_URL`, to which Vagrant sends its token.
    server: Option<Url>,
    /// Whether `HCP_AUTH_URL` names a server other than HashiCorp's.
    elsewhere: bool,
}

/// A service principal of HCP, and the address of its token endpoint.
#[derive(Clone)]
struct ServicePrincipal {
    id: String,
    secret: String,
    auth_url: Url,
}

/// The error for unusable credentials.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidCredentials(String);

impl Credentials {
    /// Returns whether there are no credentials.
    pub(super) fn is_empty(&self) -> bool {
        self.client.is_none() && self.token.is_none()
    }

    /// Reads `HCP_CLIENT_ID` with `HCP_CLIENT_SECRET`, `HCP_AUTH_URL` and `VAGRANT_CLOUD_TOKEN`; an empty
    /// variable counts as unset. The secrets are added to the redactor.
    ///
    /// # Errors
    /// Fails for an id without a secret, a secret without an id, and an invalid address.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<OsString>,
        redactor: &Redactor,
    ) -> Result<Self, InvalidCredentials> {
        let text = |name: &str| {
            let value = variable(name).and_then(|value| value.into_string().ok());
            value.filter(|value| !value.is_empty())
        };
        let (id, secret) = (text("HCP_CLIENT_ID"), text("HCP_CLIENT_SECRET"));
        let token = text("VAGRANT_CLOUD_TOKEN");
        for secret in secret.iter().chain(&token) {
            redactor.add(secret);
        }
        // A composite token consists of two tokens, each of which is a secret.
        for part in token.iter().flat_map(|token| token.split(';')) {
            redactor.add(part);
        }
        let client = match (id, secret) {
            (Some(id), Some(secret)) => {
                let address = text("HCP_AUTH_URL").unwrap_or_else(|| AUTH_URL.to_owned());
                let auth_url = Url::parse(&address).ok();
                let auth_url = auth_url.filter(|url| matches!(url.scheme(), "http" | "https"));
                let auth_url = auth_url.ok_or_else(|| {
                    InvalidCredentials("HCP_AUTH_URL is not an http or https address".to_owned())
                })?;
                Some(ServicePrincipal {
                    id,
                    secret,
                    auth_url,
                })
            }
            (None, None) => None,
            _ => {
                let reason =
                    "HCP_CLIENT_ID and HCP_CLIENT_SECRET belong together: set both, or neither";
                return Err(InvalidCredentials(reason.to_owned()));
            }
        };
        Ok(Self {
            client,
            token,
            server: text("VAGRANT_SERVER_URL").and_then(|url| Url::parse(&url).ok()),
            elsewhere: text("HCP_AUTH_URL").is_some(),
        })
    }

    /// Returns the credentials that may be sent to a source, and whether any were withheld: the operator of a
    /// foreign catalog must not learn a token, and neither must an eavesdropper.
    #[must_use]
    pub fn for_source(&self, source: &Url) -> (Self, bool) {
        let host = source.host_str().unwrap_or_default();
        let is_here = match source.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let is_safe = is_here || source.scheme() == "https";
        let is_hashicorps = OF_HASHICORP.iter().any(|end| host.ends_with(end));
        let is_clouds = is_hashicorps || VAGRANT_CLOUD.contains(&host);
        let server = self.server.as_ref().map(Url::origin);
        let knows_client = is_safe && (is_here || is_hashicorps || self.elsewhere);
        let knows_token = is_safe && (is_here || is_clouds || server == Some(source.origin()));
        let shown = Self {
            client: self.client.clone().filter(|_| knows_client),
            token: self.token.clone().filter(|_| knows_token),
            ..self.clone()
        };
        let is_less = shown.client.is_some() != self.client.is_some()
            || shown.token.is_some() != self.token.is_some();
        (shown, is_less)
    }

    /// Returns these credentials with a token that was given for the source itself, in place of the token of Vagrant
    /// Cloud.
    #[must_use]
    pub fn with_token(self, token: &GivenToken) -> Self {
        let token = Some(token.expose().to_owned());
        Self { token, ..self }
    }

    /// Returns whether there are any credentials.
    pub fn is_some(&self) -> bool {
        self.client.is_some() || self.token.is_some()
    }
}

/// The kind of registry that receives the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// HCP's API, which accepts tokens of HCP.
    Hcp,
    /// Vagrant Cloud, or a server with its API. It receives a composite token whole, and may try both parts.
    VagrantCloud,
}

/// The source of `Authorization` headers, with the current token of a service principal.
pub(super) struct Tokens {
    credentials: Credentials,
    pool: Pool,
    timeout: Duration,
    redactor: Redactor,
    current: Mutex<Option<Token>>,
}

struct Token {
    header: HeaderValue,
    replace_at: Instant,
}

#[derive(Deserialize)]
struct Reply {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Tokens {
    pub(super) fn new(
        credentials: Credentials,
        pool: Pool,
        timeout: Duration,
        redactor: Redactor,
    ) -> Self {
        Self {
            credentials,
            pool,
            timeout,
            redactor,
            current: Mutex::new(None),
        }
    }

    /// Returns the value of `Authorization` for a request; `None` without credentials.
    ///
    /// # Errors
    /// Fails when the service principal gets no token.
    pub(super) async fn header(&self, audience: Audience) -> Result<Option<HeaderValue>, Cause> {
        let fixed = self.credentials.token.as_deref();
        let Some(client) = &self.credentials.client else {
            let token = match audience {
                Audience::VagrantCloud => fixed,
                // A composite token ends with the token of HCP, which is the newer of the two.
                Audience::Hcp => fixed.and_then(|token| token.rsplit(';').next()),
            };
            return token
                .filter(|token| !token.is_empty())
                .map(bearer)
                .transpose();
        };
        if let (Some(token), Audience::VagrantCloud) = (fixed, audience) {
            return bearer(token).map(Some);
        }
        // The mutex stays locked across the request for a token, so that concurrent requests cause only one.
        let mut current = self.current.lock().await;
        if let Some(token) = current
            .as_ref()
            .filter(|token| Instant::now() < token.replace_at)
        {
            return Ok(Some(token.header.clone()));
        }
        let token = self.ask(client).await?;
        let header = token.header.clone();
        *current = Some(token);
        Ok(Some(header))
    }

    /// Discards a refused token, and returns whether another token may be available.
    pub(super) async fn replace(&self, audience: Audience, refused: &HeaderValue) -> bool {
        let is_fixed = self.credentials.token.is_some() && audience == Audience::VagrantCloud;
        if self.credentials.client.is_none() || is_fixed {
            return false;
        }
        let mut current = self.current.lock().await;
        // Another task may have replaced the token in the meantime.
        if current
            .as_ref()
            .is_some_and(|token| token.header == *refused)
        {
            *current = None;
        }
        true
    }

    async fn ask(&self, client: &ServicePrincipal) -> Result<Token, Cause> {
        let mut url = client.auth_url.clone();
        let path = format!("{}{TOKEN_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let line = request_line("POST", &url);
        let form = |pairs: &[(&str, &str)]| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs([("audience", AUDIENCE), ("grant_type", "client_credentials")]);
            form.extend_pairs(pairs);
            form.finish()
        };
        let by_header = self.pool.request(Method::POST, &url).body(form(&[]));
        let by_header = by_header.basic_auth(&client.id, Some(&client.secret));
        let reply = self.send(&line, by_header).await?;
        // Some servers read credentials only from the form; like HashiCorp's clients, this sends a second
        // request.
        let reply = if reply.status().is_client_error() {
            let pairs = [
                ("client_id", &*client.id),
                ("client_secret", &*client.secret),
            ];
            let by_form = self.pool.request(Method::POST, &url).body(form(&pairs));
            self.send(&line, by_form).await?
        } else {
            reply
        };
        self.token(line, reply).await
    }

    async fn send(
        &self,
        line: &RequestLine,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Cause> {
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.pool.answer(line, request, self.timeout).await
    }

    async fn token(&self, line: RequestLine, reply: reqwest::Response) -> Result<Token, Cause> {
        let status = reply.status();
        if status != StatusCode::OK {
            let reason = "no token for HCP_CLIENT_ID and HCP_CLIENT_SECRET".to_owned();
            let messages = [Some(reason), self.pool.refusing_proxy(&reply)];
            let messages = messages.into_iter().flatten().collect();
            return Err(Cause::Status {
                request: line,
                status: status.as_u16(),
                messages,
                retry_after: None,
            });
        }
        let body = reply::read_json(&line, reply, self.timeout, &self.pool).await?;
        // The error does not quote the reply, which contains a secret.
        let token: Reply = serde_json::from_slice(&body).map_err(|_| Cause::Reply {
            request: line,
            detail: "the reply holds no access_token".to_owned(),
        })?;
        self.redactor.add(&token.access_token);
        let life = token.expires_in.map_or(UNKNOWN_LIFE, Duration::from_secs);
        let life = life.min(Duration::from_secs(86_400));
        Ok(Token {
            header: bearer(&token.access_token)?,
            replace_at: Instant::now() + life.saturating_sub(BEFORE_EXPIRY.min(life / 10)),
        })
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Cause> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        let reason = "VAGRANT_CLOUD_TOKEN, or a token of HCP, holds characters that no token has";
        Cause::Usage(reason.to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The header whose value [`Tokens::header`] returns.
pub(super) const HEADER: reqwest::header::HeaderName = AUTHORIZATION;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether a source receives the service principal, and the token of Vagrant Cloud.
    fn shown(source: &str, more: &[(&str, &str)]) -> (bool, bool) {
        let given = [
            ("HCP_CLIENT_ID", "id"),
            ("HCP_CLIENT_SECRET", "secret"),
            ("VAGRANT_CLOUD_TOKEN", "old;new"),
        ];
        let given: Vec<_> = given.iter().chain(more).collect();
        let variable = |name: &str| {
            let found = given.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let all = Credentials::from_environment(variable, &Redactor::new()).unwrap();
        let (shown, is_less) = all.for_source(&Url::parse(source).unwrap());
        let shown = (shown.client.is_some(), shown.token.is_some());
        assert_eq!(is_less, shown != (true, true), "{source}");
        shown
    }

    #[test]
    fn a_stranger_learns_no_token_and_nobody_in_between() {
        for (source, expected) in [
            ("https://api.cloud.hashicorp.com/", (true, true)),
            ("https://vagrantcloud.com/", (false, true)),
            ("http://vagrantcloud.com/", (false, false)),
            ("http://127.0.0.1:8080/", (true, true)),
            ("https://stranger.example.com/box.json", (false, false)),
            ("https://evilhashicorp.com/", (false, false)),
        ] {
            assert_eq!(shown(source, &[]), expected, "{source}");
        }
        let own = [("VAGRANT_SERVER_URL", "https://boxes.example.com/")];
        assert_eq!(
            shown("https://boxes.example.com/api/v2", &own),
            (false, true)
        );
        let own = [("HCP_AUTH_URL", "https://auth.example.com")];
        assert_eq!(shown("https://hcp.example.com/", &own), (true, false));
    }
}
