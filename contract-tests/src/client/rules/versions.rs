//! These rules are about versions: a version with a file gets the file, and no version is made twice.

use axum::http::Method;

use crate::{
    client::{
        observation::{Observation, Version, require, violation},
        rule::{Rule, each, rule},
    },
    failure::CheckResult,
    self_test::proxy::Transaction,
    suite::clause::Evidence::{Client, Inferred},
};

pub(super) const RULES: &[Rule] = &[
    rule(
        "client.file-follows",
        "a version with a file gets all bytes of it",
        &[Client],
        file_follows,
    ),
    rule(
        "client.file-sent-once",
        "a file that has arrived is not sent again",
        &[Client],
        file_sent_once,
    ),
    rule(
        "client.no-file-no-upload",
        "a version without a file gets no upload",
        &[Client],
        no_file_no_upload,
    ),
    rule(
        "client.version-made-once",
        "a version that the server confirmed, with its file, is not made again",
        &[Client],
        version_made_once,
    ),
    rule(
        "client.upload-retried-alone",
        "after a failed upload the bytes are sent again, and no other version is made for them",
        &[Inferred],
        upload_retried_alone,
    ),
    rule(
        "client.lost-reply-no-double",
        "after a lost reply no version stands there twice",
        &[Inferred],
        lost_reply_no_double,
    ),
];

fn file_follows(observed: &Observation) -> Option<CheckResult> {
    let versions = observed.known_versions().filter(|it| it.has_file);
    each(versions, |version| {
        let request = &version.transaction.request;
        let is_whole =
            |it: &Transaction| it.request.method == Method::PUT && it.request.is_complete;
        let came = match version.uploads().count() {
            0 => "no upload",
            _ => "none that was whole",
        };
        require(version.uploads().any(is_whole), "all bytes", came, request)
    })
}

fn file_sent_once(observed: &Observation) -> Option<CheckResult> {
    let versions = observed.known_versions();
    each(
        versions.filter(|it| it.uploads().next().is_some()),
        |version| {
            let mut uploads = version.uploads().skip_while(|it| !is_confirmed(it));
            match uploads.nth(1) {
                None => Ok(()),
                Some(again) => Err(violation("one upload", "another one", &again.request)),
            }
        },
    )
}

fn no_file_no_upload(observed: &Observation) -> Option<CheckResult> {
    let versions = observed.known_versions().filter(|it| !it.has_file);
    each(versions, |version| match version.uploads().next() {
        None => Ok(()),
        Some(upload) => Err(violation("no upload", "one", &upload.request)),
    })
}

fn version_made_once(observed: &Observation) -> Option<CheckResult> {
    not_asked_again(observed.versions().filter(Version::is_confirmed))
}

fn upload_retried_alone(observed: &Observation) -> Option<CheckResult> {
    let has_failed = |it: &Transaction| it.delivered().is_some_and(|reply| reply.status >= 500);
    let versions = observed.known_versions();
    not_asked_again(versions.filter(|version| version.uploads().any(has_failed)))
}

fn lost_reply_no_double(observed: &Observation) -> Option<CheckResult> {
    observed.transactions.iter().any(|it| it.lost).then(|| {
        let complete: Vec<_> = observed.versions().filter(Version::is_complete).collect();
        let pairs = complete.iter().enumerate().flat_map(|(at, version)| {
            let later = complete.iter().skip(at + 1);
            later.map(move |twin| (version, &twin.transaction.request))
        });
        for (version, twin) in pairs {
            let is_twin = version.is_asked_by(twin);
            require(!is_twin, "one version", "another one like it", twin)?;
        }
        Ok(())
    })
}

fn not_asked_again<'a>(versions: impl Iterator<Item = Version<'a>>) -> Option<CheckResult> {
    each(versions, |version| match version.asked_again() {
        None => Ok(()),
        Some(again) => Err(violation(
            "one version",
            "another one like it",
            &again.request,
        )),
    })
}

fn is_confirmed(transaction: &Transaction) -> bool {
    transaction
        .delivered()
        .is_some_and(|reply| reply.succeeded())
}
