//! These mutants are wrong about the objects of HCP's registry API.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    super::{
        Mutant, answers, mutant, replies, requests,
        wire::{answer, change_query},
    },
    hcp::is_hcp,
    objects::read_instead,
    wire::remove,
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes-hcp.box-create",
        "nowhere",
        "an operation has no location",
        || {
            changed(|body| {
                if let Some(operation) = body.get_mut("operation") {
                    remove(operation, "location");
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.operation",
        "pending",
        "an operation is never done",
        || {
            replies(|request, reply| {
                if request.path().starts_with("/operation/") {
                    reply.replace("\"DONE\"", "\"PENDING\"");
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.zero-times",
        "believed",
        "a body with a zero time is refused",
        || {
            replies(|request, reply| {
                let zero = b"0001-01-01T00";
                if is_hcp(request) && request.body.windows(zero.len()).any(|it| it == zero) {
                    answer(
                        reply,
                        400,
                        &json!({"code": 3, "message": "time", "details": []}),
                    );
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.version",
        "active",
        "a new version is active",
        || {
            replies(|request, reply| {
                if is_hcp(request) {
                    reply.replace("\"UNRELEASED\"", "\"ACTIVE\"");
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.architecture",
        "bare",
        "an architecture is answered by itself",
        || {
            changed(|body| {
                if let Some(architecture) = body.get_mut("architecture") {
                    *body = architecture.take();
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.checksum-types",
        "lower-case",
        "the types are in lower case",
        || {
            changed(|body| {
                let pointer = "/architecture/box_data/checksum_type";
                if let Some(kind) = body.pointer_mut(pointer) {
                    *kind = kind.as_str().map(str::to_lowercase).into();
                }
            })
        },
    ),
    mutant("boxes-hcp.update", "kept", "nothing is changed", || {
        read_instead(|request| is_hcp(request) && is_change(request))
    }),
    mutant("boxes-hcp.delete", "kept", "nothing is removed", || {
        answers(|request, emulator| {
            Box::pin(async move {
                if is_hcp(request) && request.method == Method::DELETE {
                    return Reply::new(200, "{}");
                }
                emulator.answer(request).await
            })
        })
    }),
    mutant("boxes-hcp.lists", "whole", "a list is never cut", || {
        requests(|request: &mut Request| {
            if is_hcp(request) && request.target.contains('?') {
                change_query(request, |pairs| {
                    pairs.retain(|(key, _)| !key.starts_with("pagination."));
                });
            }
        })
    }),
    mutant(
        "boxes-hcp.expanded",
        "flat",
        "a box never brings its versions",
        || {
            changed(|body| {
                if let Some(of_box) = body.get_mut("box") {
                    of_box["versions"] = json!([]);
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.box-fields",
        "available",
        "every box is available",
        || {
            changed(|body| {
                if let Some(state) = body.pointer_mut("/box/state") {
                    *state = "AVAILABLE".into();
                }
            })
        },
    ),
    mutant(
        "boxes-hcp.search",
        "unnumbered",
        "a search does not tell the version",
        || {
            replies(|request, reply| {
                if is_hcp(request) && request.path().ends_with("/search") {
                    reply.replace("\"current_version_name\"", "\"version_name\"");
                }
            })
        },
    ),
];

fn is_change(request: &Request) -> bool {
    let ends = ["/release", "/revoke"];
    let path = request.path();
    let plain = !ends.iter().any(|end| path.ends_with(end)) && !path.contains("/complete/");
    request.method == Method::PUT && plain
}

/// Returns a server that changes the successful replies of HCP's API.
fn changed(change: fn(&mut Value)) -> Box<dyn Interceptor> {
    replies(move |request: &Request, reply: &mut Reply| {
        if is_hcp(request) && reply.status == 200 {
            reply.change(change);
        }
    })
}
