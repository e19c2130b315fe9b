//! The emulator reproduces every recorded reply of the real Atlas, key for key, once the versions in the reply are
//! made.

use atlas_contract_tests::run::target::Target;
use reqwest::Client;
use serde_json::{Value, json};

/// A recorded reply as text, and the request that a client must have sent to get it.
struct Recording {
    text: &'static str,
    element: Value,
    sent: Value,
}

impl Recording {
    fn read(text: &'static str) -> Self {
        let element: Value = serde_json::from_str(text).unwrap();
        let mut metadata = element["metadata"].clone();
        for derived in ["ami_id", "region"] {
            metadata.as_object_mut().unwrap().remove(derived);
        }
        let version = json!({
            "id": element["id"], "file": element["file"], "metadata": metadata, "build_id": 0, "compile_id": 0
        });
        Self {
            text,
            element,
            sent: json!({"artifact_version": version}),
        }
    }

    fn kind(&self) -> &str {
        self.element["artifact_type"].as_str().unwrap()
    }

    fn number(&self) -> u64 {
        self.element["version"].as_u64().unwrap()
    }
}

fn recordings() -> [Recording; 3] {
    [
        include_str!("../../../testdata/recorded/search-amazon.image.json"),
        include_str!("../../../testdata/recorded/search-googlecompute.image.json"),
        include_str!("../../../testdata/recorded/search-openstack.image.json"),
    ]
    .map(Recording::read)
}

struct Atlas {
    target: Target,
    client: Client,
}

impl Atlas {
    async fn start() -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            target: Target::emulator().await.unwrap(),
            client,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self
            .client
            .post(format!("{}{path}", self.target.api()))
            .body(body.to_string());
        self.send(request).await
    }

    async fn search(&self, kind: &str, query: &str) -> Value {
        let path = format!("/artifacts/sequenceiq/cbd/{kind}/search{query}");
        let found = self
            .send(self.client.get(format!("{}{path}", self.target.api())))
            .await;
        found["versions"].clone()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let response = request
            .header("X-Atlas-Token", self.target.token())
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success(), "{response:?}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn every_recorded_reply_is_reproduced_with_its_keys_in_their_order() {
    let atlas = Atlas::start().await;
    atlas
        .post(
            "/artifacts",
            &json!({"artifact": {"username": "sequenceiq", "name": "cbd"}}),
        )
        .await;
    for recording in recordings() {
        for number in 1..=recording.number() {
            let path = format!("/artifacts/sequenceiq/cbd/{}", recording.kind());
            let made = atlas.post(&path, &recording.sent).await;
            assert_eq!(made["version"], number);
        }
    }
    for recording in recordings() {
        for query in [
            format!("?version={}", recording.number()),
            "?version=latest".to_owned(),
        ] {
            let versions = atlas.search(recording.kind(), &query).await;
            assert_eq!(versions.as_array().unwrap().len(), 1, "{query}");
            assert_eq!(
                format!("{:#}", versions[0]),
                recording.text.trim_end(),
                "{query}"
            );
        }
        let all = atlas.search(recording.kind(), "").await;
        assert_eq!(all.as_array().unwrap().len() as u64, recording.number());
        assert_eq!(format!("{:#}", all[0]), recording.text.trim_end());
    }
}
