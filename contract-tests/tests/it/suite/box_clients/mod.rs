//! Clients of boxes, written from the contract alone: what they publish by either API, Vagrant's way of fetching finds.
//!
//! - `cloud`: publishes by version 2 of the API, in the order of `vagrant cloud publish`
//! - `registry`: publishes by HCP's API with OAuth, in the order of Packer's `vagrant-registry`
//! - `fetch`: finds and downloads a box as `vagrant box add` does

mod cloud;
mod fetch;
mod registry;

use mock_atlas::{MockAtlas, User};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::{cloud::CloudClient, fetch::FetchClient, registry::RegistryClient};

const TOKEN: &str = "token-of-acme";

/// A box of one provider and architecture, with its file.
pub(crate) struct Build<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) architecture: &'a str,
    pub(crate) file: &'a [u8],
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Sends a request, and returns the status and the body, which is null if it is no JSON.
async fn send(request: RequestBuilder) -> (u16, Value) {
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    let body = reply.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Sends bytes to the place that the server has named, without a token.
async fn upload(to: &str, file: &[u8]) -> u16 {
    let sent = client().request(Method::PUT, to).body(file.to_vec());
    send(sent).await.0
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn emulator() -> MockAtlas {
    let acme = User::new("acme").token(TOKEN);
    MockAtlas::builder().user(acme).start().await.unwrap()
}

fn build<'a>(version: &'a str, architecture: &'a str, file: &'a [u8]) -> Build<'a> {
    let (name, provider) = ("web", "virtualbox");
    Build {
        name,
        version,
        provider,
        architecture,
        file,
    }
}

#[tokio::test]
async fn what_the_v2_client_publishes_is_fetched_for_each_architecture() {
    let atlas = emulator().await;
    let publisher = CloudClient::new(atlas.url(), TOKEN);
    let fetch = FetchClient::new(atlas.url(), None);
    for (version, architecture, file) in [
        ("1.9.0", "amd64", &b"nine"[..]),
        ("1.10.0", "arm64", b"ten for arm"),
        ("1.10.0", "amd64", b"ten"),
    ] {
        publisher.publish(&build(version, architecture, file)).await;
    }
    for (architecture, file) in [("amd64", &b"ten"[..]), ("arm64", b"ten for arm")] {
        let fetched = fetch.fetch("acme/web", "virtualbox", architecture).await;
        let fetched = fetched.unwrap();
        assert_eq!((&*fetched.version, &*fetched.file), ("1.10.0", file));
    }
    assert!(
        fetch
            .fetch("acme/web", "virtualbox", "i386")
            .await
            .is_none()
    );
    // Vagrant before 2.4 knows no architectures.
    let old = fetch.fetch_as_before_2_4("acme/web", "virtualbox").await;
    assert_eq!(old.unwrap().file, b"ten for arm");
}

#[tokio::test]
async fn a_file_that_is_published_again_gets_another_address_and_another_checksum() {
    let atlas = emulator().await;
    let publisher = CloudClient::new(atlas.url(), TOKEN);
    let fetch = FetchClient::new(atlas.url(), None);
    publisher.publish(&build("1.0.0", "amd64", b"first")).await;
    let first = fetch
        .fetch("acme/web", "virtualbox", "amd64")
        .await
        .unwrap();
    publisher.publish(&build("1.0.0", "amd64", b"second")).await;
    let second = fetch
        .fetch("acme/web", "virtualbox", "amd64")
        .await
        .unwrap();
    assert_eq!(
        (&*first.file, &*second.file),
        (&b"first"[..], &b"second"[..])
    );
    assert_ne!(first.url, second.url);
    // A download under way when it was published again never mixes two files.
    assert!(fetch.rest(&first.url, 2).await.is_none());
}

#[tokio::test]
async fn a_download_is_continued_and_one_that_was_whole_is_taken() {
    let atlas = emulator().await;
    CloudClient::new(atlas.url(), TOKEN)
        .publish(&build("1.0.0", "amd64", b"0123456789"))
        .await;
    let fetch = FetchClient::new(atlas.url(), None);
    let url = fetch
        .fetch("acme/web", "virtualbox", "amd64")
        .await
        .unwrap()
        .url;
    assert_eq!(fetch.rest(&url, 4).await.unwrap(), b"456789");
    assert_eq!(fetch.rest(&url, 10).await.unwrap(), b"0123456789");
}

#[tokio::test]
async fn what_the_registry_client_publishes_is_fetched_with_its_access_token() {
    let atlas = emulator().await;
    let publisher = RegistryClient::log_in(atlas.url(), "acme", TOKEN)
        .await
        .unwrap();
    publisher.publish(&build("2.0.0", "amd64", b"two")).await;
    let anonymous = FetchClient::new(atlas.url(), None);
    assert!(
        anonymous
            .fetch("acme/web", "virtualbox", "amd64")
            .await
            .is_none()
    );
    let token = Some(publisher.access_token());
    let fetch = FetchClient::new(atlas.url(), token);
    let fetched = fetch
        .fetch("acme/web", "virtualbox", "amd64")
        .await
        .unwrap();
    assert_eq!((&*fetched.version, &*fetched.file), ("2.0.0", &b"two"[..]));
    // A second run finds everything, and only replaces the file.
    publisher
        .publish(&build("2.0.0", "amd64", b"two again"))
        .await;
    let fetched = fetch
        .fetch("acme/web", "virtualbox", "amd64")
        .await
        .unwrap();
    assert_eq!(fetched.file, b"two again");
    assert_eq!(
        publisher
            .download("web", "2.0.0", "virtualbox", "amd64")
            .await,
        b"two again"
    );
    // The other API sees the same box.
    let cloud = CloudClient::new(atlas.url(), TOKEN);
    cloud.publish(&build("2.1.0", "amd64", b"more")).await;
    assert_eq!(publisher.versions("web").await, ["2.1.0", "2.0.0"]);
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_the_header_and_in_the_form() {
    let atlas = emulator().await;
    let refused = RegistryClient::log_in(atlas.url(), "acme", "wrong").await;
    assert_eq!(refused.err(), Some(vec![401, 401]));
}
