//! Checks what the replicas hold against what clients were told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::cluster::{Cluster, TOKEN};
use super::work::{ARTIFACTS, History, Key, contents, http, versions};
use crate::support::Reply;

/// The least number of acknowledged versions that a run must have.
const LEAST: usize = 50;

impl History {
    /// Checks each replica.
    #[expect(
        clippy::print_stdout,
        reason = "a failed test shows the course of events"
    )]
    pub(super) async fn check(&self, cluster: &Cluster) {
        println!(
            "{} numbers given, {} files acknowledged, {} versions deleted",
            self.given.len(),
            self.stored.len(),
            self.deleted.len()
        );
        assert!(self.stored.len() >= LEAST, "{}", self.stored.len());
        let http = http();
        for replica in &cluster.replicas {
            let url = replica.url();
            let found = found(&http, &url).await;
            self.nothing_is_lost(&found);
            let orphans = orphans(&http, &url).await;
            self.numbers_are_contiguous(&found, &orphans);
        }
        let url = cluster.replicas[0].url();
        for (key, id) in found(&http, &url).await {
            let file = get(&http, &format!("{url}{}/{}/file", versions(key.0), key.1)).await;
            assert_eq!(file.status, StatusCode::OK, "{key:?}");
            assert!(file.body.as_bytes() == contents(&id), "{key:?}");
        }
    }

    fn nothing_is_lost(&self, found: &BTreeMap<Key, String>) {
        for (key, id) in &self.stored {
            match found.get(key) {
                Some(other) => assert_eq!(other, id, "{key:?}"),
                None => assert!(self.deleting.contains(key), "{key:?} is lost"),
            }
        }
        let back: Vec<_> = self
            .deleted
            .iter()
            .filter(|key| found.contains_key(key))
            .collect();
        assert!(back.is_empty(), "deleted, and found: {back:?}");
    }

    /// Each number up to the last one is that of a version, of an orphan, or of a deleted version.
    fn numbers_are_contiguous(&self, found: &BTreeMap<Key, String>, orphans: &BTreeSet<Key>) {
        let mut all: BTreeSet<Key> = found.keys().copied().collect();
        all.extend(orphans);
        all.extend(&self.deleting);
        assert!(all.is_superset(&self.given));
        for artifact in 0..ARTIFACTS {
            let numbers: Vec<u64> = all
                .range((artifact, 0)..(artifact + 1, 0))
                .map(|key| key.1)
                .collect();
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        }
    }
}

async fn get(http: &Client, url: &str) -> Reply {
    Reply::of(
        http.get(url)
            .header("X-Atlas-Token", TOKEN)
            .send()
            .await
            .unwrap(),
    )
    .await
}

/// Returns the ids of all versions that searches find.
async fn found(http: &Client, url: &str) -> BTreeMap<Key, String> {
    let mut found = BTreeMap::new();
    for artifact in 0..ARTIFACTS {
        let reply = get(http, &format!("{url}{}/search", versions(artifact))).await;
        for version in reply.json()["versions"].as_array().unwrap() {
            let key = (artifact, version["version"].as_u64().unwrap());
            found.insert(key, version["id"].as_str().unwrap().to_owned());
        }
    }
    found
}

async fn orphans(http: &Client, url: &str) -> BTreeSet<Key> {
    let reply = get(http, &format!("{url}/_mock/orphans")).await.json();
    let orphans = reply["orphans"].as_array().unwrap().iter();
    orphans
        .map(|orphan: &Value| key(orphan["slug"].as_str().unwrap()))
        .collect()
}

/// Returns the key of a slug, such as `acme/w1/custom.image/7`.
fn key(slug: &str) -> Key {
    let mut parts = slug.split('/').skip(1);
    let artifact = parts.next().unwrap().strip_prefix('w').unwrap();
    (
        artifact.parse().unwrap(),
        parts.nth(1).unwrap().parse().unwrap(),
    )
}

/// Checks that, once the dead are removed, each object of the store is the file of a version, and that all is
/// whole.
pub(super) async fn nothing_is_left_behind(cluster: &Cluster) {
    // The sweep waits for a quarter of an hour before it gives up what a dead replica was writing. And s3s-fs
    // refuses to abort an upload that it does not know, where S3 says that it is absent.
    let long_ago = "UPDATE file SET seen = 0, multipart = NULL WHERE state <> 1";
    cluster.database.run("postgres", long_ago).unwrap();
    cluster.run(&["gc", "--grace", "0"]).await;
    cluster.run(&["check"]).await;
    let http = http();
    let visible = found(&http, &cluster.replicas[0].url()).await.len();
    assert_eq!(objects(&cluster.bucket.join("files")), visible);
}

/// Counts the objects in a folder of the store that are files of versions.
fn objects(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let counts = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => objects(&entry.path()),
        false => {
            let name = entry.file_name().into_string().unwrap();
            usize::from(!name.starts_with('.') && !name.ends_with(".json"))
        }
    });
    counts.sum()
}
