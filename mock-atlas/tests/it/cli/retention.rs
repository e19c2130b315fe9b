//! Tests `mock-atlas retention`.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fixture, printed, run};

const RULES: &str = r#"
    [[artifact]]
    name = "acme/*"
    type = "custom.*"
    keep_last = 2
    keep_metadata = { release = "true" }

    [[artifact]]
    name = "acme/web"
    keep_latest_of_build = true

    [[box]]
    name = "acme/*"
    keep_last = 1
"#;

/// Adds versions to a box, whose files are elsewhere, and releases them.
async fn add_versions(fixture: &Fixture, name: &str, numbers: &[&str]) {
    let of = format!("/api/v2/box/{name}");
    let file = json!({"provider": {"name": "virtualbox", "url": "http://127.0.0.1/a.box"}});
    for number in numbers {
        for (path, body) in [
            (
                "versions".to_owned(),
                json!({"version": {"version": number}}),
            ),
            (format!("version/{number}/providers"), file.clone()),
        ] {
            let made = fixture.post(&format!("{of}/{path}"), body).await;
            assert_eq!(made.status, 200, "{}", made.body);
        }
        let release = format!("{of}/version/{number}/release");
        let released = fixture.request(Method::PUT, &release).send().await.unwrap();
        assert_eq!(released.status(), 200);
    }
}

/// Six versions of `acme/web`, some of builds, and one with metadata that keeps it; a type and an artifact that no
/// rule is about; and a box of three versions.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for version in [
        json!({"id": "1", "metadata": {"release": "true"}}),
        json!({"id": "2", "build_id": 7}),
        json!({"id": "3", "build_id": 7}),
        json!({"id": "4"}),
        json!({"id": "5"}),
        json!({"id": "6"}),
    ] {
        fixture.make_version(version).await;
    }
    fixture.make_artifact("rival", "web").await;
    for path in ["rival/web/custom.image", "acme/web/amazon.image"] {
        for _ in 0..3 {
            let path = format!("/api/v1/artifacts/{path}");
            let made = fixture.post(&path, json!({"artifact_version": {}})).await;
            assert_eq!(made.status, 200, "{}", made.body);
        }
    }
    fixture.push_box().await;
    add_versions(&fixture, "acme/debian", &["1.10.0", "1.9.0"]).await;
    // One that is not released, and has no file yet, is not counted.
    let body = json!({"version": {"version": "2.0.0"}});
    let made = fixture.post("/api/v2/box/acme/debian/versions", body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    fixture
}

