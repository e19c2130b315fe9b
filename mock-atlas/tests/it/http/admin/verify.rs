//! Tests `/_mock/verify`, `MockAtlas::verify` and the command, which compare requests with expectations.

use mock_atlas::Expectations;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fixture, Reply, printed, run};

async fn pushed() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    fixture
}

async fn verify(fixture: &Fixture, expected: Value) -> Reply {
    fixture.mock(Method::POST, "/verify", Some(expected)).await
}

#[tokio::test]
async fn a_push_is_verified_by_the_library() {
    let fixture = pushed().await;
    let push = Expectations::new()
        .expect("POST /api/v1/artifacts 200 with artifact.name exactly 1")
        .and_then(|all| all.expect("POST /api/v1/artifacts/acme/web/{type} exactly 1"))
        .and_then(|all| all.expect("PUT /_binstore/{upload} 200 exactly 1"))
        .unwrap()
        .in_order();
    fixture.atlas.verify(&push).unwrap();

    let pull = "GET /api/v1/artifacts/acme/web/custom.image/{version}/file";
    let pull = Expectations::new().expect(pull).unwrap();
    let unmet = fixture.atlas.verify(&pull).unwrap_err();
    // `unwrap` shows the `Debug` form, which is the same text as the `Display` form.
    assert_eq!(format!("{unmet:?}"), unmet.to_string());
    assert!(unmet.to_string().contains("it came 0 times"), "{unmet}");
}

#[tokio::test]
async fn the_api_answers_the_verdict_for_programs_and_for_people() {
    let fixture = pushed().await;
    let good = json!({"expect": ["PUT /_binstore/{upload} 200"]});
    let reply = verify(&fixture, good).await;
    assert_eq!(reply.status, 200);
    let verdict = reply.json();
    assert_eq!(
        (&verdict["verified"], &verdict["requests"]),
        (&json!(true), &json!(3))
    );

    let bad = json!({"expect": ["PUT /_binstore/{upload} 503"]});
    let verdict = verify(&fixture, bad).await.json();
    assert_eq!(verdict["verified"], false);
    let failure = &verdict["failures"][0];
    assert_eq!(
        failure["expected"],
        "PUT /_binstore/{upload} 503 at least 1"
    );
    let miss = &failure["nearest"][0];
    assert_eq!((&miss["number"], &miss["status"]), (&json!(3), &json!(200)));
    assert_eq!(miss["because"], json!(["it was answered with 200"]));
    assert!(verdict["text"].as_str().unwrap().contains("nearest:"));
}

#[tokio::test]
async fn what_is_no_expectation_is_told_and_only_to_the_root_token() {
    let fixture = pushed().await;
    let reply = verify(&fixture, json!({"expect": ["PUT"]})).await;
    assert_eq!(reply.status, 422);
    assert!(
        reply.body.contains("a method and a route are expected"),
        "{}",
        reply.body
    );
    let ask = || fixture.anonymous(Method::POST, "/_mock/verify");
    for request in [ask(), ask().bearer_auth("RIVAL")] {
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn without_a_journal_nothing_is_verified() {
    let fixture = Fixture::with(|builder| builder.journal(0)).await;
    let never = Expectations::new()
        .expect("GET /api/v1/token exactly 0")
        .unwrap();
    let unmet = fixture.atlas.verify(&never).unwrap_err().to_string();
    assert!(unmet.contains("the journal is off"), "{unmet}");
}

#[tokio::test]
async fn the_command_is_an_exit_code_and_a_list() {
    let fixture = pushed().await;
    let atlas = &fixture.atlas;
    let upload = "PUT /_binstore/{upload} exactly 1";
    let said = printed(atlas, &["verify", "--expect", upload]).await;
    assert_eq!(said, "as expected, 3 requests were compared\n");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("push.json");
    let expected = r#"{"expect": ["POST /api/v1/artifacts"], "in_order": true}"#;
    std::fs::write(&file, expected).unwrap();
    let file = file.to_str().unwrap();
    printed(atlas, &["verify", file, "--expect", upload]).await;

    let arguments = [
        "verify",
        "--in-order",
        "--expect",
        upload,
        "--expect",
        "* /api/v1/artifacts",
    ];
    let wrong = run(atlas, "ROOT", &arguments).await;
    let stderr = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("it did not come after #3 PUT /_binstore/{hidden} 200"),
        "{stderr}"
    );

    let arguments = ["verify", "--output", "json", "--expect", "PUT /a"];
    let wrong = run(atlas, "ROOT", &arguments).await;
    assert_eq!(wrong.status.code(), Some(1));
    let verdict: Value = serde_json::from_slice(&wrong.stdout).unwrap();
    assert_eq!(verdict["verified"], false);

    for arguments in [&["verify"][..], &["verify", "--expect", "PUT"]] {
        let output = run(atlas, "ROOT", arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let nothing = run(atlas, "ROOT", &["verify", "--in-order"]).await;
    let stderr = String::from_utf8(nothing.stderr).unwrap();
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr.contains("the document expects nothing"), "{stderr}");
    std::fs::write(file, r#"{"expect": ["PUT"]}"#).unwrap();
    let mistaken = run(atlas, "ROOT", &["verify", file]).await;
    let stderr = String::from_utf8(mistaken.stderr).unwrap();
    assert!(stderr.contains("push.json: "), "{stderr}");
}
