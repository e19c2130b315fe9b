//! Uploaders before a witness: genuine ones keep the rules, and each rule is broken by one that is wrong in one thing.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the verdict")]

mod support;

use std::collections::BTreeSet;

use atlas_contract_tests::{
    client::{
        judge::{Options, judge},
        observed::{Ended, Observed},
        rule::Profile,
        rules,
        scenario::Scenario,
        witness::Witness,
    },
    report::{ClauseReport, Status},
    self_test::proxy::{Passage, Reply, Request},
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clap::ValueEnum;
use serde_json::Value;
use support::uploader::{Ask, GOOD, PUSH, Step, Uploader, send};

fn judged(observed: &[Observed], profile: Profile) -> Vec<ClauseReport> {
    let options = Options {
        profile,
        filters: Vec::new(),
        strict: false,
    };
    judge(observed, &options)
}

fn with(reports: &[ClauseReport], status: Status) -> BTreeSet<&str> {
    let reports = reports.iter().filter(|it| it.status == status);
    reports.map(|it| it.id.as_str()).collect()
}

/// Nothing is wrong.
fn assert_kept(reports: &[ClauseReport]) {
    let wrong = reports.iter();
    let wrong = wrong.filter(|it| !matches!(it.status, Status::Pass | Status::Disabled));
    let wrong: Vec<_> = wrong.map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A wrong uploader: the rules it breaks, the one it is meant for first, and what it meets.
struct Wrong(&'static [&'static str], Scenario, Uploader);

fn wrong_uploaders() -> Vec<Wrong> {
    use Scenario::{
        Existing, Fresh, TokenRefused, UploadLost, UploadRefused, UploadUnavailable, VersionLost,
    };
    use Step::{Authenticate, Create, Search, Show, Upload, Version};
    let changed = |change| Uploader { change, ..GOOD };
    let steps = |steps| Uploader { steps, ..GOOD };
    let careless = |steps, has_file| Uploader {
        steps,
        has_file,
        is_careless: true,
        ..GOOD
    };
    const TWICE: &[Step] = &[Authenticate, Show, Create, Version, Upload, Version, Upload];
    vec![
        Wrong(&["client.authenticates-first"], Fresh, steps(&PUSH[1..])),
        Wrong(
            &["client.authenticates-first"],
            Existing,
            steps(&[Show, Authenticate, Version, Upload]),
        ),
        Wrong(
            &["client.refusal-ends-it"],
            TokenRefused,
            Uploader {
                says: Some(false),
                ..careless(&PUSH[..4], true)
            },
        ),
        Wrong(
            &["client.api-path-once"],
            Existing,
            Uploader {
                change: |step, ask| {
                    if step == Search {
                        ask.target = format!("/api/v1{}", ask.target);
                    }
                },
                ..careless(&[Authenticate, Show, Version, Upload, Search], true)
            },
        ),
        Wrong(
            &["client.api-path-once"],
            Existing,
            Uploader {
                change: |step, ask| {
                    if step == Search {
                        ask.target = ask.target.replace("/api/v1", "");
                    }
                },
                ..careless(&[Authenticate, Show, Version, Upload, Search], true)
            },
        ),
        Wrong(
            &["client.token-sent"],
            Fresh,
            changed(|step, ask| {
                if step == Show {
                    ask.headers.clear();
                }
            }),
        ),
        Wrong(
            &["client.artifact-looked-up"],
            Existing,
            steps(&[Authenticate, Version, Upload]),
        ),
        Wrong(
            &["client.artifact-made-on-404"],
            Existing,
            Uploader {
                creates_always: true,
                ..careless(&PUSH, true)
            },
        ),
        Wrong(
            &["client.artifact-fields"],
            Fresh,
            changed(|step, ask| {
                if step == Create {
                    ask.replace(r#""name""#, r#""private":true,"name""#);
                }
            }),
        ),
        Wrong(
            &["client.version-fields"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.replace(r#""file""#, r#""colour":"red","file""#);
                }
            }),
        ),
        Wrong(
            &["client.version-fields"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.replace(
                        r#"{"artifact_version""#,
                        r#"{"access":"TOKEN","artifact_version""#,
                    );
                }
            }),
        ),
        Wrong(
            &["client.version-fields", "client.success-told"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.headers.retain(|(name, _)| name != "Content-Type");
                    ask.header("Content-Type", "application/x-www-form-urlencoded");
                }
            }),
        ),
        Wrong(
            &["client.id-is-text", "client.success-told"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.replace(r#""File""#, "7");
                }
            }),
        ),
        Wrong(
            &["client.file-is-flag", "client.success-told"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.replace("true", r#""true""#);
                }
            }),
        ),
        Wrong(
            &["client.build-ids-are-numbers", "client.success-told"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.replace(r#""compile_id":0"#, r#""compile_id":"0""#);
                }
            }),
        ),
        Wrong(
            &["client.metadata-is-texts"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.replace(r#""v""#, "3");
                }
            }),
        ),
        Wrong(
            &["client.no-vagrant-box"],
            Fresh,
            changed(|step, ask| {
                if step == Version {
                    ask.target = ask.target.replace("custom.image", "vagrant.box");
                    ask.replace(r#""k""#, r#""provider""#);
                }
            }),
        ),
        Wrong(
            &[
                "client.upload-path",
                "client.file-follows",
                "client.success-told",
            ],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.target = "/elsewhere".to_owned();
                }
            }),
        ),
        Wrong(
            &[
                "client.upload-path",
                "client.file-follows",
                "client.success-told",
            ],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.method = "POST".to_owned();
                }
            }),
        ),
        Wrong(
            &["client.upload-without-token"],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.header("Authorization", "Bearer another");
                }
            }),
        ),
        Wrong(
            &["client.upload-without-token"],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.target += "?access_token=T";
                }
            }),
        ),
        Wrong(
            &["client.upload-without-type"],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.header("Content-Type", "application/gzip");
                }
            }),
        ),
        Wrong(
            &["client.upload-with-length", "client.upload-is-gzip"],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.carry(&[]);
                    ask.length = None;
                }
            }),
        ),
        Wrong(
            &["client.upload-is-gzip"],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.carry(b"a raw image");
                }
            }),
        ),
        Wrong(
            &["client.file-follows", "client.failure-told"],
            Fresh,
            steps(&[Authenticate, Show, Create, Version]),
        ),
        Wrong(
            &["client.file-follows", "client.success-told"],
            Fresh,
            changed(|step, ask| {
                if step == Upload {
                    ask.length = Some(ask.body.len() * 2);
                }
            }),
        ),
        Wrong(
            &["client.file-sent-once"],
            Fresh,
            steps(&[Authenticate, Show, Create, Version, Upload, Upload]),
        ),
        Wrong(
            &["client.no-file-no-upload", "client.success-told"],
            Fresh,
            Uploader {
                has_file: false,
                uploads_always: true,
                ..GOOD
            },
        ),
        Wrong(&["client.version-made-once"], Fresh, steps(TWICE)),
        Wrong(
            &["client.version-made-once"],
            Fresh,
            Uploader {
                has_file: false,
                ..steps(TWICE)
            },
        ),
        Wrong(
            &["client.upload-retried-alone"],
            UploadUnavailable,
            careless(TWICE, true),
        ),
        Wrong(
            &["client.lost-reply-no-double"],
            UploadLost,
            careless(TWICE, true),
        ),
        Wrong(
            &["client.lost-reply-no-double"],
            VersionLost,
            careless(TWICE, false),
        ),
        Wrong(
            &["client.success-told"],
            Fresh,
            Uploader {
                says: Some(false),
                ..GOOD
            },
        ),
        Wrong(
            &["client.failure-told"],
            UploadRefused,
            careless(&PUSH, true),
        ),
        Wrong(
            &["client.failure-told"],
            Fresh,
            Uploader {
                // The second of two versions is refused for its type.
                change: |step, ask| {
                    if step == Search {
                        ask.method = "POST".to_owned();
                        ask.target = "/api/v1/artifacts/acme/web/a%40b".to_owned();
                        ask.carry(br#"{"artifact_version":{"id":"x","file":false}}"#);
                    }
                },
                ..careless(&[Authenticate, Show, Create, Version, Upload, Search], true)
            },
        ),
        Wrong(
            &["client.failure-told"],
            TokenRefused,
            Uploader {
                says: Some(true),
                ..GOOD
            },
        ),
        Wrong(
            &["client.token-not-shown"],
            Fresh,
            Uploader {
                prints: |token, _| format!("X-Atlas-Token: {token}\n"),
                ..GOOD
            },
        ),
        Wrong(
            &["client.upload-path-not-shown"],
            Fresh,
            Uploader {
                prints: |_, path| format!("PUT {path}\n"),
                ..GOOD
            },
        ),
    ]
}

