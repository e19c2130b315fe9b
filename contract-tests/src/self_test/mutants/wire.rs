//! This module reads and changes requests and replies between a client and the emulator.

use axum::http::header::AUTHORIZATION;
use serde_json::{Map, Value};

use crate::self_test::proxy::{Reply, Request};

/// The calls of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Authenticate,
    LogIn,
    CheckToken,
    /// Makes an artifact.
    Create,
    /// Reads an artifact.
    Artifact,
    /// Makes a version.
    Push,
    Search,
    /// Fetches the file of a version.
    File,
    /// Sends the file of a version.
    Upload,
    Other,
}

/// Returns the call of the API that a request is.
pub(super) fn call(request: &Request) -> Call {
    let segments: Vec<_> = segments(request.path()).collect();
    match (request.method.as_str(), &segments[..]) {
        ("PUT", _) if !is_api(request.path()) => Call::Upload,
        ("GET", ["authenticate"]) => Call::Authenticate,
        ("POST", ["authenticate"]) => Call::LogIn,
        ("GET", ["token"]) => Call::CheckToken,
        ("POST", ["artifacts"]) => Call::Create,
        ("GET", ["artifacts", _, _]) => Call::Artifact,
        ("POST", ["artifacts", _, _, _]) => Call::Push,
        ("GET", ["artifacts", _, _, _, "search"]) => Call::Search,
        ("GET", ["artifacts", _, _, _, _, "file"]) => Call::File,
        _ => Call::Other,
    }
}

/// Tells whether a path belongs to an API, not to a file.
fn is_api(path: &str) -> bool {
    ["/api/", "/vagrant/"].iter().any(|it| path.starts_with(it))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix("/api/v1/").unwrap_or(path).split('/')
}

/// Returns `USER/NAME` of the artifact in a request's path.
pub(super) fn slug(request: &Request) -> String {
    part(request, 1, 2)
}

/// Returns `USER/NAME/TYPE` from a request's path.
pub(super) fn typed(request: &Request) -> String {
    part(request, 1, 3)
}

/// Returns segments of the path below `/api/v1`: 1 is the user, 2 the name, 3 the type, 4 the version.
pub(super) fn part(request: &Request, from: usize, count: usize) -> String {
    let segments = segments(request.path()).skip(from).take(count);
    segments.collect::<Vec<_>>().join("/")
}

/// Returns the artifact type in a request's path.
pub(super) fn kind(request: &Request) -> String {
    part(request, 3, 1)
}

/// Returns the version in a request for a file: a number, or `latest`.
pub(super) fn version(request: &Request) -> String {
    part(request, 4, 1)
}

/// Changes a request into one for the file of another version.
pub(super) fn take_for(request: &mut Request, version: &str) {
    let path = format!("/api/v1/artifacts/{}/{version}/file", typed(request));
    request.target = request.target.replacen(request.path(), &path, 1);
}

/// Returns the token of a request, from the headers or the query.
pub(super) fn token(request: &Request) -> Option<String> {
    let header = |name: &str| Some(request.headers.get(name)?.to_str().ok()?.to_owned());
    let bearer = || Some(header("Authorization")?.strip_prefix("Bearer ")?.to_owned());
    let given = header("X-Atlas-Token").or_else(bearer);
    let given = given.or_else(|| value(request, "access_token"));
    given.filter(|token| !token.is_empty())
}

/// Returns the request with another token, or without one.
pub(super) fn with_token(request: &Request, token: Option<&str>) -> Request {
    let mut request = request.clone();
    request.headers.remove("X-Atlas-Token");
    request.headers.remove(AUTHORIZATION);
    change_query(&mut request, |pairs| {
        pairs.retain(|(key, _)| key != "access_token");
    });
    if let Some(Ok(token)) = token.map(str::parse) {
        request.headers.insert("X-Atlas-Token", token);
    }
    request
}

