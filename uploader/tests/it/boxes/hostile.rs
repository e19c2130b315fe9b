//! These tests mirror from sources that lead elsewhere, contradict themselves, or know less than before.

use std::path::Path;

use serde_json::{Value, json};

use super::scene::{Scene, in_place, noise, of_files, totals};
use crate::support::program::Program;
use crate::support::registry::{
    Checksum, Etag, Fault, File, Limit, Options, Signature, State, Tree,
};
use crate::support::server::{Reply, Server};

/// Starts a server with one catalog, which answers every other request with the same bytes.
async fn catalog(catalog: Value) -> Server {
    Server::start(move |_, request| match request.target.as_str() {
        "/c.json" => Reply::json(200, catalog.clone()),
        _ => Reply::Status(200, Vec::new(), vec![7; 1000]),
    })
    .await
}

fn mirror_of<'a>(server: &str, wanted: &'a [&'a str]) -> (String, Vec<&'a str>) {
    let from = format!("{server}/c.json");
    let mirror = ["box", "mirror", "--to", "tree", "--output", "json"];
    (from, [&mirror[..], wanted].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_whose_name_leads_elsewhere_writes_nothing_there() {
    let program = Program::new();
    let elsewhere = program.path("elsewhere");
    let names = [
        "../../escape".to_owned(),
        elsewhere.display().to_string(),
        "n".repeat(252),
    ];
    let tree = Tree::new().owner("acme", |acme| {
        let acme = names.iter().fold(acme, |acme, name| {
            acme.box_(name, |one| {
                one.version("1.0", |v| v.provider("p", "a", noise(1)))
            })
        });
        acme.box_("good", |one| {
            one.version("1.0", |v| v.provider("p", "a", noise(2)))
        })
    });
    let scene = Scene::new(tree, Options::default()).await;
    let run = scene.mirror(&["acme"]).await;
    assert_eq!((run.code, &totals(&run)["failed"]), (3, &json!(3)), "{run}");
    scene.assert_holds(&vec![("acme/good/1.0/p/a".to_owned(), noise(2))]);
    assert!(!elsewhere.exists() && !scene.program.path("escape").exists());
    let boxes = scene.json("mirror.json")["boxes"].clone();
    assert_eq!(boxes.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_somebody_else_wrote_leads_nowhere() {
    let scene = Scene::new(of_files(&[("p", noise(1))]), Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    let good = scene.json("mirror.json");
    for (pointer, value) in [
        ("/boxes/0/owner", "/tmp/elsewhere"),
        ("/boxes/0/name", ".."),
        ("/boxes/0/versions/0/providers/0/file", "/etc/passwd"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = json!(value);
        scene.program.write("tree/mirror.json", bad.to_string());
        for command in ["check", "catalog"] {
            let run = scene.program.run(&["box", command, "tree"]).await;
            assert_eq!(run.code, 3, "{command} {pointer}: {run}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_files_for_one_place_the_first_is_taken_and_the_other_told() {
    let provider = |name: &str| json!({"name": "virtualbox", "url": name});
    let server = catalog(json!({
        "name": "acme/web",
        "versions": [{"version": "1.0", "providers": [provider("one.box"), provider("two.box")]}],
    }))
    .await;
    let program = Program::new();
    let (from, arguments) = mirror_of(server.url(), &["acme", "acme/web", "--from"]);
    let run = program.run(&[&arguments[..], &[&from]].concat()).await;
    assert_eq!((run.code, &totals(&run)["failed"]), (3, &json!(1)), "{run}");
    let asked = server.lines();
    assert!(
        !asked.iter().any(|line| line.contains("two.box")),
        "{asked:?}"
    );
    let there = in_place(&program.path("tree"));
    assert_eq!(there["acme/web/1.0/virtualbox/unknown"].len(), 1000);
    assert_eq!(program.run(&["box", "check", "tree"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_points_into_its_readers_machine_is_told() {
    for address in ["file:///etc/hostname", "ftp://example.com/a.box"] {
        let server = catalog(json!({
            "name": "acme/web",
            "versions": [{"version": "1.0", "providers": [{"name": "p", "url": address}]}],
        }))
        .await;
        let program = Program::new();
        for more in [&["--from"][..], &["--external", "--from"]] {
            let (from, arguments) = mirror_of(server.url(), more);
            let run = program
                .run(&[&arguments[..], &[&from, "acme/web"]].concat())
                .await;
            assert_eq!(run.code, 5, "{address}: {run}");
        }
        let path = program.path("tree/acme/web/metadata.json");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.contains(address), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_an_empty_file_are_no_boxes() {
    let page = Reply::Status(200, Vec::new(), b"<html>log in</html>".to_vec());
    let page = page.with("Content-Type", "text/html");
    for (reply, code) in [(page, 1), (Reply::Status(200, Vec::new(), Vec::new()), 8)] {
        let catalog = json!({
            "name": "acme/web",
            "versions": [{"version": "1.0", "providers": [{"name": "p", "url": "a.box"}]}],
        });
        let server = Server::start(move |_, request| match request.target.as_str() {
            "/c.json" => Reply::json(200, catalog.clone()),
            _ => reply.clone(),
        })
        .await;
        let program = Program::new();
        let (from, arguments) = mirror_of(server.url(), &["acme/web", "--from"]);
        let run = program.run(&[&arguments[..], &[&from]].concat()).await;
        assert_eq!(run.code, code, "{run}");
        assert!(in_place(&program.path("tree")).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_expires_while_the_registry_is_waited_for_is_asked_for_again() {
    let options = Options {
        signature: Signature::Lasts(std::time::Duration::from_millis(700)),
        limit: Some(Limit::downloads(2)),
        ..Options::default()
    };
    let files = ["a", "b", "c", "d", "e"].map(|name| (name, noise(1)));
    let scene = Scene::new(of_files(&files), options).await;
    let run = scene.mirror(&["acme", "--retries", "0"]).await;
    assert_eq!((run.code, &totals(&run)["files"]), (0, &json!(5)), "{run}");
    assert!(scene.registry.early().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_anew_each_time_is_not_fetched_for_ever() {
    let file = File::noise(1, 400_000).checksum(Checksum::None);
    let options = Options {
        etag: Etag::None,
        faults: vec![Fault::Cut(100_000).always()],
        ..Options::default()
    };
    let scene = Scene::new(of_files(&[("p", file)]), options).await;
    let run = scene
        .mirror(&["acme", "--retries", "2", "--retry-time", "20"])
        .await;
    assert_eq!(run.code, 7, "{run}");
    let asked = scene.registry.downloads().len();
    assert!(asked <= 5, "{asked}");
    // The next run finds the files of this run and continues.
    scene.registry.change(|options| options.faults.clear());
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 0, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_keeps_nothing_else_and_no_match_is_no_success() {
    let scene = Scene::new(of_files(&[("p", noise(1))]), Options::default()).await;
    let run = scene.mirror(&["acme/missing", "nobody", "acme/web"]).await;
    assert_eq!(
        (run.code, &totals(&run)["fetched"]),
        (5, &json!(1)),
        "{run}"
    );
    assert_eq!(totals(&run)["failed"], 2);
    for choice in [["--provider", "virtulbox"], ["--version", "9.9"]] {
        let run = scene.mirror(&[&["acme"][..], &choice].concat()).await;
        assert_eq!(run.code, 5, "{choice:?}: {run}");
        assert!(run.stderr.contains("matches the selection"), "{run}");
    }
    assert_eq!(scene.mirror(&["acme", "--newest", "0"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_takes_away_nothing_that_is_known() {
    let tree = Tree::new().owner("acme", |acme| {
        acme.box_("web", |web| {
            let web = web.private().described("short", "long");
            web.version("1.0.0", |v| {
                v.described("text").provider("p", "a", noise(1))
            })
        })
    });
    let scene = Scene::with_credentials(tree, Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    let before = scene.json("mirror.json");
    let installed = "home/acme-VAGRANTSLASH-web";
    for folder in [
        format!("{installed}/1.0.0/a/p"),
        format!("{installed}/2.0.0/a/p"),
    ] {
        scene
            .program
            .write(&format!("{folder}/metadata.json"), r#"{"provider": "p"}"#);
    }
    scene.program.write("home/lonely/0/p/metadata.json", "{}");
    let run = scene.mirror_from("home", &[]).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("lonely has no owner"), "{run}");
    let after = scene.json("mirror.json");
    let (before, after) = (&before["boxes"][0], &after["boxes"][0]);
    for field in [
        "private",
        "short_description",
        "description",
        "source",
        "created_at",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["versions"][1], before["versions"][0]);
    assert_eq!(after["versions"][0]["version"], "2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_revoked_is_offered_no_more_and_a_default_moves() {
    let web = |state, default| {
        Tree::new().owner("acme", |acme| {
            acme.box_("web", |web| {
                web.version("1.0.0", |v| v.state(state).provider("p", "amd64", noise(1)))
                    .version("2.0.0", |v| {
                        let v = v.provider("p", "amd64", noise(2));
                        v.provider("p", "arm64", noise(3)).default_is("p", default)
                    })
            })
        })
    };
    let scene = Scene::with_credentials(web(State::Active, "amd64"), Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    scene.registry.hold(web(State::Revoked, "arm64"));
    let run = scene.mirror(&["acme", "--architecture", "arm64"]).await;
    assert_eq!(run.code, 0, "{run}");
    let old = scene.json("acme/web/metadata.json");
    let versions = old["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "{old}");
    let url = versions[0]["providers"][0]["url"].as_str().unwrap();
    assert!(url.contains("/2.0.0/p/arm64/"), "{url}");
    assert_eq!(scene.in_place().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_stays_in_the_catalogs_when_its_owner_is_gone_or_it_cannot_be_copied() {
    let file = noise(1).on_owners_host();
    let scene = Scene::new(of_files(&[("p", file)]), Options::default()).await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    let listed = || {
        let catalog = scene.json("acme/web/metadata.json");
        catalog["versions"].as_array().unwrap().len()
    };
    assert_eq!(listed(), 1);
    let gone = |options: &mut Options| options.faults = vec![Fault::Status(404).always()];
    scene.registry.change(gone);
    scene.registry.change(|options| options.head = false);
    for more in [&["acme"][..], &["acme", "--external"]] {
        let run = scene.mirror(more).await;
        assert_eq!(run.code, 5, "{run}");
        assert_eq!(listed(), 1, "{more:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_no_run_has_told_of_are_taken_in_without_the_source() {
    let scene = Scene::new(
        of_files(&[("p", noise(1)), ("q", noise(2))]),
        Options::default(),
    )
    .await;
    assert_eq!(scene.mirror(&["acme"]).await.code, 0);
    // A run that is killed right after its last file leaves such a description.
    let mut description = scene.json("mirror.json");
    for file in description["boxes"][0]["versions"][0]["providers"]
        .as_array_mut()
        .unwrap()
    {
        file["file"] = Value::Null;
    }
    scene
        .program
        .write("tree/mirror.json", description.to_string());
    let wrong = Path::new("tree/acme/web/1.0.0/q/amd64/vagrant.box");
    scene.program.write(wrong.to_str().unwrap(), "another");
    assert_eq!(scene.check().await.code, 8);
    let run = scene.program.run(&["box", "catalog", "tree"]).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stderr.contains("1 files of the tree were not recorded"),
        "{run}"
    );
    assert_eq!(scene.check().await.code, 5);
    let catalog = scene.json("acme/web/metadata.json");
    let providers = catalog["versions"][0]["providers"].as_array().unwrap();
    assert_eq!((providers.len(), &providers[0]["name"]), (1, &json!("p")));
}
