//! These mutants are wrong about providers and their architectures.

use std::collections::HashSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    super::{
        Mutant, answers,
        memory::Memory,
        mutant, replies, requests,
        wire::{answer, change_fields, fields, refuse},
    },
    objects::read_instead,
    wire::{BoxCall, box_call, change, change_providers, has_architecture, is, like, read, remove},
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.provider-create",
        "unlisted",
        "a version does not list its providers",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Version], |body| {
                    body["providers"] = json!([])
                });
            })
        },
    ),
    mutant(
        "boxes.provider-fields",
        "no-default",
        "a provider does not tell the default",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| remove(it, "default_architecture"));
            })
        },
    ),
    mutant(
        "boxes.provider-again",
        "unique",
        "a provider cannot be made again",
        unique,
    ),
    mutant(
        "boxes.provider-nulls",
        "counted",
        "a url that is told as null is removed",
        nulls_count,
    ),
    mutant(
        "boxes.architecture-unknown",
        "null",
        "an architecture may be null",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| {
                    if it["architecture"] == "unknown" {
                        it["architecture"] = Value::Null;
                    }
                });
            })
        },
    ),
    mutant(
        "boxes.one-default",
        "all",
        "each architecture is a default",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| {
                    it["default_architecture"] = true.into()
                });
            })
        },
    ),
    mutant(
        "boxes.one-default",
        "none",
        "no architecture is a default unless told",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| {
                    it["default_architecture"] = false.into()
                });
            })
        },
    ),
    mutant(
        "boxes.default-moves",
        "stays",
        "the first architecture stays the default",
        || {
            requests(|request| {
                if matches!(box_call(request), BoxCall::Provider | BoxCall::Providers) {
                    change_fields(request, |fields| remove(fields, "default_architecture"));
                }
            })
        },
    ),
    mutant(
        "boxes.default-passed-on",
        "lost",
        "without its default a provider has none",
        default_lost,
    ),
    mutant(
        "boxes.architecture-renamed",
        "kept",
        "an architecture keeps its name",
        || {
            requests(|request| {
                if is(request, &Method::PUT, BoxCall::Provider) {
                    change_fields(request, |fields| remove(fields, "architecture"));
                }
            })
        },
    ),
    mutant(
        "boxes.architecture-taken",
        "ignored",
        "a name that is taken is no error",
        || {
            replies(|request, reply| {
                if is(request, &Method::PUT, BoxCall::Provider) && reply.status == 422 {
                    answer(reply, 200, &json!({}));
                }
            })
        },
    ),
    mutant(
        "boxes.default-meant",
        "unknown-meant",
        "without an architecture the unknown one is meant",
        || {
            requests(|request| {
                if box_call(request) == BoxCall::Provider && !has_architecture(request) {
                    request.target = format!("{}/unknown", request.path());
                }
            })
        },
    ),
    mutant(
        "boxes.provider-delete",
        "kept",
        "a provider is never removed",
        || read_instead(|request| is(request, &Method::DELETE, BoxCall::Provider)),
    ),
    mutant(
        "boxes.cleanup-keeps-files",
        "all-removed",
        "without an architecture all of the provider are removed",
        || answers(|request, emulator| Box::pin(remove_all(request, emulator))),
    ),
    mutant(
        "boxes.external",
        "hosted",
        "a provider with a url is hosted",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| it["hosted"] = true.into());
            })
        },
    ),
    mutant(
        "boxes.external",
        "nowhere",
        "the download of a url is missing",
        || {
            replies(|request, reply| {
                if box_call(request) == BoxCall::File && reply.status == 302 {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
];

fn unique() -> Box<dyn Interceptor> {
    let made = Memory::<HashSet<String>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        if is(request, &Method::POST, BoxCall::Providers) && reply.status == 200 {
            let fields = fields(request);
            let (name, architecture) = (&fields["name"], &fields["architecture"]);
            let entry = format!("{}/{name}/{architecture}", request.path());
            if !made.lock().insert(entry) {
                refuse(reply, 422, "Metadata provider must be unique for version");
            }
        }
    })
}

fn nulls_count() -> Box<dyn Interceptor> {
    let removed = Memory::<HashSet<String>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        let path = request.path();
        let null = fields(request).get("url") == Some(&Value::Null);
        if is(request, &Method::PUT, BoxCall::Provider) && null {
            removed.lock().insert(path.to_owned());
        }
        if removed.lock().contains(path) {
            change(request, reply, &[BoxCall::Provider], |it| {
                it["original_url"] = Value::Null
            });
        }
    })
}

fn default_lost() -> Box<dyn Interceptor> {
    let lost = Memory::<HashSet<String>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        let version = request
            .path()
            .split("/provider/")
            .next()
            .unwrap_or_default();
        if is(request, &Method::DELETE, BoxCall::Provider) && reply.status == 200 {
            lost.lock().insert(version.to_owned());
        }
        if lost.lock().contains(version) {
            change_providers(request, reply, |it| {
                it["default_architecture"] = false.into()
            });
        }
    })
}

/// Removes each architecture of the provider when none is named.
async fn remove_all(request: &Request, emulator: &Emulator) -> Reply {
    let all = is(request, &Method::DELETE, BoxCall::Provider) && !has_architecture(request);
    if !all {
        return emulator.answer(request).await;
    }
    let (version, name) = request.path().split_once("/provider/").unwrap_or_default();
    let shown = read(request, emulator, version).await;
    let shown: Value = serde_json::from_slice(&shown.body).unwrap_or_default();
    for provider in shown["providers"].as_array().into_iter().flatten() {
        let architecture = provider["architecture"].as_str().unwrap_or_default();
        if provider["name"] == name {
            let path = format!("{}/{architecture}", request.path());
            let one = like(request, Method::DELETE, &path, &Value::Null);
            emulator.answer(&one).await;
        }
    }
    Reply::new(200, "{}")
}
