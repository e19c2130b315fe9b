//! These tests follow a push through its steps: which requests are sent, in which order, and which are repeated.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atlas_uploader::api::SearchQuery;
use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::base::reporter::{Event, Reporter};
use atlas_uploader::pull::{Pull, Target, pull};
use atlas_uploader::push::pack::Level;
use atlas_uploader::{Cause, Client, ClientOptions, Phase, Push, push};
use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use crate::support::recorded::{assert_same, recorded};
use crate::support::server::{Reply, Server};
use crate::support::{
    Heard, client, gzip, noise, options, push_of, push_without_file, some_file, well, write_files,
};

#[tokio::test]
async fn a_file_makes_the_round_trip_and_the_receipt_says_what_was_sent() {
    let atlas = MockAtlas::start().await.unwrap();
    let client = client(atlas.url(), atlas.token());
    let folder = tempfile::tempdir().unwrap();
    let content = gzip(b"the bytes of an image");
    let path = folder.path().join("disk.img.gz");
    std::fs::write(&path, &content).unwrap();

    let marked = Push {
        idempotency_key: Some("this push".to_owned()),
        ..push_of(&path)
    };
    let outcome = push(&client, &marked).await.unwrap();
    assert_eq!(outcome.slug, "acme/web/custom.image/1");
    assert_eq!((outcome.version, outcome.attempts), (1, 1));
    assert_eq!(outcome.bytes, content.len() as u64);

    let back = folder.path().join("back");
    let request = Pull {
        name: "acme/web".parse().unwrap(),
        artifact_type: "custom.image".parse().unwrap(),
        version: None,
    };
    let pulled = pull(&client, &request, Target::File(back.clone()))
        .await
        .unwrap();
    assert_eq!(std::fs::read(back).unwrap(), content);
    assert_eq!(Some(pulled.digest.to_string()), outcome.digest);
    assert!(pulled.verified);
}

#[tokio::test]
async fn a_version_without_a_file_sends_none() {
    let server = Server::start(well).await;
    let outcome = push(&client(server.url(), "T0ken"), &push_without_file("ami-1"))
        .await
        .unwrap();
    assert_eq!(
        (outcome.bytes, outcome.attempts, outcome.digest),
        (0, 0, None)
    );
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.method != "PUT")
    );
}

#[tokio::test]
async fn the_artifact_is_made_only_when_it_is_missing() {
    let atlas = MockAtlas::start().await.unwrap();
    let heard = Heard::default();
    let client = Client::new(ClientOptions {
        reporter: Arc::new(heard.clone()),
        ..options(atlas.url(), atlas.token())
    })
    .unwrap();
    for _ in 0..2 {
        push(&client, &push_without_file("ami-1")).await.unwrap();
    }
    let events = heard.events().join("\n");
    assert_eq!(events.matches("CreatingArtifact").count(), 1, "{events}");
    assert_eq!(
        events.matches("Uploading { bytes: 0 }").count(),
        2,
        "{events}"
    );
}

/// Pushes as Packer did, and compares the received requests with Packer's.
async fn sends_what_packer_sent(recording: &str, version: &Push) {
    let recorded = recorded(recording);
    let creates = |request: &Value| request["target"] == "/api/v1/artifacts";
    let known = !recorded.iter().any(creates);
    let server = Server::start(move |url, request| match request.line().as_str() {
        "GET /api/v1/artifacts/hashicorp/foobar" if !known => {
            Reply::json(404, json!({"errors": ["Not found"]}))
        }
        "POST /api/v1/artifacts/hashicorp/foobar/custom.image" => {
            let upload_path = format!("{url}/_binstore/tok-1");
            Reply::json(200, json!({"version": 1, "upload_path": upload_path}))
        }
        _ => well(url, request),
    })
    .await;
    push(&client(server.url(), "T0ken"), version).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), recorded.len());
    for (ours, theirs) in requests.iter().zip(&recorded) {
        assert_same(ours, theirs);
    }
}

