//! Flaky mutants are wrong only now and then, or in another way each time, so that a comparison of two replies does not
//! find them.
//!
//! A clause that says "never" must find such a mutant by a single wrong reply; another clause, because it never holds.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{
    Mutant,
    access::AsMaker,
    memory::Memory,
    mutant, replies,
    uploads::{HalfTaken, unfinished_found},
    versions::Idempotent,
    wire::{Call, answer, call, change_found, change_made, query, refuse, token},
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "auth.hidden-like-missing",
        "open-now-and-then",
        "a stranger may now and then see what is hidden",
        || strangers(|request, reply| reads(request) && reply.status == 404),
    )
    .flaky(),
    mutant(
        "auth.no-token-writes",
        "open-now-and-then",
        "nobody may now and then make a version",
        || strangers(|request, _| call(request) == Call::Push && token(request).is_none()),
    )
    .flaky(),
    mutant(
        "auth.no-token-reads",
        "open-now-and-then",
        "nobody may now and then see what is not public",
        || strangers(|request, _| reads(request) && token(request).is_none()),
    )
    .flaky(),
    mutant(
        "auth.unknown-token",
        "open-now-and-then",
        "an unknown token is now and then as good as any",
        || strangers(|request, reply| token(request).is_some() && reply.status == 401),
    )
    .flaky(),
    mutant(
        "auth.authenticate-refuses",
        "known-now-and-then",
        "whoever asks is now and then somebody",
        || {
            let guest = json!({"user": {"username": "guest"}});
            instead_of(Call::Authenticate, 401, guest)
        },
    )
    .flaky(),
    mutant(
        "auth.login",
        "first-comer-now-and-then",
        "a login gets now and then the token of the first who came",
        first_comer,
    )
    .flaky(),
    mutant(
        "auth.login-refuses",
        "any-password-now-and-then",
        "every login gets a token now and then",
        || instead_of(Call::LogIn, 401, json!({"token": "of-nobody"})),
    )
    .flaky(),
    mutant(
        "auth.token-check",
        "good-now-and-then",
        "any token is good now and then",
        || instead_of(Call::CheckToken, 401, json!({})),
    )
    .flaky(),
    mutant(
        "errors.none-on-success",
        "listed-now-and-then",
        "a search lists no errors now and then",
        || {
            let turns = Turns::default();
            replies(move |request: &Request, reply: &mut Reply| {
                if call(request) == Call::Search && turns.comes() {
                    reply.change(|body| body["errors"] = json!([]));
                }
            })
        },
    )
    .flaky(),
    mutant(
        "artifacts.taken",
        "otherwise-each-time",
        "a name already taken is answered with 409 and with 400 in turn",
        taken_otherwise,
    )
    .flaky(),
    mutant(
        "artifacts.not-writable",
        "open-now-and-then",
        "a stranger may now and then make a version",
        || strangers(|request, reply| call(request) == Call::Push && reply.status == 404),
    )
    .flaky(),
    mutant(
        "versions.counts-per-type",
        "twice-now-and-then",
        "a number is given twice now and then",
        number_twice,
    )
    .flaky(),
    mutant(
        "versions.same-again",
        "idempotent-now-and-then",
        "what has the content of an earlier version is now and then that version",
        || {
            let turns = Turns::default();
            Box::new(Idempotent::when(move || turns.comes()))
        },
    )
    .flaky(),
    mutant(
        "uploads.path-secret",
        "guessed-now-and-then",
        "bytes sent to a path that was never given out are taken now and then",
        || instead_of(Call::Upload, 404, json!({})),
    )
    .flaky(),
    mutant(
        "uploads.unfinished-hidden",
        "found-now-and-then",
        "a search finds now and then a version that awaits its file",
        || {
            let turns = Turns::default();
            unfinished_found(move |request| query(request).is_empty() && turns.comes())
        },
    )
    .flaky(),
    mutant(
        "uploads.half-hidden",
        "taken-now-and-then",
        "half a file is now and then taken for the whole",
        || {
            let turns = Turns::default();
            Box::new(HalfTaken::when(move || turns.comes()))
        },
    )
    .flaky(),
    mutant(
        "uploads.half-hidden",
        "otherwise-each-time",
        "half a file is taken for the whole, under another number and in another order each time",
        || Box::new(OtherwiseEachTime::default()),
    )
    .flaky(),
    mutant(
        "uploads.other-refused",
        "taken-now-and-then",
        "other bytes for a finished upload are now and then taken",
        || instead_of(Call::Upload, 409, json!({})),
    )
    .flaky(),
    mutant(
        "search.element-fields",
        "upload-shown-now-and-then",
        "a search shows now and then where the file of a version goes to",
        || {
            let turns = Turns::default();
            replies(move |request: &Request, reply: &mut Reply| {
                change_found(request, reply, |found| {
                    for version in found.iter_mut().filter(|_| turns.comes()) {
                        version["upload_path"] = "http://127.0.0.1/upload".into();
                    }
                });
            })
        },
    )
    .flaky(),
    mutant(
        "search.hidden-artifact",
        "open-now-and-then",
        "a stranger finds now and then what is hidden",
        || strangers(|request, reply| call(request) == Call::Search && reply.status == 404),
    )
    .flaky(),
];

