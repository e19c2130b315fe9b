//! Tests the data source and the resource `atlas_artifact` against the emulator.

use atlas_uploader::terraform::protocol::{
    Diagnostics, Empty, RawState, State, StopReply, UpgradeRequest,
};
use rmpv::Value;
use serde_json::json;

use crate::support::program::Program;
use crate::support::server::{Reply, Server};
use crate::support::terraform::{Provider, map, name, object, problems, unknown};
use crate::support::{CANARY, started, until};

const KIND: &str = "atlas_artifact";

/// Pushes a version with this id, and with metadata.
async fn push(program: &Program, id: &str, more: &[&str]) {
    let push = ["push", "acme/web", "--type", "amazon.image", "--id", id];
    let run = program.run(&[&push[..], more].concat()).await;
    assert_eq!(run.code, 0, "{run}");
}

fn web<'a>(more: &[(&'a str, Value)]) -> Vec<(&'a str, Value)> {
    let web = [("name", "acme/web".into()), ("type", "amazon.image".into())];
    [&web[..], more].concat()
}

#[tokio::test]
async fn the_data_source_gives_what_the_old_provider_gave() {
    let (atlas, program) = started().await;
    push(
        &program,
        "us-east-1:ami-1",
        &["-m", "region.us-east-1=ami-1"],
    )
    .await;
    program.write("image", "bytes");
    push(
        &program,
        "us-east-1:ami-2",
        &["-m", "region.us-east-1=ami-2", "-m", "os=bsd", "image"],
    )
    .await;
    let provider = Provider::configured(&program).await;

    let newest = provider.read(KIND, &web(&[])).await.unwrap();
    assert_eq!(newest["id"], "us-east-1:ami-2".into());
    assert_eq!(newest["version_real"], "2".into());
    assert_eq!(newest["slug"], "acme/web/amazon.image/2".into());
    let url = format!(
        "{}/api/v1/artifacts/acme/web/amazon.image/2/file",
        atlas.url()
    );
    assert_eq!(newest["file_url"], url.into());
    let metadata = newest["metadata_full"].as_map().unwrap();
    assert!(metadata.contains(&("region-us-east-1".into(), "ami-2".into())));
    assert_eq!(
        (&newest["version"], &newest["metadata"]),
        (&Value::Nil, &Value::Nil)
    );

    for wanted in [
        vec![("version", "1".into())],
        // The version wins over the build.
        vec![("version", "1".into()), ("build", "7".into())],
        vec![
            ("metadata", map(&[("region.us-east-1", "ami-1")])),
            ("version", "any".into()),
        ],
    ] {
        let first = provider.read(KIND, &web(&wanted)).await.unwrap();
        assert_eq!(first["id"], "us-east-1:ami-1".into(), "{wanted:?}");
        assert_eq!(first["file_url"], "".into());
    }
    let keys = Value::Array(vec!["os".into()]);
    let with_key = provider
        .read(KIND, &web(&[("metadata_keys", keys.clone())]))
        .await
        .unwrap();
    assert_eq!(with_key["version_real"], "2".into());
    assert_eq!(with_key["metadata_keys"], keys);
}

