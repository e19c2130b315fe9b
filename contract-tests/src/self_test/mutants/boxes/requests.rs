//! These mutants are wrong about the paths, encodings, tokens and errors of the calls for boxes.

use axum::http::Method;
use serde_json::Value;

use super::{
    super::{
        Mutant, answers, mutant, replies, requests,
        wire::{content_type, refuse, replace, token, with_token},
    },
    wire::{BoxCall, body, box_call, has_architecture, is},
};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.both-apis",
        "no-architectures",
        "version 1 has no routes with an architecture",
        || {
            replies(|request, reply| {
                if has_architecture(request) && request.path().starts_with("/api/v1/") {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant(
        "boxes.success-ok",
        "created",
        "what was made is 201",
        || {
            replies(|request, reply| {
                let makes = request.method == Method::POST && box_call(request) != BoxCall::Other;
                if makes && reply.status == 200 {
                    reply.status = 201;
                }
            })
        },
    ),
    mutant(
        "boxes.success-ok",
        "no-content",
        "a removed box is answered with 204",
        || {
            replies(|request, reply| {
                if is(request, &Method::DELETE, BoxCall::Box) && reply.status == 200 {
                    reply.status = 204;
                    reply.body.clear();
                }
            })
        },
    ),
    mutant("boxes.encodings", "json-only", "a box must be JSON", || {
        replies(|request, reply| {
            let form = content_type(request) == "application/x-www-form-urlencoded";
            if is(request, &Method::POST, BoxCall::Boxes) && form {
                refuse(reply, 415, "JSON is required");
            }
        })
    }),
    mutant(
        "boxes.encodings",
        "typed-only",
        "a box must have a Content-Type",
        || {
            replies(|request, reply| {
                if is(request, &Method::POST, BoxCall::Boxes) && content_type(request).is_empty() {
                    refuse(reply, 415, "A Content-Type is required");
                }
            })
        },
    ),
    mutant(
        "boxes.flat-fields",
        "nested-only",
        "the fields must be below box",
        || {
            replies(|request, reply| {
                let flat = body(request).get("box").is_none();
                if is(request, &Method::POST, BoxCall::Boxes) && flat {
                    refuse(reply, 422, "box parameter is required!");
                }
            })
        },
    ),
    mutant(
        "boxes.token-places",
        "not-in-bodies",
        "no token is looked for in a body",
        || requests(|request| replace(request, "access_token", "no_token")),
    ),
    mutant(
        "boxes.composite-token",
        "whole",
        "a token with a semicolon is one token",
        || {
            replies(|request, reply| {
                if token(request).is_some_and(|token| token.contains(';')) {
                    refuse(reply, 401, "Unauthorized");
                }
            })
        },
    ),
    mutant(
        "boxes.unknown-token",
        "ignored",
        "who has an unknown token is nobody, and may read what is public",
        || {
            answers(|request, emulator| {
                Box::pin(async move {
                    let reply = emulator.answer(request).await;
                    if reply.status == 401 && is(request, &Method::GET, BoxCall::Box) {
                        return emulator.answer(&with_token(request, None)).await;
                    }
                    reply
                })
            })
        },
    ),
    mutant(
        "boxes.errors",
        "other-words",
        "a box is missing in other words",
        || {
            replies(|request, reply| {
                if box_call(request) != BoxCall::Other {
                    reply.replace("Resource not found!", "Not Found");
                }
            })
        },
    ),
    mutant(
        "boxes.errors",
        "no-success",
        "an error does not say success false",
        || {
            replies(|request, reply| {
                if box_call(request) != BoxCall::Other && reply.status == 404 {
                    reply.change(|body: &mut Value| super::wire::remove(body, "success"));
                }
            })
        },
    ),
    mutant(
        "boxes.missing-object",
        "unnamed",
        "a body without its object is refused without its name",
        || {
            replies(|request, reply| {
                if box_call(request) != BoxCall::Other && reply.status == 422 {
                    reply.replace("parameter is required!", "is not valid");
                }
            })
        },
    ),
];
