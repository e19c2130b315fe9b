//! These tests start the emulator with a mirrored tree.

use mock_atlas::{MockAtlas, Seed};
use serde_json::Value;

use super::scene::{Scene, acme, in_place};
use crate::support::registry::Options;

/// Mirrors a registry, and starts an emulator with the tree.
async fn served() -> (Scene, MockAtlas) {
    let (tree, _) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    let seed = Seed::read(scene.program.path("tree")).unwrap();
    let atlas = MockAtlas::builder().seed(seed).start().await.unwrap();
    (scene, atlas)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emulator_serves_a_mirrored_tree() {
    let (scene, atlas) = served().await;
    let files = in_place(&scene.program.path("tree"));
    let mut found = 0;
    for name in ["web", "db"] {
        let url = format!("{}/api/v2/vagrant/acme/{name}", atlas.url());
        let document = reqwest::get(url).await.unwrap().bytes().await.unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        for version in document["versions"].as_array().unwrap() {
            for provider in version["providers"].as_array().unwrap() {
                let of = |key: &str| provider[key].as_str().unwrap();
                let number = version["version"].as_str().unwrap();
                let place = format!("acme/{name}/{number}/{}/{}", of("name"), of("architecture"));
                let bytes = reqwest::get(of("url")).await.unwrap().bytes().await;
                assert!(bytes.unwrap() == files[&place], "{place}");
                found += 1;
            }
        }
    }
    assert_eq!(found, files.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_the_emulator_is_that_from_which_it_started() {
    let (scene, atlas) = served().await;
    let mirror = [
        "box",
        "mirror",
        "acme",
        "--to",
        "again",
        "--from",
        atlas.url(),
    ];
    let run = scene.program.run(&mirror).await;
    assert_eq!(run.code, 0, "{run}");
    let again = scene.program.path("again");
    assert!(in_place(&again) == scene.in_place());
    let described = |path: &str| {
        let mut described = scene.json(path);
        for of in described["boxes"].as_array_mut().unwrap() {
            of["source"] = Value::Null;
            for version in of["versions"].as_array_mut().unwrap() {
                let files = version["providers"].as_array_mut().unwrap();
                files.iter_mut().for_each(|file| file["url"] = Value::Null);
                // The emulator orders providers by their names.
                files.sort_by_key(|file| format!("{} {}", file["provider"], file["architecture"]));
            }
        }
        described["boxes"].take()
    };
    let (first, second) = (described("mirror.json"), described("../again/mirror.json"));
    assert_eq!(first, second);
}
