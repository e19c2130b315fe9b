//! Writes, reads and deletes versions while the cluster is disturbed, and records all that was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::cluster::{Cluster, REPLICAS, TOKEN};
use crate::support::{said, upload_path};

pub(super) const ARTIFACTS: usize = 3;

const WRITERS: usize = 6;
const READERS: usize = 2;

/// The longest wait of a client for a reply.
const REPLY: Duration = Duration::from_secs(15);

/// The time before a client tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// An artifact and the number of a version of it.
pub(super) type Key = (usize, u64);

/// All that clients were told.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) given: BTreeSet<Key>,
    /// The ids of versions whose files were acknowledged.
    pub(super) stored: BTreeMap<Key, String>,
    /// The versions whose deletion was asked for.
    pub(super) deleting: BTreeSet<Key>,
    pub(super) deleted: BTreeSet<Key>,
}

/// The clients at work.
pub(super) struct Work {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    cluster: Arc<Cluster>,
    http: Client,
    history: Mutex<History>,
    has_ended: AtomicBool,
}

/// Returns the path of an artifact's versions.
pub(super) fn versions(artifact: usize) -> String {
    format!("/api/v1/artifacts/acme/w{artifact}/custom.image")
}

/// Returns the file of a version: some are larger than what is sent to the store in one part.
pub(super) fn contents(id: &str) -> Bytes {
    let sequence: usize = id.rsplit('-').next().unwrap().parse().unwrap();
    let times = match sequence % 25 {
        24 => 3_000_000,
        other => 1 + other * 700,
    };
    format!("{id} ").repeat(times).into()
}

pub(super) fn http() -> Client {
    Client::builder().no_proxy().timeout(REPLY).build().unwrap()
}

impl Work {
    /// Creates the artifacts, and lets the clients begin.
    pub(super) async fn start(cluster: &Arc<Cluster>) -> Self {
        let shared = Arc::new(Shared {
            cluster: Arc::clone(cluster),
            http: http(),
            history: Mutex::default(),
            has_ended: AtomicBool::new(false),
        });
        for artifact in 0..ARTIFACTS {
            let new = json!({"artifact": {"username": "acme", "name": format!("w{artifact}")}});
            let made = shared
                .request(Method::POST, "/api/v1/artifacts")
                .json(&new)
                .send();
            assert_eq!(made.await.unwrap().status(), 200);
        }
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            tasks.spawn(Arc::clone(&shared).write(writer));
        }
        for _ in 0..READERS {
            tasks.spawn(Arc::clone(&shared).read());
        }
        tasks.spawn(Arc::clone(&shared).delete());
        Self { shared, tasks }
    }

    /// Lets the clients end, and returns what they were told.
    pub(super) async fn end(mut self) -> History {
        self.shared.has_ended.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        std::mem::take(&mut self.shared.history.lock().unwrap())
    }
}

impl Shared {
    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Returns a request to any replica.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.cluster.replicas[fastrand::usize(..REPLICAS)].url();
        self.http
            .request(method, format!("{url}{path}"))
            .header("X-Atlas-Token", TOKEN)
    }

    /// Returns the status and the whole body of a reply; `None` if there is none.
    async fn reply(request: RequestBuilder) -> Option<(StatusCode, Bytes)> {
        let reply = request.send().await.ok()?;
        let status = reply.status();
        Some((status, reply.bytes().await.ok()?))
    }

    async fn write(self: Arc<Self>, writer: usize) {
        for sequence in 0.. {
            if self.has_ended() {
                return;
            }
            let (id, artifact) = (format!("{writer}-{sequence}"), sequence % ARTIFACTS);
            match self.create(artifact, &id).await {
                Some((number, path)) => self.upload((artifact, number), &path, id).await,
                None => sleep(PAUSE).await,
            }
        }
    }

    /// Creates a version, and returns its number and the path of its upload.
    async fn create(&self, artifact: usize, id: &str) -> Option<(u64, String)> {
        let new = json!({"artifact_version": {"id": id, "file": true}});
        let request = self.request(Method::POST, &versions(artifact)).json(&new);
        let (status, body) = Self::reply(request).await?;
        if status != 200 {
            assert!(status == 503 || status == 500, "{status}: {body:?}");
            return None;
        }
        let made = said(&body);
        let number = made["version"].as_u64().unwrap();
        let is_new = self
            .history
            .lock()
            .unwrap()
            .given
            .insert((artifact, number));
        assert!(is_new, "{number} is given twice");
        let url = upload_path(&made);
        let path = url.splitn(4, '/').nth(3).unwrap();
        Some((number, format!("/{path}")))
    }

    /// Sends a file, again and again until it is acknowledged or the work ends.
    async fn upload(&self, key: Key, path: &str, id: String) {
        loop {
            let request = self.request(Method::PUT, path).body(contents(&id));
            let reply = Self::reply(request).await;
            if let Some((StatusCode::OK, _)) = reply {
                self.history.lock().unwrap().stored.insert(key, id);
                return;
            }
            let refused = reply.filter(|(status, _)| status.is_client_error());
            assert!(refused.is_none(), "{key:?}: {refused:?}");
            if self.has_ended() {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads the newest versions: each has its own whole file, or there is no whole reply.
    async fn read(self: Arc<Self>) {
        while !self.has_ended() {
            let artifact = fastrand::usize(..ARTIFACTS);
            let search = format!("{}/search", versions(artifact));
            let Some((StatusCode::OK, body)) =
                Self::reply(self.request(Method::GET, &search)).await
            else {
                sleep(PAUSE).await;
                continue;
            };
            let found = said(&body);
            for version in found["versions"].as_array().unwrap().iter().take(3) {
                self.check_file(artifact, version).await;
            }
        }
    }

    async fn check_file(&self, artifact: usize, version: &Value) {
        let number = version["version"].as_u64().unwrap();
        let path = format!("{}/{number}/file", versions(artifact));
        match Self::reply(self.request(Method::GET, &path)).await {
            Some((StatusCode::OK, body)) => {
                let expected = contents(version["id"].as_str().unwrap());
                assert!(
                    body == expected,
                    "{path} has {} bytes of {}",
                    body.len(),
                    expected.len()
                );
            }
            Some((StatusCode::NOT_FOUND, _)) => {
                let is_deleting = self
                    .history
                    .lock()
                    .unwrap()
                    .deleting
                    .contains(&(artifact, number));
                assert!(is_deleting, "{path} is found, and has no file");
            }
            Some((status, body)) => assert!(status.is_server_error(), "{path}: {status} {body:?}"),
            None => {}
        }
    }

    /// Deletes a stored version now and then.
    async fn delete(self: Arc<Self>) {
        while !self.has_ended() {
            sleep(10 * PAUSE).await;
            if let Some(key) = self.choose() {
                let path = format!("/_mock/artifacts/acme/w{}/custom.image/{}", key.0, key.1);
                let reply = Self::reply(self.request(Method::DELETE, &path)).await;
                if let Some((StatusCode::NO_CONTENT, _)) = reply {
                    self.history.lock().unwrap().deleted.insert(key);
                }
            }
        }
    }

    /// Chooses a stored version to delete.
    fn choose(&self) -> Option<Key> {
        let mut history = self.history.lock().unwrap();
        let stored: Vec<_> = history.stored.keys().copied().collect();
        let key = *stored.get(fastrand::usize(..stored.len().max(1)))?;
        history.deleting.insert(key).then_some(key)
    }
}
