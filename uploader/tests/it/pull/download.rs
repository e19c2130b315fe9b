//! Tests pulls: the right version is chosen, its bytes are unchanged, and a file appears only after success.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use atlas_uploader::base::digest::{Algorithm, Digest, HashingWriter};
use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::pull::{Pull, Pulled, Target, pull};
use atlas_uploader::{Error, push};
use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use crate::support::server::{Reply, Server};
use crate::support::{client, gzip, push_of, push_without_file};

fn wanted(version: Option<u64>) -> Pull {
    Pull {
        name: "acme/web".parse().unwrap(),
        artifact_type: "custom.image".parse().unwrap(),
        version,
    }
}

/// Starts a server that answers every download with the same reply, and has no metadata.
async fn handing_out(reply: Reply) -> Server {
    handing_out_with(json!({}), reply).await
}

async fn handing_out_with(metadata: Value, reply: Reply) -> Server {
    let version = json!({"username": "acme", "name": "web", "tag": "acme/web", "slug": "s",
        "artifact_type": "custom.image", "id": "i", "version": 1, "metadata": metadata, "file": true});
    let found = Reply::json(200, json!({"versions": [version]}));
    Server::start(move |_, request| {
        let reply = if request.is_search() { &found } else { &reply };
        reply.clone()
    })
    .await
}

fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hashing = HashingWriter::new(algorithm, std::io::sink());
    hashing.write_all(bytes).unwrap();
    hashing.finish().1
}

async fn into_file(server: &Server, file: &Path) -> Result<Pulled, Error> {
    let target = Target::File(file.to_owned());
    pull(&client(server.url(), "T0ken"), &wanted(Some(1)), target).await
}

fn names_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into())
        .collect()
}

#[tokio::test]
async fn the_newest_version_that_has_a_file_is_fetched() {
    let atlas = MockAtlas::start().await.unwrap();
    let client = client(atlas.url(), atlas.token());
    let folder = tempfile::tempdir().unwrap();
    for content in ["one", "two"] {
        let path = folder.path().join("image.gz");
        std::fs::write(&path, gzip(content.as_bytes())).unwrap();
        push(&client, &push_of(&path)).await.unwrap();
    }
    push(&client, &push_without_file("three")).await.unwrap();

    for (version, content) in [(None, "two"), (Some(1), "one"), (Some(2), "two")] {
        let file = folder.path().join("pulled");
        let pulled = pull(&client, &wanted(version), Target::File(file.clone()))
            .await
            .unwrap();
        assert_eq!(pulled.version, version.unwrap_or(2));
        assert_eq!(std::fs::read(&file).unwrap(), gzip(content.as_bytes()));
    }
}

#[tokio::test]
async fn without_a_version_that_has_a_file_nothing_is_found() {
    let atlas = MockAtlas::start().await.unwrap();
    let client = client(atlas.url(), atlas.token());
    push(&client, &push_without_file("ami")).await.unwrap();
    let error = pull(&client, &wanted(None), Target::NamedAfterSlug)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Error searching artifact: no version of acme/web/custom.image has a file"
    );
    assert_eq!(ExitCode::from(&error), ExitCode::NotFound);
    let error = pull(
        &client,
        &wanted(Some(1)),
        Target::Stream(Box::new(std::io::sink())),
    )
    .await
    .unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::NotFound);
}

#[tokio::test]
async fn bytes_arrive_unchanged_even_when_they_are_called_encoded() {
    let content = gzip(b"packed");
    let reply = Reply::Status(200, Vec::new(), content.clone());
    let server = handing_out(
        reply
            .with("Content-Encoding", "gzip")
            .with("ETag", "\"5f3-1\""),
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    let pulled = into_file(&server, &file).await.unwrap();
    assert_eq!(std::fs::read(file).unwrap(), content);
    assert_eq!(pulled.bytes, content.len() as u64);
    // The tag names no digest.
    assert!(!pulled.verified);
}

/// Returns the `ETag` that names a digest: with the algorithm, or as earlier releases of the emulator did.
fn tag(algorithm: Algorithm, bytes: &[u8]) -> String {
    let hex = digest(algorithm, bytes).hex();
    match algorithm {
        Algorithm::Blake3 => format!("\"blake3-{hex}\""),
        Algorithm::Sha256 => format!("\"{hex}\""),
    }
}

#[tokio::test]
async fn the_bytes_are_compared_with_the_digest_that_the_server_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    for algorithm in Algorithm::ALL {
        let sent = Reply::Status(200, Vec::new(), b"whole".to_vec());
        let server = handing_out(sent.with("ETag", &tag(algorithm, b"whole"))).await;
        let pulled = into_file(&server, &file).await.unwrap();
        assert!(pulled.verified);
        assert_eq!(pulled.digest, digest(algorithm, b"whole"));
        assert_eq!(std::fs::read(&file).unwrap(), b"whole");
    }
}

