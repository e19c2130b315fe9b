//! Sends hundreds of pushes and pulls over a network that disturbs a third of their requests. Whatever the
//! network does, no version is doubled or half visible, every reported success is true, and every run ends.
//! `SOAK_SEED` and `SOAK_PUSHES` select another run, or a longer one.
//!
//! The test has a process of its own, so that no other test runs beside it: many of its faults are timeouts
//! of a second, which would hit requests that are not in the plan on busy processors.
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
use trial::{End, Environment, Outcome, TOKEN, trial};

use crate::support::client;

/// The run without variables. It meets every kind of fault, which few others of its length do.
const SEED: u64 = 1;
const PUSHES: u64 = 200;

/// The number of concurrent trials. They wait most of the time.
const AT_ONCE: usize = 32;

/// The number of failures that are printed with their whole journal.
const DETAILED: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_no_version_is_doubled_or_half_visible() {
    let (seed, pushes) = (variable("SOAK_SEED", SEED), variable("SOAK_PUSHES", PUSHES));
    let atlas = MockAtlas::builder().token(TOKEN).journal(0).start().await;
    let atlas = atlas.unwrap();
    let environment = Arc::new(Environment {
        atlas: atlas.url().to_owned(),
        direct: client(atlas.url(), TOKEN),
        seed,
    });
    let trials = stream::iter(0..pushes);
    let trials = trials.map(|number| tokio::spawn(trial(Arc::clone(&environment), number)));
    let mut all = Vec::new();
    let mut trials = trials.buffer_unordered(AT_ONCE);
    while let Some(outcome) = trials.next().await {
        all.push(outcome.unwrap());
    }
    let wrong: Vec<_> = all
        .iter()
        .filter(|outcome| !outcome.wrong.is_empty())
        .collect();
    let texts = wrong.iter().enumerate();
    let texts: Vec<_> = texts
        .map(|(at, outcome)| text(outcome, at < DETAILED))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {pushes} pushes went wrong; SOAK_SEED={seed} SOAK_PUSHES={pushes} repeats it:\n\n{}",
        wrong.len(),
        texts.join("\n")
    );
    if (seed, pushes) == (SEED, PUSHES) {
        assert_enough_faults(&all);
    }
}

fn variable(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    let number = text.parse();
    number.unwrap_or_else(|error| panic!("{name}={text}: give a whole number ({error})"))
}

/// Returns the failures of a push and, if `is_full`, its whole journal.
fn text(outcome: &Outcome, is_full: bool) -> String {
    let mut text = format!("{}\n  {}\n", outcome.what, outcome.wrong.join("\n  "));
    if is_full {
        // A lost version is searched for many times.
        for same in outcome.journal.chunk_by(|line, next| line == next) {
            text += &format!("    {} x {}\n", same.len(), same[0]);
        }
    }
    text
}

/// Asserts that the run had enough faults to prove something.
fn assert_enough_faults(all: &[Outcome]) {
    let mut tally = Tally::default();
    all.iter().for_each(|outcome| tally.add(&outcome.tally));
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
    let ended = |is: fn(&End) -> bool| all.iter().any(|outcome| is(&outcome.first));
    assert!(ended(|end| matches!(end, End::Done(_))), "none was done");
    assert!(ended(|end| matches!(end, End::Failed(_))), "none failed");
    let in_doubt = ended(|end| matches!(end, End::InDoubt(_)));
    assert!(in_doubt, "none was in doubt");
}
