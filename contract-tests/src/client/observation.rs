//! An observation is what one run of an uploader sent, the replies, and how the command ended.

use std::fmt::Display;

use axum::http::Method;
use serde_json::Value;

use super::{fields::Fields, scenario::Scenario};
use crate::{
    failure::{self, CheckFailure, Verdict},
    self_test::proxy::{Request, Transaction},
};

const API: &str = "/api/v1/";

/// Whether a path is one of the API, and not of a file.
pub(super) fn is_api(path: &str) -> bool {
    path.starts_with(API)
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Whether its exit status tells of success.
    pub success: bool,
    /// All that it wrote, on stdout and on stderr.
    pub output: String,
}

/// What was seen of one run of an uploader.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What it met.
    pub scenario: Scenario,
    /// The token it was given.
    pub token: String,
    /// What passed, in the order in which the requests began.
    pub transactions: Vec<Transaction>,
    /// How it ended.
    pub ended: Ended,
}

/// A call of the API that a push is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Authenticate,
    ShowArtifact,
    CreateArtifact,
    CreateVersion,
}

impl Call {
    pub(super) fn of(request: &Request) -> Option<Self> {
        let path = request.path().strip_prefix(API)?;
        let segments: Vec<_> = path.split('/').collect();
        match (request.method.as_str(), &segments[..]) {
            ("GET", ["authenticate"]) => Some(Self::Authenticate),
            ("GET", ["artifacts", _, _]) => Some(Self::ShowArtifact),
            ("POST", ["artifacts"]) => Some(Self::CreateArtifact),
            ("POST", ["artifacts", _, _, _]) => Some(Self::CreateVersion),
            _ => None,
        }
    }
}

/// A version that the server made.
pub(super) struct Version<'a> {
    /// The request for it, and its reply.
    pub(super) transaction: &'a Transaction,
    /// Whether it has a file.
    pub(super) has_file: bool,
    upload_path: String,
    later: &'a [Transaction],
}

impl<'a> Version<'a> {
    fn of(transaction: &'a Transaction, later: &'a [Transaction]) -> Option<Self> {
        let reply = transaction
            .reply
            .as_ref()
            .filter(|reply| reply.succeeded())?;
        let version: Value = serde_json::from_slice(&reply.body).ok()?;
        (Call::of(&transaction.request) == Some(Call::CreateVersion)).then_some(Self {
            transaction,
            has_file: version.get("file") == Some(&Value::Bool(true)),
            upload_path: reply.upload_path()?,
            later,
        })
    }

    /// The uploads to its path, and all else that went there.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &'a Transaction> {
        let later = self.later.iter();
        later.filter(|transaction| transaction.request.path() == self.upload_path)
    }

    /// Whether nothing is missing that a client would find.
    pub(super) fn is_complete(&self) -> bool {
        let is_kept = |upload: &Transaction| upload.reply.as_ref().is_some_and(|it| it.succeeded());
        !self.has_file || self.uploads().any(is_kept)
    }

    /// Whether the client was told that nothing is missing.
    pub(super) fn is_confirmed(&self) -> bool {
        let is_told =
            |transaction: &Transaction| transaction.delivered().is_some_and(|it| it.succeeded());
        is_told(self.transaction) && (!self.has_file || self.uploads().any(is_told))
    }

    /// Whether a request asks for the same version as this one was asked for.
    pub(super) fn is_asked_by(&self, request: &Request) -> bool {
        let value = |request| Fields::of(request).map(|fields| fields.value);
        let own = &self.transaction.request;
        request.method == Method::POST
            && request.path() == own.path()
            && value(request) == value(own)
    }

    /// The first request, later than it was made, for the same version.
    pub(super) fn asked_again(&self) -> Option<&'a Transaction> {
        let mut later = self.later.iter();
        later.find(|transaction| self.is_asked_by(&transaction.request))
    }
}

impl Observation {
    /// What passed, each between all that began before it and all that began after it.
    pub(super) fn in_order(
        &self,
    ) -> impl Iterator<Item = (&[Transaction], &Transaction, &[Transaction])> {
        let transactions = self.transactions.iter().enumerate();
        transactions.map(|(at, transaction)| {
            let before = self.transactions.get(..at).unwrap_or_default();
            let after = self.transactions.get(at + 1..).unwrap_or_default();
            (before, transaction, after)
        })
    }

    /// The requests that are this call of the API.
    pub(super) fn calls(&self, call: Call) -> impl Iterator<Item = &Transaction> {
        let transactions = self.transactions.iter();
        transactions.filter(move |transaction| Call::of(&transaction.request) == Some(call))
    }

    /// The versions that the server made.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version<'_>> {
        self.in_order()
            .filter_map(|(_, transaction, later)| Version::of(transaction, later))
    }

    /// The versions that the client was told of.
    pub(super) fn known_versions(&self) -> impl Iterator<Item = Version<'_>> {
        let is_known = |version: &Version<'_>| version.transaction.delivered().is_some();
        self.versions().filter(is_known)
    }

    /// The paths for uploads that the client was told, of whatever they are.
    pub(super) fn upload_paths(&self) -> Vec<String> {
        let replies = self.transactions.iter().filter_map(Transaction::delivered);
        replies.filter_map(|reply| reply.upload_path()).collect()
    }

    /// What was sent to where files go.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &Transaction> {
        let paths = self.upload_paths();
        self.transactions.iter().filter(move |transaction| {
            let request = &transaction.request;
            let is_put = request.method == Method::PUT && !is_api(request.path());
            is_put || paths.iter().any(|path| path == request.path())
        })
    }

    /// Whether a request carries the token where an API call may carry it.
    pub(super) fn has_token(&self, request: &Request) -> bool {
        tokens(request).contains(&self.token)
    }
}

/// The tokens that a request carries, in the three places where a token may be.
pub(super) fn tokens(request: &Request) -> Vec<String> {
    let header = |name| Some(request.headers.get(name)?.to_str().ok()?.to_owned());
    let bearer = header("Authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        is_bearer.then(|| token.trim().to_owned())
    });
    let (_, query) = request.target.split_once('?').unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes());
    let parameters = pairs.filter(|(name, _)| name == "access_token");
    let headers = header("X-Atlas-Token").into_iter().chain(bearer);
    headers
        .chain(parameters.map(|(_, token)| token.into_owned()))
        .collect()
}

/// A fault that names what was expected, what came, and the request.
pub(super) fn violation(
    expected: impl Display,
    came: impl Display,
    request: &Request,
) -> CheckFailure {
    let Request { method, target, .. } = request;
    failure::violation(expected, format!("{came}\nrequest   {method} {target}"))
}

/// The statement about a request is true.
///
/// # Errors
/// It is not; the fault names the request.
pub(super) fn require(
    holds: bool,
    expected: impl Display,
    came: impl Display,
    request: &Request,
) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(violation(expected, came, request))
    }
}
