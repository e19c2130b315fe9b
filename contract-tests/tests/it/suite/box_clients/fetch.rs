//! Finds and downloads a box as `vagrant box add` does.

use reqwest::Method;
use serde_json::Value;

use super::{client, send, sha256};

pub(super) struct FetchClient {
    server: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// A box that was fetched.
pub(super) struct Fetched {
    pub(super) version: String,
    /// The address in the document.
    pub(super) url: String,
    pub(super) file: Vec<u8>,
}

impl FetchClient {
    pub(super) fn new(server: &str, token: Option<&str>) -> Self {
        Self {
            server: server.to_owned(),
            token: token.map(str::to_owned),
            http: client(),
        }
    }

    /// Fetches the newest version for an architecture. Returns `None` if there is none.
    pub(super) async fn fetch(
        &self,
        name: &str,
        provider: &str,
        architecture: &str,
    ) -> Option<Fetched> {
        let mut documents = Vec::new();
        for path in ["/api/v2/vagrant/", "/"] {
            let url = format!("{}{path}{name}", self.server);
            let head = self.request(Method::HEAD, &url).send().await.unwrap();
            let content_type = head.headers().get("Content-Type").cloned();
            let content_type = content_type.unwrap();
            if head.status() == 200 && content_type.to_str().unwrap().contains("application/json") {
                documents.push(url);
            }
        }
        let chosen = |entries: &[Value]| match entries {
            [only] => is_for(only, architecture).then(|| only.clone()),
            several => {
                let mut several = several.iter();
                several
                    .find(|it| it["architecture"] == architecture)
                    .cloned()
            }
        };
        self.fetch_from(documents.first()?, name, provider, chosen)
            .await
    }

    /// Fetches the newest version as a Vagrant that asks only the root and takes the last entry of a provider.
    pub(super) async fn fetch_as_before_2_4(&self, name: &str, provider: &str) -> Option<Fetched> {
        let url = format!("{}/{name}", self.server);
        let last = |entries: &[Value]| entries.last().cloned();
        self.fetch_from(&url, name, provider, last).await
    }

    async fn fetch_from(
        &self,
        url: &str,
        name: &str,
        provider: &str,
        choose: impl Fn(&[Value]) -> Option<Value>,
    ) -> Option<Fetched> {
        let (status, document) = send(self.request(Method::GET, url)).await;
        assert_eq!((status, &document["name"]), (200, &Value::from(name)));
        let mut versions = document["versions"].as_array().unwrap().clone();
        versions.sort_by_key(|version| numbers(&version["version"]));
        let newest = versions.iter().rev().find_map(|version| {
            let entries = version["providers"].as_array().unwrap().iter();
            let entries: Vec<Value> = entries
                .filter(|it| it["name"] == provider)
                .cloned()
                .collect();
            Some((version["version"].as_str()?, choose(&entries)?))
        });
        let (version, entry) = newest?;
        let url = entry["url"].as_str().unwrap();
        let reply = self.request(Method::GET, url).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        let file = reply.bytes().await.unwrap().to_vec();
        assert_eq!(entry["checksum_type"], "sha256");
        assert_eq!(entry["checksum"], sha256(&file));
        Some(Fetched {
            version: version.to_owned(),
            url: url.to_owned(),
            file,
        })
    }

    /// Continues a download, and returns what the server sends. Returns `None` if the address leads nowhere.
    pub(super) async fn rest(&self, url: &str, from: usize) -> Option<Vec<u8>> {
        let request = self.request(Method::GET, url);
        let request = request.header("Range", format!("bytes={from}-"));
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        let range = reply.headers().get("Content-Range").cloned();
        let bytes = reply.bytes().await.unwrap().to_vec();
        match status {
            206 => {
                let range = range.unwrap().to_str().unwrap().to_owned();
                assert!(range.starts_with(&format!("bytes {from}-")), "{range}");
                Some(bytes)
            }
            200 => Some(bytes),
            _ => {
                assert_eq!(status, 404);
                None
            }
        }
    }

    fn request(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, url);
        let request = request.header("Accept", "application/json");
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// Returns whether Vagrant takes the only entry of a provider for an architecture.
fn is_for(entry: &Value, architecture: &str) -> bool {
    let of = entry["architecture"].as_str().unwrap();
    of == architecture || (of == "unknown" && entry["default_architecture"] == true)
}

fn numbers(version: &Value) -> Vec<u64> {
    let numbers = version.as_str().unwrap().split('.');
    numbers.map(|number| number.parse().unwrap()).collect()
}
