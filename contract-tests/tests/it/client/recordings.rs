//! Genuine clients keep the rules, both in their recordings and when the recorded requests are sent again.

use std::collections::BTreeSet;

use atlas_contract_tests::{
    client::{
        observation::{Ended, Observation},
        recording_server::RecordingServer,
        rule::Profile,
        scenario::Scenario,
    },
    report::Status,
    self_test::proxy::{Reply, Request, Transaction},
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{assert_kept, judged, with};
use crate::support::uploader::{RawRequest, send};

/// Returns a recorded request; the body of an upload is filled up to its recorded size.
fn recorded_request(request: &Value, token: &str) -> RawRequest {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers = request["headers"].as_array().unwrap().iter();
    let headers =
        headers.map(|header| (text(&header[0]), text(&header[1]).replace("TOKEN", token)));
    let hop_by_hop = ["Host", "Connection", "Content-Length"];
    let body = match &request["body"] {
        Value::String(text) => text.clone().into_bytes(),
        upload => {
            assert_eq!(upload["magic"], "1f8b0800");
            let mut bytes = vec![0x1f, 0x8b, 8, 0];
            bytes.resize(upload["bytes"].as_u64().unwrap() as usize, b'.');
            bytes
        }
    };
    RawRequest {
        method: text(&request["method"]),
        target: text(&request["target"]),
        headers: headers
            .clone()
            .filter(|(name, _)| !hop_by_hop.contains(&name.as_str()))
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

const FILE_BUILDER: &str = include_str!("../../../testdata/wire/packer-1.2.5-file-builder.jsonl");
const AMAZON_EBS: &str = include_str!("../../../testdata/wire/packer-1.2.5-amazon-ebs.jsonl");
const PACKER_PUSH: &str = include_str!("../../../testdata/wire/packer-1.2.5-push.jsonl");
const ATLAS_UPLOAD: &str = include_str!("../../../testdata/wire/atlas-upload-cli-0.2.0.jsonl");

/// Returns the observation of a recording, with the recorded replies.
fn observed_then(lines: &str) -> Observation {
    let token = "the-token-of-then";
    let passed = recording(lines).into_iter().map(|line| {
        let request = recorded_request(&line["request"], token);
        let mut headers = HeaderMap::new();
        let length = request
            .length
            .map(|it| ("Content-Length".to_owned(), it.to_string()));
        for (name, value) in request.headers.into_iter().chain(length) {
            let name = HeaderName::try_from(name).unwrap();
            headers.insert(name, HeaderValue::try_from(value).unwrap());
        }
        let answered = &line["answered"];
        Transaction {
            request: Request {
                method: request.method.parse().unwrap(),
                target: request.target,
                headers,
                body: request.body.into(),
                is_complete: true,
            },
            reply: Some(Reply::new(
                answered["status"].as_u64().unwrap().try_into().unwrap(),
                answered["body"].to_string(),
            )),
            lost: false,
        }
    });
    Observation {
        scenario: Scenario::Fresh,
        token: token.to_owned(),
        transactions: passed.collect(),
        ended: Ended {
            success: true,
            output: String::new(),
        },
    }
}

/// Returns the observation of a recording whose requests are sent again, to a recording server.
async fn observed_now(lines: &str, scenario: Scenario) -> Observation {
    let server = RecordingServer::start(scenario, "hashicorp/foobar")
        .await
        .unwrap();
    let mut upload_path = None;
    for line in recording(lines) {
        let mut request = recorded_request(&line["request"], server.token());
        if request.method == "PUT" {
            request.target = upload_path.take().unwrap();
        }
        let (status, body) = send(server.url(), &request).await.unwrap();
        assert_eq!(line["answered"]["status"], status);
        let given = body["upload_path"].as_str();
        upload_path = given.map(|it| it.replace(server.url(), ""));
    }
    server.observed(true, String::new())
}

/// Returns the rules that apply to a successful push with a file when the artifact does not exist yet.
fn rules_of_a_push() -> BTreeSet<&'static str> {
    let others = [
        "client.refusal-ends-it",
        "client.no-file-no-upload",
        "client.upload-retried-alone",
        "client.lost-reply-no-double",
        "client.failure-told",
    ];
    let ids = super::rules_of_artifacts();
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
