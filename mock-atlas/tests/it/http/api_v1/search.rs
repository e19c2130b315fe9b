//! Tests `GET /api/v1/artifacts/:username/:name/:type/search`: the form of its replies. The tests of the storage
//! cover which versions a search finds.

use serde_json::json;

use crate::support::{FILE, Fixture, NOT_FOUND};

#[tokio::test]
async fn an_element_has_the_recorded_fields_and_no_upload_path() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture
        .make_version(json!({"id": "x", "metadata": {"b": "2", "a": "1"}}))
        .await;
    insta::assert_snapshot!(
        fixture
            .get(&format!("{FILE}/search?version=latest"))
            .await
            .body
    );
}

#[tokio::test]
async fn no_match_is_an_empty_list_and_no_artifact_an_error() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    assert_eq!(
        fixture.get(&format!("{FILE}/search")).await.body,
        r#"{"versions":[]}"#
    );
    let missing = fixture
        .get("/api/v1/artifacts/acme/other/aws.ami/search")
        .await;
    assert_eq!(
        (missing.status.as_u16(), missing.body.as_str()),
        (404, NOT_FOUND)
    );
}

#[tokio::test]
async fn a_version_that_awaits_its_file_is_not_found() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"one").await;
    fixture.make_version(json!({"id": "x", "file": true})).await;
    for query in ["", "version=latest", "version=any", "version=1"] {
        assert_eq!(fixture.found(query).await, [1], "{query}");
    }
    assert!(fixture.found("version=2").await.is_empty());
}

#[tokio::test]
async fn derived_metadata_can_be_searched_for() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let path = "/api/v1/artifacts/acme/web/amazon.image";
    let version = json!({"id": "x", "metadata": {"region.us-east-1": "ami-1"}});
    let made = fixture.post(path, json!({ "artifact_version": version }));
    assert_eq!(made.await.status, 200);
    let query = "metadata.3.key=ami_id&metadata.3.value=ami-1";
    let found = fixture.get(&format!("{path}/search?{query}")).await;
    assert_eq!(found.json()["versions"][0]["version"], 1);
}
