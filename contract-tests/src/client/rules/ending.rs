//! These rules are about the exit status and the output of the command.

use axum::http::Method;

use crate::{
    client::{
        observation::{Call, Observation, Version, is_api},
        rule::{Rule, each, rule},
    },
    failure::{CheckResult, require, violation},
    self_test::proxy::{Reply, Transaction},
    suite::clause::Evidence::{Client, Thread},
};

pub(super) const RULES: &[Rule] = &[
    rule(
        "client.success-told",
        "it ends as a success where all goes well",
        &[Client],
        success_told,
    ),
    rule(
        "client.failure-told",
        "it ends as a failure when a version, or the file of one, was not taken",
        &[Client],
        failure_told,
    ),
    rule(
        "client.token-not-shown",
        "the token is in nothing that it prints",
        &[Thread],
        token_not_shown,
    ),
    rule(
        "client.upload-path-not-shown",
        "no upload_path is in what it prints: who has it can write the file",
        &[Thread],
        upload_path_not_shown,
    ),
];

fn success_told(observed: &Observation) -> Option<CheckResult> {
    let faultless = observed
        .scenario
        .is_faultless()
        .then_some(observed.ended.success);
    each(faultless, |success| require(success, "success", "failure"))
}

fn failure_told(observed: &Observation) -> Option<CheckResult> {
    let complete: Vec<_> = observed.versions().filter(Version::is_complete).collect();
    let is_made = |asked: &Transaction| complete.iter().any(|it| it.is_asked_by(&asked.request));
    // A client cannot know of a version whose reply was lost, and may have asked for another one instead.
    let mut asked = observed.calls(Call::CreateVersion).filter(|it| !it.lost);
    let is_missing = asked.any(|it| !is_made(it));
    let has_failed = is_missing || observed.transactions.iter().any(is_failure);
    has_failed.then(|| {
        let boxes: Vec<_> = observed.box_uploads().collect();
        let has_boxes = !boxes.is_empty() && boxes.iter().all(|it| it.arrived().is_some());
        let is_there = !is_missing && (!complete.is_empty() || has_boxes);
        let expected = "failure: a version, or its file, is not there";
        require(is_there || !observed.ended.success, expected, "success")
    })
}

/// Tells whether a step of a push failed. It is no failure that an artifact does not exist yet, or exists already.
fn is_failure(transaction: &Transaction) -> bool {
    let request = &transaction.request;
    let harmless = match Call::of(request) {
        Some(Call::ShowArtifact) => 404,
        Some(Call::CreateArtifact) => 422,
        Some(Call::Authenticate | Call::CreateVersion) => 200,
        None if request.method == Method::PUT && !is_api(request.path()) => 200,
        None => return false,
    };
    let is_fine = |reply: &Reply| reply.succeeded() || reply.status == harmless;
    !transaction.delivered().is_some_and(is_fine)
}

fn token_not_shown(observed: &Observation) -> Option<CheckResult> {
    let shown = observed.ended.output.contains(&observed.token);
    Some(require(!shown, "no token in its output", "the token"))
}

fn upload_path_not_shown(observed: &Observation) -> Option<CheckResult> {
    each(observed.upload_paths(), |path| {
        // The last segment is the secret part of the path.
        let key = path.rsplit('/').next().unwrap_or_default();
        if observed.ended.output.contains(key) {
            return Err(violation("no upload_path in its output", path));
        }
        Ok(())
    })
}
