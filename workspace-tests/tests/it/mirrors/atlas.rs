//! A server of a test: it is filled with random content, and compared with another one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};
use mock_atlas::{Builder, MockAtlas};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

pub(super) const TOKEN: &str = "root-token";

/// The artifacts and types that are filled, in turns.
const TYPES: [(&str, &str); 6] = [
    ("acme/web", "custom.image"),
    ("acme/web", "amazon.image"),
    ("acme/web", "acme.rootfs"),
    ("acme/db", "custom.image"),
    ("other/open", "qemu.image"),
    ("other/open", "docker.image"),
];

/// More builds than a test makes.
pub(super) const MOST_BUILDS: u64 = 220;

/// The number of requests at a time.
const AT_ONCE: usize = 8;

/// The size of the content.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) versions: u64,
    pub(super) bytes: u64,
}

/// Returns the build of a version, or 0: a build makes eight versions of a type, nearly one after the other.
fn build(at: u64) -> u64 {
    let of_type = at / TYPES.len() as u64;
    match of_type % 5 {
        0 => 0,
        _ => of_type / 8 + 1,
    }
}

/// A running server.
pub(super) struct Atlas {
    atlas: MockAtlas,
    http: Client,
}

impl Atlas {
    /// Starts an empty server, which keeps its data in a folder if one is given.
    pub(super) async fn start(data: Option<PathBuf>) -> Self {
        Self::of(MockAtlas::builder(), data).await
    }

    /// Starts a server to fill: one of its artifacts is public.
    pub(super) async fn start_source(data: Option<PathBuf>) -> Self {
        Self::of(MockAtlas::builder().public_artifact("other/open"), data).await
    }

    async fn of(builder: Builder, data: Option<PathBuf>) -> Self {
        let mut builder = builder.token(TOKEN).journal(0);
        if let Some(data) = data {
            builder = builder.data(data);
        }
        Self {
            atlas: builder.start().await.unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(super) fn url(&self) -> &str {
        self.atlas.url()
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}{path}", self.url()));
        let request = request.header("X-Atlas-Token", TOKEN);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let reply = request.send().await.unwrap();
        let status = reply.status();
        let text = reply.bytes().await.unwrap();
        (status, serde_json::from_slice(&text).unwrap_or_default())
    }

    /// Adds versions with random metadata, builds and files, and gaps between their numbers.
    pub(super) async fn fill(&self, size: Size, seed: u64) {
        for name in ["acme/web", "acme/db"] {
            let (username, name) = name.split_once('/').unwrap();
            let artifact = json!({"artifact": {"username": username, "name": name}});
            let made = self
                .send(Method::POST, "/api/v1/artifacts", Some(artifact))
                .await;
            assert_eq!(made.0, 200, "{made:?}");
        }
        let adding = (0..size.versions).map(|at| self.add(at, size, seed));
        stream::iter(adding)
            .buffer_unordered(AT_ONCE)
            .for_each(async |()| {})
            .await;
    }

    async fn add(&self, at: u64, size: Size, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed ^ (at << 8));
        let (name, of_type) = TYPES[usize::try_from(at).unwrap() % TYPES.len()];
        let path = format!("/api/v1/artifacts/{name}/{of_type}");
        let has_file = random.u32(..10) > 0;
        let mut metadata = BTreeMap::from([("serial".to_owned(), at.to_string())]);
        for key in 0..random.u32(..4) {
            metadata.insert(format!("key.{key}"), format!("ü{}", random.u32(..5)));
        }
        if of_type == "amazon.image" {
            metadata.insert("region.us-east-1".to_owned(), format!("ami-{at}"));
        }
        let version = json!({"artifact_version": {
            "id": format!("id-{at}"), "file": has_file, "metadata": metadata,
            "build_id": build(at), "compile_id": 0,
        }});
        let made = self.send(Method::POST, &path, Some(version)).await;
        assert_eq!(made.0, 200, "{made:?}");
        if random.u32(..12) == 0 {
            let slug = made.1["slug"].as_str().unwrap();
            let gone = format!("/_mock/artifacts/{slug}");
            assert_eq!(self.send(Method::DELETE, &gone, None).await.0, 204);
            return;
        }
        if has_file {
            let average = usize::try_from(size.bytes / size.versions).unwrap();
            let mut bytes = vec![0; random.usize(..2 * average)];
            random.fill(&mut bytes);
            let to = made.1["upload_path"].as_str().unwrap();
            let sent = self.http.put(to).body(bytes).send().await.unwrap();
            assert_eq!(sent.status(), 200);
        }
    }

