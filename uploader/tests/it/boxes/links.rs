//! These tests mirror files on their owners' hosts, which stay links or are copied.

use serde_json::json;

use super::scene::{Scene, noise, of_files, totals};
use crate::support::registry::{Api, File, Options};

#[tokio::test(flavor = "multi_thread")]
async fn links_are_kept_or_copied_and_dead_ones_are_told() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}/gone.box", nowhere.local_addr().unwrap());
    drop(nowhere);
    let alive = noise(1).on_owners_host();
    for api in [Api::Hcp, Api::V2] {
        let tree = of_files(&[("alive", alive.clone()), ("dead", File::link(&dead))]);
        let options = Options {
            speaks: vec![api],
            head: false,
            ..Options::default()
        };
        let scene = Scene::new(tree, options).await;
        let kept = scene.mirror(&["acme", "--retries", "0"]).await;
        assert_eq!(kept.code, 7, "{api:?}: {kept}");
        assert_eq!(totals(&kept)["links"], 1);
        assert!(kept.stderr.contains("acme/web 1.0.0 dead/amd64"), "{kept}");
        assert!(scene.in_place().is_empty());
        let catalog = scene.json("acme/web/metadata.json");
        let url = catalog["versions"][0]["providers"][0]["url"]
            .as_str()
            .unwrap();
        assert!(url.starts_with(scene.registry.owners_url()), "{url}");
        let copied = scene
            .mirror(&["acme", "--external", "--retries", "0"])
            .await;
        assert_eq!(copied.code, 7, "{copied}");
        let here = vec![("acme/web/1.0.0/alive/amd64".to_owned(), alive.clone())];
        scene.assert_holds(&here);
        assert!(scene.registry.leaks().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_answers_for_is_hosted_wherever_it_redirects_to() {
    let file = noise(1).on_owners_host().through_registry();
    let options = Options {
        speaks: vec![Api::V2],
        two_redirects: true,
        ..Options::default()
    };
    let scene = Scene::new(of_files(&[("virtualbox", file.clone())]), options).await;
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 0, "{run}");
    let here = vec![("acme/web/1.0.0/virtualbox/amd64".to_owned(), file)];
    scene.assert_holds(&here);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_files_the_addresses_are_kept_and_nobody_is_asked_for_bytes() {
    let tree = of_files(&[("virtualbox", noise(1))]);
    let options = Options {
        speaks: vec![Api::V2],
        ..Options::default()
    };
    let scene = Scene::new(tree, options).await;
    let run = scene.mirror(&["acme", "--no-files"]).await;
    assert_eq!((run.code, &totals(&run)["links"]), (0, &json!(1)), "{run}");
    assert!(scene.registry.downloads().is_empty() && scene.in_place().is_empty());
    let catalog = scene.json("api/v2/vagrant/acme/web.json");
    let url = catalog["versions"][0]["providers"][0]["url"]
        .as_str()
        .unwrap();
    assert!(url.starts_with(scene.registry.url()), "{url}");
}
