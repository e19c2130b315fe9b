//! This module remembers who made which box, and how providers were told.

use std::collections::HashMap;

use axum::http::Method;
use futures_util::future::BoxFuture;

use super::{
    super::{
        memory::Memory,
        wire::{token, with_token},
    },
    wire::{BoxCall, body, box_call},
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

/// The tokens that made boxes, by the boxes' tags.
#[derive(Default)]
pub(super) struct Owners(Memory<HashMap<String, String>>);

impl Owners {
    /// Remembers the box if the request made one.
    pub(super) fn learn(&self, request: &Request, reply: &Reply) {
        let makes = request.method == Method::POST && box_call(request) == BoxCall::Boxes;
        if makes && reply.status == 200 {
            let told = body(request);
            let fields = told.get("box").unwrap_or(&told);
            let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
            let tag = format!("{}/{}", text("username"), text("name"));
            let token = token(request).unwrap_or_default();
            self.0.lock().insert(tag, token);
        }
    }

    /// Returns the token that made the box that a request is about.
    pub(super) fn of(&self, request: &Request) -> Option<String> {
        let segments: Vec<_> = request
            .path()
            .split('/')
            .filter(|it| !it.is_empty())
            .collect();
        let tag = match (box_call(request), &segments[..]) {
            (BoxCall::File, [user, _, name, ..]) | (_, ["api", _, _, user, name, ..]) => {
                format!("{user}/{name}")
            }
            (BoxCall::RootDocument, [user, name]) => format!("{user}/{name}"),
            _ => return None,
        };
        self.0.lock().get(&tag).cloned()
    }

    /// Tells whether a token made a box.
    pub(super) fn know(&self, token: &str) -> bool {
        self.0.lock().values().any(|it| it == token)
    }

    /// Tells whether a box was made by its own call.
    pub(super) fn made(&self, tag: &str) -> bool {
        self.0.lock().contains_key(tag)
    }
}

/// A predicate that chooses requests, with their correct replies, for a wrong answer.
type Choice = dyn Fn(&Request, &Reply) -> bool + Send + Sync;

/// An `OwnerImpersonator` answers chosen requests as if the owner of the box had sent them.
pub(super) struct OwnerImpersonator {
    owners: Owners,
    is_chosen: Box<Choice>,
}

impl OwnerImpersonator {
    /// Returns a server that answers the chosen requests as the owner's.
    pub(super) fn boxed(
        is_chosen: impl Fn(&Request, &Reply) -> bool + Send + Sync + 'static,
    ) -> Box<dyn Interceptor> {
        Box::new(Self {
            owners: Owners::default(),
            is_chosen: Box::new(is_chosen),
        })
    }
}

impl Interceptor for OwnerImpersonator {
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let correct = emulator.answer(request).await;
            self.owners.learn(request, &correct);
            let owner = self.owners.of(request);
            if owner.is_none() || !(self.is_chosen)(request, &correct) {
                return correct;
            }
            emulator
                .answer(&with_token(request, owner.as_deref()))
                .await
        })
    }
}
