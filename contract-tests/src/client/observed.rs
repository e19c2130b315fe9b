//! What was seen of an uploader: what passed at the witness, and how the command ended.

use std::fmt::Display;

use axum::http::Method;
use serde_json::Value;

use super::{fields::Fields, scenario::Scenario};
use crate::{
    failure::{self, Fault, Verdict},
    self_test::proxy::{Passage, Request},
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
pub struct Observed {
    /// What it met.
    pub scenario: Scenario,
    /// The token it was given.
    pub token: String,
    /// What passed, in the order in which the requests began.
    pub passed: Vec<Passage>,
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
    pub(super) passage: &'a Passage,
    /// Whether it has a file.
    pub(super) has_file: bool,
    upload_path: String,
    later: &'a [Passage],
}

impl<'a> Version<'a> {
    fn of(passage: &'a Passage, later: &'a [Passage]) -> Option<Self> {
        let reply = passage.reply.as_ref().filter(|reply| reply.succeeded())?;
        let version: Value = serde_json::from_slice(&reply.body).ok()?;
        (Call::of(&passage.request) == Some(Call::CreateVersion)).then_some(Self {
            passage,
            has_file: version.get("file") == Some(&Value::Bool(true)),
            upload_path: reply.upload_path()?,
            later,
        })
    }

    /// The uploads to its path, and all else that went there.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &'a Passage> {
        let later = self.later.iter();
        later.filter(|passage| passage.request.path() == self.upload_path)
    }

    /// Whether nothing is missing that a client would find.
    pub(super) fn is_complete(&self) -> bool {
        let is_kept = |upload: &Passage| upload.reply.as_ref().is_some_and(|it| it.succeeded());
        !self.has_file || self.uploads().any(is_kept)
    }

    /// Whether the client was told that nothing is missing.
    pub(super) fn is_confirmed(&self) -> bool {
        let is_told = |passage: &Passage| passage.delivered().is_some_and(|it| it.succeeded());
        is_told(self.passage) && (!self.has_file || self.uploads().any(is_told))
    }

    /// Whether a request asks for the same version as this one was asked for.
    pub(super) fn is_asked_by(&self, request: &Request) -> bool {
        let value = |request| Fields::of(request).map(|fields| fields.value);
        let own = &self.passage.request;
        request.method == Method::POST
            && request.path() == own.path()
            && value(request) == value(own)
    }

    /// The first request, later than it was made, for the same version.
    pub(super) fn asked_again(&self) -> Option<&'a Passage> {
        let mut later = self.later.iter();
        later.find(|passage| self.is_asked_by(&passage.request))
    }
}

impl Observed {
    /// What passed, each between all that began before it and all that began after it.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&[Passage], &Passage, &[Passage])> {
        let passed = self.passed.iter().enumerate();
        passed.map(|(at, passage)| {
            let before = self.passed.get(..at).unwrap_or_default();
            let after = self.passed.get(at + 1..).unwrap_or_default();
            (before, passage, after)
        })
    }

    /// The requests that are this call of the API.
    pub(super) fn calls(&self, call: Call) -> impl Iterator<Item = &Passage> {
        let passed = self.passed.iter();
        passed.filter(move |passage| Call::of(&passage.request) == Some(call))
    }

    /// The versions that the server made.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version<'_>> {
        self.in_order()
            .filter_map(|(_, passage, later)| Version::of(passage, later))
    }

    /// The versions that the client was told of.
    pub(super) fn known_versions(&self) -> impl Iterator<Item = Version<'_>> {
        let is_known = |version: &Version<'_>| version.passage.delivered().is_some();
        self.versions().filter(is_known)
    }

    /// The paths for uploads that the client was told, of whatever they are.
    pub(super) fn upload_paths(&self) -> Vec<String> {
        let replies = self.passed.iter().filter_map(Passage::delivered);
        replies.filter_map(|reply| reply.upload_path()).collect()
    }

    /// What was sent to where files go.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &Passage> {
        let paths = self.upload_paths();
        self.passed.iter().filter(move |passage| {
            let request = &passage.request;
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
pub(super) fn broken(expected: impl Display, came: impl Display, request: &Request) -> Fault {
    let Request { method, target, .. } = request;
    failure::broken(expected, format!("{came}\nrequest   {method} {target}"))
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
        Err(broken(expected, came, request))
    }
}
