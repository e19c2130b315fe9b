//! These tests compare a push with the versions on the server: beforehand to skip it, and afterwards to verify
//! it.

use std::io::Write as _;

use atlas_uploader::base::digest::{Algorithm, HashingWriter};
use atlas_uploader::{Push, push};
use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use crate::support::program::{Program, assert_run};
use crate::support::server::{Reply, Request, Server};
use crate::support::{client, gzip, push_of, started};

const PUSH: [&str; 4] = ["push", "acme/web", "--type", "custom.image"];
const FILE: [&str; 3] = ["disk.img.gz", "-m", "os=linux"];

async fn ready() -> (MockAtlas, Program) {
    let (atlas, program) = started().await;
    program.write("disk.img.gz", gzip(b"disk"));
    (atlas, program)
}

/// Pushes with `--skip-existing`, and returns the version's number.
async fn number(program: &Program, what: &[&str]) -> u64 {
    let more = ["--skip-existing", "--output", "json"];
    let run = program.run(&[&PUSH[..], what, &more].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    serde_json::from_str::<Value>(&run.stdout).unwrap()["version"]
        .as_u64()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_latest_version_already_is_not_pushed_again() {
    let (_atlas, program) = ready().await;
    let push = [&PUSH[..], &FILE, &["--skip-existing"]].concat();
    assert_eq!(program.run(&push).await.code, 0);
    assert_run("skipped", program.run(&push).await);
    let json = [&push[..], &["--output", "json"]].concat();
    assert_run("skipped_json", program.run(&json).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_difference_makes_a_version() {
    let (_atlas, program) = ready().await;
    assert_eq!(number(&program, &FILE).await, 1);
    assert_eq!(number(&program, &FILE).await, 1);
    assert_eq!(number(&program, &["disk.img.gz", "-m", "os=bsd"]).await, 2);
    // Version 1 is the same, but it is not the latest.
    assert_eq!(number(&program, &FILE).await, 3);
    let other_id = [&FILE[..], &["--id", "another"]].concat();
    assert_eq!(number(&program, &other_id).await, 4);
    program.write("disk.img.gz", gzip(b"another disk"));
    assert_eq!(number(&program, &other_id).await, 5);
    assert_eq!(
        number(&program, &["--id", "another", "-m", "os=linux"]).await,
        6
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_derives_is_no_difference() {
    let (_atlas, program) = ready().await;
    let ami = ["--id", "us-east-1:ami-1", "-m", "region.us-east-1=ami-1"];
    assert_eq!(number(&program, &ami).await, 1);
    assert_eq!(number(&program, &ami).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_packer_pushed_is_known_by_the_servers_digest() {
    let (atlas, program) = ready().await;
    let packers = Push {
        metadata: [("os".to_owned(), "linux".to_owned())].into(),
        ..push_of(&program.path("disk.img.gz"))
    };
    push(&client(atlas.url(), atlas.token()), &packers)
        .await
        .unwrap();
    assert_eq!(number(&program, &FILE).await, 1);
}

/// The older release left a SHA-256.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_an_older_release_is_known_by_the_digest_that_it_left() {
    let (atlas, program) = ready().await;
    let mut hashing = HashingWriter::new(Algorithm::Sha256, std::io::sink());
    hashing.write_all(&gzip(b"disk")).unwrap();
    let left = hashing.finish().1.hex();
    for (left, expected) in [(left, 1), ("0".repeat(64), 3)] {
        let metadata = [("os", "linux"), ("atlas-upload.sha256", &left)];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let older = Push {
            metadata: metadata.into(),
            ..push_of(&program.path("disk.img.gz"))
        };
        push(&client(atlas.url(), atlas.token()), &older)
            .await
            .unwrap();
        assert_eq!(number(&program, &FILE).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_read_back_and_compared() {
    let (_atlas, program) = ready().await;
    let ami = ["--id", "us-east-1:ami-1", "-m", "region.us-east-1=ami-1"];
    for what in [&FILE[..], &ami] {
        let verify = ["--verify", "--output", "json"];
        let run = program.run(&[&PUSH[..], what, &verify].concat()).await;
        assert!(run.stdout.contains("\"verified\":true"), "{run}");
    }
}

/// Pushes with `--verify` through a proxy that falsifies the replies to one kind of request.
async fn falsified(kind: fn(&Request) -> bool, reply: Reply) -> crate::support::program::Run {
    let (atlas, program) = ready().await;
    let upstream = atlas.url().to_owned();
    let proxy = Server::start(move |_, request| {
        let instead = kind(request).then(|| Box::new(reply.clone()));
        Reply::Forward(upstream.clone(), instead)
    })
    .await;
    let program = program.with("ATLAS_ADDRESS", proxy.url());
    let push = [&PUSH[..], &FILE, &["--verify"]].concat();
    program.run(&push).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_come_back_as_others_are_an_error() {
    let file = |request: &Request| request.target.ends_with("/file");
    let others = Reply::Status(200, Vec::new(), b"others".to_vec());
    assert_run("verify_other_bytes", falsified(file, others).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_comes_back_as_another_is_an_error() {
    let search = |request: &Request| request.target.contains("/search");
    let version = json!({"username": "acme", "name": "web", "tag": "acme/web", "slug": "s",
        "artifact_type": "custom.image", "id": "disk.img.gz", "version": 1, "metadata": {}, "file": true});
    let another = Reply::json(200, json!({"versions": [version]}));
    assert_run("verify_other_metadata", falsified(search, another).await);
    let none = Reply::json(200, json!({"versions": []}));
    assert_run("verify_not_found", falsified(search, none).await);
}
