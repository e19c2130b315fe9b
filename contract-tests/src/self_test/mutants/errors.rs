//! These mutants are wrong about error replies.

use axum::http::{Method, header::CONNECTION};
use serde_json::json;

use super::{
    Mutant, mutant, replies,
    wire::{Call, answer, call},
};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "errors.not-found",
        "other-words",
        "a 404 says Not found",
        || replies(|_, reply| reply.replace("Resource not found!", "Not found")),
    ),
    mutant(
        "errors.not-found",
        "bare-file",
        "the 404 of a file has no body",
        || {
            replies(|request, reply| {
                if call(request) == Call::File && reply.status == 404 {
                    reply.body.clear();
                }
            })
        },
    ),
    mutant(
        "errors.envelope",
        "one-error",
        "a 401 holds one error and no success",
        || {
            replies(|_, reply| {
                if reply.status == 401 {
                    answer(reply, 401, &json!({"error": "Unauthorized"}));
                }
            })
        },
    ),
    mutant(
        "errors.envelope",
        "success",
        "the success of a 422 is not denied",
        || {
            replies(|_, reply| {
                if reply.status == 422 {
                    reply.replace("\"success\":false", "\"success\":null");
                }
            })
        },
    ),
    mutant(
        "errors.none-on-success",
        "none-listed",
        "a finished upload lists no errors",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && reply.status == 200 {
                    answer(reply, 200, &json!({"errors": []}));
                }
            })
        },
    ),
    mutant(
        "errors.readable",
        "objects",
        "the errors of a 422 are objects",
        || {
            replies(|_, reply| {
                if reply.status == 422 {
                    reply.change(|body| body["errors"] = json!([{"message": "It is bad"}]));
                }
            })
        },
    ),
    mutant("errors.readable", "none", "a 422 gives no reason", || {
        replies(|_, reply| {
            if reply.status == 422 {
                reply.change(|body| body["errors"] = json!([]));
            }
        })
    }),
    mutant(
        "errors.go-decodable",
        "by-field",
        "the errors of a 422 stand by the name of the field, as documented",
        || {
            replies(|_, reply| {
                if reply.status == 422 {
                    reply.change(|body| body["errors"] = json!({"base": body["errors"]}));
                }
            })
        },
    ),
    mutant(
        "errors.go-decodable",
        "server-error",
        "a body that cannot be read is answered with 500",
        || {
            replies(|_, reply| {
                if reply.status == 400 {
                    reply.status = 500;
                }
            })
        },
    ),
    mutant(
        "errors.go-statuses",
        "transformed",
        "what passes a gateway on a connection that closes is 203",
        || {
            replies(|request, reply| {
                let closes = request
                    .headers
                    .get(CONNECTION)
                    .is_some_and(|it| it == "close");
                if closes && request.method != Method::PUT && reply.status == 200 {
                    reply.status = 203;
                }
            })
        },
    ),
];
