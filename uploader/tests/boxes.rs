//! `atlas-upload box` against a stand-in for HCP Vagrant and Vagrant Cloud: what comes, where it is put,
//! and what is said of it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::program::{Program, Run};
use support::registry::{
    Api, Checksum, Expands, File, Kind, Options, Origin, Registry, Signature, Size, State, Tree,
};

/// The files of a tree, each by where it is to be.
type Files = Vec<(String, File)>;

fn noise(seed: u64) -> File {
    File::noise(seed, 20_000 + seed)
}

/// An organisation with two boxes, of two versions each, for two providers, one of which has two
/// architectures.
fn acme() -> (Tree, Files) {
    let mut files = Vec::new();
    let mut seed = 0;
    let tree = Tree::new().owner("acme", |mut acme| {
        for name in ["web", "db"] {
            acme = acme.box_(name, |mut web| {
                web = web.described("short", "long");
                for number in ["1.9.0", "1.10.0"] {
                    web = web.version(number, |mut version| {
                        for (provider, architecture) in [
                            ("virtualbox", "amd64"),
                            ("virtualbox", "arm64"),
                            ("libvirt", "amd64"),
                        ] {
                            seed += 1;
                            let file = noise(seed);
                            let place = format!("acme/{name}/{number}/{provider}/{architecture}");
                            files.push((place, file.clone()));
                            version = version.provider(provider, architecture, file);
                        }
                        version
                    });
                }
                web
            });
        }
        acme
    });
    (tree, files)
}

/// One box with one version and these files, each with its provider.
fn of_files(files: &[(&str, File)]) -> Tree {
    Tree::new().owner("acme", |acme| {
        acme.box_("web", |web| {
            web.version("1.0.0", |version| {
                files.iter().fold(version, |version, (provider, file)| {
                    version.provider(provider, "amd64", file.clone())
                })
            })
        })
    })
}

struct Scene {
    registry: Registry,
    program: Program,
}

impl Scene {
    async fn new(tree: Tree, options: Options) -> Self {
        let registry = Registry::start(tree, options).await;
        let program = Program::new();
        Self { registry, program }
    }

    /// With a service principal.
    async fn with_credentials(tree: Tree, options: Options) -> Self {
        let (id, secret) = options.credentials.clone();
        let Self { registry, program } = Self::new(tree, options).await;
        let program = program
            .with("HCP_CLIENT_ID", &id)
            .with("HCP_CLIENT_SECRET", &secret)
            .with("HCP_AUTH_URL", registry.url());
        Self { registry, program }
    }

    async fn mirror(&self, what: &[&str]) -> Run {
        self.mirror_from(self.registry.url(), what).await
    }

    async fn mirror_from(&self, from: &str, what: &[&str]) -> Run {
        let mirror = ["box", "mirror", "--to", "tree", "--from", from];
        let json = ["--output", "json"];
        self.program.run(&[&mirror, what, &json].concat()).await
    }

    async fn check(&self) -> Run {
        self.program.run(&["box", "check", "tree"]).await
    }

    fn json(&self, path: &str) -> Value {
        let path = self.program.path("tree").join(path);
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        serde_json::from_slice(&text).unwrap()
    }

    /// The files that are in place, each by where it is.
    fn in_place(&self) -> BTreeMap<String, Vec<u8>> {
        in_place(&self.program.path("tree"))
    }

    fn assert_holds(&self, files: &Files) {
        let there = self.in_place();
        let places: Vec<_> = there.keys().cloned().collect();
        let mut expected: Vec<_> = files.iter().map(|(place, _)| place.clone()).collect();
        expected.sort();
        assert_eq!(places, expected);
        for (place, file) in files {
            assert!(there[place] == file.read(), "{place} is another");
        }
    }
}