#[tokio::test]
async fn a_channel_is_a_version() {
    let (atlas, program) = started().await;
    for id in ["one", "two"] {
        push(&program, id, &[]).await;
    }
    let provider = Provider::configured(&program).await;
    let production = web(&[("version", "production".into())]);
    let words = "version: No matching artifact for 'acme/web'";
    assert_eq!(
        provider.read(KIND, &production).await,
        Err(vec![words.to_owned()])
    );

    let path = "_mock/channels/acme/web/amazon.image/production";
    let set = reqwest::Client::new()
        .put(format!("{}/{path}", atlas.url()))
        .bearer_auth(CANARY)
        .header("Content-Type", "application/json")
        .body(r#"{"channel": {"version": 1}}"#);
    assert!(set.send().await.unwrap().status().is_success());
    let found = provider.read(KIND, &production).await.unwrap();
    assert_eq!(
        (&found["id"], &found["version_real"]),
        (&"one".into(), &"1".into())
    );
    assert_eq!(found["version"], "production".into());
}

#[tokio::test]
async fn mistakes_are_told_in_the_old_providers_words() {
    let (atlas, program) = started().await;
    push(&program, "one", &[]).await;
    let provider = Provider::configured(&program).await;
    for (values, words) in [
        (
            vec![("name", "web".into()), ("type", "t".into())],
            "name: malformed slug \"web\"",
        ),
        (
            vec![("name", "a/b".into()), ("type", "t/u".into())],
            "type: malformed artifact type \"t/u\"",
        ),
        (
            web(&[("version", "9".into())]),
            "name: No matching artifact for 'acme/web'",
        ),
        (
            vec![("name", "acme/other".into()), ("type", "t".into())],
            "Error searching for artifact 'acme/other': resource not found",
        ),
    ] {
        assert_eq!(
            provider.read(KIND, &values).await,
            Err(vec![words.to_owned()])
        );
    }
    let wrong = Program::at(atlas.url(), "wr0ng-canary");
    let provider = Provider::configured(&wrong).await;
    let words = "Error searching for artifact 'acme/web': authentication failed";
    assert_eq!(
        provider.read(KIND, &web(&[])).await,
        Err(vec![words.to_owned()])
    );
    let nobody = Program::new().with("ATLAS_ADDRESS", atlas.url());
    let provider = Provider::configured(&nobody).await;
    assert_eq!(
        provider.read(KIND, &web(&[])).await,
        Err(vec!["Missing Atlas token".to_owned()])
    );
}

#[tokio::test]
async fn several_results_are_refused() {
    let version = |number: u64| json!({"username": "acme", "name": "web", "tag": "acme/web", "slug": "s", "artifact_type": "t", "version": number});
    let both = json!({"versions": [version(1), version(2)]});
    let server = Server::start(move |_, _| Reply::json(200, both.clone())).await;
    let program = Program::at(server.url(), CANARY);
    let provider = Provider::configured(&program).await;
    let words = "name: Got 2 results for 'acme/web', only one is allowed";
    assert_eq!(
        provider.read(KIND, &web(&[])).await,
        Err(vec![words.to_owned()])
    );
}

#[tokio::test]
async fn the_settings_win_over_the_environment_and_may_be_unknown() {
    let (atlas, pusher) = started().await;
    push(&pusher, "one", &[]).await;
    let program = Program::at("http://not-asked.test", "n0t-asked");
    let provider = Provider::start(&program).await;
    let settings = [("address", atlas.url().into()), ("token", CANARY.into())];
    assert!(provider.configure(&settings).await.is_empty());
    assert!(provider.read(KIND, &web(&[])).await.is_ok());

    for (name, value, words) in [
        (
            "address",
            "ftp://x",
            "address: The address of the Atlas cannot be used",
        ),
        // Terraform would show the lines of attributes that are named.
        (
            "address",
            "http://u:p@x",
            "The address of the Atlas cannot be used",
        ),
        ("token", "two\nlines", "The token cannot be used"),
        ("token", "", "token: Missing Atlas token"),
    ] {
        let told = provider.configure(&[(name, value.into())]).await;
        assert!(told.len() == 1 && told[0].starts_with(words), "{told:?}");
    }
    let unknown_token = [("address", atlas.url().into()), ("token", unknown())];
    assert!(provider.configure(&unknown_token).await.is_empty());
    // A plan is possible all the same.
    let planned = provider.plan(KIND, None, &web(&[])).await;
    assert_eq!(problems(&planned.diagnostics), Vec::<String>::new());
    let told = provider.read(KIND, &web(&[])).await.unwrap_err();
    assert!(told[0].contains("known only after apply"), "{told:?}");
}

#[tokio::test]
async fn the_resource_is_made_kept_replaced_and_forgotten() {
    let (_atlas, program) = started().await;
    push(&program, "one", &[]).await;
    let provider = Provider::configured(&program).await;
    let planned = provider.plan(KIND, None, &web(&[])).await;
    let shown = object(planned.planned_state.as_ref()).unwrap();
    for output in ["id", "slug", "file_url", "metadata_full", "version_real"] {
        assert_eq!(shown[output], unknown(), "{output}");
    }
    let (state, told) = provider.apply(KIND, None, planned.planned_state).await;
    let state = state.unwrap();
    assert_eq!((state["id"].clone(), told.len()), ("one".into(), 0));

    // The second plan is empty, also where the configuration says nothing in another way.
    let nothing = provider.plan(KIND, Some(&state), &web(&[])).await;
    assert_eq!(
        object(nothing.planned_state.as_ref()).as_ref(),
        Some(&state)
    );
    let empty = [("metadata_keys", Value::Array(Vec::new()))];
    let nothing = provider.plan(KIND, Some(&state), &web(&empty)).await;
    assert!(nothing.requires_replace.is_empty());

    // A newer version is seen by the refresh.
    push(&program, "two", &[]).await;
    let refreshed = provider.refresh(KIND, &state).await.unwrap().unwrap();
    assert_eq!(refreshed["id"], "two".into());

    let pinned = provider
        .plan(KIND, Some(&refreshed), &web(&[("version", "1".into())]))
        .await;
    let by: Vec<_> = pinned.requires_replace.iter().map(name).collect();
    assert_eq!(by, ["version"]);
    let planned = object(pinned.planned_state.as_ref()).unwrap();
    assert_eq!(planned["id"], unknown());
    let missing = provider
        .plan(KIND, None, &web(&[("version", "9".into())]))
        .await;
    assert_eq!(
        problems(&missing.diagnostics),
        ["name: No matching artifact for 'acme/web'"]
    );

    let (gone, told) = provider.apply(KIND, Some(&refreshed), None).await;
    assert_eq!((gone, told.len()), (None, 0));
}

#[tokio::test]
async fn a_resource_whose_version_channel_or_artifact_is_gone_does_not_block_a_destroy() {
    let (atlas, program) = started().await;
    push(&program, "one", &[]).await;
    let provider = Provider::configured(&program).await;
    let state = provider.create(KIND, &web(&[])).await.unwrap();
    let nobody = Program::new().with("ATLAS_ADDRESS", atlas.url());
    let reader = Provider::configured(&nobody).await;
    for (attribute, lost) in [
        ("version", "9"),
        ("version", "production"),
        ("name", "acme/none"),
    ] {
        let mut state = state.clone();
        state.insert(attribute.to_owned(), lost.into());
        assert_eq!(provider.refresh(KIND, &state).await, Ok(None), "{lost}");
        // Somebody without a token does not know.
        let told = reader.refresh(KIND, &state).await.unwrap_err();
        assert_eq!(told, ["Missing Atlas token"], "{lost}");
    }
}

#[tokio::test]
async fn states_of_0_9_to_0_11_and_of_today_are_upgraded() {
    let (_atlas, program) = started().await;
    push(&program, "one", &["-m", "a.b=1"]).await;
    let provider = Provider::configured(&program).await;
    let flat = [
        ("id", "one"),
        ("name", "acme/web"),
        ("type", "amazon.image"),
        ("version", "latest"),
        ("file_url", ""),
        ("slug", "acme/web/amazon.image/1"),
        ("version_real", "1"),
        ("metadata_full.%", "1"),
        ("metadata_full.a-b", "1"),
        ("metadata_keys.#", "0"),
        ("metadata.%", "0"),
        ("old", "left out"),
    ];
    let flat = flat.map(|(key, text)| (key.to_owned(), text.to_owned()));
    let json = json!({
        "id": "one", "name": "acme/web", "type": "amazon.image", "version": "latest", "file_url": "",
        "slug": "acme/web/amazon.image/1", "version_real": 1, "metadata_full": {"a-b": "1"}, "metadata": {},
    });
    let old = RawState {
        json: Vec::new(),
        flatmap: flat.into(),
    };
    let today = RawState {
        json: json.to_string().into_bytes(),
        flatmap: [].into(),
    };
    // Only the old states do not tell an empty map from none.
    for (raw_state, set) in [(old, None), (today, Some(("metadata", map(&[]))))] {
        let request = UpgradeRequest {
            type_name: KIND.to_owned(),
            version: 0,
            raw_state: Some(raw_state),
        };
        let upgraded: State = provider
            .call("UpgradeResourceState", request)
            .await
            .unwrap();
        assert_eq!(problems(&upgraded.diagnostics), Vec::<String>::new());
        let state = object(upgraded.state.as_ref()).unwrap();
        assert_eq!(state["metadata_full"], map(&[("a-b", "1")]));
        assert_eq!(state["version_real"], "1".into());
        let mut settings = vec![("version", "latest".into())];
        settings.extend(set);
        let config = web(&settings);
        let planned = provider.plan(KIND, Some(&state), &config).await;
        assert_eq!(object(planned.planned_state.as_ref()), Some(state));
    }
}

#[tokio::test]
async fn stop_cancels_what_is_under_way() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let program = Program::at(server.url(), CANARY);
    let provider = Provider::configured(&program).await;
    let config = web(&[]);
    let reading = provider.read(KIND, &config);
    let stopping = async {
        until(|| !server.requests().is_empty()).await;
        let reply: StopReply = provider.call("Stop", Empty {}).await.unwrap();
        assert_eq!(reply.error, "");
    };
    let (read, ()) = tokio::join!(reading, stopping);
    assert_eq!(read, Err(vec!["Stopped by Terraform".to_owned()]));
}

#[tokio::test]
async fn what_is_not_served_is_told() {
    let (_atlas, program) = started().await;
    let provider = Provider::configured(&program).await;
    let mut request = provider.data_source(KIND, &web(&[]));
    request.type_name = "atlas_nothing".to_owned();
    let reply: Diagnostics = provider
        .call("ValidateDataSourceConfig", request)
        .await
        .unwrap();
    assert_eq!(
        problems(&reply.diagnostics),
        ["The provider atlas has no data source \"atlas_nothing\""]
    );
    let status = provider
        .call::<Empty, Empty>("Nothing", Empty {})
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}
