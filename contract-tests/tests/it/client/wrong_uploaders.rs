//! Each rule fails for an uploader with one fault.

use std::collections::BTreeSet;

use atlas_contract_tests::{
    client::{
        rule::Profile,
        rules,
        scenario::Scenario::{
            self, Existing, Fresh, TokenRefused, UploadLost, UploadRefused, UploadUnavailable,
            VersionLost,
        },
    },
    report::Status,
};

use super::{judged, with};
use crate::support::uploader::{
    GOOD, PUSH, RawRequest,
    Step::{self, Authenticate, Create, Search, Show, Upload, Version},
    Uploader,
};

/// A wrong uploader with the rules that it breaks, its own rule first, and its scenario.
struct Wrong(&'static [&'static str], Scenario, Uploader);

const TWICE: &[Step] = &[Authenticate, Show, Create, Version, Upload, Version, Upload];

fn changed(change: fn(Step, &mut RawRequest)) -> Uploader {
    Uploader { change, ..GOOD }
}

fn steps(steps: &'static [Step]) -> Uploader {
    Uploader { steps, ..GOOD }
}

fn careless(steps: &'static [Step], has_file: bool) -> Uploader {
    Uploader {
        steps,
        has_file,
        is_careless: true,
        ..GOOD
    }
}

fn wrong_uploaders() -> Vec<Wrong> {
    [calls(), fields(), uploads(), versions(), ending()]
        .into_iter()
        .flatten()
        .collect()
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
    assert_eq!(broken, super::rules_of_artifacts().collect());
}

/// Returns uploaders that make the wrong calls.
fn calls() -> Vec<Wrong> {
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
                change: |step, request| {
                    if step == Search {
                        request.target = format!("/api/v1{}", request.target);
                    }
                },
                ..careless(&[Authenticate, Show, Version, Upload, Search], true)
            },
        ),
        Wrong(
            &["client.api-path-once"],
            Existing,
            Uploader {
                change: |step, request| {
                    if step == Search {
                        request.target = request.target.replace("/api/v1", "");
                    }
                },
                ..careless(&[Authenticate, Show, Version, Upload, Search], true)
            },
        ),
        Wrong(
            &["client.token-sent"],
            Fresh,
            changed(|step, request| {
                if step == Show {
                    request.headers.clear();
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
    ]
}

/// Returns uploaders that send wrong fields.
fn fields() -> Vec<Wrong> {
    vec![
        Wrong(
            &["client.artifact-fields"],
            Fresh,
            changed(|step, request| {
                if step == Create {
                    request.replace(r#""name""#, r#""private":true,"name""#);
                }
            }),
        ),
        Wrong(
            &["client.version-fields"],
            Fresh,
            changed(|step, request| {
                if step == Version {
                    request.replace(r#""file""#, r#""colour":"red","file""#);
                }
            }),
        ),
        Wrong(
            &["client.version-fields"],
            Fresh,
            changed(|step, request| {
                if step == Version {
                    request.replace(
                        r#"{"artifact_version""#,
                        r#"{"access":"TOKEN","artifact_version""#,
                    );
                }
            }),
        ),
        Wrong(
            &["client.version-fields", "client.success-told"],
            Fresh,
            changed(|step, request| {
                if step == Version {
                    request.headers.retain(|(name, _)| name != "Content-Type");
                    request.header("Content-Type", "application/x-www-form-urlencoded");
                }
            }),
        ),
        Wrong(
            &["client.id-is-text", "client.success-told"],
            Fresh,
            changed(|step, request| {
                if step == Version {
                    request.replace(r#""File""#, "7");
                }
            }),
        ),
        Wrong(
            &["client.file-is-flag", "client.success-told"],
            Fresh,
            changed(|step, request| {
                if step == Version {
                    request.replace("true", r#""true""#);
                }
            }),
        ),
        Wrong(
            &["client.build-ids-are-numbers", "client.success-told"],
            Fresh,
            changed(|step, request| {
                if step == Version {
                    request.replace(r#""compile_id":0"#, r#""compile_id":"0""#);
                }
            }),
        ),
        Wrong(
            &["client.metadata-is-texts"],
            Fresh,
            changed(|step, request| {
                if step == Version {
                    request.replace(r#""v""#, "3");
                }
            }),
        ),
    ]
}

/// Returns uploaders that send their file wrongly.
fn uploads() -> Vec<Wrong> {
    vec![
        Wrong(
            &[
                "client.upload-path",
                "client.file-follows",
                "client.success-told",
            ],
            Fresh,
            changed(|step, request| {
                if step == Upload {
                    request.target = "/elsewhere".to_owned();
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
            changed(|step, request| {
                if step == Upload {
                    request.method = "POST".to_owned();
                }
            }),
        ),
        Wrong(
            &["client.upload-without-token"],
            Fresh,
            changed(|step, request| {
                if step == Upload {
                    request.header("Authorization", "Bearer another");
                }
            }),
        ),
        Wrong(
            &["client.upload-without-token"],
            Fresh,
            changed(|step, request| {
                if step == Upload {
                    request.target += "?access_token=T";
                }
            }),
        ),
        Wrong(
            &["client.upload-without-type"],
            Fresh,
            changed(|step, request| {
                if step == Upload {
                    request.header("Content-Type", "application/gzip");
                }
            }),
        ),
        Wrong(
            &["client.upload-with-length", "client.upload-is-gzip"],
            Fresh,
            changed(|step, request| {
                if step == Upload {
                    request.carry(&[]);
                    request.length = None;
                }
            }),
        ),
        Wrong(
            &["client.upload-is-gzip"],
            Fresh,
            changed(|step, request| {
                if step == Upload {
                    request.carry(b"a raw image");
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
            changed(|step, request| {
                if step == Upload {
                    request.length = Some(request.body.len() * 2);
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
    ]
}

/// Returns uploaders that make a version or send its file again.
fn versions() -> Vec<Wrong> {
    vec![
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
    ]
}

/// Returns uploaders that tell the wrong outcome, or a secret.
fn ending() -> Vec<Wrong> {
    vec![
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
                change: |step, request| {
                    if step == Search {
                        request.method = "POST".to_owned();
                        request.target = "/api/v1/artifacts/acme/web/a%40b".to_owned();
                        request.carry(br#"{"artifact_version":{"id":"x","file":false}}"#);
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
