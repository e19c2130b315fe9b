//! Runs Packer's `vagrant-registry` post-processor (packer-plugin-vagrant 1.1.7) as it was recorded: its requests in
//! their order, and what it reads of each reply.

use mock_atlas::LintKind;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Hcp, REGISTRY};
use crate::support::Reply;

/// The time that Go sends for a time that is not set.
const ZERO: &str = "0001-01-01T00:00:00.000Z";

/// A run of the post-processor with an access token.
struct Run<'a> {
    hcp: &'a Hcp,
    token: String,
    /// Whether the file goes up directly.
    is_direct: bool,
    /// The description of the file, if it is told.
    data: Value,
}

impl<'a> Run<'a> {
    /// Gets the access token, as the SDK does: with Basic credentials and the audience.
    async fn begin(hcp: &'a Hcp) -> Self {
        let asked = hcp
            .fixture
            .anonymous(Method::POST, "/oauth2/token")
            .basic_auth("wendy", Some("WENDYS-TOKEN"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("audience=https%3A%2F%2Fapi.hashicorp.cloud&grant_type=client_credentials");
        let issued = Reply::of(asked.send().await.unwrap()).await.json();
        assert!(issued["expires_in"].as_u64().unwrap() > 0);
        Self {
            hcp,
            token: issued["access_token"].as_str().unwrap().to_owned(),
            is_direct: true,
            data: json!({"checksum_type": "NONE", "created_at": ZERO, "updated_at": ZERO}),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.hcp.fixture.anonymous(method, path);
        request
            .bearer_auth(&self.token)
            .header("Accept", "application/json")
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = self.request(method, path);
        request = match body {
            Some(body) => request.json(&body),
            None => request.header("Content-Length", "0"),
        };
        Reply::of(request.send().await.unwrap()).await
    }

    async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let reply = self.send(method, path, body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.json()
    }

    /// Reads an object, and creates it if the reply is 404 in HCP's form. Returns whether it was created, and the
    /// reply.
    async fn ensure(&self, path: &str, list: &str, body: Value) -> (bool, Value) {
        let found = self.send(Method::GET, path, None).await;
        if found.status == 200 {
            return (false, found.json());
        }
        assert_eq!(found.status, 404, "{}", found.body);
        assert_eq!(found.json()["code"], 5, "{}", found.body);
        (true, self.ok(Method::POST, list, Some(body)).await)
    }

    /// Waits for the operation of a reply, of which the plugin needs the id and the location.
    async fn wait(&self, reply: &Value) {
        let operation = &reply["operation"];
        let text = |of: &Value| of.as_str().unwrap().to_owned();
        let (organization, project) = (
            text(&operation["location"]["organization_id"]),
            text(&operation["location"]["project_id"]),
        );
        let path = format!(
            "/operation/2020-05-05/organizations/{organization}/projects/{project}/operations/{}/wait?timeout=60s",
            text(&operation["id"])
        );
        let done = self.ok(Method::GET, &path, None).await;
        assert_eq!(done["operation"]["state"], "DONE");
        assert_eq!(done["operation"].get("error"), None);
    }

    /// Publishes a version of `acme/n1`.
    async fn publish(&self, version: &str, bytes: &'static [u8]) {
        let registry = format!("{REGISTRY}/registry/acme");
        let of_box = format!("{registry}/box/n1");
        let new = json!({"created_at": ZERO, "description": "BD", "is_private": true, "name": "n1",
            "updated_at": ZERO, "versions": null});
        let (is_new, reply) = self
            .ensure(&of_box, &format!("{registry}/boxes"), new)
            .await;
        if is_new {
            self.wait(&reply).await;
        }
        let of_version = format!("{of_box}/version/{version}");
        let new = json!({"created_at": ZERO, "description": "VD", "name": version, "providers": null,
            "updated_at": ZERO});
        let (_, found) = self
            .ensure(&of_version, &format!("{of_box}/versions"), new)
            .await;
        let of_provider = format!("{of_version}/provider/virtualbox");
        let new = json!({"architectures": null, "created_at": ZERO, "name": "virtualbox", "updated_at": ZERO});
        self.ensure(&of_provider, &format!("{of_version}/providers"), new)
            .await;
        let architecture = format!("{of_provider}/architecture/amd64");
        let new = json!({"architecture_type": "amd64", "box_data": self.data, "created_at": ZERO,
            "updated_at": ZERO});
        let architectures = format!("{of_provider}/architectures");
        let (is_new, _) = self.ensure(&architecture, &architectures, new).await;
        if !is_new {
            let changed = json!({"box_data": self.data, "created_at": ZERO, "updated_at": ZERO});
            self.ok(Method::PUT, &architecture, Some(changed)).await;
        }
        self.upload(&architecture, bytes).await;
        if found["version"]["state"] == "UNRELEASED" {
            let path = format!("{of_version}/release");
            assert_eq!(self.ok(Method::PUT, &path, None).await, json!({}));
        }
    }

    async fn upload(&self, architecture: &str, bytes: &'static [u8]) {
        if self.data.get("download_url").is_some() {
            return;
        }
        let tail = if self.is_direct {
            "direct/upload"
        } else {
            "upload"
        };
        let begun = self
            .ok(Method::GET, &format!("{architecture}/{tail}"), None)
            .await;
        let sent = self
            .hcp
            .fixture
            .put(begun["url"].as_str().unwrap(), bytes)
            .await;
        assert_eq!(sent.status, 200, "{}", sent.body);
        if self.is_direct {
            let object = begun["object"].as_str().unwrap();
            let path = format!("{architecture}/direct/complete/{object}");
            assert_eq!(self.ok(Method::PUT, &path, None).await, json!({}));
        }
    }
}

/// Returns the versions that `vagrant box add` reads, each with the checksum and the URL of its file.
async fn document(hcp: &Hcp) -> Vec<(String, Value, String)> {
    let path = "/api/v2/vagrant/acme/n1";
    let document = hcp
        .fixture
        .anonymous(Method::GET, path)
        .bearer_auth("RITAS-TOKEN");
    let document = Reply::of(document.send().await.unwrap()).await.json();
    let versions = document["versions"].as_array().unwrap().iter();
    let shown = versions.map(|version| {
        let provider = &version["providers"][0];
        (
            version["version"].as_str().unwrap().to_owned(),
            provider["checksum"].clone(),
            provider["url"].as_str().unwrap().to_owned(),
        )
    });
    shown.collect()
}

#[tokio::test]
async fn the_post_processor_publishes_what_vagrant_adds() {
    let hcp = Hcp::new().await;
    let mut run = Run::begin(&hcp).await;
    run.publish("2.0.0", b"first").await;
    run.is_direct = false;
    run.data = json!({"checksum": "abc", "checksum_type": "sha256", "created_at": ZERO, "updated_at": ZERO});
    run.publish("2.1.0", b"second").await;
    let url = "http://files.test/virtualbox-amd64.box";
    run.data = json!({"checksum_type": "NONE", "download_url": url, "created_at": ZERO, "updated_at": ZERO});
    run.publish("2.2.0", b"").await;
    let shown = document(&hcp).await;
    let versions: Vec<_> = shown.iter().map(|(version, ..)| version.as_str()).collect();
    assert_eq!(versions, ["2.0.0", "2.1.0", "2.2.0"]);
    assert_eq!(shown[1].1, "abc");
    assert_eq!(shown[2].1, Value::Null);
    let path =
        "/registry/acme/box/n1/version/2.2.0/provider/virtualbox/architecture/amd64/download";
    assert_eq!(hcp.get(path).await["url"], url);
    let file = hcp.fixture.http.get(&shown[0].2).bearer_auth(&run.token);
    assert_eq!(Reply::of(file.send().await.unwrap()).await.body, "first");
    // The files of this test are no boxes.
    let of_file = [LintKind::BoxUnreadable, LintKind::BoxChecksum];
    let lints = hcp.fixture.atlas.lints().into_iter();
    let lints: Vec<_> = lints.filter(|lint| !of_file.contains(&lint.kind)).collect();
    assert!(lints.is_empty(), "{lints:?}");
}

#[tokio::test]
async fn a_run_again_goes_on_where_the_last_one_stopped() {
    let hcp =
        Hcp::with(|builder| builder.fault("upload:status=500,times=3".parse().unwrap())).await;
    let run = Run::begin(&hcp).await;
    // The first run ends at its upload, which fails three times, and leaves what it has made.
    let registry = format!("{REGISTRY}/registry/acme");
    for (path, body) in [
        ("/boxes", json!({"name": "n1", "is_private": true})),
        ("/box/n1/versions", json!({"name": "2.0.0"})),
        (
            "/box/n1/version/2.0.0/providers",
            json!({"name": "virtualbox"}),
        ),
        (
            "/box/n1/version/2.0.0/provider/virtualbox/architectures",
            json!({"architecture_type": "amd64"}),
        ),
    ] {
        run.ok(Method::POST, &format!("{registry}{path}"), Some(body))
            .await;
    }
    let architecture =
        format!("{registry}/box/n1/version/2.0.0/provider/virtualbox/architecture/amd64");
    let begun = run
        .ok(Method::GET, &format!("{architecture}/direct/upload"), None)
        .await;
    for _ in 0..3 {
        let sent = hcp
            .fixture
            .put(begun["url"].as_str().unwrap(), b"first")
            .await;
        assert_eq!(sent.status, 500);
    }
    run.publish("2.0.0", b"first").await;
    assert_eq!(document(&hcp).await.len(), 1);
    // The version is active now, and other bytes do not release it again.
    run.publish("2.0.0", b"second").await;
    let shown = document(&hcp).await;
    let file = hcp.fixture.http.get(&shown[0].2).bearer_auth(&run.token);
    assert_eq!(Reply::of(file.send().await.unwrap()).await.body, "second");
}
