//! Tests an emulator with a second listener, which takes the uploads.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use crate::support::program::Program;
use crate::support::{FILE, Fixture, NOT_FOUND, Reply, upload_path};

async fn fixture() -> Fixture {
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let fixture = Fixture::with(|builder| builder.binstore_listen(anywhere)).await;
    fixture.make_artifact("acme", "web").await;
    fixture
}

#[tokio::test]
async fn uploads_are_taken_on_the_second_address_and_nothing_else_is() {
    let fixture = fixture().await;
    let binstore = fixture.atlas.binstore_url().unwrap();
    assert_ne!(binstore, fixture.atlas.url());
    let version = fixture.push(b"bytes").await;
    assert!(upload_path(&version).starts_with(&format!("{binstore}/_binstore/")));
    assert_eq!(fixture.get(&format!("{FILE}/1/file")).await.body, "bytes");

    for path in ["/api/v1/token", "/_mock/health", "/_mock/requests", "/"] {
        let request = fixture.http.get(format!("{binstore}{path}"));
        let request = request.header("X-Atlas-Token", "ROOT");
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!((reply.status.as_u16(), &*reply.body), (404, NOT_FOUND));
    }
}

#[tokio::test]
async fn the_first_address_takes_no_uploads() {
    let fixture = fixture().await;
    let version = fixture.make_version(json!({"id": "x", "file": true})).await;
    let path = upload_path(&version);
    let binstore = fixture.atlas.binstore_url().unwrap();
    let wrong = path.replace(binstore, fixture.atlas.url());
    let reply = fixture.put(&wrong, b"bytes").await;
    assert_eq!((reply.status.as_u16(), &*reply.body), (404, NOT_FOUND));
    assert_eq!(fixture.put(&path, b"bytes").await.status, 200);
}

#[tokio::test]
async fn on_all_addresses_it_is_named_by_the_host_that_the_client_used() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let fixture = Fixture::with(|builder| builder.binstore_listen(everywhere)).await;
    fixture.make_artifact("acme", "web").await;
    let request = fixture
        .request(Method::POST, FILE)
        .header("Host", "atlas.test:28527")
        .json(&json!({"artifact_version": {"id": "x"}}));
    let version = Reply::of(request.send().await.unwrap()).await.json();
    let binstore = fixture.atlas.binstore_url().unwrap();
    let port = binstore.strip_prefix("http://127.0.0.1:").unwrap();
    let start = format!("http://atlas.test:{port}/_binstore/");
    assert!(upload_path(&version).starts_with(&start), "{version}");
}

#[tokio::test]
async fn both_addresses_are_free_once_it_has_stopped_or_is_dropped() {
    for gently in [true, false] {
        let fixture = fixture().await;
        // The push has used both listeners.
        fixture.push(b"bytes").await;
        let urls = [
            fixture.atlas.url().to_owned(),
            fixture.atlas.binstore_url().unwrap().to_owned(),
        ];
        if gently {
            fixture.atlas.stop().await;
        } else {
            drop(fixture);
        }
        for url in urls {
            let host = url.strip_prefix("http://").unwrap();
            while tokio::net::TcpStream::connect(host).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[tokio::test]
async fn a_public_url_starts_upload_paths_all_the_same() {
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let public = "https://proxy.test";
    let change =
        |builder: mock_atlas::Builder| builder.binstore_listen(anywhere).public_url(public);
    let fixture = Fixture::with(change).await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"id": "x", "file": true})).await;
    assert!(upload_path(&version).starts_with("https://proxy.test/_binstore/"));
}

#[tokio::test]
async fn the_program_says_where_uploads_go() {
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--binstore-listen",
        "127.0.0.1:0",
    ];
    let mut program = Program::start(&arguments, &[]);
    let port = loop {
        let line = program.line().await;
        if let Some(rest) = line.strip_prefix("Uploads go to http://127.0.0.1:") {
            break rest.to_owned();
        }
    };
    assert!(port.trim_end_matches('.').parse::<u16>().is_ok(), "{port}");
    assert_eq!(program.stop(Signal::TERM).await, Some(0));

    let variables = [
        ("MOCK_ATLAS_LISTEN", "127.0.0.1:0"),
        ("MOCK_ATLAS_BINSTORE_LISTEN", "127.0.0.1:0"),
        ("MOCK_ATLAS_OUTPUT", "json"),
    ];
    let said = Program::start(&[], &variables).json().await;
    assert_ne!(said["binstore_address"], said["address"]);
    let address = said["binstore_address"].as_str().unwrap();
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
}
