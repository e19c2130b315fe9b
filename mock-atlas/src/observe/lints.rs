//! Finds practices of clients that should be avoided, although they may work here.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::{Finding, LintKind, Request};
use crate::endpoint::{Api, Body};

/// A finding about something that a client should do differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lint {
    /// The kind of the finding.
    pub kind: LintKind,
    /// The observation.
    pub message: String,
    /// The advice for the client.
    pub advice: &'static str,
    /// The ids of the requests with this finding, the earliest first.
    pub requests: Vec<String>,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            message,
            advice,
            requests,
        } = self;
        write!(f, "{kind}: {message}. {advice} [{}]", requests.join(", "))
    }
}

/// Returns all lints of requests that are given in the order in which they began.
pub(crate) fn lints(requests: &[Request]) -> Vec<Lint> {
    let mut found = Found::default();
    for request in requests {
        check_upload(&mut found, request);
        check_path(&mut found, request);
        check_fields(&mut found, request);
        for Finding { kind, message } in &request.findings {
            found.add(*kind, message.clone(), request);
        }
    }
    check_versions(&mut found, requests);
    found.lints
}

/// A collector that merges equal findings of several requests into one lint.
#[derive(Default)]
struct Found {
    lints: Vec<Lint>,
    places: HashMap<(LintKind, String), usize>,
}

impl Found {
    fn add(&mut self, kind: LintKind, message: String, request: &Request) {
        let place = self.places.get(&(kind, message.clone()));
        match place.and_then(|at| self.lints.get_mut(*at)) {
            // A request may have the same finding several times: for hidden fields, for example.
            Some(lint) if lint.requests.last() == Some(&request.id) => {}
            Some(lint) => lint.requests.push(request.id.clone()),
            None => {
                let place = self.lints.len();
                self.places.insert((kind, message.clone()), place);
                self.lints.push(Lint {
                    kind,
                    message,
                    advice: kind.advice(),
                    requests: vec![request.id.clone()],
                });
            }
        }
    }
}

fn is_upload(request: &Request) -> bool {
    match request.endpoint.api().map(Api::body) {
        Some(Body::File) => true,
        Some(Body::Fields(_) | Body::Nothing) | None => false,
    }
}

fn check_upload(found: &mut Found, request: &Request) {
    if !is_upload(request) {
        return;
    }
    if request.token.is_some() {
        let message = "a token was sent to an upload path".to_owned();
        found.add(LintKind::TokenOnUpload, message, request);
    }
    if request.content_length.is_none() {
        let message = "an upload had no Content-Length".to_owned();
        found.add(LintKind::NoContentLength, message, request);
    }
}

fn check_path(found: &mut Found, request: &Request) {
    let rest = request.path.strip_prefix("/api/v1");
    if rest.is_some_and(|rest| rest.starts_with("/api/v1")) {
        let message = "a path begins with /api/v1 twice".to_owned();
        found.add(LintKind::DoubledApiPath, message, request);
    }
}

fn check_fields(found: &mut Found, request: &Request) {
    let Some(Body::Fields(known)) = request.endpoint.api().map(Api::body) else {
        return;
    };
    // The fields of an unknown object are left out: the finding about the object is enough.
    let mut unknown: Option<String> = None;
    for field in &request.fields {
        let inside = unknown
            .as_ref()
            .is_some_and(|outer| field.starts_with(outer.as_str()));
        if inside || known.has(field) {
            continue;
        }
        let message = format!("{field} is not a field of {}", request.path);
        found.add(LintKind::UnknownField, message, request);
        unknown = Some(format!("{field}."));
    }
}

/// The requests of one version, from its creation to its uploads.
#[derive(Default)]
struct VersionHistory<'a> {
    /// The request that announced the file.
    announced: Option<&'a Request>,
    uploads: Vec<&'a Request>,
}

fn check_versions(found: &mut Found, requests: &[Request]) {
    let mut histories: Vec<VersionHistory<'_>> = Vec::new();
    let mut current: HashMap<&str, usize> = HashMap::new();
    for request in requests {
        let Some(version) = request.version.as_deref() else {
            continue;
        };
        // A second creation begins another version of the same name, as after a reset.
        if !is_upload(request) || !current.contains_key(version) {
            current.insert(version, histories.len());
            histories.push(VersionHistory::default());
        }
        let history = current.get(version).and_then(|at| histories.get_mut(*at));
        match history {
            Some(history) if is_upload(request) => history.uploads.push(request),
            Some(history) if request.announces_file => history.announced = Some(request),
            _ => {}
        }
    }
    for history in &histories {
        check_history(found, history);
    }
}

