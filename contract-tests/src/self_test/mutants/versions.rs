//! These mutants are wrong about versions: their numbers, their fields, and when a new one is made.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{
    Mutant,
    memory::Memory,
    mutant, replies, requests,
    wire::{
        Call, call, change_fields, change_made, change_versions, fields, kind, refuse, slug, typed,
    },
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "versions.reply-fields",
        "name-lost",
        "a version just made does not tell its artifact's name",
        || {
            replies(|request, reply| {
                change_made(request, reply, |version| {
                    version.as_object_mut().map(|it| it.shift_remove("name"));
                });
            })
        },
    ),
    mutant(
        "versions.reply-fields",
        "wrapped",
        "a version just made is wrapped",
        || {
            replies(|request, reply| {
                change_made(request, reply, |version| {
                    *version = json!({"artifact_version": version});
                });
            })
        },
    ),
    mutant(
        "versions.reply-order",
        "reversed",
        "the fields of a version just made come in another order",
        || {
            replies(|request, reply| {
                change_made(request, reply, |version| {
                    if let Some(fields) = version.as_object_mut() {
                        *fields = std::mem::take(fields).into_iter().rev().collect();
                    }
                });
            })
        },
    ),
    mutant(
        "versions.upload-always",
        "with-file-only",
        "a version without a file has no upload_token",
        || {
            replies(|request, reply| {
                change_made(request, reply, |version| {
                    if version["file"] == false {
                        version["upload_token"] = Value::Null;
                    }
                });
            })
        },
    ),
    mutant(
        "versions.upload-always",
        "file-always",
        "a version just made is always said to have a file",
        || replies(|request, reply| change_made(request, reply, |it| it["file"] = true.into())),
    ),
    mutant(
        "versions.counts-per-type",
        "per-artifact",
        "versions are counted per artifact",
        || counting(slug),
    ),
    mutant(
        "versions.counts-per-type",
        "per-type",
        "versions of a type are counted over all artifacts",
        || counting(kind),
    ),
    mutant(
        "versions.counts-per-type",
        "per-server",
        "versions are counted over all of the server",
        || counting(|_| String::new()),
    ),
    mutant(
        "versions.counts-per-type",
        "text",
        "the number of a version is a text",
        || {
            replies(|request, reply| {
                change_made(request, reply, |version| {
                    version["version"] = version["version"].to_string().into();
                });
            })
        },
    ),
    mutant(
        "versions.slug",
        "first",
        "every slug is that of the first version",
        || {
            replies(|request, reply| {
                let slug = format!("{}/1", typed(request));
                change_versions(request, reply, |version| {
                    version["slug"] = slug.clone().into()
                });
            })
        },
    ),
    mutant(
        "versions.slug",
        "dash",
        "a tag has a dash between user and name",
        || {
            replies(|request, reply| {
                let tag = slug(request).replace('/', "-");
                change_versions(request, reply, |version| {
                    version["tag"] = tag.clone().into()
                });
            })
        },
    ),
    mutant(
        "versions.zero-is-none",
        "a-build",
        "0 is a build like any other",
        || in_build(|fields| fields["build_id"] == 0, |_| 1_000_000.into()),
    ),
    mutant(
        "versions.zero-is-none",
        "compile",
        "a version of no build belongs to the build of its compile_id",
        || {
            in_build(
                |fields| fields["build_id"] == 0 && fields["compile_id"].is_number(),
                |fields| fields["compile_id"].clone(),
            )
        },
    ),
    mutant(
        "versions.same-again",
        "idempotent",
        "what has the content of an earlier version is that version",
        || Box::new(Idempotent::when(|| true)),
    ),
    mutant(
        "versions.box-needs-provider",
        "other-words",
        "a box without provider is refused in other words",
        || replies(|_, reply| reply.replace("must have 'provider' key", "needs a provider")),
    ),
    mutant(
        "versions.box-needs-provider",
        "bad-request",
        "a box without provider is answered with 400",
        || {
            replies(|request, reply| {
                if call(request) == Call::Push && reply.status == 422 {
                    reply.status = 400;
                }
            })
        },
    ),
    mutant(
        "versions.box-needs-provider",
        "no-metadata",
        "a box with no metadata at all needs no provider",
        || {
            requests(|request| {
                change_fields(request, |fields| {
                    if fields["metadata"].is_null() {
                        fields["metadata"] = json!({"provider": "none"});
                    }
                });
            })
        },
    ),
    mutant(
        "versions.longest-id",
        "cut",
        "an id that is too long is cut",
        || cut_ids(255),
    ),
    mutant(
        "versions.longest-id",
        "under",
        "an id at the limit is refused",
        || {
            replies(|request, reply| {
                let length = fields(request)["id"].as_str().unwrap_or_default().len();
                if call(request) == Call::Push && length == 255 {
                    refuse(reply, 422, "The id is too long");
                }
            })
        },
    ),
    mutant(
        "versions.nine-regions",
        "cut",
        "an id is cut after 200 characters",
        || cut_ids(200),
    ),
];

/// Returns a server that numbers versions by a counter for each key that `of` returns.
fn counting(of: fn(&Request) -> String) -> Box<dyn Interceptor> {
    let counts = Memory::<HashMap<String, u64>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        change_made(request, reply, |version| {
            let mut counts = counts.lock();
            let count = counts.entry(of(request)).or_default();
            *count += 1;
            version["version"] = (*count).into();
        });
    })
}

fn in_build(is_chosen: fn(&Value) -> bool, build: fn(&Value) -> Value) -> Box<dyn Interceptor> {
    requests(move |request: &mut Request| {
        if call(request) == Call::Push {
            change_fields(request, |fields| {
                if is_chosen(fields) {
                    fields["build_id"] = build(fields);
                }
            });
        }
    })
}

fn cut_ids(length: usize) -> Box<dyn Interceptor> {
    requests(move |request: &mut Request| {
        if call(request) == Call::Push {
            change_fields(request, |fields| {
                let id = fields["id"].as_str().unwrap_or_default();
                fields["id"] = id.chars().take(length).collect::<String>().into();
            });
        }
    })
}

/// An `Idempotent` answers a repeated push with the version that the first one made, when its predicate says so.
pub(super) struct Idempotent {
    known: Memory<HashMap<(String, Vec<u8>), Reply>>,
    when: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Idempotent {
    pub(super) fn when(when: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            known: Memory::default(),
            when: Box::new(when),
        }
    }
}

impl Interceptor for Idempotent {
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        let content = (typed(request), request.body.to_vec());
        Box::pin(async move {
            let known = self.known.lock().get(&content).cloned();
            if let (Call::Push, Some(reply)) = (call(request), known)
                && (self.when)()
            {
                return reply;
            }
            let reply = emulator.answer(request).await;
            if call(request) == Call::Push && reply.status == 200 {
                self.known.lock().insert(content, reply.clone());
            }
            reply
        })
    }
}