/// Returns the parameters of the query.
pub(super) fn query(request: &Request) -> Vec<(String, String)> {
    let (_, query) = request.target.split_once('?').unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// Returns one parameter of the query.
pub(super) fn value(request: &Request, key: &str) -> Option<String> {
    let mut pairs = query(request).into_iter();
    pairs.find_map(|(name, value)| (name == key).then_some(value))
}

/// Changes the parameters of the query.
pub(super) fn change_query(request: &mut Request, change: impl FnOnce(&mut Vec<(String, String)>)) {
    let mut pairs = query(request);
    change(&mut pairs);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    request.target = format!("{}?{query}", request.path());
}

/// Replaces the values of chosen parameters of a search.
pub(super) fn mistake(request: &mut Request, is_chosen: impl Fn(&str, &str) -> bool, to: &str) {
    if call(request) == Call::Search {
        change_query(request, |pairs| {
            pairs
                .iter_mut()
                .filter(|(key, value)| is_chosen(key, value))
                .for_each(|(_, value)| to.clone_into(value));
        });
    }
}

/// Removes chosen parameters of a search.
pub(super) fn overlook(request: &mut Request, is_chosen: impl Fn(&str, &str) -> bool) {
    if call(request) == Call::Search {
        change_query(request, |pairs| {
            pairs.retain(|(key, value)| !is_chosen(key, value));
        });
    }
}

/// Returns the content type of a request.
pub(super) fn content_type(request: &Request) -> &str {
    let value = request.headers.get("Content-Type");
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Returns the fields of a JSON request, without the object around them.
pub(super) fn fields(request: &Request) -> Value {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let wrapped = body.as_object().and_then(|body| body.values().next());
    wrapped.cloned().unwrap_or_default()
}

/// Changes the fields of a JSON request.
pub(super) fn change_fields(request: &mut Request, change: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) {
        if let Some(fields) = body.as_object_mut().and_then(|it| it.values_mut().next()) {
            change(fields);
        }
        request.body = body.to_string().into();
    }
}

/// Replaces a text in the body of a request.
pub(super) fn replace(request: &mut Request, from: &str, to: &str) {
    let text = String::from_utf8_lossy(&request.body).replace(from, to);
    request.body = text.into();
}

/// Changes a reply into an error in the emulator's format.
pub(super) fn refuse(reply: &mut Reply, status: u16, why: &str) {
    answer(
        reply,
        status,
        &serde_json::json!({"errors": [why], "success": false}),
    );
}

/// Replaces the status and the body of a reply.
pub(super) fn answer(reply: &mut Reply, status: u16, body: &Value) {
    reply.status = status;
    reply.body = body.to_string().into_bytes();
}

/// Changes the versions in the reply to a search.
pub(super) fn change_found(
    request: &Request,
    reply: &mut Reply,
    change: impl FnOnce(&mut Vec<Value>),
) {
    if call(request) == Call::Search {
        reply.change(|body| {
            if let Some(versions) = body.get_mut("versions").and_then(Value::as_array_mut) {
                change(versions);
            }
        });
    }
}

/// Changes the version in the reply to the request that made it.
pub(super) fn change_made(request: &Request, reply: &mut Reply, change: impl FnOnce(&mut Value)) {
    if call(request) == Call::Push && reply.status == 200 {
        reply.change(change);
    }
}

/// Changes every version that a reply shows.
pub(super) fn change_versions(
    request: &Request,
    reply: &mut Reply,
    mut change: impl FnMut(&mut Value),
) {
    change_made(request, reply, &mut change);
    change_found(request, reply, |versions| {
        versions.iter_mut().for_each(change);
    });
}

/// Changes the metadata of every version that a reply shows.
pub(super) fn change_metadata(
    request: &Request,
    reply: &mut Reply,
    mut change: impl FnMut(&mut Map<String, Value>),
) {
    change_versions(request, reply, |version| {
        let metadata = version.get_mut("metadata").and_then(Value::as_object_mut);
        metadata.into_iter().for_each(&mut change);
    });
}
