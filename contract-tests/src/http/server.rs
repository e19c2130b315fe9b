//! A server is an address with everything that requests to it need: token, certificates, proxies and policy.

use reqwest::Url;

use super::proxies::{NoProxy, Proxies};
use crate::safety::{
    address::{is_loopback, origin},
    pace::Rate,
    policy::Policy,
    trust::{Certificates, TrustError},
};

const API: &str = "/api/v1";
const API_V2: &str = "/api/v2";

/// The address below which a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// `/api/v1`.
    V1,
    /// `/api/v2`, which only boxes have.
    V2,
    /// The root of the server.
    Root,
}

/// The reason why a connection to the server cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The value of a variable for a proxy is not a proxy.
    #[error(transparent)]
    Proxy(#[from] NoProxy),
    /// A certificate cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A `Server` is an address with the token, the certificates, the proxies and the policy for requests to it.
#[derive(Clone)]
pub struct Server {
    root: String,
    origin: String,
    loopback: bool,
    token: String,
    policy: Policy,
    certificates: Certificates,
    proxies: Proxies,
}

impl Server {
    /// Reads the certificates that the policy names and, unless the server is on this machine, the proxies of the
    /// environment.
    ///
    /// # Errors
    /// Fails when a certificate cannot be used, or a variable for a proxy has an invalid value.
    pub(crate) fn new(url: &Url, token: String, policy: Policy) -> Result<Self, ServerError> {
        let loopback = is_loopback(url);
        let proxies = match loopback {
            true => Proxies::default(),
            false => Proxies::of_environment()?,
        };
        Ok(Self {
            root: root_of(url),
            origin: origin(url),
            loopback,
            token,
            certificates: policy.trust.load()?,
            policy,
            proxies,
        })
    }

    /// Returns the address without `/api/v1` and without a trailing slash.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Returns the address of the API, without a trailing slash.
    pub fn api(&self) -> String {
        self.at(Base::V1)
    }

    /// Returns the address of a base, without a trailing slash.
    pub fn at(&self, base: Base) -> String {
        let below = match base {
            Base::V1 => API,
            Base::V2 => API_V2,
            Base::Root => "",
        };
        format!("{}{below}", self.root)
    }

    /// Returns the server's origin: its scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Tells whether the server is on this machine. No proxy is used for such a server.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Returns the token that may write to the namespace.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the policy that requests to the server obey.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the origins that files may be uploaded to, the server's own first.
    pub fn upload_origins(&self) -> Vec<String> {
        self.policy.upload_places(&self.origin)
    }

    /// Returns the limit on the rate of requests. A server on this machine has none by default, since nobody else uses
    /// it.
    pub fn rate(&self) -> Option<Rate> {
        let default = (!self.loopback).then_some(Rate::GENTLE);
        self.policy.rate.or(default)
    }

    /// Returns the certificates that are trusted, and the client's own.
    pub(super) fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Returns the proxies between here and the server.
    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Returns the proxy for requests to the server, without a user or a password.
    pub fn proxy(&self) -> Option<String> {
        self.proxies.of(&Url::parse(&self.root).ok()?)
    }
}

fn root_of(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    let prefix = path.strip_suffix(API).unwrap_or(path).trim_end_matches('/');
    format!("{}{prefix}", origin(url))
}
