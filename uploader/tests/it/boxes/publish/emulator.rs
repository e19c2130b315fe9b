//! Publishes to the emulator over each API, and reads back what was published.

use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use super::a_box;
use crate::support::CANARY;
use crate::support::program::{Program, Run};

/// An emulator, and programs that publish to it over each API.
pub(super) struct Scene {
    pub(super) atlas: MockAtlas,
    pub(super) program: Program,
    api: &'static str,
}

impl Scene {
    /// Starts an emulator and a program that uses one of its APIs.
    pub(super) async fn new(api: &'static str) -> Self {
        let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
        let program = Program::at(atlas.url(), CANARY);
        let this = Self {
            atlas,
            program,
            api,
        };
        this.program.write("web.box", a_box("libvirt", b"disk"));
        this
    }

    /// Runs a subcommand of `box`, with JSON as its output.
    pub(super) async fn run(&self, arguments: &[&str]) -> Run {
        let api = ["--api", self.api, "--output", "json"];
        let command = [&["box"], arguments, &api].concat();
        let run = self.program.run(&command).await;
        assert!(!run.to_string().contains(CANARY), "{run}");
        run
    }

    pub(super) async fn publish(&self, version: &str, more: &[&str]) -> Run {
        let publish = ["publish", "acme/web", version, "libvirt", "web.box"];
        self.run(&[&publish[..], more].concat()).await
    }

    /// Returns the JSON that a subcommand prints, which must succeed.
    pub(super) async fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(arguments).await;
        parsed(&run)
    }

    /// Returns the bytes of a downloaded file.
    pub(super) async fn downloaded(&self, version: &str) -> Vec<u8> {
        let download = ["download", "acme/web", version, "-o", "same.box"];
        assert_eq!(self.json(&download).await["verified"], true);
        std::fs::read(self.program.path("same.box")).unwrap()
    }
}

pub(super) fn parsed(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run}");
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"))
}