fn rules(folder: &Path, text: &str) -> String {
    let file = folder.join("rules.toml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

async fn report(fixture: &Fixture, arguments: &[&str]) -> (Vec<String>, Value) {
    let all = [&["retention", "--output", "json"], arguments].concat();
    let report: Value = serde_json::from_str(&printed(&fixture.atlas, &all).await).unwrap();
    let removed = report["removed"].as_array().unwrap().iter();
    let removed = removed.map(|one| one["version"].as_str().unwrap().to_owned());
    (removed.collect(), report)
}

/// Returns all versions that are there, as a report names them.
async fn versions(fixture: &Fixture) -> Vec<String> {
    let lines = fixture.get("/_mock/contents").await.body;
    let (mut artifact, mut of_type, mut all) = (String::new(), String::new(), Vec::new());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if line["artifact"].is_object() {
            let of = &line["artifact"];
            artifact = format!("{}/{}", text(&of["owner"]), text(&of["name"]));
        } else if line["type"].is_object() {
            of_type = text(&line["type"]["type"]);
        } else if line["version"].is_object() && of_type != "vagrant.box" {
            all.push(format!(
                "{artifact}/{of_type}/{}",
                line["version"]["number"]
            ));
        }
        for version in line["box"]["versions"].as_array().into_iter().flatten() {
            all.push(format!("{artifact} {}", text(&version["version"])));
        }
    }
    all.sort();
    all
}

#[tokio::test]
async fn a_preview_tells_what_is_removed_then_and_nothing_else_goes() {
    let (fixture, folder) = (fixture().await, tempfile::tempdir().unwrap());
    let rules = rules(folder.path(), RULES);
    let before = versions(&fixture).await;
    let (preview, report_of_preview) = report(&fixture, &[&rules]).await;
    assert_eq!(
        versions(&fixture).await,
        before,
        "a preview removes nothing"
    );
    assert_eq!(report_of_preview["applied"], false);

    let expected = [
        "acme/debian 1.0.0",
        "acme/debian 1.9.0",
        "acme/web/amazon.image/1",
        "acme/web/amazon.image/2",
        "acme/web/amazon.image/3",
        "acme/web/custom.image/2",
        "acme/web/custom.image/4",
    ];
    let mut sorted = preview.clone();
    sorted.sort();
    assert_eq!(sorted, expected);

    let (applied, report_of_run) = report(&fixture, &[&rules, "--apply"]).await;
    assert_eq!(applied, preview);
    assert_eq!(report_of_run["applied"], true);
    assert_eq!(report_of_run["bytes"], 5, "the file of the box");
    let mut left = before;
    left.retain(|version| !expected.contains(&version.as_str()));
    assert_eq!(versions(&fixture).await, left);

    let (again, _) = report(&fixture, &[&rules, "--apply"]).await;
    assert!(again.is_empty(), "{again:?}");
    // Each removal is in the audit.
    let audit = printed(&fixture.atlas, &["audit", "--json"]).await;
    assert!(
        audit.contains("/_mock/artifacts/acme/web/custom.image/4"),
        "{audit}"
    );
}

#[tokio::test]
async fn what_is_young_stays_and_the_text_says_what_to_do() {
    let (fixture, folder) = (fixture().await, tempfile::tempdir().unwrap());
    let young = "[[artifact]]\nname = \"*/*\"\nkeep_younger_than = \"1h\"";
    let young = rules(folder.path(), young);
    let text = printed(&fixture.atlas, &["retention", &young]).await;
    assert!(text.starts_with("0 of 15 versions"), "{text}");
    let old = rules(
        folder.path(),
        "[[artifact]]\nname = \"rival/*\"\nkeep_last = 1",
    );
    let text = printed(&fixture.atlas, &["retention", &old]).await;
    assert!(text.contains("rival/web/custom.image/2"), "{text}");
    assert!(
        text.contains("2 of 15 versions, with 0 bytes, would be removed"),
        "{text}"
    );
}

#[tokio::test]
async fn wrong_rules_and_a_wrong_token_are_named_and_remove_nothing() {
    let (fixture, folder) = (fixture().await, tempfile::tempdir().unwrap());
    let before = versions(&fixture).await;
    let good = rules(folder.path(), RULES);
    let refused = run(&fixture.atlas, "RIVAL", &["retention", &good, "--apply"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let empty = rules(folder.path(), "");
    let refused = run(&fixture.atlas, "ROOT", &["retention", &empty, "--apply"]).await;
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.contains("rules.toml: there is no rule"), "{stderr}");
    assert_eq!(versions(&fixture).await, before);
}

#[tokio::test]
async fn a_version_that_cannot_be_removed_keeps_no_other_from_its_removal() {
    let (fixture, folder) = (fixture().await, tempfile::tempdir().unwrap());
    let new = json!({"box": {"username": "rival", "name": "a", "is_private": true}});
    assert_eq!(fixture.post("/api/v2/boxes", new).await.status, 200);
    add_versions(&fixture, "rival/a", &["1.0.0", "1.1.0"]).await;
    let deactivate = "/vagrant/2022-09-30/registry/rival/deactivate";
    let deactivated = fixture.request(Method::PUT, deactivate).send().await;
    assert_eq!(deactivated.unwrap().status(), 200);

    let rules =
        "[[box]]\nname = \"*/*\"\nkeep_last = 1\n[[artifact]]\nname = \"*/*\"\nkeep_last = 2";
    let rules = self::rules(folder.path(), rules);
    let before = versions(&fixture).await;
    let ended = run(&fixture.atlas, "ROOT", &["retention", &rules, "--apply"]).await;
    assert_eq!(ended.status.code(), Some(1));
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(stderr.contains("not removed:\nrival/a 1.0.0: "), "{stderr}");
    let stdout = String::from_utf8(ended.stdout).unwrap();
    assert!(stdout.contains("removed 8 of 17 versions"), "{stdout}");
    assert_eq!(versions(&fixture).await.len(), before.len() - 8);
}
