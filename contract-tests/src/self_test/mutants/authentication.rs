//! These mutants are wrong about the base path of the API, or about how a token is sent, checked or issued.

use axum::http::{Method, header::AUTHORIZATION};
use serde_json::json;

use super::{
    Mutant,
    memory::Memory,
    mutant, replies, requests,
    wire::{Call, answer, call, content_type, refuse, token},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "auth.base-path",
        "doubled",
        "the prefix counts as often as it is repeated",
        || {
            requests(|request| {
                request.target = request.target.replace("/api/v1/api/v1/", "/api/v1/");
            })
        },
    ),
    mutant(
        "auth.token-places",
        "no-query",
        "no token is looked for in the query",
        || requests(|request| request.target = request.target.replace("access_token=", "token=")),
    ),
    mutant(
        "auth.token-places",
        "no-bearer",
        "no bearer token is looked for",
        || requests(|request| drop(request.headers.remove(AUTHORIZATION))),
    ),
    mutant(
        "auth.token-places",
        "query-only-reads",
        "a token in the query does not count for a write",
        || {
            requests(|request| {
                if request.method == Method::POST {
                    request.target = request.target.replace("access_token=", "token=");
                }
            })
        },
    ),
    mutant(
        "auth.authenticate",
        "empty",
        "the user of a good token is not told",
        || {
            replies(|request, reply| {
                if call(request) == Call::Authenticate && reply.status == 200 {
                    reply.body.clear();
                }
            })
        },
    ),
    mutant(
        "auth.authenticate",
        "misspelt",
        "the user has a name, but no username",
        || {
            replies(|request, reply| {
                if call(request) == Call::Authenticate {
                    reply.replace("\"username\"", "\"name\"");
                }
            })
        },
    ),
    mutant(
        "auth.authenticate-refuses",
        "everybody-known",
        "whoever asks is somebody",
        || {
            replies(|request, reply| {
                if call(request) == Call::Authenticate && reply.status == 401 {
                    answer(reply, 200, &json!({"user": {"username": "guest"}}));
                }
            })
        },
    ),
    mutant(
        "auth.authenticate-refuses",
        "forbidden",
        "with no token at all authenticate answers 403",
        || {
            replies(|request, reply| {
                if call(request) == Call::Authenticate && token(request).is_none() {
                    reply.status = 403;
                }
            })
        },
    ),
    mutant(
        "auth.login",
        "misspelt",
        "the token is called access_token",
        || {
            replies(|request, reply| {
                if call(request) == Call::LogIn {
                    reply.replace("\"token\"", "\"access_token\"");
                }
            })
        },
    ),
    mutant(
        "auth.login",
        "first-comer",
        "a login gets the token of the first who came",
        first_comer,
    ),
    mutant("auth.login", "json-only", "a login must be JSON", || {
        replies(|request, reply| {
            if call(request) == Call::LogIn && content_type(request) != "application/json" {
                refuse(reply, 415, "JSON is required");
            }
        })
    }),
    mutant(
        "auth.login-refuses",
        "any-password",
        "every login gets a token",
        || {
            replies(|request, reply| {
                if call(request) == Call::LogIn && reply.status == 401 {
                    answer(reply, 200, &json!({"token": "of-nobody"}));
                }
            })
        },
    ),
    mutant(
        "auth.login-refuses",
        "unprocessable",
        "a wrong password is answered with 422",
        || {
            replies(|request, reply| {
                if call(request) == Call::LogIn && reply.status == 401 {
                    reply.status = 422;
                }
            })
        },
    ),
    mutant(
        "auth.token-check",
        "missing",
        "there is no such call",
        || {
            replies(|request, reply| {
                if call(request) == Call::CheckToken {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant("auth.token-check", "unchecked", "any token is good", || {
        replies(|request, reply| {
            if call(request) == Call::CheckToken && token(request).is_some() {
                reply.status = 200;
            }
        })
    }),
];

fn first_comer() -> Box<dyn Interceptor> {
    let first = Memory::<Option<String>>::default();
    replies(
        move |request: &Request, reply: &mut Reply| match call(request) {
            Call::Authenticate if reply.status == 200 => {
                first
                    .lock()
                    .get_or_insert(token(request).unwrap_or_default());
            }
            Call::LogIn if reply.status == 200 => {
                let token = first.lock().clone();
                reply.change(|body| body["token"] = token.into());
            }
            _ => {}
        },
    )
}