/// Every `vagrant.box` below a folder, by the folders that lead there.
fn in_place(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = walkdir::WalkDir::new(root)
        .into_iter()
        .filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_name() == "vagrant.box");
    files
        .map(|entry| {
            let folder = entry.path().parent().unwrap().strip_prefix(root).unwrap();
            let place = folder.to_str().unwrap().to_owned();
            (place, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn totals(run: &Run) -> Value {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    report["totals"].clone()
}

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
        // A registry gives so many an hour.
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
    assert_eq!(version["created_at"], support::registry::CREATED);
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
    assert!(text.stdout.contains("12 files would come"), "{text}");
    assert!(text.stdout.contains("downloads an hour"), "{text}");
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
    // Gone from the source, and still here.
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
    assert!(run.stderr.contains("was left as it is"), "{run}");
    let kept = vec![("acme/web/1.0.0/virtualbox/amd64".to_owned(), noise(1))];
    scene.assert_holds(&kept);
    assert_eq!(scene.check().await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_checksum_is_compared_and_one_is_made_where_there_is_none() {
    let mut files = Vec::new();
    for kind in Kind::ALL {
        files.push((kind.name(), noise(1).checksum(Checksum::Right(kind))));
    }
    files.push(("upper", noise(2).checksum(Checksum::Upper(Kind::Md5))));
    for (name, checksum) in [
        ("none", Checksum::None),
        ("unset", Checksum::Unset),
        ("missing", Checksum::Missing),
    ] {
        files.push((name, noise(3).checksum(checksum)));
    }
    for api in [Api::Hcp, Api::V2, Api::V1] {
        let options = Options {
            speaks: vec![api],
            ..Options::default()
        };
        let scene = Scene::new(of_files(&files), options).await;
        let run = scene.mirror(&["acme/web"]).await;
        assert_eq!(run.code, 0, "{api:?}: {run}");
        let description = scene.json("mirror.json");
        let found = &description["boxes"][0]["versions"][0]["providers"];
        for found in found.as_array().unwrap() {
            let name = found["provider"].as_str().unwrap();
            let computed = matches!(name, "none" | "unset" | "missing");
            assert_eq!(found["checksum_computed"], computed, "{api:?} {found}");
            if computed {
                assert_eq!(found["checksum"], noise(3).hex(Kind::Sha256));
            }
        }
        assert_eq!(scene.check().await.code, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_or_size_leaves_no_file_and_the_others_come() {
    for api in [Api::Hcp, Api::V2, Api::V1, Api::Plain] {
        let mut files = vec![("right", noise(1))];
        for kind in Kind::ALL {
            files.push((kind.name(), noise(2).checksum(Checksum::Wrong(kind))));
        }
        if api == Api::Hcp {
            files.push(("size", noise(3).unknown().size(Size::Wrong(7))));
        }
        let options = Options {
            speaks: vec![api],
            ..Options::default()
        };
        let scene = Scene::new(of_files(&files), options).await;
        let from = match api {
            Api::Plain => format!("{}/plain/web.json", scene.registry.url()),
            _ => scene.registry.url().to_owned(),
        };
        let run = scene.mirror_from(&from, &["acme/web"]).await;
        assert_eq!(run.code, 8, "{api:?}: {run}");
        assert_eq!(totals(&run)["failed"], files.len() - 1, "{api:?}");
        let architecture = if api == Api::V1 { "unknown" } else { "amd64" };
        let place = format!("acme/web/1.0.0/right/{architecture}");
        scene.assert_holds(&vec![(place, noise(1))]);
        let catalog = scene.json("acme/web/metadata.json");
        assert_eq!(
            catalog["versions"][0]["providers"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(scene.check().await.code, 5);
    }
}

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
async fn private_boxes_and_versions_come_with_tokens_that_expire_and_no_secret_is_told() {
    let tree = || {
        Tree::new().owner("acme", |acme| {
            acme.box_("secret", |secret| {
                secret.private().versions(5, |version, n| {
                    let version = match n {
                        0 => version.state(State::Unreleased),
                        1 => version.state(State::Revoked),
                        _ => version,
                    };
                    version.provider("virtualbox", "amd64", noise(n))
                })
            })
        })
    };
    let options = Options {
        token_uses: Some(3),
        signature: Signature::Uses(1),
        ..Options::default()
    };
    let scene = Scene::with_credentials(tree(), options).await;
    let run = scene
        .mirror(&["acme", "--include-unreleased", "-vvv"])
        .await;
    assert_eq!(
        (run.code, &totals(&run)["fetched"]),
        (0, &json!(5)),
        "{run}"
    );
    assert!(scene.registry.tokens_issued() > 1);
    assert!(scene.registry.leaks().is_empty());
    let tree_text = walkdir::WalkDir::new(scene.program.path("tree"))
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "json"))
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap());
    let written: String = tree_text.collect();
    for secret in scene.registry.secrets() {
        assert!(!run.to_string().contains(&secret), "{secret} in {run}");
        assert!(!written.contains(&secret), "{secret} in {written}");
    }
    assert!(!run.stderr.contains("X-Signature"), "{run}");
    // Without a token they are not even seen.
    let Scene { registry, program } = scene;
    let stranger = Program::new();
    let stranger = Scene {
        registry,
        program: stranger,
    };
    let none = stranger.mirror(&["acme"]).await;
    assert_eq!(
        (none.code, none.stdout.contains("secret")),
        (0, false),
        "{none}"
    );
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_vagrant_cloud_is_sent_whole_there_and_only_there() {
    let tree = Tree::new().owner("acme", |acme| {
        acme.box_("secret", |secret| {
            let secret = secret.private();
            secret.version("1.0.0", |v| v.provider("virtualbox", "amd64", noise(1)))
        })
    });
    let options = Options {
        speaks: vec![Api::V2],
        ..Options::default()
    };
    let token = format!("{};hcp-token-0815", options.cloud_token);
    let Scene { registry, program } = Scene::new(tree, options).await;
    let program = program.with("VAGRANT_CLOUD_TOKEN", &token);
    let scene = Scene { registry, program };
    let run = scene.mirror(&["acme/secret", "-vv"]).await;
    assert_eq!(
        (run.code, &totals(&run)["fetched"]),
        (0, &json!(1)),
        "{run}"
    );
    let whole = format!("Bearer {token}");
    let requests = scene.registry.requests();
    let sent = requests
        .iter()
        .filter_map(|seen| seen.request.header("authorization"));
    assert!(
        sent.clone().any(|sent| sent == whole),
        "{:?}",
        sent.collect::<Vec<_>>()
    );
    assert!(scene.registry.leaks().is_empty());
    for secret in token.split(';') {
        assert!(!run.to_string().contains(secret), "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_are_told_by_their_names() {
    let scene = Scene::with_credentials(acme().0, Options::default()).await;
    let Scene { registry, program } = scene;
    let program = program.with("HCP_CLIENT_SECRET", "wrong-secret-4711");
    let scene = Scene { registry, program };
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("HCP_CLIENT_ID"), "{run}");
    assert!(!run.to_string().contains("4711"), "{run}");
    let half = Program::new().with("HCP_CLIENT_ID", "id");
    let run = half.run(&["box", "mirror", "acme", "--to", "tree"]).await;
    assert_eq!(run.code, 2, "{run}");
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
async fn a_check_finds_what_is_damaged_gone_or_said_wrongly() {
    let (tree, _) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    assert_eq!(scene.mirror(&["acme/web"]).await.code, 0);
    let place = |name: &str| -> PathBuf {
        scene
            .program
            .path(&format!("tree/acme/web/1.9.0/{name}/vagrant.box"))
    };
    let mut bytes = std::fs::read(place("virtualbox/amd64")).unwrap();
    bytes[100] ^= 1;
    std::fs::write(place("virtualbox/amd64"), bytes).unwrap();
    std::fs::remove_file(place("libvirt/amd64")).unwrap();
    scene.program.write("tree/acme/web/metadata.json", "{}");
    let run = scene.check().await;
    assert_eq!(run.code, 8, "{run}");
    for told in [
        "virtualbox/amd64: acme/web/1.9.0/virtualbox/amd64/vagrant.box is another file",
        "libvirt/amd64: acme/web/1.9.0/libvirt/amd64/vagrant.box is gone",
        "acme/web/metadata.json does not say what is there",
    ] {
        assert!(run.stderr.contains(told), "{told}: {run}");
    }
    let none = scene.program.run(&["box", "check", "nowhere"]).await;
    assert_eq!(none.code, 3, "{none}");
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
            .contains("is there, and is not what the source says"),
        "{run}"
    );
    assert!(scene.registry.downloads().is_empty());
    let left = std::fs::read(scene.program.path(&place("libvirt"))).unwrap();
    assert_eq!(left, b"something else");
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
    let entries = support::entries(&*there["acme/new/2.0.0/libvirt/amd64"]);
    let names: Vec<_> = entries.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["box.img", "metadata.json"]);
    let again = program.run(&mirror).await;
    assert_eq!(again.code, 0, "{again}");
    assert_eq!(in_place(&program.path("tree")), there);
    assert_eq!(program.run(&["box", "check", "tree"]).await.code, 0);
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
    let busy = scene.program.path("tree");
    let tree = atlas_uploader::boxes::Tree::open(&busy).unwrap();
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("another process"), "{run}");
    drop(tree);
}