#[tokio::test]
async fn a_push_of_a_file_sends_what_packer_sent() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_files(folder.path(), &[("out.txt", "hello")]);
    let metadata = [("created_at", "1795352054"), ("n", "3")];
    let version = Push {
        name: "hashicorp/foobar".parse().unwrap(),
        id: Some("File".to_owned()),
        paths,
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..push_without_file("")
    };
    sends_what_packer_sent(
        include_str!("../../data/packer-1.2.5-file-builder.jsonl"),
        &version,
    )
    .await;
}

#[tokio::test]
async fn a_push_of_an_ami_sends_what_packer_sent() {
    let ami = "ami-fa0bcaf0d16ad4d29";
    let metadata = [("created_at", "1795352171"), ("region.us-east-1", ami)];
    let version = Push {
        name: "hashicorp/foobar".parse().unwrap(),
        artifact_type: "aws.ami".parse().unwrap(),
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..push_without_file(&format!("us-east-1:{ami}"))
    };
    sends_what_packer_sent(
        include_str!("../../data/packer-1.2.5-amazon-ebs.jsonl"),
        &version,
    )
    .await;
}

#[tokio::test]
async fn the_upload_path_is_used_verbatim_and_never_chunked() {
    let server = Server::start(well).await;
    let (_folder, version) = some_file();
    let outcome = push(&client(server.url(), "T0ken"), &version)
        .await
        .unwrap();
    let put = server.requests().pop().unwrap();
    assert_eq!(put.line(), "PUT /_store/0123456789?keep=1");
    assert_eq!(
        put.header("content-length"),
        Some(outcome.bytes.to_string().as_str())
    );
    assert_eq!(put.header("transfer-encoding"), None);
    assert_eq!(put.header("x-atlas-token"), None);
    assert_eq!(put.body, std::fs::read(&version.paths[0]).unwrap());
    assert!(
        put.header("user-agent")
            .unwrap()
            .starts_with("atlas-upload/")
    );
    assert!(!serde_json::to_string(&outcome).unwrap().contains("_store"));
}

#[tokio::test]
async fn an_artifact_that_somebody_else_made_meanwhile_is_used() {
    let gets = AtomicUsize::new(0);
    let server = Server::start(move |url, request| match request.line().as_str() {
        "GET /api/v1/artifacts/acme/web" if gets.fetch_add(1, Ordering::Relaxed) == 0 => {
            Reply::json(404, json!({}))
        }
        "POST /api/v1/artifacts" => {
            Reply::json(422, json!({"errors": {"name": ["has already been taken"]}}))
        }
        _ => well(url, request),
    })
    .await;
    let outcome = push(&client(server.url(), "T0ken"), &push_without_file("i"))
        .await
        .unwrap();
    assert_eq!(outcome.version, 7);
}

#[tokio::test]
async fn an_artifact_that_cannot_be_made_is_refused_in_the_servers_words() {
    let server = Server::start(|url, request| match request.line().as_str() {
        "GET /api/v1/artifacts/acme/web" => Reply::json(404, json!({})),
        "POST /api/v1/artifacts" => Reply::json(422, json!({"errors": {"name": ["is too long"]}})),
        _ => well(url, request),
    })
    .await;
    let error = push(&client(server.url(), "T0ken"), &push_without_file("i"))
        .await
        .unwrap_err();
    assert_eq!(error.phase(), &Phase::CreateArtifact);
    assert!(
        error
            .to_string()
            .ends_with("422 Unprocessable Entity: name is too long"),
        "{error}"
    );
    assert_eq!(ExitCode::from(&error), ExitCode::Refused);
}

#[tokio::test]
async fn other_bytes_there_after_an_upload_that_broke_are_an_error() {
    for name in ["", "blake3-"] {
        let tag = format!("\"{name}{}\"", "0".repeat(64));
        let server = Server::start(move |url, request| match request.method.as_str() {
            "PUT" => Reply::Hangup,
            _ if request.target.ends_with("/7/file") => {
                Reply::json(200, json!({})).with("ETag", &tag)
            }
            _ => well(url, request),
        })
        .await;
        let (_folder, version) = some_file();
        let error = push(&client(server.url(), "T0ken"), &version)
            .await
            .unwrap_err();
        assert!(matches!(error.cause(), Cause::Digest { .. }), "{error}");
        assert_eq!(ExitCode::from(&error), ExitCode::DigestMismatch);
    }
}

