//! An observation records one run of an uploader: its requests, their replies, and how the command ended.

use std::fmt::Display;

use axum::http::Method;
use serde_json::Value;

use super::{fields::Fields, scenario::Scenario};
use crate::{
    failure::{self, CheckFailure, CheckResult},
    self_test::proxy::{Request, Transaction},
};

const API: &str = "/api/v1/";
/// The paths of the calls for boxes that are not below [`API`].
const BOX_APIS: [&str; 4] = ["/api/v2/", "/vagrant/", "/oauth2/", "/operation/"];

/// Tells whether a path belongs to the API, not to a file.
pub(super) fn is_api(path: &str) -> bool {
    path.starts_with(API) || is_box_api(path)
}

/// Tells whether a path belongs to an API that only boxes have.
pub(super) fn is_box_api(path: &str) -> bool {
    BOX_APIS.iter().any(|api| path.starts_with(api))
}

/// The end of a command.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Whether the exit status means success.
    pub success: bool,
    /// The output of the command, on stdout and stderr.
    pub output: String,
}

/// The record of one run of an uploader.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The scenario of the run.
    pub scenario: Scenario,
    /// The token that the uploader was given.
    pub token: String,
    /// The requests with their replies, in the order in which the requests began.
    pub transactions: Vec<Transaction>,
    /// The end of the command.
    pub ended: Ended,
}

/// A call of the API that is a step of a push.
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
    /// The request that made the version, and its reply.
    pub(super) transaction: &'a Transaction,
    /// Whether the version has a file.
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

    /// Returns all requests to the version's upload path.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &'a Transaction> {
        let later = self.later.iter();
        later.filter(|transaction| transaction.request.path() == self.upload_path)
    }

    /// Tells whether the server has the whole version: it needs no file, or has accepted it.
    pub(super) fn is_complete(&self) -> bool {
        let is_kept = |upload: &Transaction| upload.reply.as_ref().is_some_and(|it| it.succeeded());
        !self.has_file || self.uploads().any(is_kept)
    }

    /// Tells whether the client got a success reply for the version and, if it has one, for its file.
    pub(super) fn is_confirmed(&self) -> bool {
        let is_confirmed =
            |transaction: &Transaction| transaction.delivered().is_some_and(|it| it.succeeded());
        is_confirmed(self.transaction) && (!self.has_file || self.uploads().any(is_confirmed))
    }

    /// Tells whether a request asks for the same version: it has the same path and the same fields.
    pub(super) fn is_asked_by(&self, request: &Request) -> bool {
        let value = |request| Fields::of(request).map(|fields| fields.value);
        let own = &self.transaction.request;
        request.method == Method::POST
            && request.path() == own.path()
            && value(request) == value(own)
    }

    /// Returns the first later request for the same version.
    pub(super) fn asked_again(&self) -> Option<&'a Transaction> {
        let mut later = self.later.iter();
        later.find(|transaction| self.is_asked_by(&transaction.request))
    }
}

impl Observation {
    /// Returns each transaction together with those before and those after it.
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

    /// Returns the transactions of this call of the API.
    pub(super) fn calls(&self, call: Call) -> impl Iterator<Item = &Transaction> {
        let transactions = self.transactions.iter();
        transactions.filter(move |transaction| Call::of(&transaction.request) == Some(call))
    }

    /// Returns the versions that the server made.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version<'_>> {
        self.in_order()
            .filter_map(|(_, transaction, later)| Version::of(transaction, later))
    }

    /// Returns the versions whose replies the client got.
    pub(super) fn known_versions(&self) -> impl Iterator<Item = Version<'_>> {
        let is_known = |version: &Version<'_>| version.transaction.delivered().is_some();
        self.versions().filter(is_known)
    }

    /// Returns the upload paths in all replies that the client got, also those for other resources than versions.
    pub(super) fn upload_paths(&self) -> Vec<String> {
        let replies = self.transactions.iter().filter_map(Transaction::delivered);
        replies.filter_map(|reply| reply.upload_path()).collect()
    }

    /// Returns the requests that send a file: to an upload path, or by PUT outside of the API.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &Transaction> {
        let paths = self.upload_paths();
        self.transactions.iter().filter(move |transaction| {
            let request = &transaction.request;
            let is_put = request.method == Method::PUT && !is_api(request.path());
            is_put || paths.iter().any(|path| path == request.path())
        })
    }

    /// Tells whether a request has the token where an API call may have it.
    pub(super) fn has_token(&self, request: &Request) -> bool {
        tokens(request).contains(&self.token)
    }
}

/// Returns the tokens of a request: in `X-Atlas-Token`, as a bearer token, and in `access_token`.
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

/// Returns a violation that names the expected and the actual behaviour, and the request.
pub(super) fn violation(
    expected: impl Display,
    came: impl Display,
    request: &Request,
) -> CheckFailure {
    let Request { method, target, .. } = request;
    failure::violation(expected, format!("{came}\nrequest   {method} {target}"))
}

/// Requires that a statement about a request holds.
///
/// # Errors
/// Fails when it does not hold; the violation names the request.
pub(super) fn require(
    holds: bool,
    expected: impl Display,
    came: impl Display,
    request: &Request,
) -> CheckResult {
    if holds {
        Ok(())
    } else {
        Err(violation(expected, came, request))
    }
}
