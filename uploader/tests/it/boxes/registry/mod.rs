//! These tests check the fake registry (`support::registry`) by raw requests, since the tests of the mirror rely
//! on it.

mod access;
mod cloud;
mod hcp;
mod store;

use std::sync::LazyLock;

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, redirect};
use serde_json::Value;

use crate::support::registry::{File, Options, Registry, State, Tree, Version};

const HCP: &str = "/vagrant/2022-09-30/registry/acme";
const AMD64: &str = "/acme/boxes/web/versions/1.0.0/providers/virtualbox/amd64/vagrant.box";

/// A reply, with its body if that was complete.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    body: Result<Vec<u8>, reqwest::Error>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(self.body.as_ref().unwrap()).unwrap()
    }

    fn bytes(&self) -> &[u8] {
        self.body.as_ref().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A client that follows no redirect, and reuses no connection, since each test has a runtime of its own.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let client = Client::builder().redirect(redirect::Policy::none());
    client.pool_max_idle_per_host(0).no_proxy().build().unwrap()
});

fn client() -> &'static Client {
    &CLIENT
}

async fn sent(request: RequestBuilder) -> Got {
    let response = request.send().await.unwrap();
    Got {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await.map(Vec::from),
    }
}

async fn get(url: &str) -> Got {
    sent(client().get(url)).await
}

async fn json_of(registry: &Registry, path: &str) -> Value {
    let got = get(&format!("{}{path}", registry.url())).await;
    assert_eq!(got.status, 200, "{path}: {got:?}");
    got.json()
}

/// Requests a token from `/oauth2/token`.
async fn token(registry: &Registry) -> String {
    let (id, secret) = Options::default().credentials;
    let request = client()
        .post(format!("{}/oauth2/token", registry.url()))
        .basic_auth(id, Some(secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let got = sent(request).await;
    assert_eq!(got.status, 200, "{got:?}");
    got.json()["access_token"].as_str().unwrap().to_owned()
}

fn web() -> File {
    File::noise(1, 200_000)
}

/// Returns a tree with a private box, and a public box with a version of each state, two providers and two
/// architectures.
fn acme() -> Tree {
    Tree::new().owner("acme", |acme| {
        acme.described("all of acme")
            .box_("web", |web_box| {
                web_box
                    .described("short", "long")
                    .version("1.0.0", |version| {
                        version
                            .described("first")
                            .provider("virtualbox", "amd64", web())
                            .provider("virtualbox", "arm64", File::bytes("arm"))
                            .default_is("virtualbox", "arm64")
                            .provider("libvirt", "unknown", File::noise(2, 10).unknown())
                    })
                    .version("1.1.0", |version| version.state(State::Revoked))
                    .version("1.2.0", |version| version.state(State::Unreleased))
            })
            .box_("secret", |secret| {
                let version = |v: Version| v.provider("virtualbox", "amd64", File::bytes("secret"));
                secret.private().version("1.0.0", version)
            })
    })
}

async fn start(options: Options) -> Registry {
    Registry::start(acme(), options).await
}

/// Returns the address in the store to which a download of the box is redirected.
async fn in_store(registry: &Registry) -> String {
    let got = get(&format!("{}{AMD64}", registry.url())).await;
    assert_eq!(got.status, 302);
    got.header("location").unwrap().to_owned()
}