#[tokio::test]
async fn what_is_wrong_locally_is_found_before_anything_is_sent() {
    let server = Server::start(well).await;
    let client = client(server.url(), "T0ken");
    let nothing = Push {
        id: None,
        ..push_without_file("")
    };
    let error = push(&client, &nothing).await.unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::Usage);
    let missing = push_of("/nowhere/disk.img".as_ref());
    let error = push(&client, &missing).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Error archiving artifact: /nowhere/disk.img: "),
        "{error}"
    );
    assert_eq!(ExitCode::from(&error), ExitCode::LocalFile);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_token_that_is_not_accepted_stops_the_push_before_it_packs() {
    let atlas = MockAtlas::start().await.unwrap();
    let heard = Heard::default();
    let client = Client::new(ClientOptions {
        reporter: Arc::new(heard.clone()),
        ..options(atlas.url(), "wrong")
    })
    .unwrap();
    let error = push(&client, &push_without_file("i")).await.unwrap_err();
    assert_eq!(error.phase(), &Phase::Authenticate);
    assert_eq!(ExitCode::from(&error), ExitCode::Authentication);
    assert!(heard.events().is_empty());
}

#[tokio::test]
async fn a_reply_without_an_upload_path_is_an_error_that_names_the_version() {
    for upload_path in [
        Value::Null,
        json!("/relative/path"),
        json!("file:///etc/passwd"),
    ] {
        let server = Server::start(move |url, request| match request.target.as_str() {
            "/api/v1/artifacts/acme/web/custom.image" => {
                Reply::json(200, json!({"version": 3, "upload_path": upload_path}))
            }
            _ => well(url, request),
        })
        .await;
        let (_folder, version) = some_file();
        let error = push(&client(server.url(), "T0ken"), &version)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("acme/web/custom.image/3") && error.contains("upload_path"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_push_can_run_as_a_task_of_its_own() {
    let server = Server::start(well).await;
    let client = client(server.url(), "T0ken");
    // Compiling is the test: the future must be `Send`.
    let task = tokio::spawn(async move { push(&client, &push_without_file("i")).await });
    assert_eq!(task.await.unwrap().unwrap().version, 7);
}

/// Overwrites a file as soon as its first bytes were sent.
struct Overwriting(PathBuf);

impl Reporter for Overwriting {
    fn report(&self, event: Event<'_>) {
        if matches!(event, Event::Sent { sent, .. } if sent <= 65_536) {
            let file = std::fs::File::options().write(true).open(&self.0);
            file.unwrap().write_all(&vec![7; 8_000_000]).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_overwritten_while_it_is_sent_is_never_seen() {
    let atlas = MockAtlas::builder().token("T0ken").start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let gzipped = folder.path().join("disk.img.gz");
    std::fs::write(&gzipped, gzip(&noise(8_000_000))).unwrap();
    let plain = folder.path().join("disk.img");
    std::fs::write(&plain, noise(8_000_100)).unwrap();
    for (path, level) in [(gzipped, 1), (plain, 0)] {
        let options = ClientOptions {
            reporter: Arc::new(Overwriting(path.clone())),
            ..options(atlas.url(), "T0ken")
        };
        let mut version = push_of(&path);
        version.packing.level = Level::new(level).unwrap();
        let error = push(&Client::new(options).unwrap(), &version).await;
        let error = error.unwrap_err();
        assert_eq!(ExitCode::from(&error), ExitCode::LocalFile, "{error}");
        assert!(error.to_string().contains("changed"), "{error}");
        assert!(error.hint().unwrap().contains("push again"), "{error}");
        let client = client(atlas.url(), "T0ken");
        let (name, kind) = (&version.name, &version.artifact_type);
        let seen = client.search(name, kind, &SearchQuery::default()).await;
        assert!(seen.unwrap().is_empty());
    }
}
