//! These mutants are wrong about what `box add` reads.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    super::{
        Mutant, answers, mutant, replies, requests,
        wire::{refuse, token},
    },
    memory::{OwnerImpersonator, Owners},
    wire::{BoxCall, box_call, elements, read, remove},
};
use crate::self_test::proxy::{Emulator, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes-add.head",
        "get-only",
        "there is no HEAD of a document",
        || {
            replies(|request, reply| {
                if request.method == Method::HEAD && is_document(request) {
                    reply.status = 404;
                }
            })
        },
    ),
    mutant("boxes-add.head", "untyped", "a document is a text", || {
        replies(|request, reply| {
            if is_document(request)
                && let Ok(kind) = "text/plain".parse()
            {
                reply.headers.insert("Content-Type", kind);
            }
        })
    }),
    mutant(
        "boxes-add.double-slash",
        "strict",
        "a doubled slash leads nowhere",
        || {
            replies(|request, reply| {
                if request.target.starts_with("//") {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant(
        "boxes-add.private",
        "open",
        "everybody reads the document of a private box",
        || OwnerImpersonator::boxed(|request, _| is_document(request) && token(request).is_none()),
    ),
    mutant(
        "boxes-add.private",
        "no-query",
        "access_token does not count for a document",
        || {
            requests(|request: &mut Request| {
                if is_document(request) {
                    request.target = request.target.replace("access_token=", "token=");
                }
            })
        },
    ),
    mutant(
        "boxes-add.bad-token",
        "blocked",
        "an unknown token hides what is public",
        || {
            let owners = Owners::default();
            replies(move |request: &Request, reply: &mut Reply| {
                owners.learn(request, reply);
                let unknown = token(request).is_some_and(|token| !owners.know(&token));
                if is_document(request) && unknown {
                    refuse(reply, 401, "Unauthorized");
                }
            })
        },
    ),
    mutant(
        "boxes-add.document",
        "unchecked",
        "a document has no checksums",
        || {
            replies(|request, reply| {
                if is_document(request) {
                    change_providers(reply, |it| remove(it, "checksum"));
                }
            })
        },
    ),
    mutant(
        "boxes-add.document",
        "nowhere",
        "a document has relative addresses",
        || {
            replies(|request, reply| {
                if is_document(request) {
                    change_providers(reply, |it| it["url"] = "vagrant.box".into());
                }
            })
        },
    ),
    mutant(
        "boxes-add.root-defaults",
        "all",
        "the document at the root lists every architecture",
        || {
            requests(|request: &mut Request| {
                if box_call(request) == BoxCall::RootDocument {
                    request.target = format!("/api/v2/vagrant{}", request.target);
                }
            })
        },
    ),
    mutant(
        "boxes-add.active-only",
        "all",
        "the document lists every version",
        || {
            answers(|request, emulator| {
                Box::pin(with_hidden(request, emulator, |it| it["hosted"] != true))
            })
        },
    ),
    mutant(
        "boxes-add.complete-only",
        "empty-too",
        "the document lists what has no bytes",
        || {
            answers(|request, emulator| {
                Box::pin(with_hidden(request, emulator, |it| {
                    it["original_url"].is_null()
                }))
            })
        },
    ),
    mutant(
        "boxes-add.oldest-first",
        "newest-first",
        "the document begins with the newest",
        || {
            replies(|request, reply| {
                if is_document(request) {
                    reply.change(|body| {
                        let versions = body["versions"].as_array_mut();
                        versions.into_iter().for_each(|it| it.reverse());
                    });
                }
            })
        },
    ),
];

fn is_document(request: &Request) -> bool {
    matches!(box_call(request), BoxCall::Document | BoxCall::RootDocument)
}

fn change_providers(reply: &mut Reply, change: impl FnMut(&mut Value)) {
    reply.change(|body| {
        let versions = elements(body, "versions").into_iter();
        let providers = versions.flat_map(|it| elements(it, "providers"));
        providers.for_each(change);
    });
}

/// Answers a document to which the versions and the chosen providers are added that the correct one leaves out.
async fn with_hidden(
    request: &Request,
    emulator: &Emulator,
    is_chosen: fn(&Value) -> bool,
) -> Reply {
    let mut reply = emulator.answer(request).await;
    if !is_document(request) || reply.status != 200 {
        return reply;
    }
    let tag: Vec<_> = request.path().rsplitn(3, '/').take(2).collect();
    let path = format!("/api/v2/box/{}/{}", tag[1], tag[0]);
    let shown = read(request, emulator, &path).await;
    let shown: Value = serde_json::from_slice(&shown.body).unwrap_or_default();
    reply.change(|body| {
        let Some(listed) = body["versions"].as_array_mut() else {
            return;
        };
        for version in shown["versions"].as_array().into_iter().flatten() {
            let providers = version["providers"].as_array().into_iter().flatten();
            let chosen: Vec<_> = providers.filter(|it| is_chosen(it)).cloned().collect();
            let known = listed
                .iter_mut()
                .find(|it| it["version"] == version["version"]);
            match known.and_then(|it| it["providers"].as_array_mut()) {
                Some(providers) => {
                    let missing = chosen.into_iter();
                    let missing =
                        missing.filter(|it| !providers.iter().any(|p| p["name"] == it["name"]));
                    providers.extend(missing.collect::<Vec<_>>());
                }
                None if chosen.is_empty() => {}
                None => listed.push(json!({"version": version["version"], "providers": chosen})),
            }
        }
    });
    reply
}
