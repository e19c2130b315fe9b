//! These mutants are wrong about permissions: who may see and who may write an artifact.

use futures_util::future::BoxFuture;

use super::{
    Mutant, answers,
    memory::CreatorTokens,
    mutant, replies,
    wire::{Call, call, refuse, token, with_token},
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "auth.hidden-like-missing",
        "forbidden",
        "an artifact that is hidden is answered with 403",
        || hidden(|reply| reply.status = 403),
    ),
    mutant(
        "auth.hidden-like-missing",
        "explained",
        "the 404 of a hidden artifact says that it is there",
        || hidden(|reply| refuse(reply, 404, "You may not see this artifact")),
    ),
    mutant(
        "auth.no-token-writes",
        "not-found",
        "a version that nobody may make is answered with 404",
        || {
            replies(|request, reply| {
                if call(request) == Call::Push && token(request).is_none() {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant(
        "auth.no-token-writes",
        "made-first",
        "a version is made before the token is looked for",
        || {
            CreatorImpersonator::boxed(true, |request, _| {
                call(request) == Call::Push && token(request).is_none()
            })
        },
    ),
    mutant(
        "auth.no-token-reads",
        "unauthorised",
        "what is not public is answered with 401",
        || {
            replies(|request, reply| {
                let reads = matches!(call(request), Call::Artifact | Call::Search | Call::File);
                if reads && token(request).is_none() && reply.status == 404 {
                    refuse(reply, 401, "Unauthorized");
                }
            })
        },
    ),
    mutant(
        "auth.no-token-reads",
        "open-search",
        "everybody finds everything",
        || {
            CreatorImpersonator::boxed(false, |request, _| {
                call(request) == Call::Search && token(request).is_none()
            })
        },
    ),
    mutant(
        "auth.unknown-token",
        "as-none",
        "an unknown token is as good as none: an artifact is not found",
        || {
            replies(|request, reply| {
                if call(request) == Call::Artifact && reply.status == 401 {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant(
        "auth.unknown-token",
        "writes",
        "any token makes versions",
        || {
            CreatorImpersonator::boxed(false, |request, reply| {
                call(request) == Call::Push && token(request).is_some() && reply.status == 401
            })
        },
    ),
    mutant(
        "auth.unknown-token-public",
        "public-first",
        "for what is public no token is checked",
        public_first,
    ),
    mutant(
        "auth.public-search",
        "asks-for-token",
        "a search needs a token, also of what is public",
        || without_token_missing(Call::Search),
    ),
    mutant(
        "auth.public-download",
        "asks-for-token",
        "a download needs a token, also of what is public",
        || without_token_missing(Call::File),
    ),
];

/// Returns a server that changes the reply for an artifact that exists but is hidden from the caller.
fn hidden(change: fn(&mut Reply)) -> Box<dyn Interceptor> {
    let creators = CreatorTokens::default();
    replies(move |request: &Request, reply: &mut Reply| {
        creators.learn(request, reply);
        let hidden = call(request) == Call::Artifact && creators.of(request).is_some();
        if hidden && token(request).is_some() && reply.status == 404 {
            change(reply);
        }
    })
}

fn without_token_missing(chosen: Call) -> Box<dyn Interceptor> {
    replies(move |request: &Request, reply: &mut Reply| {
        if call(request) == chosen && token(request).is_none() {
            refuse(reply, 404, "Resource not found!");
        }
    })
}

/// A predicate that chooses requests, with their correct replies, for a wrong answer.
type Choice = dyn Fn(&Request, &Reply) -> bool + Send + Sync;

/// A `CreatorImpersonator` executes chosen requests with the token of the artifact's creator, whoever sent them.
pub(super) struct CreatorImpersonator {
    creators: CreatorTokens,
    is_chosen: Box<Choice>,
    secretly: bool,
}

impl CreatorImpersonator {
    /// Returns a server that executes the chosen requests as the artifact's creator, and sends the creator's reply or,
    /// if `secretly`, the correct one.
    pub(super) fn boxed(
        secretly: bool,
        is_chosen: impl Fn(&Request, &Reply) -> bool + Send + Sync + 'static,
    ) -> Box<dyn Interceptor> {
        Box::new(Self {
            creators: CreatorTokens::default(),
            is_chosen: Box::new(is_chosen),
            secretly,
        })
    }
}

impl Interceptor for CreatorImpersonator {
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let correct = emulator.answer(request).await;
            self.creators.learn(request, &correct);
            let creator = self.creators.of(request);
            if creator.is_none() || !(self.is_chosen)(request, &correct) {
                return correct;
            }
            let request = with_token(request, creator.as_deref());
            let wrong = emulator.answer(&request).await;
            if self.secretly { correct } else { wrong }
        })
    }
}

fn public_first() -> Box<dyn Interceptor> {
    answers(|request, emulator| {
        Box::pin(async move {
            let reply = emulator.answer(request).await;
            if reply.status != 401 {
                return reply;
            }
            let public = emulator.answer(&with_token(request, None)).await;
            if public.status == 200 { public } else { reply }
        })
    })
}
