//! A good uploader keeps every rule, and the report on another one names the rules that it breaks.

use atlas_contract_tests::{
    client::{
        judge::{Options, judge},
        rule::Profile,
        scenario::Scenario,
    },
    report::Status,
    self_test::proxy::Reply,
};
use clap::ValueEnum;

use super::{assert_kept, judged, with};
use crate::support::uploader::{GOOD, Step, Uploader};

#[tokio::test]
async fn a_good_uploader_keeps_every_rule_and_every_rule_had_its_occasion() {
    let mut observed = Vec::new();
    for scenario in Scenario::value_variants() {
        for has_file in [true, false] {
            let uploader = Uploader { has_file, ..GOOD };
            observed.push(uploader.observed(*scenario).await);
        }
    }
    let reports = judged(&observed, Profile::PostProcessor);
    let passed = with(&reports, Status::Pass);
    assert_kept(&reports);
    assert_eq!(passed, super::rules_of_artifacts().collect());
}

#[tokio::test]
async fn of_a_lost_reply_nothing_arrives_and_what_was_asked_is_done() {
    for (scenario, step) in [
        (Scenario::VersionLost, "POST"),
        (Scenario::UploadLost, "PUT"),
    ] {
        let observed = GOOD.observed(scenario).await;
        assert!(!observed.ended.success, "{scenario}");
        let last = observed.transactions.last().unwrap();
        assert_eq!((last.request.method.as_str(), last.lost), (step, true));
        assert!(last.reply.as_ref().is_some_and(Reply::succeeded));
        assert!(last.delivered().is_none());
    }
}

#[tokio::test]
async fn what_a_script_may_skip_is_not_asked_of_it() {
    let script = Uploader {
        steps: &[Step::Create, Step::Version, Step::Upload],
        creates_always: true,
        change: |step, request| {
            if step == Step::Upload {
                request.carry(b"a raw image");
            }
        },
        ..GOOD
    };
    let observed = [script.observed(Scenario::Fresh).await];
    assert_kept(&judged(&observed, Profile::Any));
    let reports = judged(&observed, Profile::PostProcessor);
    let broken = with(&reports, Status::Fail);
    let expected = [
        "client.artifact-looked-up",
        "client.artifact-made-on-404",
        "client.authenticates-first",
        "client.upload-is-gzip",
    ];
    assert_eq!(broken, expected.into());
}

#[tokio::test]
async fn a_strict_judge_makes_a_failure_of_a_difference_and_a_filter_skips() {
    let doubling = Uploader {
        steps: &[
            Step::Authenticate,
            Step::Show,
            Step::Create,
            Step::Version,
            Step::Version,
        ],
        has_file: false,
        is_careless: true,
        ..GOOD
    };
    let observed = [doubling.observed(Scenario::VersionLost).await];
    let options = Options {
        profile: Profile::Any,
        filters: vec!["lost-reply".to_owned()],
        strict: true,
    };
    let reports = judge(&observed, &options);
    assert_eq!(
        with(&reports, Status::Fail),
        ["client.lost-reply-no-double"].into()
    );
    assert_eq!(with(&reports, Status::Skip).len(), reports.len() - 1);
}

#[tokio::test]
async fn a_report_names_the_scenario_and_the_request_and_no_secret() {
    let loud = Uploader {
        change: |step, request| {
            if step == Step::Upload {
                request.header("Content-Type", "application/gzip");
            }
        },
        prints: |token, path| format!("{token} {path}"),
        ..GOOD
    };
    let observed = [loud.observed(Scenario::Existing).await];
    let reports = judged(&observed, Profile::Any);
    let text: Vec<_> = reports.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    let expected = "scenario  existing\n            expected  no Content-Type\n            came      Content-Type application/gzip\n            request   PUT /_binstore/[upload path]";
    assert!(text.contains(expected), "{text}");
    let paths = observed[0]
        .transactions
        .iter()
        .filter_map(|it| it.reply.as_ref()?.upload_path());
    let secrets: Vec<_> = paths.chain([observed[0].token.clone()]).collect();
    assert_eq!(secrets.len(), 2);
    for secret in secrets {
        assert!(
            !text.contains(secret.trim_start_matches("/_binstore/")),
            "{text}"
        );
    }
}