#[tokio::test]
async fn other_bytes_than_the_digest_says_leave_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    std::fs::write(&file, "before").unwrap();
    for algorithm in Algorithm::ALL {
        let rot = Reply::Status(200, Vec::new(), b"rot".to_vec());
        let server = handing_out(rot.with("ETag", &tag(algorithm, b"whole"))).await;
        let error = into_file(&server, &file).await.unwrap_err();
        assert_eq!(ExitCode::from(&error), ExitCode::DigestMismatch);
        let reported = format!("the server reports {}", digest(algorithm, b"whole"));
        assert!(error.to_string().contains(&reported), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), b"before");
        assert_eq!(names_in(folder.path()), [PathBuf::from("image")]);
    }
}

/// As far as is known, a real Atlas gives no digest of its own.
#[tokio::test]
async fn what_the_push_left_in_the_metadata_is_checked_whichever_release_it_was_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    for algorithm in Algorithm::ALL {
        let key = format!("atlas-upload.{}", algorithm.name());
        for version in [None, Some(1)] {
            let left = digest(algorithm, b"whole");
            let metadata = json!({&key: left.hex()});
            let sent = Reply::Status(200, Vec::new(), b"whole".to_vec());
            let server = handing_out_with(metadata.clone(), sent).await;
            let client_there = client(server.url(), "T0ken");
            let target = Target::File(file.clone());
            let pulled = pull(&client_there, &wanted(version), target).await.unwrap();
            assert!(pulled.verified);
            assert_eq!(pulled.digest, left);

            let rot = Reply::Status(200, Vec::new(), b"whale".to_vec());
            let server = handing_out_with(metadata, rot).await;
            let target = Target::File(file.clone());
            let pulled = pull(&client(server.url(), "T0ken"), &wanted(version), target).await;
            let error = pulled.unwrap_err();
            assert_eq!(ExitCode::from(&error), ExitCode::DigestMismatch, "{error}");
            assert_eq!(std::fs::read(&file).unwrap(), b"whole");
        }
    }
}

#[tokio::test]
async fn a_transfer_that_breaks_off_leaves_nothing() {
    let server = handing_out(Reply::Half(vec![1; 100_000])).await;
    let folder = tempfile::tempdir().unwrap();
    let error = into_file(&server, &folder.path().join("image"))
        .await
        .unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::Unavailable);
    assert!(names_in(folder.path()).is_empty());
}

#[tokio::test]
async fn a_target_that_cannot_be_written_is_named_before_anything_is_asked() {
    let server = handing_out(Reply::json(200, json!({}))).await;
    let folder = tempfile::tempdir().unwrap();
    for target in [
        folder.path().join("no/such/folder/image"),
        folder.path().to_owned(),
    ] {
        let error = into_file(&server, &target).await.unwrap_err();
        assert_eq!(ExitCode::from(&error), ExitCode::LocalFile);
        assert!(
            error.to_string().contains(&target.display().to_string()),
            "{error}"
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_stream_gets_the_bytes_as_they_are() {
    let server = handing_out(Reply::Status(200, Vec::new(), b"raw".to_vec())).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    let stream = std::fs::File::create(&path).unwrap();
    let target = Target::Stream(Box::new(stream));
    let pulled = pull(&client(server.url(), "T0ken"), &wanted(Some(1)), target)
        .await
        .unwrap();
    assert_eq!(pulled.file, None);
    assert_eq!(std::fs::read(path).unwrap(), b"raw");
}

#[tokio::test]
async fn a_stream_that_ends_early_is_told() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let server = handing_out(Reply::Status(200, Vec::new(), vec![0; 5_000_000])).await;
    let target = Target::Stream(Box::new(Full));
    let error = pull(&client(server.url(), "T0ken"), &wanted(Some(1)), target)
        .await
        .unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::LocalFile);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_stays_a_link_and_a_device_stays_a_device() {
    use std::os::unix::fs::FileTypeExt as _;
    let server = handing_out(Reply::Status(200, Vec::new(), b"new".to_vec())).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    into_file(&server, &link).await.unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read(&file).unwrap(), b"new");

    into_file(&server, "/dev/null".as_ref()).await.unwrap();
    assert!(
        std::fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}
