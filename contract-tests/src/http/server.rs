//! A server is an address with all that requests to it need: token, certificates, proxies and policy.

use reqwest::Url;

use super::proxies::{NoProxy, Proxies};
use crate::safety::{
    address::{is_loopback, origin},
    pace::Rate,
    policy::Policy,
    trust::{Certificates, TrustError},
};

const API: &str = "/api/v1";

/// A connection to the server cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A variable that is to name a proxy names none.
    #[error(transparent)]
    Proxy(#[from] NoProxy),
    /// A certificate cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A `Server` is an address with the token, the certificates, the proxies and the policy to reach it by.
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
    /// Reads the certificates that the policy names and, for a server elsewhere, the proxies of the environment.
    ///
    /// # Errors
    /// A certificate cannot be used, or a variable names no proxy.
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
        format!("{}{API}", self.root)
    }

    /// Returns the server's origin: its scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Tells whether the server is on this machine, where no proxy helps.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Returns the token that may write the namespace.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns how a run behaves towards the server.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the origins that files may go to, the server's own first.
    pub fn upload_origins(&self) -> Vec<String> {
        self.policy.upload_places(&self.origin)
    }

    /// Returns how fast the server may be asked; nobody else uses one on this machine.
    pub fn rate(&self) -> Option<Rate> {
        let default = (!self.loopback).then_some(Rate::GENTLE);
        self.policy.rate.or(default)
    }

    /// Returns the certificates that are accepted, and the one to show.
    pub(super) fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Returns the proxies between here and the server.
    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Returns the proxy that the server is asked through, without a user or a password.
    pub fn proxy(&self) -> Option<String> {
        self.proxies.of(&Url::parse(&self.root).ok()?)
    }
}

fn root_of(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    let prefix = path.strip_suffix(API).unwrap_or(path).trim_end_matches('/');
    format!("{}{prefix}", origin(url))
}