fn check_history(found: &mut Found, history: &VersionHistory<'_>) {
    let stored = history.uploads.iter().position(|upload| upload.stored);
    match (stored, history.announced) {
        (None, Some(request)) => {
            let version = request.version.as_deref().unwrap_or_default();
            let message = format!("{version} was made with a file that never arrived");
            found.add(LintKind::NeverUploaded, message, request);
        }
        (Some(at), _) => {
            let Some((first, later)) = history.uploads.get(at..).and_then(<[_]>::split_first)
            else {
                return;
            };
            let same = |upload: &&&Request| first.digest.is_some() && upload.digest == first.digest;
            let version = first.version.as_deref().unwrap_or_default();
            let message = format!("the same bytes were uploaded to {version} again");
            for upload in later.iter().filter(same) {
                found.add(LintKind::RepeatedUpload, message.clone(), upload);
            }
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{ArtifactCall, Endpoint};
    use crate::observe::TokenPlace;

    fn at(call: ArtifactCall) -> Endpoint {
        Endpoint::Api(Api::Artifact(call), call.paths()[0])
    }

    fn upload(number: u64, digest: &str) -> Request {
        Request {
            endpoint: at(ArtifactCall::Upload),
            content_length: Some(5),
            digest: Some(digest.to_owned()),
            stored: true,
            version: Some("acme/web/x/1".to_owned()),
            ..Request::example(number, "PUT", "/_binstore/{hidden}")
        }
    }

    fn version(number: u64, fields: &[&str]) -> Request {
        Request {
            endpoint: at(ArtifactCall::CreateVersion),
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            version: Some("acme/web/x/1".to_owned()),
            announces_file: true,
            ..Request::example(number, "POST", "/api/v1/artifacts/acme/web/x")
        }
    }

    /// Returns each lint as its kind and the numbers of its requests.
    fn found(requests: impl IntoIterator<Item = Request>) -> Vec<(LintKind, String)> {
        let requests: Vec<Request> = requests.into_iter().collect();
        let lints = lints(&requests);
        let short = |lint: Lint| (lint.kind, lint.requests.join(" ").replace("id-", ""));
        lints.into_iter().map(short).collect()
    }

    #[test]
    fn a_client_that_does_all_well_hears_nothing() {
        let fields = [
            "artifact_version",
            "artifact_version.id",
            "artifact_version.file",
            "artifact_version.metadata",
            "artifact_version.metadata.region.us-east-1",
            "artifact_version.build_id",
            "artifact_version.compile_id",
        ];
        assert_eq!(found([version(1, &fields), upload(2, "a")]), []);
    }

    #[test]
    fn an_upload_needs_no_token_and_a_length() {
        let token = Request {
            token: Some(TokenPlace::Header),
            ..upload(1, "a")
        };
        let chunked = Request {
            content_length: None,
            version: None,
            ..upload(2, "b")
        };
        let expected = [
            (LintKind::TokenOnUpload, "1".to_owned()),
            (LintKind::NoContentLength, "2".to_owned()),
        ];
        assert_eq!(found([token, chunked]), expected);
    }

    #[test]
    fn of_unknown_fields_the_outermost_is_told_once_for_all_requests() {
        let fields = [
            "artifact_version",
            "artifact_version.colour",
            "artifact_version.colour.x",
            "artifact_versions",
        ];
        let without = |request| Request {
            announces_file: false,
            ..request
        };
        let requests = [without(version(1, &fields)), without(version(2, &fields))];
        let expected = (LintKind::UnknownField, "1 2".to_owned());
        assert_eq!(found(requests), [expected.clone(), expected]);
    }

    #[test]
    fn a_request_is_named_once_in_a_lint() {
        let hidden = Request {
            announces_file: false,
            ..version(1, &["{hidden}", "artifact_version", "{hidden}"])
        };
        assert_eq!(found([hidden]), [(LintKind::UnknownField, "1".to_owned())]);
    }

    #[test]
    fn a_doubled_path_is_told() {
        let doubled = Request::example(1, "GET", "/api/v1/api/v1/authenticate");
        assert_eq!(
            found([doubled]),
            [(LintKind::DoubledApiPath, "1".to_owned())]
        );
    }

    #[test]
    fn a_file_that_never_came_is_told_with_the_request_that_announced_it() {
        let broken = Request {
            stored: false,
            digest: None,
            ..upload(2, "")
        };
        let unanswered = Request {
            status: None,
            ..upload(2, "a")
        };
        assert_eq!(found([version(1, &[]), unanswered]), []);
        let never = (LintKind::NeverUploaded, "1".to_owned());
        assert_eq!(
            found([version(1, &[]), broken.clone()]),
            vec![never.clone()]
        );
        assert_eq!(found([version(1, &[]), broken, upload(3, "a")]), []);
        // The second request creates another version, as after a reset.
        let again = [version(1, &[]), version(2, &[]), upload(3, "a")];
        assert_eq!(found(again), [never]);
    }

    #[test]
    fn only_the_same_bytes_to_the_same_version_are_an_upload_repeated() {
        let other = Request {
            version: Some("acme/web/x/2".to_owned()),
            ..upload(4, "a")
        };
        let refused = Request {
            stored: false,
            ..upload(3, "b")
        };
        let requests = [
            upload(2, "a"),
            refused,
            other,
            upload(5, "a"),
            upload(6, "a"),
        ];
        let expected = (LintKind::RepeatedUpload, "5 6".to_owned());
        assert_eq!(found(requests), [expected]);
        let failed = Request {
            stored: false,
            ..upload(1, "a")
        };
        assert_eq!(found([failed, upload(2, "a")]), []);
    }

    #[test]
    fn a_lint_reads_as_a_sentence_and_what_to_do() {
        let lints = lints(&[version(7, &[])]);
        assert_eq!(
            lints[0].to_string(),
            "never-uploaded: acme/web/x/1 was made with a file that never arrived. PUT the file to \
             the version's upload_path, or make the version with \"file\": false: until then, nobody \
             sees the version. [id-7]"
        );
        let kind = serde_json::to_value(lints[0].kind).unwrap();
        assert_eq!(kind, lints[0].kind.to_string());
    }
}