/// The period of the wrong answers. It is longer than a check, so that the repeated check gets only correct answers.
const PERIOD: usize = 64;

/// A `Turns` selects the first of every [`PERIOD`] calls.
#[derive(Default)]
struct Turns(AtomicUsize);

impl Turns {
    fn comes(&self) -> bool {
        self.0
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(PERIOD)
    }
}

fn reads(request: &Request) -> bool {
    matches!(call(request), Call::Artifact | Call::Search | Call::File)
}

/// Returns a server that now and then answers a chosen request as if the artifact's maker had sent it.
fn strangers(is_chosen: fn(&Request, &Reply) -> bool) -> Box<dyn Interceptor> {
    let turns = Turns::default();
    AsMaker::boxed(false, move |request, reply| {
        is_chosen(request, reply) && turns.comes()
    })
}

/// Returns a server that now and then answers a call with success where this status would be correct.
fn instead_of(chosen: Call, status: u16, body: Value) -> Box<dyn Interceptor> {
    let turns = Turns::default();
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == chosen && reply.status == status && turns.comes() {
            answer(reply, 200, &body);
        }
    })
}

fn first_comer() -> Box<dyn Interceptor> {
    let (first, turns) = (Memory::<Option<String>>::default(), Turns::default());
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == Call::Authenticate && reply.status == 200 {
            first
                .open()
                .get_or_insert(token(request).unwrap_or_default());
        }
        if call(request) == Call::LogIn && reply.status == 200 && turns.comes() {
            let token = first.open().clone();
            reply.change(|body| body["token"] = token.into());
        }
    })
}

fn taken_otherwise() -> Box<dyn Interceptor> {
    let count = AtomicUsize::new(0);
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == Call::Create && reply.status == 422 {
            let is_even = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            refuse(reply, if is_even { 409 } else { 400 }, "It is taken");
        }
    })
}

fn number_twice() -> Box<dyn Interceptor> {
    let turns = Turns::default();
    replies(move |request: &Request, reply: &mut Reply| {
        change_made(request, reply, |made| {
            let number = made["version"].as_u64().unwrap_or_default();
            if number > 1 && turns.comes() {
                made["version"] = (number - 1).into();
            }
        });
    })
}

/// An `OtherwiseEachTime` accepts half a file as the whole, and each search shows the version in another way.
#[derive(Default)]
struct OtherwiseEachTime {
    half: HalfTaken,
    searches: AtomicUsize,
}

impl Interceptor for OtherwiseEachTime {
    fn request(&self, request: &mut Request) {
        self.half.request(request);
    }

    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        self.half.answer(request, emulator)
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        change_found(request, reply, |found| {
            let count = self.searches.fetch_add(1, Ordering::Relaxed);
            match (count % 3, found.len()) {
                (0, 2..) => drop(found.remove(0)),
                (1, 2..) => found.reverse(),
                (_, 2..) => found[0]["version"] = (count + 7).into(),
                _ => {}
            }
        });
    }
}
