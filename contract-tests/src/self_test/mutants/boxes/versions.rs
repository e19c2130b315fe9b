//! These mutants are wrong about the versions of boxes.

use std::collections::HashSet;

use axum::http::Method;
use serde_json::json;

use super::{
    super::{
        Mutant, answers,
        memory::Memory,
        mutant, replies,
        wire::{answer, fields, refuse},
    },
    objects::read_instead,
    wire::{BoxCall, box_call, change, elements, is, read, remove},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.version-create",
        "active",
        "a new version is active",
        || {
            replies(|request, reply| {
                if matches!(box_call(request), BoxCall::Versions | BoxCall::Version) {
                    reply.replace("\"unreleased\"", "\"active\"");
                }
            })
        },
    ),
    mutant(
        "boxes.version-create",
        "counted",
        "the number of a version is a number",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Versions], |body| {
                    body["number"] = 1.into()
                });
            })
        },
    ),
    mutant(
        "boxes.version-fields",
        "no-urls",
        "a version has no release_url",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Version], |body| {
                    remove(body, "release_url")
                });
            })
        },
    ),
    mutant(
        "boxes.version-parts",
        "three",
        "a version has three parts",
        || {
            replies(|request, reply| {
                let version = fields(request)["version"].clone();
                let dots = version.as_str().map_or(0, |it| it.matches('.').count());
                if is(request, &Method::POST, BoxCall::Versions) && dots != 2 {
                    refuse(reply, 422, "The version must have three parts");
                }
            })
        },
    ),
    mutant(
        "boxes.version-unparseable",
        "any-text",
        "any text is a version",
        || {
            replies(|request, reply| {
                if is(request, &Method::POST, BoxCall::Versions) && reply.status == 422 {
                    answer(reply, 200, &json!({"version": fields(request)["version"]}));
                }
            })
        },
    ),
    mutant(
        "boxes.version-order",
        "as-texts",
        "versions are sorted as texts",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Box], |body| {
                    if let Some(versions) = body["versions"].as_array_mut() {
                        versions.sort_by_key(|it| std::cmp::Reverse(it["version"].to_string()));
                    }
                });
            })
        },
    ),
    mutant(
        "boxes.version-read",
        "kept",
        "a version is never changed",
        || read_instead(|request| is(request, &Method::PUT, BoxCall::Version)),
    ),
    mutant(
        "boxes.version-delete",
        "kept",
        "a version is never removed",
        || read_instead(|request| is(request, &Method::DELETE, BoxCall::Version)),
    ),
    mutant(
        "boxes.release",
        "stays",
        "a release is answered, and nothing else happens",
        || version_instead(BoxCall::Release),
    ),
    mutant(
        "boxes.release-empty",
        "taken",
        "a version without a provider is released",
        || {
            replies(|request, reply| {
                if is(request, &Method::PUT, BoxCall::Release) && reply.status == 422 {
                    answer(reply, 200, &json!({"status": "active"}));
                }
            })
        },
    ),
    mutant(
        "boxes.release-again",
        "other-words",
        "a second release is refused in other words",
        || {
            replies(|request, reply| {
                if is(request, &Method::PUT, BoxCall::Release) && reply.status == 422 {
                    refuse(reply, 422, "The version is active");
                }
            })
        },
    ),
    mutant(
        "boxes.release-again",
        "taken",
        "a second release succeeds",
        || {
            replies(|request, reply| {
                if is(request, &Method::PUT, BoxCall::Release) && reply.status == 422 {
                    answer(reply, 200, &json!({"status": "active"}));
                }
            })
        },
    ),
    mutant(
        "boxes.revoke",
        "stays",
        "a revoked version stays active",
        || version_instead(BoxCall::Revoke),
    ),
    mutant(
        "boxes.release-revoked",
        "final",
        "a revoked version stays revoked",
        final_revocation,
    ),
    mutant(
        "boxes.current-version",
        "newest",
        "the current version is the newest, released or not",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Box], |body| {
                    let newest = elements(body, "versions").first().map(|it| (**it).clone());
                    body["current_version"] = newest.unwrap_or_default();
                });
            })
        },
    ),
    mutant(
        "boxes.current-version",
        "last-released",
        "the current version is the one that was released last",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Box], |body| {
                    let mut versions = elements(body, "versions");
                    versions.retain(|it| it["status"] == "active");
                    versions.sort_by_key(|it| it["updated_at"].to_string());
                    let last = versions.last().map(|it| (**it).clone());
                    body["current_version"] = last.unwrap_or_default();
                });
            })
        },
    ),
];

/// Returns a server that answers a call with the version as it is, and does nothing.
fn version_instead(chosen: BoxCall) -> Box<dyn Interceptor> {
    answers(move |request, emulator| {
        Box::pin(async move {
            if box_call(request) != chosen {
                return emulator.answer(request).await;
            }
            let (version, _) = request.path().rsplit_once('/').unwrap_or_default();
            read(request, emulator, version).await
        })
    })
}

fn final_revocation() -> Box<dyn Interceptor> {
    let revoked = Memory::<HashSet<String>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        let (version, _) = request.path().rsplit_once('/').unwrap_or_default();
        match box_call(request) {
            BoxCall::Revoke if reply.status == 200 => {
                revoked.lock().insert(version.to_owned());
            }
            BoxCall::Release if revoked.lock().contains(version) => {
                refuse(reply, 422, "The version is revoked");
            }
            _ => {}
        }
    })
}
