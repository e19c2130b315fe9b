//! These mutants are wrong about artifacts: their names, their types, and how they are created.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{
    Mutant,
    access::CreatorImpersonator,
    memory::Memory,
    mutant, replies, requests,
    wire::{Call, answer, call, change_fields, change_found, fields, kind, part, refuse, slug},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "artifacts.create",
        "tag-lost",
        "an artifact just made has no tag",
        || {
            replies(|request, reply| {
                if call(request) == Call::Create {
                    reply.replace("\"tag\"", "\"slug\"");
                }
            })
        },
    ),
    mutant(
        "artifacts.create-status",
        "created",
        "what makes an artifact is answered with 201",
        || made_is(|reply| reply.status = 201),
    ),
    mutant(
        "artifacts.taken",
        "conflict",
        "a name already taken is answered with 409",
        || taken_is(|reply| reply.status = 409),
    ),
    mutant(
        "artifacts.taken",
        "given-again",
        "a name already taken is given again",
        || taken_is(|reply| answer(reply, 200, &json!({"artifact": {}}))),
    ),
    mutant(
        "artifacts.taken",
        "emptied",
        "who asks for a name already taken empties what has it",
        emptied,
    ),
    mutant(
        "artifacts.not-writable",
        "forbidden",
        "an organisation the token may not write to is answered with 403",
        || {
            replies(|request, reply| {
                let writes = matches!(call(request), Call::Create | Call::Push);
                if writes && reply.status == 404 {
                    reply.status = 403;
                }
            })
        },
    ),
    mutant(
        "artifacts.not-writable",
        "made-first",
        "a version is made before it is seen that the token may not",
        || {
            CreatorImpersonator::boxed(true, |request, reply| {
                call(request) == Call::Push && reply.status == 404
            })
        },
    ),
    mutant(
        "artifacts.get",
        "unwrapped",
        "an artifact is not wrapped when it is read",
        || {
            replies(|request, reply| {
                if call(request) == Call::Artifact && reply.status == 200 {
                    reply.change(|body| *body = body["artifact"].take());
                }
            })
        },
    ),
    mutant(
        "artifacts.get",
        "username-lost",
        "an artifact that is read has no username",
        || {
            replies(|request, reply| {
                if call(request) == Call::Artifact {
                    reply.replace("\"username\"", "\"user\"");
                }
            })
        },
    ),
    mutant(
        "artifacts.get-missing",
        "gone",
        "an artifact that is not there is answered with 410",
        || {
            replies(|request, reply| {
                if call(request) == Call::Artifact && reply.status == 404 {
                    reply.status = 410;
                }
            })
        },
    ),
    mutant(
        "artifacts.several-types",
        "one-type",
        "an artifact has the type of its first version",
        one_type,
    ),
    mutant(
        "artifacts.several-types",
        "first-shown",
        "a search shows the type of the artifact's first version",
        first_shown,
    ),
    mutant(
        "artifacts.recommended-types",
        "renamed",
        "an old name of a type is taken for the new one",
        || {
            requests(|request| {
                request.target = request.target.replace("/aws.ami", "/amazon.image");
            })
        },
    ),
    mutant(
        "artifacts.any-type",
        "lower-case",
        "a type has no capitals",
        || {
            requests(|request| {
                let kind = kind(request);
                request.target = request.target.replace(&kind, &kind.to_lowercase());
            })
        },
    ),
    mutant(
        "artifacts.any-type",
        "long-enough",
        "a type of one letter is refused",
        || {
            replies(|request, reply| {
                if call(request) == Call::Push && kind(request).len() < 2 {
                    refuse(reply, 422, "The type is too short");
                }
            })
        },
    ),
    mutant(
        "artifacts.names",
        "lower-case",
        "a name with capitals is refused",
        || refuse_names(|name| name.contains(|c: char| c.is_ascii_uppercase())),
    ),
    mutant(
        "artifacts.names",
        "under-fifty",
        "a name of 50 characters is refused",
        || refuse_names(|name| name.len() > 49),
    ),
    mutant(
        "artifacts.names-refused",
        "cut",
        "a name that is too long is cut",
        || take_names(|name| name.chars().take(50).collect()),
    ),
    mutant(
        "artifacts.names-refused",
        "made-fit",
        "a dash stands for what no name may have",
        || take_names(|name| name.replace(|c| !is_in_names(c), "-")),
    ),
];

fn made_is(change: fn(&mut Reply)) -> Box<dyn Interceptor> {
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == Call::Create && reply.status == 200 {
            change(reply);
        }
    })
}

/// Tells whether a name was refused because it is taken; the emulator refuses names for other reasons too.
fn is_taken(request: &Request, reply: &Reply) -> bool {
    call(request) == Call::Create && String::from_utf8_lossy(&reply.body).contains("taken")
}

fn taken_is(change: fn(&mut Reply)) -> Box<dyn Interceptor> {
    replies(move |request: &Request, reply: &mut Reply| {
        if is_taken(request, reply) {
            change(reply);
        }
    })
}

fn emptied() -> Box<dyn Interceptor> {
    let emptied = Memory::<HashSet<Value>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        if is_taken(request, reply) {
            emptied.lock().insert(fields(request)["name"].clone());
        }
        let name = Value::from(part(request, 2, 1));
        if emptied.lock().contains(&name) {
            change_found(request, reply, Vec::clear);
        }
    })
}

/// The type of each artifact's first version.
#[derive(Default)]
struct FirstTypes(Memory<HashMap<String, String>>);

impl FirstTypes {
    /// Returns the type of the first version of a request's artifact, which may be this request's.
    fn of(&self, request: &Request) -> String {
        let mut types = self.0.lock();
        let first = types.entry(slug(request));
        first.or_insert_with(|| kind(request)).clone()
    }
}

fn one_type() -> Box<dyn Interceptor> {
    let types = FirstTypes::default();
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == Call::Push && types.of(request) != kind(request) {
            refuse(reply, 422, "The artifact is of another type");
        }
    })
}

fn first_shown() -> Box<dyn Interceptor> {
    let types = FirstTypes::default();
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == Call::Push {
            types.of(request);
        }
        change_found(request, reply, |versions| {
            for version in versions {
                version["artifact_type"] = types.of(request).into();
            }
        });
    })
}

fn refuse_names(is_refused: fn(&str) -> bool) -> Box<dyn Interceptor> {
    replies(move |request: &Request, reply: &mut Reply| {
        let refused = fields(request)["name"].as_str().is_some_and(is_refused);
        if call(request) == Call::Create && refused {
            refuse(reply, 422, "The name is bad");
        }
    })
}

fn is_in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn take_names(instead: fn(&str) -> String) -> Box<dyn Interceptor> {
    requests(move |request: &mut Request| {
        if call(request) == Call::Create {
            change_fields(request, |fields| {
                let name = fields["name"].as_str().map(instead);
                fields["name"] = name.into();
            });
        }
    })
}