const APIS: [&str; 3] = ["v1", "v2", "hcp"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_over_each_api_is_there_and_comes_back_the_same() {
    for api in APIS {
        let scene = Scene::new(api).await;
        let told = [
            "--description",
            "long",
            "--short-description",
            "short",
            "--no-private",
        ];
        let run = scene
            .publish("1.0.0", &[&told[..], &["--release"]].concat())
            .await;
        for found in [
            "provider libvirt",
            "architecture amd64",
            "format qcow2",
            "virtual size 40 GiB",
        ] {
            assert!(run.stderr.contains(found), "{run}");
        }
        let published = parsed(&run);
        assert_eq!(published["api"], api);
        assert_eq!(published["file"], "uploaded");
        assert_eq!(published["virtual_size"], 40);
        assert_eq!(published["released"], true);
        assert_eq!(published["attempts"], 1);

        let shown = scene.json(&["show", "acme/web"]).await;
        assert_eq!(shown["description"], "long");
        assert_eq!(shown["short_description"], "short");
        assert_eq!(shown["private"], false);
        let version = &shown["versions"][0];
        assert_eq!(version["state"], "active");
        let file = &version["providers"][0];
        assert_eq!(file["provider"], "libvirt");
        let architecture = if api == "v1" { "unknown" } else { "amd64" };
        assert_eq!(file["architecture"], architecture);
        let whole = std::fs::read(scene.program.path("web.box")).unwrap();
        assert_eq!(scene.downloaded("1.0.0").await, whole);

        let found = scene.json(&["search", "web"]).await;
        assert_eq!(found[0]["tag"], "acme/web", "{found}");
        assert_eq!(found[0]["version"], "1.0.0");
        assert_eq!(found[0]["providers"], json!(["libvirt"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_found_out_when_it_is_not_told() {
    let scene = Scene::new("v2").await;
    let publish = ["box", "publish", "acme/web", "1.0.0", "libvirt", "web.box"];
    let run = scene
        .program
        .run(&[&publish[..], &["--output", "json"]].concat())
        .await;
    assert_eq!(parsed(&run)["api"], "v2");
    let text = scene.program.run(&["box", "show", "acme/web"]).await;
    assert!(text.stdout.starts_with("acme/web (private)"), "{text}");
    assert!(text.stdout.contains("unreleased"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_is_not_sent_again_and_another_one_replaces_it_only_on_demand() {
    for api in APIS {
        let scene = Scene::new(api).await;
        parsed(&scene.publish("1.0.0", &["--release"]).await);
        let again = parsed(&scene.publish("1.0.0", &["--release"]).await);
        assert_eq!(again["file"], "present", "{again}");
        assert_eq!(again["attempts"], 0);

        let first = std::fs::read(scene.program.path("web.box")).unwrap();
        scene
            .program
            .write("web.box", a_box("libvirt", b"another disk"));
        let refused = scene.publish("1.0.0", &[]).await;
        assert_eq!(refused.code, 8, "{refused}");
        assert!(
            refused.stderr.contains("has another file already"),
            "{refused}"
        );
        assert!(refused.stderr.contains("--replace"), "{refused}");
        assert_eq!(scene.downloaded("1.0.0").await, first);

        let replaced = parsed(&scene.publish("1.0.0", &["--replace"]).await);
        assert_eq!(replaced["file"], "uploaded");
        let second = std::fs::read(scene.program.path("web.box")).unwrap();
        assert_eq!(scene.downloaded("1.0.0").await, second);
        let shown = scene.json(&["show", "acme/web"]).await;
        assert_eq!(shown["versions"].as_array().unwrap().len(), 1);
        assert_eq!(
            shown["versions"][0]["providers"].as_array().unwrap().len(),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_of_any_kind_is_told_and_must_be_that_of_the_file() {
    let scene = Scene::new("v2").await;
    let wrong = ["--checksum", &"0".repeat(32), "--checksum-type", "md5"];
    let refused = scene.publish("1.0.0", &wrong).await;
    assert_eq!(refused.code, 8, "{refused}");
    assert!(refused.stderr.contains("the md5 given is"), "{refused}");
    let missing = scene.run(&["show", "acme/web"]).await;
    assert_eq!(missing.code, 5, "{missing}");

    let (_, digits) = refused.stderr.split_once("the file has ").unwrap();
    let right = [
        "--checksum",
        &digits[..32],
        "--checksum-type",
        "md5",
        "--release",
    ];
    let published = parsed(&scene.publish("1.0.0", &right).await);
    assert_eq!(published["checksum_type"], "md5");
    let shown = scene.json(&["show", "acme/web"]).await;
    assert_eq!(shown["versions"][0]["providers"][0]["checksum_type"], "md5");
    // The service's checksum is of another algorithm than the one that is told now.
    let again = parsed(&scene.publish("1.0.0", &[]).await);
    assert_eq!(again["file"], "present", "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn architectures_stand_side_by_side_and_one_is_the_default() {
    let scene = Scene::new("v2").await;
    parsed(&scene.publish("1.0.0", &[]).await);
    let arm = [
        "--architecture",
        "arm64",
        "--default-architecture",
        "--release",
    ];
    let run = scene.publish("1.0.0", &arm).await;
    let told = "names the architecture amd64, and it is published for arm64";
    assert!(run.stderr.contains(told), "{run}");
    let shown = scene.json(&["show", "acme/web", "1.0.0"]).await;
    let files = shown["versions"][0]["providers"]
        .as_array()
        .unwrap()
        .clone();
    let defaults = files
        .iter()
        .filter(|file| file["default_architecture"] == true);
    let defaults: Vec<_> = defaults.map(|file| file["architecture"].clone()).collect();
    assert_eq!((files.len(), defaults), (2, vec![json!("arm64")]));
    scene
        .json(&[
            "delete",
            "acme/web",
            "1.0.0",
            "libvirt",
            "--architecture",
            "arm64",
        ])
        .await;
    let shown = scene.json(&["show", "acme/web"]).await;
    let files = shown["versions"][0]["providers"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["architecture"], "amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_released_revoked_and_deleted() {
    for api in APIS {
        let scene = Scene::new(api).await;
        for version in ["1.0.0", "1.1.0"] {
            parsed(&scene.publish(version, &[]).await);
        }
        for (command, state) in [
            ("release", "active"),
            ("revoke", "revoked"),
            ("release", "active"),
        ] {
            let changed = scene.json(&[command, "acme/web", "1.1.0"]).await;
            assert_eq!(changed["changed"], true, "{api} {changed}");
            let shown = scene.json(&["show", "acme/web", "1.1.0"]).await;
            assert_eq!(shown["versions"][0]["state"], state);
            let again = scene.json(&[command, "acme/web", "1.1.0"]).await;
            assert_eq!(again["changed"], false, "{api} {again}");
        }
        let never = scene.run(&["revoke", "acme/web", "1.0.0"]).await;
        assert_eq!(never.code, 6, "{api} {never}");

        scene.json(&["delete", "acme/web", "1.0.0"]).await;
        let gone = scene.run(&["delete", "acme/web", "1.0.0"]).await;
        assert_eq!(gone.code, 5, "{gone}");
        scene
            .json(&["delete", "acme/web", "1.1.0", "libvirt"])
            .await;
        let shown = scene.json(&["show", "acme/web"]).await;
        let versions = shown["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 1, "{shown}");
        assert_eq!(versions[0]["providers"], json!([]), "{shown}");
        scene.json(&["delete", "acme/web", "--all-versions"]).await;
        let gone = scene.run(&["show", "acme/web"]).await;
        assert_eq!(gone.code, 5, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_a_box_that_exists_is_changed_and_the_rest_stays() {
    for api in APIS {
        let scene = Scene::new(api).await;
        let told = [
            "--description",
            "one",
            "--private",
            "--version-description",
            "v",
        ];
        parsed(&scene.publish("1.0.0", &told).await);
        let told = ["--short-description", "two", "--version-description", "w"];
        parsed(&scene.publish("1.0.0", &told).await);
        let shown = scene.json(&["show", "acme/web"]).await;
        assert_eq!(shown["description"], "one", "{api}");
        assert_eq!(shown["short_description"], "two");
        assert_eq!(shown["private"], true);
        assert_eq!(shown["versions"][0]["description"], "w");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_members_see_a_private_box_and_a_stranger_may_not_publish() {
    let scene = Scene::new("v2").await;
    parsed(&scene.publish("1.0.0", &["--private", "--release"]).await);
    let stranger = Program::new().with("ATLAS_ADDRESS", scene.atlas.url());
    stranger.write("web.box", a_box("libvirt", b"disk"));
    let hidden = stranger.run(&["box", "show", "acme/web"]).await;
    assert_eq!(hidden.code, 5, "{hidden}");
    let publish = ["box", "publish", "acme/web", "1.1.0", "libvirt", "web.box"];
    let refused = stranger.run(&publish).await;
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("no token for"), "{refused}");
    let wrong = stranger.with("ATLAS_TOKEN", "wrong");
    let refused = wrong.run(&publish).await;
    assert_eq!(refused.code, 4, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_principal_gets_a_token_for_every_api() {
    for api in APIS {
        let scene = Scene::new(api).await;
        let whoami = scene.program.run(&["whoami", "--output", "json"]).await;
        let user = parsed(&whoami)["username"].as_str().unwrap().to_owned();
        let principal = Program::new()
            .with("ATLAS_ADDRESS", scene.atlas.url())
            .with("HCP_AUTH_URL", scene.atlas.url())
            .with("HCP_CLIENT_ID", &user);
        let wrong = ["box", "show", "acme/web", "--api", api];
        let refused = principal.run(&wrong).await;
        assert_eq!(refused.code, 2, "{refused}");
        let principal = principal.with("HCP_CLIENT_SECRET", CANARY);
        principal.write("web.box", a_box("libvirt", b"disk"));
        let publish = ["box", "publish", "acme/web", "1.0.0", "libvirt", "web.box"];
        let run = principal
            .run(&[&publish[..], &["--api", api]].concat())
            .await;
        assert_eq!(run.code, 0, "{api}: {run}");
        assert!(!run.to_string().contains(CANARY), "{run}");
        let shown = scene.json(&["show", "acme/web"]).await;
        assert_eq!(shown["versions"][0]["version"], "1.0.0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_box_appears_among_the_boxes() {
    let scene = Scene::new("v2").await;
    let push = ["push", "acme/web", "--type", "vagrant.box", "web.box"];
    let told = ["--box-version", "1.2.0", "-m", "description=pushed"];
    let run = scene.program.run(&[&push[..], &told].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    let shown = scene.json(&["show", "acme/web"]).await;
    let version = &shown["versions"][0];
    assert_eq!(version["version"], "1.2.0", "{shown}");
    assert_eq!(version["state"], "active");
    // The provider is that in the box's own metadata.
    assert_eq!(version["providers"][0]["provider"], "libvirt");
    let whole = std::fs::read(scene.program.path("web.box")).unwrap();
    assert_eq!(scene.downloaded("1.2.0").await, whole);
    let told = ["--provider", "qemu", "--no-box-check"];
    let run = scene.program.run(&[&push[..], &told].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    let shown = scene.json(&["show", "acme/web", "1.3.0"]).await;
    assert_eq!(shown["versions"][0]["providers"][0]["provider"], "qemu");
}
