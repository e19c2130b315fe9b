//! These tests start the emulator with a mirrored tree.

use mock_atlas::{MockAtlas, Seed};

use super::scene::{Scene, acme};
use crate::support::registry::Options;

#[tokio::test(flavor = "multi_thread")]
async fn the_emulator_serves_a_mirrored_tree() {
    let (tree, files) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    let seed = Seed::read(scene.program.path("tree")).unwrap();
    let atlas = MockAtlas::builder().seed(seed).start().await.unwrap();
    let mut found = 0;
    for name in ["web", "db"] {
        // The files are versions of the artifact of the same name.
        let versions = format!("{}/api/v1/artifacts/acme/{name}/vagrant.box", atlas.url());
        let all = reqwest::get(format!("{versions}/search")).await;
        let all = all.unwrap().bytes().await.unwrap();
        let all: serde_json::Value = serde_json::from_slice(&all).unwrap();
        for version in all["versions"].as_array().unwrap() {
            let metadata = &version["metadata"];
            let of = |key: &str| metadata[key].as_str().unwrap().to_owned();
            let (number, provider) = (of("version"), of("provider"));
            let place = format!("acme/{name}/{number}/{provider}/{}", of("architecture"));
            let url = format!("{versions}/{}/file", version["version"]);
            let bytes = reqwest::get(url).await.unwrap().bytes().await.unwrap();
            let (_, file) = files.iter().find(|(at, _)| *at == place).unwrap();
            assert!(bytes == file.read(), "{place}");
            found += 1;
        }
    }
    assert_eq!(found, files.len());
}
