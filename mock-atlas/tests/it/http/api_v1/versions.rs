//! Tests `POST /api/v1/artifacts/:username/:name/:type`, which creates a version.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{FILE, Fixture, Reply, upload_path};

#[tokio::test]
async fn the_reply_is_the_version_with_its_upload_path_and_in_the_recorded_order() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = json!({"id": "us-east-1:ami-1", "file": false, "build_id": 0, "compile_id": 0,
        "metadata": {"region.us-east-1": "ami-1", "created_at": 5, "empty": ""}});
    let path = "/api/v1/artifacts/acme/web/amazon.image";
    let version = json!({ "artifact_version": version });
    let reply = fixture.post(path, version.clone()).await;
    let other = fixture.post(FILE, version).await.json();
    assert_eq!(other["metadata"].get("ami_id"), None, "of another type");
    let token = reply.json()["upload_token"].as_str().unwrap().to_owned();
    assert_eq!(
        upload_path(&reply.json()),
        format!("{}/_binstore/{token}", fixture.atlas.url())
    );
    let body = reply
        .body
        .replace(&token, "UUID")
        .replace(fixture.atlas.url(), "URL");
    insta::assert_snapshot!(body);
}

#[tokio::test]
async fn a_form_says_the_same_as_json() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let request = fixture
        .request(Method::POST, FILE)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(
            "artifact_version[id]=x&artifact_version[file]=true&artifact_version[build_id]=5\
             &artifact_version[metadata][os.name]=linux",
        );
    let version = Reply::of(request.send().await.unwrap()).await.json();
    assert_eq!(version["file"], true);
    fixture.put(&upload_path(&version), b"bytes").await;
    assert_eq!(
        fixture
            .found("build=5&metadata.1.key=os.name&metadata.1.value=linux")
            .await,
        [1]
    );
}

#[tokio::test]
async fn metadata_may_be_absent_or_null() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for metadata in [json!({"id": "x"}), json!({"id": "x", "metadata": null})] {
        assert_eq!(fixture.make_version(metadata).await["metadata"], json!({}));
    }
}

#[tokio::test]
async fn a_box_needs_a_provider() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let path = "/api/v1/artifacts/acme/web/vagrant.box";
    let post = async |metadata: Value| {
        let version = json!({"id": "x", "metadata": metadata});
        fixture
            .post(path, json!({ "artifact_version": version }))
            .await
    };
    let refused = post(json!({})).await;
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.json()["errors"],
        json!(["Metadata must have 'provider' key"])
    );
    assert_eq!(post(json!({"provider": "virtualbox"})).await.status, 200);
}

#[tokio::test]
async fn the_length_of_an_id_is_limited_on_demand_only() {
    let long = |characters| json!({"artifact_version": {"id": "ä".repeat(characters)}});
    let unlimited = Fixture::new().await;
    unlimited.make_artifact("acme", "web").await;
    assert_eq!(unlimited.post(FILE, long(1000)).await.status, 200);

    let limited = Fixture::with(|builder| builder.max_id_length(255)).await;
    limited.make_artifact("acme", "web").await;
    assert_eq!(limited.post(FILE, long(255)).await.status, 200);
    assert_eq!(limited.post(FILE, long(256)).await.status, 422);
}

#[tokio::test]
async fn upload_paths_start_with_the_host_of_the_request_or_the_public_url() {
    let upload_path_of = async |fixture: &Fixture| {
        fixture.make_artifact("acme", "web").await;
        let request = fixture
            .request(Method::POST, FILE)
            .header("Host", "atlas.test:81")
            .json(&json!({"artifact_version": {"id": "x"}}));
        upload_path(&Reply::of(request.send().await.unwrap()).await.json())
    };
    let path = upload_path_of(&Fixture::new().await).await;
    assert!(
        path.starts_with("http://atlas.test:81/_binstore/"),
        "{path}"
    );

    let proxied = Fixture::with(|builder| builder.public_url("https://proxy.test/atlas/")).await;
    let path = upload_path_of(&proxied).await;
    assert!(
        path.starts_with("https://proxy.test/atlas/_binstore/"),
        "{path}"
    );
    assert!(proxied.atlas.url().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn a_request_without_a_host_is_told_that_it_needs_one() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let mut stream = TcpStream::connect(fixture.atlas.url().strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let body = r#"{"artifact_version":{"id":"x"}}"#;
    let head = format!(
        "POST {FILE} HTTP/1.0\r\nX-Atlas-Token: ROOT\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(
        reply.contains("400 Bad Request") && reply.contains("names no Host"),
        "{reply}"
    );
    assert!(fixture.found("").await.is_empty());
}