#[tokio::test]
async fn a_wrong_uploader_breaks_the_rule_it_is_meant_for_and_no_other() {
    for Wrong(broken, scenario, uploader) in wrong_uploaders() {
        let observed = uploader.observed(scenario).await;
        let reports = judged(&[observed], Profile::PostProcessor);
        let (failed, differs) = (
            with(&reports, Status::Fail),
            with(&reports, Status::Difference),
        );
        let all: BTreeSet<_> = failed.union(&differs).copied().collect();
        assert_eq!(all, broken.iter().copied().collect(), "{broken:?}");
        for rule in rules::all().filter(|rule| all.contains(rule.id)) {
            assert_eq!(failed.contains(rule.id), rule.required(), "{}", rule.id);
        }
    }
}

#[test]
fn every_rule_can_be_broken() {
    let broken: BTreeSet<_> = wrong_uploaders().iter().map(|it| it.0[0]).collect();
    assert_eq!(broken, rules::all().map(|rule| rule.id).collect());
}

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
    assert_eq!(passed, rules::all().map(|rule| rule.id).collect());
}

#[tokio::test]
async fn of_a_lost_reply_nothing_arrives_and_what_was_asked_is_done() {
    for (scenario, step) in [
        (Scenario::VersionLost, "POST"),
        (Scenario::UploadLost, "PUT"),
    ] {
        let observed = GOOD.observed(scenario).await;
        assert!(!observed.ended.success, "{scenario}");
        let last = observed.passed.last().unwrap();
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
        change: |step, ask| {
            if step == Step::Upload {
                ask.carry(b"a raw image");
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
        change: |step, ask| {
            if step == Step::Upload {
                ask.header("Content-Type", "application/gzip");
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
        .passed
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

/// A request of a recording; an upload is filled up to its size.
fn recorded_ask(request: &Value, token: &str) -> Ask {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers = request["headers"].as_array().unwrap().iter();
    let headers =
        headers.map(|header| (text(&header[0]), text(&header[1]).replace("TOKEN", token)));
    let of_the_connection = ["Host", "Connection", "Content-Length"];
    let body = match &request["body"] {
        Value::String(text) => text.clone().into_bytes(),
        upload => {
            assert_eq!(upload["magic"], "1f8b0800");
            let mut bytes = vec![0x1f, 0x8b, 8, 0];
            bytes.resize(upload["bytes"].as_u64().unwrap() as usize, b'.');
            bytes
        }
    };
    Ask {
        method: text(&request["method"]),
        target: text(&request["target"]),
        headers: headers
            .clone()
            .filter(|(name, _)| !of_the_connection.contains(&name.as_str()))
            .collect(),
        length: headers
            .clone()
            .find_map(|(name, value)| (name == "Content-Length").then(|| value.parse().unwrap())),
        body,
    }
}

fn recording(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const FILE_BUILDER: &str = include_str!("../testdata/wire/packer-1.2.5-file-builder.jsonl");
const AMAZON_EBS: &str = include_str!("../testdata/wire/packer-1.2.5-amazon-ebs.jsonl");
const PACKER_PUSH: &str = include_str!("../testdata/wire/packer-1.2.5-push.jsonl");
const ATLAS_UPLOAD: &str = include_str!("../testdata/wire/atlas-upload-cli-0.2.0.jsonl");

/// What was recorded, with what a stand-in answered then.
fn observed_then(lines: &str) -> Observed {
    let token = "the-token-of-then";
    let passed = recording(lines).into_iter().map(|line| {
        let ask = recorded_ask(&line["request"], token);
        let mut headers = HeaderMap::new();
        let length = ask
            .length
            .map(|it| ("Content-Length".to_owned(), it.to_string()));
        for (name, value) in ask.headers.into_iter().chain(length) {
            let name = HeaderName::try_from(name).unwrap();
            headers.insert(name, HeaderValue::try_from(value).unwrap());
        }
        let answered = &line["answered"];
        Passage {
            request: Request {
                method: ask.method.parse().unwrap(),
                target: ask.target,
                headers,
                body: ask.body.into(),
                whole: true,
            },
            reply: Some(Reply::new(
                answered["status"].as_u64().unwrap().try_into().unwrap(),
                answered["body"].to_string(),
            )),
            lost: false,
        }
    });
    Observed {
        scenario: Scenario::Fresh,
        token: token.to_owned(),
        passed: passed.collect(),
        ended: Ended {
            success: true,
            output: String::new(),
        },
    }
}

/// What was recorded, sent again to a witness.
async fn observed_now(lines: &str, scenario: Scenario) -> Observed {
    let witness = Witness::start(scenario, "hashicorp/foobar").await.unwrap();
    let mut upload_path = None;
    for line in recording(lines) {
        let mut ask = recorded_ask(&line["request"], witness.token());
        if ask.method == "PUT" {
            ask.target = upload_path.take().unwrap();
        }
        let (status, body) = send(witness.url(), &ask).await.unwrap();
        assert_eq!(line["answered"]["status"], status);
        let given = body["upload_path"].as_str();
        upload_path = given.map(|it| it.replace(witness.url(), ""));
    }
    witness.observed(true, String::new())
}

/// The rules that a push with a file gives occasion to where all goes well and the artifact is missing.
fn rules_of_a_push() -> BTreeSet<&'static str> {
    let others = [
        "client.refusal-ends-it",
        "client.no-file-no-upload",
        "client.upload-retried-alone",
        "client.lost-reply-no-double",
        "client.failure-told",
    ];
    let ids = rules::all().map(|rule| rule.id);
    ids.filter(|id| !others.contains(id)).collect()
}

#[tokio::test]
async fn packers_own_pushes_keep_the_rules_then_and_now() {
    for observed in [
        observed_then(FILE_BUILDER),
        observed_now(FILE_BUILDER, Scenario::Fresh).await,
    ] {
        let reports = judged(&[observed], Profile::PostProcessor);
        assert_kept(&reports);
        assert_eq!(with(&reports, Status::Pass), rules_of_a_push());
    }
    for observed in [
        observed_then(AMAZON_EBS),
        observed_now(AMAZON_EBS, Scenario::Existing).await,
    ] {
        let reports = judged(&[observed], Profile::PostProcessor);
        assert_kept(&reports);
        let passed = with(&reports, Status::Pass);
        assert!(passed.contains("client.no-file-no-upload"), "{passed:?}");
        assert!(!passed.contains("client.file-follows"), "{passed:?}");
    }
}

#[test]
fn genuine_clients_of_other_resources_upload_by_the_same_rules() {
    for lines in [PACKER_PUSH, ATLAS_UPLOAD] {
        let reports = judged(&[observed_then(lines)], Profile::Any);
        assert_kept(&reports);
        let passed = with(&reports, Status::Pass);
        for rule in [
            "api-path-once",
            "upload-path",
            "upload-without-token",
            "upload-without-type",
        ] {
            assert!(passed.contains(format!("client.{rule}").as_str()), "{rule}");
        }
    }
}
