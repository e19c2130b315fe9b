//! This module reads and changes requests and replies about boxes.

use axum::http::Method;
use serde_json::Value;

use crate::self_test::proxy::{Emulator, Reply, Request};

/// The calls of the APIs for boxes, whatever their method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BoxCall {
    /// `/boxes`.
    Boxes,
    /// `/box/U/N`.
    Box,
    /// `…/versions`.
    Versions,
    /// `…/version/V`.
    Version,
    Release,
    Revoke,
    /// `…/providers`.
    Providers,
    /// `…/provider/P`, with or without an architecture.
    Provider,
    /// `…/upload`.
    Upload,
    /// `…/upload/direct`.
    Direct,
    /// The callback of a direct upload.
    Callback,
    Search,
    User,
    /// `/api/v2/vagrant/U/N`.
    Document,
    /// `/U/N`.
    RootDocument,
    /// A file of a box, `/U/boxes/N/…`.
    File,
    Other,
}

/// Returns the call that a request is.
pub(super) fn box_call(request: &Request) -> BoxCall {
    let path = request.path();
    let below = path.strip_prefix("/api/v1/");
    match below.or_else(|| path.strip_prefix("/api/v2/")) {
        Some(below) => api_call(&below.split('/').collect::<Vec<_>>()),
        None => match path.trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
            [_, "boxes", _, ..] => BoxCall::File,
            ["oauth2" | "_mock" | "_binstore", _] => BoxCall::Other,
            [_, _] => BoxCall::RootDocument,
            _ => BoxCall::Other,
        },
    }
}

fn api_call(segments: &[&str]) -> BoxCall {
    match segments {
        ["boxes"] => BoxCall::Boxes,
        ["search"] => BoxCall::Search,
        ["user", _] => BoxCall::User,
        ["vagrant", _, _] => BoxCall::Document,
        ["box", _, _, within @ ..] => match within {
            [] => BoxCall::Box,
            ["versions"] => BoxCall::Versions,
            ["version", _] => BoxCall::Version,
            ["version", _, "release"] => BoxCall::Release,
            ["version", _, "revoke"] => BoxCall::Revoke,
            ["version", _, "providers"] => BoxCall::Providers,
            ["version", _, "provider", _, .., "upload"] => BoxCall::Upload,
            ["version", _, "provider", _, .., "upload", "direct"] => BoxCall::Direct,
            ["version", _, "provider", _, .., "upload", "complete", _] => BoxCall::Callback,
            ["version", _, "provider", _] | ["version", _, "provider", _, _] => BoxCall::Provider,
            _ => BoxCall::Other,
        },
        _ => BoxCall::Other,
    }
}

/// Tells whether a request is this call by this method.
pub(super) fn is(request: &Request, method: &Method, call: BoxCall) -> bool {
    request.method == *method && box_call(request) == call
}

/// Tells whether the path names the architecture of a provider.
pub(super) fn has_architecture(request: &Request) -> bool {
    box_call(request) == BoxCall::Provider && request.path().split('/').count() == 11
}

/// Returns `USER/NAME` of the box in a path of an API.
pub(super) fn tag(request: &Request) -> String {
    let segments = request.path().split('/').skip(4).take(2);
    segments.collect::<Vec<_>>().join("/")
}

/// Changes the reply of a successful call by one of these methods.
pub(super) fn change(
    request: &Request,
    reply: &mut Reply,
    chosen: &[BoxCall],
    change: impl FnOnce(&mut Value),
) {
    if chosen.contains(&box_call(request)) && reply.status == 200 {
        reply.change(change);
    }
}

/// Changes each provider that a reply shows: by itself, in a version, or in the versions of a box.
pub(super) fn change_providers(
    request: &Request,
    reply: &mut Reply,
    mut change_one: impl FnMut(&mut Value),
) {
    use BoxCall::{Box, Boxes, Provider, Providers, Version, Versions};
    let chosen = [Box, Boxes, Provider, Providers, Version, Versions];
    change(request, reply, &chosen, |body| {
        if matches!(box_call(request), Provider | Providers) {
            return change_one(body);
        }
        let mut versions = vec![body];
        if matches!(box_call(request), Box | Boxes) {
            versions = elements(versions.remove(0), "versions");
        }
        for version in versions {
            elements(version, "providers")
                .into_iter()
                .for_each(&mut change_one);
        }
    });
}

/// Returns the elements of a list in a body.
pub(super) fn elements<'v>(body: &'v mut Value, list: &str) -> Vec<&'v mut Value> {
    let list = body.get_mut(list).and_then(Value::as_array_mut);
    list.into_iter().flatten().collect()
}

/// Removes a field of an object.
pub(super) fn remove(body: &mut Value, field: &str) {
    body.as_object_mut()
        .into_iter()
        .for_each(|it| drop(it.remove(field)));
}

/// Returns the body of a request as JSON.
pub(super) fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// Returns a request like another one, with this method, path and body.
pub(super) fn like(request: &Request, method: Method, path: &str, body: &Value) -> Request {
    let mut request = request.clone();
    request.method = method;
    path.clone_into(&mut request.target);
    request.body = match body {
        Value::Null => Default::default(),
        body => body.to_string().into(),
    };
    request
}

/// Returns the emulator's reply to a GET of this path, as the sender of a request would get it.
pub(super) async fn read(request: &Request, emulator: &Emulator, path: &str) -> Reply {
    let read = like(request, Method::GET, path, &Value::Null);
    emulator.answer(&read).await
}
