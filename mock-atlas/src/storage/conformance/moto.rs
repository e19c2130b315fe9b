//! Moto, a server that speaks the API of S3. It takes any credentials.
//!
//! `S3_TEST_BUCKET` names a bucket of another store, whose address and keys are in the usual variables, such as
//! `AWS_ENDPOINT_URL`. Each test uses a prefix of its own there, and leaves what it has written.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use uuid::Uuid;

use crate::storage::store::{Bucket, S3};

/// Returns the name of a bucket of another store, if the tests are to use one.
fn other() -> Option<String> {
    env::var("S3_TEST_BUCKET").ok()
}

/// Returns the settings of a client of the server.
pub(crate) fn settings() -> AmazonS3Builder {
    match other() {
        Some(_) => AmazonS3Builder::from_env(),
        None => credentials().with_endpoint(url()),
    }
}

/// Returns the URL of the server, which all tests of this process share.
pub(crate) fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| match other() {
        Some(_) => settings()
            .get_config_value(&AmazonS3ConfigKey::Endpoint)
            .expect("AWS_ENDPOINT_URL should name the store"),
        None => start(),
    })
}

/// Returns the settings of a client that names no server.
pub(crate) fn credentials() -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_access_key_id("KEY")
        .with_secret_access_key("SECRET")
}

/// Starts the server, and returns its URL. It ends when the thread that started it does.
fn start() -> String {
    let program = std::env::var("MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
    let (told, heard) = std::sync::mpsc::channel();
    // This thread lives as long as the process.
    thread::spawn(move || {
        let mut server = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                &program,
                "-H",
                "127.0.0.1",
                "-p",
                "0",
            ])
            .env("PYTHONUNBUFFERED", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        for line in BufReader::new(server.stderr.take().unwrap()).lines() {
            if let Some((_, url)) = line.unwrap().split_once("Running on ") {
                let _ = told.send(url.trim().to_owned());
            }
        }
        let _ = server.wait();
    });
    heard.recv().expect("moto_server should tell its address")
}

/// Returns a part of a new bucket.
pub(crate) async fn bucket(prefix: &str) -> S3 {
    S3::connect(&new_bucket(prefix).await, settings())
        .await
        .unwrap()
}

/// Makes a bucket, and names a part of it. In another store, this is a new part of its bucket.
pub(crate) async fn new_bucket(prefix: &str) -> Bucket {
    let unique = format!("test-{}", Uuid::new_v4().simple());
    if let Some(name) = other() {
        let prefix = format!("{unique}/{prefix}");
        return Bucket { name, prefix };
    }
    let bucket = Bucket {
        name: unique,
        prefix: prefix.to_owned(),
    };
    let url = format!("{}/{}", url(), bucket.name);
    let made = reqwest::Client::new().put(url).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    bucket
}