    /// Returns what a mirror is to copy.
    pub(super) fn wanted(&self) -> Vec<&'static str> {
        vec!["acme/web", "acme/web:acme.rootfs", "acme/db", "other/open"]
    }

    /// Checks that another server gives the same replies and the same bytes.
    pub(super) async fn assert_equal(&self, other: &Self) {
        for (name, of_type) in TYPES {
            let path = format!("/api/v1/artifacts/{name}/{of_type}");
            let ours = self.both(other, &format!("{path}/search")).await;
            let numbers = ours["versions"].as_array().unwrap().iter();
            let numbers: Vec<u64> = numbers
                .map(|version| version["version"].as_u64().unwrap())
                .collect();
            assert!(!numbers.is_empty(), "{path}");
            for query in ["version=latest", "version=any", "build=latest", "build=any"] {
                self.both(other, &format!("{path}/search?{query}")).await;
            }
            for build in 1..=MOST_BUILDS {
                self.both(other, &format!("{path}/search?build={build}"))
                    .await;
            }
            let last = numbers[0] + 2;
            let same = (0..=last).map(|number| self.assert_same_file(other, &path, number));
            stream::iter(same)
                .buffer_unordered(AT_ONCE)
                .for_each(async |()| {})
                .await;
        }
    }

    /// Returns a reply, which another server gives as well, with and without a token.
    async fn both(&self, other: &Self, path: &str) -> Value {
        let ours = self.send(Method::GET, path, None).await;
        let theirs = other.send(Method::GET, path, None).await;
        assert_eq!(ours, theirs, "{path}");
        let open = async |atlas: &Self| {
            let reply = atlas
                .http
                .get(format!("{}{path}", atlas.url()))
                .send()
                .await;
            let reply = reply.unwrap();
            (reply.status(), reply.bytes().await.unwrap())
        };
        assert_eq!(open(self).await, open(other).await, "{path}");
        ours.1
    }

    async fn assert_same_file(&self, other: &Self, path: &str, number: u64) {
        let file = async |atlas: &Self| {
            let url = format!("{}{path}/{number}/file", atlas.url());
            let request = atlas.http.get(url).header("X-Atlas-Token", TOKEN);
            let reply = request.send().await.unwrap();
            let tag = reply.headers().get("etag").cloned();
            (reply.status(), tag, reply.bytes().await.unwrap())
        };
        let (ours, theirs) = (file(self).await, file(other).await);
        assert_eq!((ours.0, &ours.1), (theirs.0, &theirs.1), "{path} {number}");
        assert!(ours.2 == theirs.2, "{path} {number}: the bytes differ");
    }

    /// Checks that the numbers of another server go on after the same ones.
    pub(super) async fn assert_counts_on(&self, other: &Self) {
        for (name, of_type) in TYPES {
            let path = format!("/api/v1/artifacts/{name}/{of_type}");
            let newest = self
                .send(Method::GET, &format!("{path}/search"), None)
                .await;
            let newest = newest.1["versions"][0]["version"].as_u64().unwrap();
            let version = json!({"artifact_version": {"id": "next", "file": false}});
            let made = other.send(Method::POST, &path, Some(version)).await;
            assert_eq!(made.1["version"], newest + 1, "{path}");
        }
    }

    /// Publishes a box with three versions: a released one, a revoked one, and one that was never released.
    pub(super) async fn publish_boxes(&self) {
        let api = |path: &str| format!("/api/v2{path}");
        let new = json!({"box": {
            "username": "acme", "name": "web", "is_private": false, "description": "long",
        }});
        let made = self.send(Method::POST, &api("/boxes"), Some(new)).await;
        assert_eq!(made.0, 200, "{made:?}");
        for (number, states) in [
            ("1.0.0", &["release"][..]),
            ("1.1.0", &["release", "revoke"]),
            ("2.0.0", &[]),
        ] {
            let of_box = api("/box/acme/web");
            let new = json!({"version": {"version": number, "description": number}});
            let made = self
                .send(Method::POST, &format!("{of_box}/versions"), Some(new))
                .await;
            assert_eq!(made.0, 200, "{made:?}");
            let version = format!("{of_box}/version/{number}");
            for (provider, architecture) in [("libvirt", "amd64"), ("libvirt", "arm64")] {
                let new = json!({"provider": {"name": provider, "architecture": architecture}});
                let providers = format!("{version}/providers");
                let made = self.send(Method::POST, &providers, Some(new)).await;
                assert_eq!(made.0, 200, "{made:?}");
                let upload = format!("{version}/provider/{provider}/{architecture}/upload");
                let upload = self.send(Method::GET, &upload, None).await;
                let to = upload.1["upload_path"].as_str().unwrap();
                let bytes = format!("{number} {architecture}");
                let sent = self.http.put(to).body(bytes).send().await.unwrap();
                assert_eq!(sent.status(), 200);
            }
            for state in states {
                let done = self
                    .send(Method::PUT, &format!("{version}/{state}"), None)
                    .await;
                assert_eq!(done.0, 200, "{done:?}");
            }
        }
    }

    /// Checks that another server describes the same box, and has its files.
    pub(super) async fn assert_equal_boxes(&self, other: &Self) {
        let described = async |atlas: &Self| {
            let reply = atlas.send(Method::GET, "/api/v2/box/acme/web", None).await;
            assert_eq!(reply.0, 200, "{reply:?}");
            let mut value = reply.1;
            // The downloads of a mirror count, too.
            value["downloads"] = Value::Null;
            let text = value.to_string();
            text.replace(atlas.url(), "URL")
        };
        assert_eq!(described(self).await, described(other).await);
        for architecture in ["amd64", "arm64"] {
            for number in ["1.0.0", "1.1.0"] {
                let path = format!(
                    "/acme/boxes/web/versions/{number}/providers/libvirt/{architecture}/vagrant.box"
                );
                let file = async |atlas: &Self| {
                    let request = atlas.http.get(format!("{}{path}", atlas.url()));
                    let reply = request.header("X-Atlas-Token", TOKEN).send().await.unwrap();
                    (reply.status(), reply.bytes().await.unwrap())
                };
                assert_eq!(file(self).await, file(other).await, "{path}");
            }
        }
    }
}
