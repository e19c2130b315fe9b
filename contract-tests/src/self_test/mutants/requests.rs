//! These mutants are wrong about the forms in which clients write a request.

use axum::http::Method;

use super::{
    Mutant, mutant, replies, requests,
    wire::{content_type, refuse, replace},
};
use crate::self_test::proxy::Request;

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "requests.json",
        "plus",
        "in JSON too a plus stands for a space",
        || {
            requests(|request| {
                if content_type(request) == "application/json" {
                    replace(request, "+", " ");
                }
            })
        },
    ),
    mutant(
        "requests.json-without-type",
        "type-required",
        "a body without a Content-Type is answered with 415",
        || {
            replies(|request, reply| {
                if request.method == Method::POST && content_type(request).is_empty() {
                    refuse(reply, 415, "A Content-Type is required");
                }
            })
        },
    ),
    mutant(
        "requests.form",
        "names-encoded",
        "the names in a form are taken as they stand",
        || requests(|request| in_form(request, "%5B", "%255B")),
    ),
    mutant(
        "requests.form",
        "numbers-lost",
        "a build in a form is overlooked",
        || requests(|request| in_form(request, "%5Bbuild_id%5D", "%5Bbuild%5D")),
    ),
    mutant(
        "requests.form-of-curl",
        "brackets",
        "a bracket in a form must be percent-encoded",
        || {
            replies(|request, reply| {
                if is_form(request) && request.body.contains(&b'[') {
                    refuse(reply, 400, "A bracket is no character of a form");
                }
            })
        },
    ),
];

fn is_form(request: &Request) -> bool {
    content_type(request) == "application/x-www-form-urlencoded"
}

fn in_form(request: &mut Request, from: &str, to: &str) {
    if is_form(request) {
        replace(request, from, to);
    }
}
