//! These mutants are wrong about boxes only now and then.

use axum::http::Method;

use super::{
    super::{Mutant, flaky::FaultSchedule, mutant, uploads::IncompleteUploadAcceptor, wire::token},
    memory::OwnerImpersonator,
    wire::{BoxCall, box_call, is},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.hidden",
        "open-now-and-then",
        "a private box is now and then shown to everybody",
        || {
            sometimes_as_owner(|request, reply| {
                is(request, &Method::GET, BoxCall::Box) && reply.status == 404
            })
        },
    )
    .flaky(),
    mutant(
        "boxes.half-hidden",
        "taken-now-and-then",
        "half a box is now and then taken for the whole",
        || {
            let schedule = FaultSchedule::default();
            Box::new(IncompleteUploadAcceptor::when(move || schedule.is_due()))
        },
    )
    .flaky(),
    mutant(
        "boxes.download-private",
        "open-now-and-then",
        "everybody gets now and then the file of a private box",
        || {
            sometimes_as_owner(|request, _| {
                // The other addresses of a file lead to that of its bytes, which a token opens.
                let of_bytes = request.path().split('/').count() == 11;
                box_call(request) == BoxCall::File && of_bytes && token(request).is_none()
            })
        },
    )
    .flaky(),
    mutant(
        "boxes-add.private",
        "open-now-and-then",
        "everybody reads now and then the document of a private box",
        || {
            sometimes_as_owner(|request, _| {
                let document =
                    matches!(box_call(request), BoxCall::Document | BoxCall::RootDocument);
                document && token(request).is_none()
            })
        },
    )
    .flaky(),
];

/// Returns a server that now and then answers a chosen request as if the box's owner had sent it.
fn sometimes_as_owner(is_chosen: fn(&Request, &Reply) -> bool) -> Box<dyn Interceptor> {
    let schedule = FaultSchedule::default();
    OwnerImpersonator::boxed(move |request, reply| is_chosen(request, reply) && schedule.is_due())
}
