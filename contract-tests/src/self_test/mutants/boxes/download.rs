//! These mutants are wrong about the files of boxes.

use axum::http::header::{CONTENT_RANGE, RANGE};

use super::{
    super::{
        Mutant, mutant, replies, requests,
        wire::{refuse, token},
    },
    memory::OwnerImpersonator,
    wire::{BoxCall, box_call, elements},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.download",
        "no-default",
        "a file has no address without an architecture",
        || {
            replies(|request, reply| {
                let without = !request.path().ends_with("/vagrant.box");
                if box_call(request) == BoxCall::File && without {
                    refuse(reply, 404, "Resource not found!");
                }
            })
        },
    ),
    mutant(
        "boxes.download-range",
        "whole",
        "a Range is not heeded",
        || requests(|request| drop(request.headers.remove(RANGE))),
    ),
    mutant(
        "boxes.download-range-at-end",
        "unsatisfiable",
        "a Range that begins at the end is answered with 416 and a Content-Range",
        range_refused,
    ),
    mutant(
        "boxes.download-immutable",
        "one-address",
        "the bytes of a provider have one address, whatever they are",
        || {
            replies(|request, reply| {
                if box_call(request) == BoxCall::Document {
                    reply.change(|body| {
                        let versions = elements(body, "versions").into_iter();
                        let mut providers = versions.flat_map(|it| elements(it, "providers"));
                        providers.by_ref().for_each(|it| {
                            it["url"] = stable(it["url"].as_str().unwrap_or_default()).into();
                        });
                    });
                }
            })
        },
    ),
    mutant(
        "boxes.download-private",
        "open",
        "everybody gets the file of a private box",
        || {
            OwnerImpersonator::boxed(|request, _| {
                box_call(request) == BoxCall::File && token(request).is_none()
            })
        },
    ),
    mutant(
        "boxes.download-private",
        "no-query",
        "access_token does not count for a file",
        || {
            requests(|request: &mut Request| {
                if box_call(request) == BoxCall::File {
                    request.target = request.target.replace("access_token=", "token=");
                }
            })
        },
    ),
];

/// Returns the address of a provider's file without the part that names the bytes.
fn stable(address: &str) -> String {
    let segments: Vec<_> = address.split('/').collect();
    match &segments[..] {
        [path @ .., _, file] => format!("{}/{file}", path.join("/")),
        _ => address.to_owned(),
    }
}

fn range_refused() -> Box<dyn Interceptor> {
    replies(|request: &Request, reply: &mut Reply| {
        let size = reply.body.len();
        let from_end = format!("bytes={size}-");
        let range = request.headers.get(RANGE);
        let asked = range.is_some_and(|it| it.as_bytes() == from_end.as_bytes());
        if box_call(request) == BoxCall::File && reply.status == 200 && asked {
            refuse(reply, 416, "Range not satisfiable");
            if let Ok(range) = format!("bytes */{size}").parse() {
                reply.headers.insert(CONTENT_RANGE, range);
            }
        }
    })
}
