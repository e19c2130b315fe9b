//! Contains the helpers of all tests: fake servers, the program as a user runs it, and files to push.

pub(crate) mod command_lines;
pub(crate) mod plugin;
pub(crate) mod program;
pub(crate) mod recorded;
pub(crate) mod registry;
pub(crate) mod server;
#[cfg(unix)]
pub(crate) mod terraform;
pub(crate) mod tls;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use atlas_uploader::api::retry::RetryPolicy;
use atlas_uploader::base::reporter::{Event, Reporter};
use atlas_uploader::base::secret::Token;
use atlas_uploader::push::pack::{Options, Payload};
use atlas_uploader::{Client, ClientOptions, Push};
use mock_atlas::MockAtlas;
use program::Program;
use serde_json::json;
use server::{Reply, Request};

/// A token that no output may show.
pub(crate) const CANARY: &str = "canary-T0ken";

/// Starts an emulator with the token `CANARY`, and returns it with a program that uses it.
pub(crate) async fn started() -> (MockAtlas, Program) {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = Program::at(atlas.url(), CANARY);
    (atlas, program)
}

/// Returns a policy of three attempts without delays.
pub(crate) fn impatient() -> RetryPolicy {
    RetryPolicy {
        attempts: 3,
        first_delay: Duration::ZERO,
        settle: Duration::ZERO,
        ..RetryPolicy::default()
    }
}

pub(crate) fn options(url: &str, token: &str) -> ClientOptions {
    ClientOptions {
        token: Some(Token::new(token).unwrap()),
        retry: impatient(),
        ..ClientOptions::new(url.parse().unwrap())
    }
}

pub(crate) fn client(url: &str, token: &str) -> Client {
    Client::new(options(url, token)).unwrap()
}

/// Returns a push of one file to `acme/web`, type `custom.image`.
pub(crate) fn push_of(path: &Path) -> Push {
    Push {
        id: None,
        paths: vec![path.to_owned()],
        ..push_without_file("unused")
    }
}

pub(crate) fn push_without_file(id: &str) -> Push {
    Push {
        name: "acme/web".parse().unwrap(),
        artifact_type: "custom.image".parse().unwrap(),
        id: Some(id.to_owned()),
        paths: Vec::new(),
        packing: Options::default(),
        metadata: BTreeMap::new(),
        build_id: 0,
        compile_id: 0,
        idempotency_key: None,
        skip_existing: false,
        verify: false,
    }
}

/// Returns all bytes of a payload.
pub(crate) fn bytes(payload: &Payload) -> Vec<u8> {
    let mut all = Vec::new();
    let mut take = |chunk: bytes::Bytes| all.write_all(&chunk);
    payload.for_each_chunk(&mut take).unwrap();
    all
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Returns a tar of these files.
pub(crate) fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len().try_into().unwrap());
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Returns the entries of a gzip-compressed tar, in order: the name, and the content (`None` for a folder).
pub(crate) fn entries(archive: impl Read) -> Vec<(String, Option<Vec<u8>>)> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut found = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let is_file = entry.header().entry_type().is_file();
        found.push((name, is_file.then_some(content)));
    }
    found
}

/// Returns bytes that do not compress, always the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Writes files, and the folders above them.
pub(crate) fn write_files(folder: &Path, files: &[(&str, &str)]) -> Vec<PathBuf> {
    let write = |(name, content): &(&str, &str)| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    };
    files.iter().map(write).collect()
}

/// A reporter that records each event's `Debug` text.
#[derive(Debug, Default, Clone)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    pub(crate) fn events(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Reporter for Heard {
    fn report(&self, event: Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

/// Returns the reply of an Atlas without faults.
pub(crate) fn well(url: &str, request: &Request) -> Reply {
    let artifact = json!({"artifact": {"username": "acme", "name": "web", "tag": "acme/web"}});
    match (request.method.as_str(), request.target.as_str()) {
        ("GET", "/api/v1/authenticate") => Reply::json(200, json!({"user": {"username": "acme"}})),
        ("GET", _) | ("POST", "/api/v1/artifacts") => Reply::json(200, artifact),
        ("POST", _) => Reply::json(
            200,
            json!({"version": 7, "upload_path": format!("{url}/_store/0123456789?keep=1")}),
        ),
        _ => Reply::json(200, json!({})),
    }
}

/// Returns a push of a gzip file, which has some megabytes before compression.
pub(crate) fn some_file() -> (tempfile::TempDir, Push) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img.gz");
    std::fs::write(&path, gzip(&vec![7; 3_000_000])).unwrap();
    let push = push_of(&path);
    (folder, push)
}

/// Waits for a condition, with a time limit.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, waiting)
        .await
        .expect("it never came to that");
}
