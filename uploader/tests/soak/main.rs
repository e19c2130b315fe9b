//! This test sends hundreds of pushes and pulls over a network that spoils a third of their requests. Whatever
//! the network does, no version is doubled or half visible, what is said to be done is done, and every run
//! ends. `SOAK_SEED` and `SOAK_PUSHES` make it another run, or a longer one.
//!
//! It has a process of its own, so that no other test runs beside it: many of its faults are timeouts of a
//! second, which befall other requests than the plan's on processors that are busy.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod http;
mod plan;
mod proxy;
#[allow(dead_code, reason = "the soak test uses a part of it")]
#[path = "../it/support/mod.rs"]
mod support;
mod trial;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use mock_atlas::MockAtlas;
use plan::{Answer, Fault, Tally};
use trial::{End, TOKEN, Told, World, trial};

use crate::support::client;

/// What a run is without variables. It meets every kind of fault, which few others of its length do.
const SEED: u64 = 1;
const PUSHES: u64 = 200;

/// Most of the time they wait.
const AT_ONCE: usize = 32;

/// So many failures are told with all that happened.
const TOLD: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_nothing_is_doubled_shown_by_half_or_said_in_vain() {
    let (seed, pushes) = (variable("SOAK_SEED", SEED), variable("SOAK_PUSHES", PUSHES));
    let atlas = MockAtlas::builder().token(TOKEN).journal(0).start().await;
    let atlas = atlas.unwrap();
    let world = Arc::new(World {
        atlas: atlas.url().to_owned(),
        direct: client(atlas.url(), TOKEN),
        seed,
    });
    let trials = stream::iter(0..pushes);
    let trials = trials.map(|number| tokio::spawn(trial(Arc::clone(&world), number)));
    let mut all = Vec::new();
    let mut trials = trials.buffer_unordered(AT_ONCE);
    while let Some(told) = trials.next().await {
        all.push(told.unwrap());
    }
    let wrong: Vec<_> = all.iter().filter(|told| !told.wrong.is_empty()).collect();
    let texts = wrong.iter().enumerate();
    let texts: Vec<_> = texts.map(|(at, told)| text(told, at < TOLD)).collect();
    assert!(
        wrong.is_empty(),
        "{} of {pushes} pushes went wrong; SOAK_SEED={seed} SOAK_PUSHES={pushes} repeats it:\n\n{}",
        wrong.len(),
        texts.join("\n")
    );
    if (seed, pushes) == (SEED, PUSHES) {
        assert_spoilt(&all);
    }
}

fn variable(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    let number = text.parse();
    number.unwrap_or_else(|error| panic!("{name}={text}: give a whole number ({error})"))
}

/// What went wrong with a push and, if it is told in full, all that happened.
fn text(told: &Told, is_full: bool) -> String {
    let mut text = format!("{}\n  {}\n", told.what, told.wrong.join("\n  "));
    if is_full {
        // A version that was lost is looked for many times.
        for same in told.journal.chunk_by(|line, next| line == next) {
            text += &format!("    {} x {}\n", same.len(), same[0]);
        }
    }
    text
}

/// A run that spoilt too little proves nothing.
fn assert_spoilt(all: &[Told]) {
    let mut tally = Tally::default();
    all.iter().for_each(|told| tally.add(&told.tally));
    let (requests, spoilt) = (tally.requests, tally.spoilt());
    assert!(
        spoilt * 5 > requests,
        "{spoilt} of {requests} is too little"
    );
    for kind in plan::kinds() {
        let met = tally.has(|fault| (fault.moment, fault.answer.kind()) == kind);
        assert!(met, "{kind:?} never happened");
    }
    for status in Answer::STATUSES {
        for is_done in [false, true] {
            let met = tally.has(|Fault { moment, answer }| {
                let is_it = matches!(answer, Answer::Status(met, _) if *met == status);
                is_it && moment.is_carried_out() == is_done
            });
            assert!(met, "{status} never happened, carried out: {is_done}");
        }
    }
    let ended = |is: fn(&End) -> bool| all.iter().any(|told| is(&told.first));
    assert!(ended(|end| matches!(end, End::Done(_))), "none was done");
    assert!(ended(|end| matches!(end, End::Failed(_))), "none failed");
    let doubted = ended(|end| matches!(end, End::InDoubt(_)));
    assert!(doubted, "none was in doubt");
}
