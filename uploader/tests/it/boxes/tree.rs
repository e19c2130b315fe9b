//! These tests check the tree that a mirror leaves: its description is correct, and a later run leaves copied
//! files unchanged.

use serde_json::{Value, json};

use super::scene::{Files, Scene, acme, noise, of_files, totals};
use crate::support::registry::{CREATED, Checksum, Kind, Options, State, Tree};

#[tokio::test(flavor = "multi_thread")]
async fn both_catalogs_say_what_is_there_and_begin_as_they_are_told() {
    let (tree, _) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    let base = ["--base-url", "https://boxes.example.com/pre/"];
    let run = scene.mirror(&[&["acme/web"][..], &base].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    let old = scene.json("acme/web/metadata.json");
    let new = scene.json("api/v2/vagrant/acme/web.json");
    for catalog in [&old, &new] {
        assert_eq!(catalog["name"], "acme/web");
        assert_eq!(catalog["description"], "long");
        assert_eq!(catalog["versions"][0]["version"], "1.10.0");
    }
    let names = |catalog: &Value| -> Vec<String> {
        let providers = catalog["versions"][0]["providers"].as_array().unwrap();
        let name = |provider: &Value| provider["url"].as_str().unwrap().to_owned();
        providers.iter().map(name).collect()
    };
    let url =
        |place: &str| format!("https://boxes.example.com/pre/acme/web/1.10.0/{place}/vagrant.box");
    let expected = [url("virtualbox/amd64"), url("libvirt/amd64")];
    assert_eq!(names(&old), expected);
    let [virtualbox, libvirt] = expected;
    assert_eq!(names(&new), [virtualbox, url("virtualbox/arm64"), libvirt]);
    let again = [
        "box",
        "catalog",
        "tree",
        "--base-url",
        "https://elsewhere.example.com",
    ];
    assert_eq!(scene.program.run(&again).await.code, 0);
    let moved = scene.json("acme/web/metadata.json");
    assert!(names(&moved)[0].starts_with("https://elsewhere.example.com/acme/web/1.10.0/"));
    assert_eq!(scene.check().await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_catalog_cannot_hold_is_in_the_description() {
    let file = noise(1).checksum(Checksum::Upper(Kind::Sha1));
    let tree = Tree::new().owner("acme", |acme| {
        acme.box_("web", |web| {
            web.private()
                .described("short", "long")
                .version("1.0.0", |version| {
                    let version = version.state(State::Revoked).described("bad");
                    version.provider("virtualbox", "amd64", file.clone())
                })
        })
    });
    let scene = Scene::with_credentials(tree, Options::default()).await;
    let run = scene.mirror(&["acme", "--include-unreleased"]).await;
    assert_eq!(run.code, 0, "{run}");
    let description = scene.json("mirror.json");
    let web = &description["boxes"][0];
    assert_eq!(
        (&web["private"], &web["short_description"]),
        (&json!(true), &json!("short"))
    );
    let version = &web["versions"][0];
    assert_eq!(
        (&version["state"], &version["description"]),
        (&json!("revoked"), &json!("bad"))
    );
    assert_eq!(version["created_at"], CREATED);
    let found = &version["providers"][0];
    assert_eq!(found["checksum"], file.hex(Kind::Sha1));
    assert_eq!(
        (&found["checksum_type"], &found["size"]),
        (&json!("sha1"), &json!(20_001))
    );
    assert_eq!(found["file"], "acme/web/1.0.0/virtualbox/amd64/vagrant.box");
    assert_eq!(scene.json("acme/web/metadata.json")["versions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_brings_what_is_new_and_changes_nothing_else() {
    let web = |more: bool| {
        Tree::new().owner("acme", |acme| {
            acme.box_("web", |web| {
                let web = web.version("1.0.0", |v| v.provider("virtualbox", "amd64", noise(1)));
                match more {
                    true => web.version("1.1.0", |v| v.provider("virtualbox", "amd64", noise(2))),
                    false => web,
                }
            })
        })
    };
    let scene = Scene::new(web(false), Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    let place = scene
        .program
        .path("tree/acme/web/1.0.0/virtualbox/amd64/vagrant.box");
    let before = std::fs::metadata(&place).unwrap().modified().unwrap();
    let asked = scene.registry.downloads().len();
    let again = scene.mirror(&["acme"]).await;
    assert_eq!((again.code, &totals(&again)["fetched"]), (0, &json!(0)));
    assert_eq!(scene.registry.downloads().len(), asked);
    scene.registry.hold(web(true));
    let more = scene.mirror(&["acme"]).await;
    assert_eq!(
        (more.code, &totals(&more)["fetched"]),
        (0, &json!(1)),
        "{more}"
    );
    assert_eq!(
        std::fs::metadata(&place).unwrap().modified().unwrap(),
        before
    );
    // The version is gone from the source, and must stay in the tree.
    scene.registry.hold(web(false));
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    assert_eq!(scene.in_place().len(), 2);
    let versions = scene.json("acme/web/metadata.json")["versions"].clone();
    assert_eq!(versions.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_another_one_at_the_source_by_now_is_told_and_left_as_it_was() {
    let scene = Scene::new(of_files(&[("virtualbox", noise(1))]), Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    scene.registry.hold(of_files(&[("virtualbox", noise(2))]));
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(
        (run.code, &totals(&run)["differing"]),
        (8, &json!(1)),
        "{run}"
    );
    assert!(run.stderr.contains("was not replaced"), "{run}");
    let kept = vec![("acme/web/1.0.0/virtualbox/amd64".to_owned(), noise(1))];
    scene.assert_holds(&kept);
    assert_eq!(scene.check().await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_have_their_places_and_those_that_lead_elsewhere_have_none() {
    let odd = ["a b", "ü+%20", "100%", "(x)&y=1;z"];
    let tree = Tree::new().owner("acme", |acme| {
        let acme = odd.iter().enumerate().fold(acme, |acme, (index, name)| {
            acme.box_(name, |web| {
                web.version("1.0.0", |v| {
                    v.provider("virtualbox", "amd64", noise(index as u64))
                })
            })
        });
        acme.box_("evil", |evil| {
            evil.version("..", |v| v.provider("virtualbox", "amd64", noise(9)))
                .version("1.0.0", |v| v.provider(".hidden", "amd64", noise(9)))
        })
    });
    let scene = Scene::new(tree, Options::default()).await;
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 3, "{run}");
    assert_eq!(totals(&run)["failed"], 2, "{run}");
    let place = |(index, name): (usize, &&str)| {
        (
            format!("acme/{name}/1.0.0/virtualbox/amd64"),
            noise(index as u64),
        )
    };
    let files: Files = odd.iter().enumerate().map(place).collect();
    scene.assert_holds(&files);
    let catalog = scene.json("acme/a b/metadata.json");
    let url = catalog["versions"][0]["providers"][0]["url"]
        .as_str()
        .unwrap();
    let path = url::Url::parse(url).unwrap().to_file_path().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), noise(0).read());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_there_by_hand_is_taken_if_it_is_what_the_source_has() {
    let tree = of_files(&[("virtualbox", noise(1)), ("libvirt", noise(2))]);
    let scene = Scene::new(tree, Options::default()).await;
    let place = |provider: &str| format!("tree/acme/web/1.0.0/{provider}/amd64/vagrant.box");
    scene.program.write(&place("virtualbox"), noise(1).read());
    scene.program.write(&place("libvirt"), "something else");
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 8, "{run}");
    assert_eq!(totals(&run)["fetched"], 0);
    assert!(
        run.stderr
            .contains("exists, and does not match the source's checksum"),
        "{run}"
    );
    assert!(scene.registry.downloads().is_empty());
    let left = std::fs::read(scene.program.path(&place("libvirt"))).unwrap();
    assert_eq!(left, b"something else");
}
