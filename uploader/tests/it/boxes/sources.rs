//! These tests mirror sources of every kind: the program determines the kind, and all requested files arrive.

use serde_json::{Value, json};

use super::scene::{Files, Scene, acme, in_place, totals};
use crate::support::entries;
use crate::support::program::Program;
use crate::support::registry::{Api, Expands, File, Options, Origin, Tree};

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_comes_whole_however_much_hcp_says_at_once() {
    for expands in [Expands::Whole, Expands::Children, Expands::Nothing] {
        let (tree, files) = acme();
        let options = Options {
            speaks: vec![Api::Hcp],
            page_size: 1,
            expands,
            ..Options::default()
        };
        let scene = Scene::new(tree, options).await;
        let run = scene.mirror(&["acme"]).await;
        assert_eq!(run.code, 0, "{expands:?}: {run}");
        let bytes: u64 = files.iter().map(|(_, file)| file.length()).sum();
        let expected = json!({
            "boxes": 2, "versions": 4, "files": 12, "bytes": bytes, "fetched": 12, "links": 0,
            "differing": 0, "failed": 0,
        });
        assert_eq!(totals(&run), expected);
        scene.assert_holds(&files);
        let checked = scene.check().await;
        assert_eq!(checked.code, 0, "{checked}");
        assert!(scene.registry.leaks().is_empty());
        // A registry limits downloads per hour, so each file must be requested only once.
        let asked = scene.registry.lines(Origin::Registry).into_iter();
        assert_eq!(asked.filter(|line| line.ends_with("/download")).count(), 12);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_source_is_found_out_and_gives_the_same() {
    let all = || Options::default().speaks;
    for (speaks, from, architectures) in [
        (vec![Api::Hcp], "", true),
        (vec![Api::V2], "", true),
        (vec![Api::V2], "/api/v1", true),
        (vec![Api::V1], "/api/v2/", false),
        (all(), "/api/v2/vagrant/acme/web", true),
        (all(), "/acme/web", false),
        (vec![Api::Plain], "/plain/web.json", true),
    ] {
        let (tree, mut files) = acme();
        let api = speaks.clone();
        let options = Options {
            speaks,
            ..Options::default()
        };
        let scene = Scene::new(tree, options).await;
        let from = format!("{}{from}", scene.registry.url());
        let run = scene.mirror_from(&from, &["acme/web"]).await;
        assert_eq!(run.code, 0, "{api:?} {from}: {run}");
        files.retain(|(place, _)| place.starts_with("acme/web/"));
        if !architectures {
            files.retain(|(place, _)| !place.ends_with("arm64"));
            for (place, _) in &mut files {
                *place = place.replace("amd64", "unknown");
            }
        }
        scene.assert_holds(&files);
        assert!(scene.registry.leaks().is_empty(), "{api:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_comes_and_nothing_else() {
    let (tree, files) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    let choice = [
        "--provider",
        "virt*",
        "--architecture",
        "a*64",
        "--newest",
        "1",
    ];
    let run = scene.mirror(&[&["acme/web"][..], &choice].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    let chosen = |(place, _): &&(String, File)| place.starts_with("acme/web/1.10.0/virtualbox/");
    let chosen: Files = files.iter().filter(chosen).cloned().collect();
    scene.assert_holds(&chosen);
    let more = scene.mirror(&["acme/web", "--version", "1.9.*"]).await;
    assert_eq!(
        (more.code, &totals(&more)["fetched"]),
        (0, &json!(3)),
        "{more}"
    );
    let wrong = scene.mirror(&["acme", "--version", "["]).await;
    assert_eq!(wrong.code, 2, "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_asks_for_no_file_and_makes_nothing() {
    let (tree, _) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    let run = scene.mirror(&["acme", "--plan"]).await;
    assert_eq!(run.code, 0, "{run}");
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["fetches"].as_array().unwrap().len(), 12);
    assert!(plan["bytes"].as_u64().unwrap() > 12 * 20_000);
    assert!(scene.registry.downloads().is_empty());
    assert!(!scene.program.path("tree").exists());
    let mirror = ["box", "mirror", "acme", "--plan", "--to", "tree", "--from"];
    let text = scene
        .program
        .run(&[&mirror[..], &[scene.registry.url()]].concat())
        .await;
    assert!(text.stdout.contains("12 files would be fetched"), "{text}");
    assert!(text.stdout.contains("downloads an hour"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_versions_are_read_and_the_newest_come() {
    for api in [Api::Hcp, Api::V2] {
        let tree = Tree::new().owner("acme", |acme| {
            acme.box_("web", |web| {
                web.versions(3000, |v, n| {
                    v.provider("virtualbox", "amd64", File::noise(n, 100))
                })
            })
        });
        let options = Options {
            speaks: vec![api],
            expands: Expands::Children,
            ..Options::default()
        };
        let scene = Scene::new(tree, options).await;
        let run = scene.mirror(&["acme/web", "--newest", "3"]).await;
        assert_eq!(run.code, 0, "{api:?}: {run}");
        let places: Vec<_> = scene.in_place().into_keys().collect();
        let place = |n: u32| format!("acme/web/1.0.{n}/virtualbox/amd64");
        assert_eq!(places, [2997, 2998, 2999].map(place));
        let all = scene.mirror(&["acme/web", "--plan"]).await;
        let plan: Value = serde_json::from_str(&all.stdout).unwrap();
        assert_eq!(plan["fetches"].as_array().unwrap().len(), 2997);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn installed_boxes_are_packed_again() {
    let program = Program::new();
    let boxes = "home/boxes";
    for (folder, provider) in [
        ("acme-VAGRANTSLASH-old/1.0.0/virtualbox", "virtualbox"),
        ("acme-VAGRANTSLASH-new/2.0.0/amd64/libvirt", "libvirt"),
        ("noowner/0/virtualbox", "virtualbox"),
    ] {
        let metadata = format!(r#"{{"provider": "{provider}"}}"#);
        program.write(&format!("{boxes}/{folder}/metadata.json"), metadata);
        program.write(&format!("{boxes}/{folder}/box.img"), provider);
        program.write(&format!("{boxes}/{folder}/box_update_check"), "");
    }
    program.write(
        &format!("{boxes}/acme-VAGRANTSLASH-old/metadata_url"),
        "https://x",
    );
    let mirror = ["box", "mirror", "--to", "tree", "--from", boxes];
    let run = program.run(&mirror).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stderr
            .contains("checksums are not those of the originals"),
        "{run}"
    );
    let there = in_place(&program.path("tree"));
    let places: Vec<_> = there.keys().collect();
    assert_eq!(
        places,
        [
            "acme/new/2.0.0/libvirt/amd64",
            "acme/old/1.0.0/virtualbox/unknown"
        ]
    );
    let entries = entries(&*there["acme/new/2.0.0/libvirt/amd64"]);
    let names: Vec<_> = entries.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["box.img", "metadata.json"]);
    let again = program.run(&mirror).await;
    assert_eq!(again.code, 0, "{again}");
    assert_eq!(in_place(&program.path("tree")), there);
    assert_eq!(program.run(&["box", "check", "tree"]).await.code, 0);

    // These names are Latin-1, which is not valid UTF-8.
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let [from, to] = [&b"from\xe9"[..], b"to\xe9"].map(std::ffi::OsStr::from_bytes);
        std::fs::rename(program.path(boxes), program.folder().join(from)).unwrap();
        let mut command = program.command();
        command.args(["box", "mirror", "--from"]).arg(from);
        let output = command.arg("--to").arg(to).output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let places = in_place(&program.folder().join(to));
        assert_eq!(places.len(), there.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_registry_and_what_nobody_has_is_said() {
    let (tree, _) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    for (wanted, code) in [("nobody", 5), ("acme/nothing", 5), ("a/b/c", 2), ("", 2)] {
        let run = scene.mirror(&[wanted]).await;
        assert_eq!(run.code, code, "{wanted}: {run}");
    }
    for (from, code) in [
        ("ftp://example.com", 2),
        ("https://user:pass@example.com", 2),
        ("no/such/path", 3),
    ] {
        let run = scene.mirror_from(from, &["acme"]).await;
        assert_eq!(run.code, code, "{from}: {run}");
        assert!(!run.stderr.contains("pass@"), "{run}");
    }
    let token = scene.mirror(&["acme", "--token", "T0ken"]).await;
    assert_eq!(token.code, 2, "{token}");
    assert!(token.stderr.contains("HCP_CLIENT_ID"), "{token}");
    let busy = scene.program.path("tree");
    let tree = atlas_uploader::boxes::Tree::open(&busy).unwrap();
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("another process"), "{run}");
    drop(tree);
}
