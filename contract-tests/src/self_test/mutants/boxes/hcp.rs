//! These mutants are wrong about HCP's registry API as such, and about its uploads and downloads.

use axum::http::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::{
    super::{
        Mutant, mutant, replies,
        wire::{answer, refuse, token},
    },
    wire::{BoxCall, box_call, remove, tag},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes-hcp.token",
        "endless",
        "an access token does not tell when it ends",
        || {
            replies(|request, reply| {
                if is_token(request) && reply.status == 200 {
                    reply.change(|body| remove(body, "expires_in"));
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.token-form",
        "basic-only",
        "the credentials must be in the header",
        || {
            replies(|request, reply| {
                if is_token(request) && !request.headers.contains_key(AUTHORIZATION) {
                    refuse(reply, 401, "Unauthorized");
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.token-refused",
        "any-secret",
        "any secret is right",
        || {
            replies(|request, reply| {
                if is_token(request) && reply.status == 401 {
                    answer(
                        reply,
                        200,
                        &json!({"access_token": "of-nobody", "expires_in": 3600}),
                    );
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.success-ok",
        "created",
        "what was made is 201",
        || {
            replies(|request, reply| {
                if is_hcp(request) && request.method == Method::POST && reply.status == 200 {
                    reply.status = 201;
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.success-ok",
        "no-content",
        "what was removed is 204",
        || {
            replies(|request, reply| {
                if is_hcp(request) && request.method == Method::DELETE && reply.status == 200 {
                    reply.status = 204;
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.errors",
        "as-atlas",
        "errors are those of Atlas",
        || {
            replies(|request, reply| {
                if is_hcp(request) && reply.status == 404 {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.registry",
        "nowhere",
        "a registry has no location",
        || {
            replies(|request, reply| {
                if is_hcp(request) {
                    reply.change(|body| {
                        if let Some(registry) = body.get_mut("registry") {
                            remove(registry, "location");
                        }
                    });
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.same-boxes",
        "apart",
        "HCP's boxes are its own",
        apart,
    ),
    mutant(
        "boxes-hcp.upload",
        "misnamed",
        "an upload has an upload_path",
        || {
            hcp_end("/upload", |body| {
                body["upload_path"] = body["url"].take();
            })
        },
    ),
    mutant(
        "boxes-hcp.upload-direct",
        "no-object",
        "a direct upload has no object",
        || hcp_end("/direct/upload", |body| remove(body, "object")),
    ),
    mutant(
        "boxes-hcp.download",
        "unchecked",
        "a download has no checksum",
        || hcp_end("/download", |body| remove(body, "checksum")),
    ),
    mutant(
        "boxes-hcp.public-reads",
        "closed",
        "every read needs a token",
        || {
            replies(|request, reply| {
                if is_hcp(request) && token(request).is_none() {
                    answer(
                        reply,
                        401,
                        &json!({"code": 16, "message": "no token", "details": []}),
                    );
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.release",
        "told",
        "a release answers the version",
        || hcp_end("/release", |body| *body = json!({"version": {}})),
    ),
];

/// Tells whether a request asks for an access token.
fn is_token(request: &Request) -> bool {
    request.is(Method::POST, "/oauth2/token")
}

/// Tells whether a request is a call of HCP's API.
pub(super) fn is_hcp(request: &Request) -> bool {
    request.path().starts_with("/vagrant/2022-09-30/")
}

/// Returns a server that changes the replies to calls of HCP's API whose path ends so.
fn hcp_end(end: &'static str, change: fn(&mut Value)) -> Box<dyn Interceptor> {
    replies(move |request: &Request, reply: &mut Reply| {
        if is_hcp(request) && request.path().ends_with(end) && reply.status == 200 {
            reply.change(change);
        }
    })
}

fn apart() -> Box<dyn Interceptor> {
    let owners = super::memory::Owners::default();
    replies(move |request: &Request, reply: &mut Reply| {
        owners.learn(request, reply);
        let of_box = !matches!(box_call(request), BoxCall::Other | BoxCall::Boxes);
        if of_box && request.path().starts_with("/api/v2/box/") && !owners.made(&tag(request)) {
            refuse(reply, 404, "Resource not found!");
        }
    })
}
