//! Tests the other data sources, and the resource that pushes, against the emulator.

use rmpv::Value;

use crate::support::program::Program;
use crate::support::terraform::{Object, Provider, map, name, object, problems, unknown};
use crate::support::{CANARY, gzip, started};

const PUSHED: &str = "atlas_artifact_version";

async fn run(program: &Program, line: &str) {
    let run = program.run(&Vec::from_iter(line.split(' '))).await;
    assert_eq!(run.code, 0, "{run}");
}

fn web<'a>(more: &[(&'a str, Value)]) -> Vec<(&'a str, Value)> {
    let web = [("name", "acme/web".into()), ("type", "custom.image".into())];
    [&web[..], more].concat()
}

fn field<'a>(object: &'a Value, name: &str) -> &'a Value {
    let mut fields = object.as_map().unwrap().iter();
    &fields
        .find(|(key, _)| key.as_str() == Some(name))
        .unwrap()
        .1
}

#[tokio::test]
async fn all_versions_that_match_are_listed_newest_first() {
    let (_atlas, program) = started().await;
    for id in ["one", "two", "three"] {
        let os = if id == "two" { "bsd" } else { "linux" };
        run(
            &program,
            &format!("push acme/web --type custom.image --id {id} -m os={os} -m a.b=c"),
        )
        .await;
    }
    let provider = Provider::configured(&program).await;
    let ids = async |more: &[(&str, Value)]| {
        let read = provider
            .read("atlas_artifact_versions", &web(more))
            .await
            .unwrap();
        let versions = read["versions"].as_array().unwrap().clone();
        assert!(
            versions
                .iter()
                .all(|version| field(field(version, "metadata_full"), "a-b") == &"c".into())
        );
        let ids = versions
            .iter()
            .map(|version| field(version, "id").as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]).await, ["three", "two", "one"]);
    let linux = [("metadata", map(&[("os", "linux")]))];
    assert_eq!(ids(&linux).await, ["three", "one"]);
    assert!(
        ids(&[("metadata", map(&[("os", "none")]))])
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_box_has_its_newest_version_address_and_checksum() {
    let (atlas, program) = started().await;
    let content = crate::support::tarred(&[("metadata.json", br#"{"provider": "virtualbox"}"#)]);
    program.write("web.box", gzip(&content));
    for version in ["1.9.0", "1.10.0"] {
        run(
            &program,
            &format!("box publish acme/web {version} virtualbox web.box --release"),
        )
        .await;
    }
    let provider = Provider::configured(&program).await;
    let read = async |more: &[(&str, Value)]| {
        let own = [("name", "acme/web".into())];
        provider.read("atlas_box", &[&own[..], more].concat()).await
    };
    let newest = read(&[]).await.unwrap();
    assert_eq!(newest["version_real"], "1.10.0".into());
    assert_eq!(newest["box_provider_real"], "virtualbox".into());
    assert_eq!(newest["checksum_type"], "sha256".into());
    assert_eq!(newest["checksum"].as_str().unwrap().len(), 64);
    let url = newest["url"].as_str().unwrap();
    assert!(url.starts_with(atlas.url()), "{url}");
    let old = read(&[("version", "1.9.0".into())]).await.unwrap();
    assert_eq!(old["version_real"], "1.9.0".into());
    let told = read(&[("box_provider", "qemu".into())]).await.unwrap_err();
    assert!(
        told[0].starts_with("name: version 1.10.0 has no such file"),
        "{told:?}"
    );
    let told = provider
        .read("atlas_box", &[("name", "acme/none".into())])
        .await
        .unwrap_err();
    assert_eq!(
        told,
        ["Error reading the box 'acme/none': resource not found"]
    );
}

#[tokio::test]
async fn a_file_is_downloaded_checked_and_kept() {
    let (_atlas, program) = started().await;
    program.write("one.gz", gzip(b"one"));
    program.write("two.gz", gzip(b"two"));
    run(&program, "push acme/web --type custom.image one.gz").await;
    run(&program, "push acme/web --type custom.image two.gz").await;
    let provider = Provider::configured(&program).await;
    let to = |version: &str| vec![("path", "found.gz".into()), ("version", version.into())];
    let found = provider.read("atlas_file", &web(&to("1"))).await.unwrap();
    assert_eq!(
        std::fs::read(program.path("found.gz")).unwrap(),
        gzip(b"one")
    );
    assert_eq!(found["slug"], "acme/web/custom.image/1".into());
    assert_eq!(found["verified"], true.into());
    assert_eq!(found["bytes"], gzip(b"one").len().to_string().into());
    let written = std::fs::metadata(program.path("found.gz"))
        .unwrap()
        .modified()
        .unwrap();
    let again = provider.read("atlas_file", &web(&to("1"))).await.unwrap();
    assert_eq!(again, found);
    let kept = std::fs::metadata(program.path("found.gz"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(kept, written, "the file was downloaded again");

    let newest = provider
        .read("atlas_file", &web(&to("latest")))
        .await
        .unwrap();
    assert_eq!(newest["version_real"], "2".into());
    assert_eq!(
        std::fs::read(program.path("found.gz")).unwrap(),
        gzip(b"two")
    );
    let into = [("path", "none/found.gz".into()), ("version", "1".into())];
    let told = provider.read("atlas_file", &web(&into)).await.unwrap_err();
    assert!(told[0].starts_with("path: Error saving"), "{told:?}");
    let told = provider
        .read("atlas_file", &web(&to("9")))
        .await
        .unwrap_err();
    assert_eq!(
        told,
        ["Error downloading from artifact 'acme/web': resource not found"]
    );
}

async fn pushed(provider: &Provider, more: &[(&str, Value)]) -> Object {
    provider.create(PUSHED, &web(more)).await.unwrap()
}

#[tokio::test]
async fn a_version_is_pushed_once_and_again_when_its_file_changes() {
    let (atlas, program) = started().await;
    program.write("image", "one");
    let provider = Provider::configured(&program).await;
    let config = [
        ("file", "image".into()),
        ("metadata", map(&[("os", "bsd")])),
    ];
    let state = pushed(&provider, &config).await;
    assert_eq!(state["slug"], "acme/web/custom.image/1".into());
    let url = format!(
        "{}/api/v1/artifacts/acme/web/custom.image/1/file",
        atlas.url()
    );
    assert_eq!(state["file_url"], url.into());
    assert_eq!(
        program.latest("acme/web", "custom.image").await["metadata"]["os"],
        "bsd"
    );

    // Another workspace, or a state that was lost: the same content makes no second version.
    program.write("image", "one");
    assert_eq!(pushed(&provider, &config).await, state);
    let nothing = provider.plan(PUSHED, Some(&state), &web(&config)).await;
    assert_eq!(
        object(nothing.planned_state.as_ref()).as_ref(),
        Some(&state)
    );
    assert_eq!(
        provider.refresh(PUSHED, &state).await.unwrap().as_ref(),
        Some(&state)
    );

    program.write("image", "two");
    let planned = provider.plan(PUSHED, Some(&state), &web(&config)).await;
    let by: Vec<_> = planned.requires_replace.iter().map(name).collect();
    assert_eq!(by, ["digest"]);
    assert_eq!(
        object(planned.planned_state.as_ref()).unwrap()["slug"],
        unknown()
    );
    assert_eq!(pushed(&provider, &config).await["version"], "2".into());

    std::fs::remove_file(program.path("image")).unwrap();
    let planned = provider.plan(PUSHED, Some(&state), &web(&config)).await;
    assert_eq!(
        problems(&planned.diagnostics),
        ["file: The file of a version that was pushed is not there"]
    );
    assert!(planned.requires_replace.is_empty());
    let (gone, told) = provider.apply(PUSHED, Some(&state), None).await;
    assert_eq!(
        (gone, told),
        (None, vec!["The version stays on the server".to_owned()])
    );
}

#[tokio::test]
async fn a_file_that_moved_keeps_its_version() {
    let (_atlas, program) = started().await;
    // A gzip is pushed as it is, so that its name is not in the content.
    let content = gzip(b"one");
    std::fs::create_dir(program.path("kept")).unwrap();
    for name in ["image", "kept/image", "picture"] {
        std::fs::write(program.path(name), &content).unwrap();
    }
    let provider = Provider::configured(&program).await;
    let mut state = pushed(&provider, &[("file", "image".into())]).await;

    let moved = web(&[("file", "kept/image".into())]);
    let planned = provider.plan(PUSHED, Some(&state), &moved).await;
    assert!(planned.requires_replace.is_empty());
    let (kept, told) = provider
        .apply(PUSHED, Some(&state), planned.planned_state)
        .await;
    assert_eq!(told, Vec::<String>::new());
    state.insert("file".to_owned(), "kept/image".into());
    assert_eq!(kept.as_ref(), Some(&state));

    // Another name is another id, unless the configuration gives one.
    let named = web(&[("file", "picture".into())]);
    let planned = provider.plan(PUSHED, Some(&state), &named).await;
    let by: Vec<_> = planned.requires_replace.iter().map(name).collect();
    assert_eq!(by, ["file"]);
    let id = ("artifact_id", "image".into());
    let state = pushed(&provider, &[("file", "image".into()), id.clone()]).await;
    let named = web(&[("file", "picture".into()), id.clone()]);
    let planned = provider.plan(PUSHED, Some(&state), &named).await;
    assert!(planned.requires_replace.is_empty());

    // Other metadata are another version, wherever the file is.
    let more = web(&[
        ("file", "picture".into()),
        id,
        ("metadata", map(&[("os", "bsd")])),
    ]);
    let planned = provider.plan(PUSHED, Some(&state), &more).await;
    let by: Vec<_> = planned.requires_replace.iter().map(name).collect();
    assert_eq!(by, ["metadata"]);
    assert_eq!(
        object(planned.planned_state.as_ref()).unwrap()["version"],
        unknown()
    );
}

#[tokio::test]
async fn the_address_of_a_file_follows_the_server() {
    let (atlas, program) = started().await;
    program.write("image", "one");
    let provider = Provider::configured(&program).await;
    let state = pushed(&provider, &[("file", "image".into())]).await;
    let mut before = state.clone();
    let elsewhere = "http://elsewhere.test/api/v1/artifacts/acme/web/custom.image/1/file";
    before.insert("file_url".to_owned(), elsewhere.into());
    assert_eq!(provider.refresh(PUSHED, &before).await, Ok(Some(state)));

    // With the artifact, its versions are gone; without a token, nobody knows.
    before.insert("name".to_owned(), "acme/none".into());
    assert_eq!(provider.refresh(PUSHED, &before).await, Ok(None));
    let nobody = Program::new().with("ATLAS_ADDRESS", atlas.url());
    let reader = Provider::configured(&nobody).await;
    let told = reader.refresh(PUSHED, &before).await.unwrap_err();
    assert_eq!(told, ["Missing Atlas token"]);
}

#[tokio::test]
async fn an_id_alone_is_a_version_and_one_that_is_removed_is_gone() {
    let (atlas, program) = started().await;
    let provider = Provider::configured(&program).await;
    let state = pushed(&provider, &[("artifact_id", "us-east-1:ami-1".into())]).await;
    assert_eq!(state["file_url"], "".into());
    assert_eq!(
        program.latest("acme/web", "custom.image").await["id"],
        "us-east-1:ami-1"
    );
    let mut lost = state.clone();
    lost.insert("version".to_owned(), "7".into());
    assert_eq!(provider.refresh(PUSHED, &lost).await, Ok(None));

    let told = provider
        .create(PUSHED, &web(&[("file", "none".into())]))
        .await
        .unwrap_err();
    assert!(
        told[0].starts_with("file: Error archiving artifact"),
        "{told:?}"
    );
    let nobody = Program::new().with("ATLAS_ADDRESS", atlas.url());
    let reader = Provider::configured(&nobody).await;
    let told = reader
        .create(PUSHED, &web(&[("artifact_id", "i".into())]))
        .await
        .unwrap_err();
    assert_eq!(told, ["Missing Atlas token"]);
    let other = Program::at(atlas.url(), "wr0ng-canary");
    let reader = Provider::configured(&other).await;
    let told = reader
        .create(PUSHED, &web(&[("artifact_id", "i".into())]))
        .await
        .unwrap_err();
    assert!(told[0].ends_with("authentication failed"), "{told:?}");
    assert!(!told[0].contains(CANARY));
}
