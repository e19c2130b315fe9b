//! These mutants are wrong about logins and logouts.

use axum::http::Method;
use serde_json::json;

use super::{
    super::{
        Mutant, answers, mutant, replies,
        wire::{answer, refuse},
    },
    wire::remove,
};
use crate::self_test::proxy::{Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.login",
        "no-hash",
        "a login answers the token alone",
        || {
            replies(|request, reply| {
                if is_login(request) && reply.status == 200 {
                    reply.change(|body| remove(body, "token_hash"));
                }
            })
        },
    ),
    mutant(
        "boxes.login",
        "undescribed",
        "the description of a token is not answered",
        || {
            replies(|request, reply| {
                if is_login(request) && reply.status == 200 {
                    reply.change(|body| body["description"] = "".into());
                }
            })
        },
    ),
    mutant(
        "boxes.logout",
        "kept",
        "a token counts after the logout",
        || {
            answers(|request, emulator| {
                Box::pin(async move {
                    if request.is(Method::DELETE, "/authenticate") {
                        return Reply::new(204, "");
                    }
                    emulator.answer(request).await
                })
            })
        },
    ),
    mutant("boxes.logout", "told", "a logout answers 200", || {
        replies(|request, reply| {
            if request.is(Method::DELETE, "/authenticate") && reply.status == 204 {
                answer(reply, 200, &json!({}));
            }
        })
    }),
    mutant(
        "boxes.two-factor",
        "plain",
        "a login without its code is refused like a wrong password",
        || {
            replies(|request, reply| {
                if is_login(request) && reply.status == 406 {
                    refuse(reply, 401, "Unauthorized");
                }
            })
        },
    ),
    mutant(
        "boxes.two-factor",
        "no-methods",
        "a login without its code does not say how a code comes",
        || {
            replies(|request, reply| {
                if is_login(request) && reply.status == 406 {
                    reply.change(|body| body["two_factor"]["delivery_methods"] = json!([]));
                }
            })
        },
    ),
    mutant(
        "boxes.two-factor-wrong",
        "any-code",
        "a wrong code is as good as any",
        || {
            replies(|request, reply| {
                if is_login(request) && reply.status == 401 {
                    answer(reply, 200, &json!({"token": "of-nobody"}));
                }
            })
        },
    ),
    mutant(
        "boxes.two-factor-request",
        "untold",
        "who asks for a code is not told where it goes",
        || {
            replies(|request, reply| {
                if request.is(Method::POST, "/two-factor/request-code") {
                    answer(reply, 200, &json!({"two_factor": {}}));
                }
            })
        },
    ),
];

fn is_login(request: &Request) -> bool {
    request.is(Method::POST, "/authenticate")
}
