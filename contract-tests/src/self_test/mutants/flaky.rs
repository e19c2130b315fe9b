//! Flaky mutants are wrong only now and then, or in another way each time, so that a comparison of two replies does not
//! find them.
//!
//! A clause that says "never" must find such a mutant by a single wrong reply; another clause, because it never holds.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{
    Mutant,
    access::CreatorImpersonator,
    memory::Memory,
    mutant, replies,
    uploads::{IncompleteUploadAcceptor, unfinished_found},
    versions::Idempotent,
    wire::{Call, answer, call, change_found, change_made, query, refuse, token},
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "auth.hidden-like-missing",
        "open-now-and-then",
        "a stranger may now and then see what is hidden",
        || sometimes_as_creator(|request, reply| reads(request) && reply.status == 404),
    )
    .flaky(),
    mutant(
        "auth.no-token-writes",
        "open-now-and-then",
        "nobody may now and then make a version",
        || {
            sometimes_as_creator(|request, _| {
                call(request) == Call::Push && token(request).is_none()
            })
        },
    )
    .flaky(),
    mutant(
        "auth.no-token-reads",
        "open-now-and-then",
        "nobody may now and then see what is not public",
        || sometimes_as_creator(|request, _| reads(request) && token(request).is_none()),
    )
    .flaky(),
    mutant(
        "auth.unknown-token",
        "open-now-and-then",
        "an unknown token is now and then as good as any",
        || sometimes_as_creator(|request, reply| token(request).is_some() && reply.status == 401),
    )
    .flaky(),
    mutant(
        "auth.authenticate-refuses",
        "known-now-and-then",
        "whoever asks is now and then somebody",
        || {
            let guest = json!({"user": {"username": "guest"}});
            sometimes_success(Call::Authenticate, 401, guest)
        },
    )
    .flaky(),
    mutant(
        "auth.login",
        "first-comer-now-and-then",
        "a login gets now and then the token of the first who came",
        sometimes_first_token,
    )
    .flaky(),
    mutant(
        "auth.login-refuses",
        "any-password-now-and-then",
        "every login gets a token now and then",
        || sometimes_success(Call::LogIn, 401, json!({"token": "of-nobody"})),
    )
    .flaky(),
    mutant(
        "auth.token-check",
        "good-now-and-then",
        "any token is good now and then",
        || sometimes_success(Call::CheckToken, 401, json!({})),
    )
    .flaky(),
    mutant(
        "errors.none-on-success",
        "listed-now-and-then",
        "a search lists no errors now and then",
        || {
            let schedule = FaultSchedule::default();
            replies(move |request: &Request, reply: &mut Reply| {
                if call(request) == Call::Search && schedule.is_due() {
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
        alternating_conflict_status,
    )
    .flaky(),
    mutant(
        "artifacts.not-writable",
        "open-now-and-then",
        "a stranger may now and then make a version",
        || {
            sometimes_as_creator(|request, reply| {
                call(request) == Call::Push && reply.status == 404
            })
        },
    )
    .flaky(),
    mutant(
        "versions.counts-per-type",
        "twice-now-and-then",
        "a number is given twice now and then",
        sometimes_repeated_number,
    )
    .flaky(),
    mutant(
        "versions.same-again",
        "idempotent-now-and-then",
        "what has the content of an earlier version is now and then that version",
        || {
            let schedule = FaultSchedule::default();
            Box::new(Idempotent::when(move || schedule.is_due()))
        },
    )
    .flaky(),
    mutant(
        "uploads.path-secret",
        "guessed-now-and-then",
        "bytes sent to a path that was never given out are taken now and then",
        || sometimes_success(Call::Upload, 404, json!({})),
    )
    .flaky(),
    mutant(
        "uploads.unfinished-hidden",
        "found-now-and-then",
        "a search finds now and then a version that awaits its file",
        || {
            let schedule = FaultSchedule::default();
            unfinished_found(move |request| query(request).is_empty() && schedule.is_due())
        },
    )
    .flaky(),
    mutant(
        "uploads.half-hidden",
        "taken-now-and-then",
        "half a file is now and then taken for the whole",
        || {
            let schedule = FaultSchedule::default();
            Box::new(IncompleteUploadAcceptor::when(move || schedule.is_due()))
        },
    )
    .flaky(),
    mutant(
        "uploads.half-hidden",
        "otherwise-each-time",
        "half a file is taken for the whole, under another number and in another order each time",
        || Box::new(InconsistentSearch::default()),
    )
    .flaky(),
    mutant(
        "uploads.other-refused",
        "taken-now-and-then",
        "other bytes for a finished upload are now and then taken",
        || sometimes_success(Call::Upload, 409, json!({})),
    )
    .flaky(),
    mutant(
        "search.element-fields",
        "upload-shown-now-and-then",
        "a search shows now and then where the file of a version goes to",
        || {
            let schedule = FaultSchedule::default();
            replies(move |request: &Request, reply: &mut Reply| {
                change_found(request, reply, |found| {
                    for version in found.iter_mut().filter(|_| schedule.is_due()) {
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
        || {
            sometimes_as_creator(|request, reply| {
                call(request) == Call::Search && reply.status == 404
            })
        },
    )
    .flaky(),
];

/// The period of the wrong answers. It is longer than a check, so that the repeated check gets only correct answers.
const FAULT_PERIOD: usize = 64;

/// A `FaultSchedule` selects the first of every [`FAULT_PERIOD`] calls.
#[derive(Default)]
pub(super) struct FaultSchedule(AtomicUsize);

impl FaultSchedule {
    pub(super) fn is_due(&self) -> bool {
        self.0
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(FAULT_PERIOD)
    }
}

fn reads(request: &Request) -> bool {
    matches!(call(request), Call::Artifact | Call::Search | Call::File)
}

/// Returns a server that now and then answers a chosen request as if the artifact's creator had sent it.
fn sometimes_as_creator(is_chosen: fn(&Request, &Reply) -> bool) -> Box<dyn Interceptor> {
    let schedule = FaultSchedule::default();
    CreatorImpersonator::boxed(false, move |request, reply| {
        is_chosen(request, reply) && schedule.is_due()
    })
}

/// Returns a server that now and then answers a call with success where this status would be correct.
fn sometimes_success(chosen: Call, status: u16, body: Value) -> Box<dyn Interceptor> {
    let schedule = FaultSchedule::default();
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == chosen && reply.status == status && schedule.is_due() {
            answer(reply, 200, &body);
        }
    })
}

fn sometimes_first_token() -> Box<dyn Interceptor> {
    let (first, schedule) = (
        Memory::<Option<String>>::default(),
        FaultSchedule::default(),
    );
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == Call::Authenticate && reply.status == 200 {
            first
                .lock()
                .get_or_insert(token(request).unwrap_or_default());
        }
        if call(request) == Call::LogIn && reply.status == 200 && schedule.is_due() {
            let token = first.lock().clone();
            reply.change(|body| body["token"] = token.into());
        }
    })
}

fn alternating_conflict_status() -> Box<dyn Interceptor> {
    let count = AtomicUsize::new(0);
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == Call::Create && reply.status == 422 {
            let is_even = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            refuse(reply, if is_even { 409 } else { 400 }, "It is taken");
        }
    })
}

fn sometimes_repeated_number() -> Box<dyn Interceptor> {
    let schedule = FaultSchedule::default();
    replies(move |request: &Request, reply: &mut Reply| {
        change_made(request, reply, |made| {
            let number = made["version"].as_u64().unwrap_or_default();
            if number > 1 && schedule.is_due() {
                made["version"] = (number - 1).into();
            }
        });
    })
}

/// An `InconsistentSearch` accepts incomplete uploads, and each search shows the versions in another way.
#[derive(Default)]
struct InconsistentSearch {
    uploads: IncompleteUploadAcceptor,
    searches: AtomicUsize,
}

impl Interceptor for InconsistentSearch {
    fn request(&self, request: &mut Request) {
        self.uploads.request(request);
    }

    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        self.uploads.answer(request, emulator)
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
