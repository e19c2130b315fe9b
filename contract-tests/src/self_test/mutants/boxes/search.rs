//! These mutants are wrong about searching boxes, and about the boxes of a user.

use std::collections::HashMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    super::{
        Mutant,
        memory::Memory,
        mutant, replies, requests,
        wire::{change_query, value},
    },
    wire::{BoxCall, box_call, change, elements, is},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.search",
        "counted",
        "a search tells the number of boxes, too",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Search], |body| {
                    body["total"] = 1.into()
                });
            })
        },
    ),
    mutant(
        "boxes.search",
        "whole",
        "a search shows the versions of each box",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::Search], |body| {
                    elements(body, "boxes")
                        .into_iter()
                        .for_each(|it| it["versions"] = json!([]));
                });
            })
        },
    ),
    mutant(
        "boxes.search-active",
        "all",
        "a search finds boxes that have no released version",
        unreleased_found,
    ),
    mutant(
        "boxes.search-terms",
        "names-only",
        "q matches names alone",
        || {
            replies(|request, reply| {
                let q = value(request, "q").unwrap_or_default().to_lowercase();
                change(request, reply, &[BoxCall::Search], |body| {
                    if let Some(boxes) = body["boxes"].as_array_mut() {
                        boxes.retain(|it| it["tag"].to_string().to_lowercase().contains(&q));
                    }
                });
            })
        },
    ),
    mutant(
        "boxes.search-filters",
        "providers-ignored",
        "provider is not heeded",
        || unheeded("provider"),
    ),
    mutant(
        "boxes.search-filters",
        "architectures-ignored",
        "architecture is not heeded",
        || unheeded("architecture"),
    ),
    mutant(
        "boxes.search-pages",
        "one-page",
        "page is not heeded",
        || unheeded("page"),
    ),
    mutant(
        "boxes.search-pages",
        "unlimited",
        "limit is not heeded",
        || unheeded("limit"),
    ),
    mutant(
        "boxes.search-order",
        "descending",
        "order is not heeded",
        || unheeded("order"),
    ),
    mutant(
        "boxes.search-order",
        "newest",
        "a search begins with the newest box",
        || {
            requests(|request| {
                if box_call(request) == BoxCall::Search && value(request, "sort").is_none() {
                    change_query(request, |pairs| {
                        pairs.push(("sort".to_owned(), "created".to_owned()));
                    });
                }
            })
        },
    ),
    mutant(
        "boxes.user",
        "whole",
        "a user's boxes have their versions",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::User], |body| {
                    elements(body, "boxes")
                        .into_iter()
                        .for_each(|it| it["versions"] = json!([]));
                });
            })
        },
    ),
    mutant(
        "boxes.user-lists-all",
        "one-page",
        "a user's boxes are ten at most",
        || {
            replies(|request, reply| {
                change(request, reply, &[BoxCall::User], |body| {
                    body["boxes"]
                        .as_array_mut()
                        .into_iter()
                        .for_each(|it| it.truncate(10));
                });
            })
        },
    ),
];

/// Returns a server that overlooks a parameter of a search.
fn unheeded(parameter: &'static str) -> Box<dyn Interceptor> {
    requests(move |request: &mut Request| {
        if box_call(request) == BoxCall::Search {
            change_query(request, |pairs| pairs.retain(|(key, _)| key != parameter));
        }
    })
}

fn unreleased_found() -> Box<dyn Interceptor> {
    let made = Memory::<HashMap<String, Value>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        if is(request, &Method::POST, BoxCall::Boxes) && reply.status == 200 {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let name = body["name"].as_str().unwrap_or_default().to_owned();
            made.lock().insert(name, body);
        }
        let q = value(request, "q").unwrap_or_default();
        let missing = made.lock().get(&q).cloned();
        change(request, reply, &[BoxCall::Search], |body| {
            if let (Some(missing), Some(boxes)) = (missing, body["boxes"].as_array_mut())
                && boxes.is_empty()
            {
                boxes.push(missing);
            }
        });
    })
}
