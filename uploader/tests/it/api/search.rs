//! Tests the query that a search sends, and how its reply is read.

use atlas_uploader::api::SearchQuery;
use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::{Client, ClientOptions, Push, push};
use mock_atlas::MockAtlas;
use serde_json::json;

use crate::support::server::{Reply, Server};
use crate::support::{client, push_without_file};

fn pairs(metadata: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    let owned = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
    metadata.iter().map(owned).collect()
}

async fn numbers(client: &Client, query: &SearchQuery) -> Vec<u64> {
    let (name, artifact_type) = ("acme/web".parse().unwrap(), "custom.image".parse().unwrap());
    let found = client.search(&name, &artifact_type, query).await.unwrap();
    found.iter().map(|version| version.version).collect()
}

#[tokio::test]
async fn the_query_is_spelled_as_the_genuine_client_spells_it() {
    let server = Server::start(|_, _| Reply::json(200, json!({"versions": []}))).await;
    let query = SearchQuery {
        version: Some("latest".to_owned()),
        build: Some("5".to_owned()),
        metadata: pairs(&[("os user", None), ("region.us-east-1", Some("ami-1&2"))]),
    };
    assert!(
        numbers(&client(server.url(), "T0ken"), &query)
            .await
            .is_empty()
    );
    assert_eq!(
        server.lines(),
        [
            "GET /api/v1/artifacts/acme/web/custom.image/search?version=latest&build=5\
          &metadata.1.key=os+user&metadata.2.key=region.us-east-1&metadata.2.value=ami-1%262"
        ]
    );
}

#[tokio::test]
async fn the_versions_that_match_come_newest_first() {
    let atlas = MockAtlas::start().await.unwrap();
    let client = client(atlas.url(), atlas.token());
    for os in ["linux", "bsd", "linux"] {
        let version = Push {
            metadata: [("os".to_owned(), os.to_owned())].into(),
            ..push_without_file("i")
        };
        push(&client, &version).await.unwrap();
    }
    let all = SearchQuery::default();
    assert_eq!(numbers(&client, &all).await, [3, 2, 1]);
    let linux = SearchQuery {
        metadata: pairs(&[("os", Some("linux"))]),
        ..all.clone()
    };
    assert_eq!(numbers(&client, &linux).await, [3, 1]);
    let latest = SearchQuery {
        version: Some("latest".to_owned()),
        metadata: pairs(&[("os", None)]),
        ..all
    };
    assert_eq!(numbers(&client, &latest).await, [3]);
}

#[tokio::test]
async fn a_public_artifact_is_found_without_a_token() {
    let builder = MockAtlas::builder().public_artifact("acme/web");
    let atlas = builder.start().await.unwrap();
    push(&client(atlas.url(), atlas.token()), &push_without_file("i"))
        .await
        .unwrap();
    let nobody = Client::new(ClientOptions::new(atlas.url().parse().unwrap())).unwrap();
    assert_eq!(numbers(&nobody, &SearchQuery::default()).await, [1]);
}

#[tokio::test]
async fn a_reply_that_makes_no_sense_says_where_and_repeats_nothing_of_it() {
    let server = Server::start(|_, _| Reply::Status(200, Vec::new(), b"{hunter2".to_vec())).await;
    let (name, artifact_type) = ("acme/web".parse().unwrap(), "t".parse().unwrap());
    let query = SearchQuery::default();
    let error = client(server.url(), "T0ken")
        .search(&name, &artifact_type, &query)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("not the JSON that was expected") && !text.contains("hunter2"),
        "{text}"
    );
    assert_eq!(ExitCode::from(&error), ExitCode::Other);
}
