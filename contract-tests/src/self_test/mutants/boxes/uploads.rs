//! These mutants are wrong about the uploads of boxes.

use std::collections::HashMap;

use axum::http::{
    Method,
    header::{CONTENT_LENGTH, EXPECT},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{
    super::{
        Mutant,
        memory::Memory,
        mutant, replies,
        uploads::IncompleteUploadAcceptor,
        wire::{Call, answer, call, content_type, refuse, token, with_token},
    },
    wire::{BoxCall, box_call, change, like, remove},
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.upload",
        "relative",
        "upload_path is relative",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Upload], |body| {
                    body["upload_path"] = path_of(&body["upload_path"]).into();
                });
            })
        },
    ),
    mutant("boxes.upload", "no-token", "an upload has no token", || {
        replies(|request, reply| {
            change(request, reply, &[BoxCall::Upload], |body| {
                remove(body, "token")
            });
        })
    }),
    mutant(
        "boxes.upload-chunked",
        "length-required",
        "an upload needs its length",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && !request.headers.contains_key(CONTENT_LENGTH) {
                    refuse(reply, 411, "A Content-Length is required");
                }
            })
        },
    ),
    mutant(
        "boxes.upload-continue",
        "unexpected",
        "no expectation can be met",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && request.headers.contains_key(EXPECT) {
                    refuse(reply, 417, "Expectation failed");
                }
            })
        },
    ),
    mutant(
        "boxes.upload-typed",
        "untyped-only",
        "an upload of JSON is refused",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && content_type(request) == "application/json" {
                    refuse(reply, 415, "A box is no JSON");
                }
            })
        },
    ),
    mutant(
        "boxes.upload-direct",
        "lost",
        "the callback is answered, and nothing happens",
        || Box::new(CallbackLoser),
    ),
    mutant(
        "boxes.upload-direct",
        "no-callback",
        "a direct upload has no callback",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Direct], |body| {
                    remove(body, "callback")
                });
            })
        },
    ),
    mutant(
        "boxes.callback-address",
        "signed",
        "a callback has a query",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Direct], |body| {
                    let callback = body["callback"].as_str().unwrap_or_default();
                    body["callback"] = format!("{callback}?signature=s").into();
                });
            })
        },
    ),
    mutant(
        "boxes.callback-address",
        "other-api",
        "a callback is below the other API",
        || {
            replies(|request, reply| {
                if box_call(request) == BoxCall::Direct {
                    reply.replace("/api/v2/", "/api/v3/");
                }
            })
        },
    ),
    mutant(
        "boxes.callback-awaited",
        "seen",
        "a direct upload is seen when its bytes are there",
        || Box::new(EarlyCallback::default()),
    ),
    mutant(
        "boxes.callback-empty",
        "taken",
        "a callback without bytes is taken",
        || {
            replies(|request, reply| {
                if box_call(request) == BoxCall::Callback && reply.status == 422 {
                    answer(reply, 200, &json!({}));
                }
            })
        },
    ),
    mutant(
        "boxes.half-hidden",
        "taken",
        "half a box is taken for the whole",
        || Box::new(IncompleteUploadAcceptor::default()),
    ),
];

fn path_of(address: &Value) -> String {
    let address = address.as_str().unwrap_or_default();
    let path = address.splitn(4, '/').nth(3).unwrap_or_default();
    format!("/{path}")
}

/// A `CallbackLoser` answers a callback, and does not pass it on.
struct CallbackLoser;

impl Interceptor for CallbackLoser {
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            if box_call(request) == BoxCall::Callback {
                return Reply::new(200, "{}");
            }
            emulator.answer(request).await
        })
    }
}

/// An `EarlyCallback` calls back as soon as the bytes of a direct upload are there.
#[derive(Default)]
struct EarlyCallback(Memory<HashMap<String, (String, Option<String>)>>);

impl Interceptor for EarlyCallback {
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let reply = emulator.answer(request).await;
            if box_call(request) == BoxCall::Direct {
                let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let callback = (path_of(&body["callback"]), token(request));
                self.0
                    .lock()
                    .insert(path_of(&body["upload_path"]), callback);
            }
            let direct = self.0.lock().get(request.path()).cloned();
            if let Some((callback, token)) = direct {
                let early = like(request, Method::PUT, &callback, &Value::Null);
                emulator.answer(&with_token(&early, token.as_deref())).await;
            }
            reply
        })
    }
}
