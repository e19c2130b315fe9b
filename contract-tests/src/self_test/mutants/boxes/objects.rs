//! These mutants are wrong about boxes as such.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    super::{
        Mutant, answers, mutant, replies, requests,
        wire::{answer, change_fields, refuse},
    },
    memory::{OwnerImpersonator, Owners},
    wire::{BoxCall, change, is, read, remove, tag},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.create",
        "undescribed",
        "a new box has no description",
        || {
            requests(|request| {
                if is(request, &Method::POST, BoxCall::Boxes) {
                    change_fields(request, |fields| remove(fields, "description"));
                }
            })
        },
    ),
    mutant(
        "boxes.box-fields",
        "seconds",
        "the times have no milliseconds",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Box], |body| {
                    let time = body["created_at"].as_str().unwrap_or_default();
                    let seconds = time.split('.').next().unwrap_or_default();
                    body["created_at"] = format!("{seconds}Z").into();
                });
            })
        },
    ),
    mutant(
        "boxes.box-fields",
        "no-downloads",
        "a box does not tell its downloads",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Box], |body| {
                    remove(body, "downloads")
                });
            })
        },
    ),
    mutant(
        "boxes.private-unless-told",
        "public",
        "a box is public unless told",
        || {
            requests(|request| {
                if is(request, &Method::POST, BoxCall::Boxes) {
                    change_fields(request, |fields| {
                        if fields.get("is_private").is_none() && fields.is_object() {
                            fields["is_private"] = false.into();
                        }
                    });
                }
            })
        },
    ),
    mutant(
        "boxes.taken",
        "taken-again",
        "a box may be made again",
        || {
            replies(|request, reply| {
                if is(request, &Method::POST, BoxCall::Boxes) && reply.status == 422 {
                    answer(reply, 200, &json!({}));
                }
            })
        },
    ),
    mutant(
        "boxes.read",
        "untagged",
        "a box does not tell its tag",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Box], |body| {
                    body["tag"] = body["name"].clone()
                });
            })
        },
    ),
    mutant(
        "boxes.update",
        "nulls-count",
        "a description that is told as null is removed",
        || {
            requests(|request| {
                if is(request, &Method::PUT, BoxCall::Box) {
                    change_fields(request, |fields| {
                        if fields.get("description") == Some(&Value::Null) {
                            fields["description"] = "".into();
                        }
                    });
                }
            })
        },
    ),
    mutant("boxes.update", "kept", "a box is never changed", || {
        read_instead(|request| is(request, &Method::PUT, BoxCall::Box))
    }),
    mutant("boxes.delete", "kept", "a box is never removed", || {
        read_instead(|request| is(request, &Method::DELETE, BoxCall::Box))
    }),
    mutant(
        "boxes.hidden",
        "forbidden",
        "what is hidden answers 403",
        || {
            let owners = Owners::default();
            replies(move |request: &Request, reply: &mut Reply| {
                owners.learn(request, reply);
                let hidden =
                    is(request, &Method::GET, BoxCall::Box) && owners.of(request).is_some();
                if hidden && reply.status == 404 {
                    refuse(reply, 403, "Forbidden");
                }
            })
        },
    ),
    mutant(
        "boxes.hidden",
        "open",
        "a private box is shown to everybody",
        || {
            OwnerImpersonator::boxed(|request, reply| {
                is(request, &Method::GET, BoxCall::Box) && reply.status == 404
            })
        },
    ),
    mutant(
        "boxes.from-artifact",
        "apart",
        "an artifact makes no box",
        || {
            let owners = Owners::default();
            replies(move |request: &Request, reply: &mut Reply| {
                owners.learn(request, reply);
                let of_box = super::wire::box_call(request) == BoxCall::Provider;
                if of_box && !owners.made(&tag(request)) {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant(
        "boxes.artifact-numbers",
        "patches",
        "a version without a number counts up the patch",
        || {
            replies(|request, reply| {
                if is(request, &Method::GET, BoxCall::Box) {
                    reply.replace("\"0.2.0\"", "\"0.1.1\"");
                }
            })
        },
    ),
];

/// Returns a server that answers chosen requests with what is there, and does nothing.
pub(super) fn read_instead(is_chosen: fn(&Request) -> bool) -> Box<dyn Interceptor> {
    answers(move |request, emulator| {
        Box::pin(async move {
            if !is_chosen(request) {
                return emulator.answer(request).await;
            }
            read(request, emulator, request.path()).await
        })
    })
}
