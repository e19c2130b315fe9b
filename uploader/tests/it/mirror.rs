//! Tests `atlas-upload mirror` against the emulator: what it copies, what a later run does, and what it says of what
//! it cannot copy.

use mock_atlas::{Builder, MockAtlas, Seed};
use serde_json::{Value, json};

use crate::support::CANARY;
use crate::support::program::{Program, Run};

/// Two artifacts: one with several types, of which the second is not a recommended one, and a public one.
const SEED: &str = r#"
[[artifacts]]
name = "acme/web"
[[artifacts.versions]]
type = "custom.image"
id = "one"
metadata = { os = "debian", "region.x" = "a" }
build_id = 5
file = { text = "first" }
[[artifacts.versions]]
type = "custom.image"
id = "two"
file = { text = "second" }
[[artifacts.versions]]
type = "custom.image"
id = "three"
metadata = { arch = "amd64" }
build_id = 7
file = { text = "third" }
[[artifacts.versions]]
type = "custom.image"
id = "four"
metadata = { arch = "arm64" }
build_id = 7
file = { text = "fourth" }
[[artifacts.versions]]
type = "acme.rootfs"
id = "other"

[[artifacts]]
name = "acme/open"
public = true
[[artifacts.versions]]
type = "qemu.image"
file = { text = "" }
"#;

struct Scene {
    atlas: MockAtlas,
    program: Program,
}

impl Scene {
    async fn new(seed: &str) -> Self {
        Self::of(MockAtlas::builder().seed(Seed::from_toml(seed).unwrap())).await
    }

    async fn of(builder: Builder) -> Self {
        let atlas = builder.token(CANARY).start().await.unwrap();
        let program = Program::at(atlas.url(), CANARY);
        Self { atlas, program }
    }

    async fn mirror(&self, arguments: &[&str]) -> Run {
        let fixed = ["mirror", "--to", "tree", "--output", "json"];
        self.program.run(&[&fixed[..], arguments].concat()).await
    }

    fn description(&self) -> Value {
        let text = std::fs::read(self.program.path("tree/mirror.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn file(&self, slug: &str) -> Vec<u8> {
        let path = format!("tree/api/v1/artifacts/{slug}/file");
        std::fs::read(self.program.path(&path)).unwrap()
    }

    async fn delete(&self, slug: &str) {
        let url = format!("{}/_mock/artifacts/{slug}", self.atlas.url());
        let request = reqwest::Client::new().delete(url);
        let reply = request.header("X-Atlas-Token", CANARY).send().await;
        assert_eq!(reply.unwrap().status(), 204);
    }
}

fn totals(run: &Run) -> Value {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    report["totals"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_versions_are_copied_with_their_numbers_and_a_later_run_brings_what_is_new() {
    let scene = Scene::new(SEED).await;
    scene.delete("acme/web/custom.image/2").await;
    let wanted = ["acme/web", "acme/web:acme.rootfs", "acme/open"];
    let run = scene.mirror(&wanted).await;
    assert_eq!(run.code, 0, "{run}");
    let expected = json!({
        "artifacts": 2, "versions": 5, "files": 4, "bytes": 16, "fetched": 4, "links": 0,
        "differing": 0, "failed": 0,
    });
    assert_eq!(totals(&run), expected, "{run}");
    assert!(run.stderr.contains("the API lists no types"), "{run}");
    assert_eq!(scene.file("acme/web/custom.image/4"), b"fourth");
    assert_eq!(scene.file("acme/open/qemu.image/1"), b"");
    let description = scene.description();
    assert_eq!(description["format_version"], 2);
    let artifacts = &description["artifacts"];
    assert_eq!(artifacts[0]["private"], false);
    let web = &artifacts[1];
    assert_eq!(
        (&web["name"], &web["private"]),
        (&json!("web"), &json!(true))
    );
    assert_eq!(web["types"][0]["type"], "acme.rootfs");
    assert_eq!(web["types"][0]["versions"][0]["has_file"], false);
    let versions = web["types"][1]["versions"].as_array().unwrap();
    let numbers: Vec<_> = versions.iter().map(|version| &version["number"]).collect();
    assert_eq!(numbers, [&json!(1), &json!(3), &json!(4)]);
    let first = json!({
        "number": 1, "id": "one", "metadata": {"os": "debian", "region.x": "a"}, "build": null,
        "created_at": null, "has_file": true, "file": {
            "path": "api/v1/artifacts/acme/web/custom.image/1/file", "size": 5,
            "blake3": blake3::hash(b"first").to_string(),
            "sha256": "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e",
            "verified": true,
        },
    });
    assert_eq!(versions[0], first);

    let again = scene.mirror(&wanted).await;
    assert_eq!(
        (again.code, &totals(&again)["fetched"]),
        (0, &json!(0)),
        "{again}"
    );
    assert_eq!(scene.description(), description);
    scene.program.write("new.img", "new");
    let push = ["push", "acme/web", "--type", "custom.image", "new.img"];
    assert_eq!(scene.program.run(&push).await.code, 0);
    scene.delete("acme/web/custom.image/4").await;
    let more = scene.mirror(&wanted).await;
    assert_eq!(
        (more.code, &totals(&more)["fetched"]),
        (0, &json!(1)),
        "{more}"
    );
    // What the source no longer has stays.
    assert_eq!(scene.file("acme/web/custom.image/4"), b"fourth");
    let numbers = scene.description()["artifacts"][1]["types"][1]["versions"].clone();
    assert_eq!(numbers.as_array().unwrap().len(), 4);
    let check = scene.program.run(&["box", "check", "tree"]).await;
    assert_eq!(check.code, 0, "{check}");
    assert!(check.stdout.starts_with("5 files"), "{check}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_writes_nothing_and_lists_what_is_missing() {
    let scene = Scene::new(SEED).await;
    let plan = scene.mirror(&["acme/web:custom.image", "--plan"]).await;
    assert_eq!(plan.code, 0, "{plan}");
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let first = json!({"name": "acme/web/custom.image/1", "bytes": null});
    assert_eq!(plan["fetches"][0], first);
    assert_eq!(plan["fetches"].as_array().unwrap().len(), 4);
    assert!(!scene.program.path("tree").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_are_told_as_far_as_searches_tell_them() {
    let scene = Scene::new(SEED).await;
    let run = scene.mirror(&["acme/web:custom.image"]).await;
    assert!(run.stderr.contains("--builds FIRST-LAST"), "{run}");
    let run = scene
        .mirror(&["acme/web:custom.image", "--builds", "1-9"])
        .await;
    assert_eq!(run.code, 0, "{run}");
    let versions = scene.description()["artifacts"][0]["types"][0]["versions"].clone();
    let versions = versions.as_array().unwrap();
    let builds: Vec<_> = versions.iter().map(|version| &version["build"]).collect();
    assert_eq!(builds, [&json!(5), &Value::Null, &json!(7), &json!(7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_or_missing_is_told_and_the_rest_is_copied() {
    let scene = Scene::new(SEED).await;
    let wanted = ["acme/none", "acme/web:no.such", "acme/open:qemu.image"];
    let run = scene.mirror(&wanted).await;
    assert_eq!(run.code, 5, "{run}");
    assert_eq!(
        (&totals(&run)["failed"], &totals(&run)["files"]),
        (&json!(2), &json!(1))
    );
    for text in ["acme/none is left out", "acme/web:no.such is left out"] {
        assert!(run.stderr.contains(text), "{run}");
    }
    let stranger = Program::at(scene.atlas.url(), "");
    let mirror = [
        "mirror",
        "acme/web:custom.image",
        "acme/open:qemu.image",
        "--to",
        "tree",
    ];
    let run = stranger.run(&mirror).await;
    assert_eq!(run.code, 5, "{run}");
    assert!(
        run.stderr.contains("without a token only public artifacts"),
        "{run}"
    );
    let open = stranger.path("tree/api/v1/artifacts/acme/open/qemu.image/1/file");
    assert!(open.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_that_break_off_are_continued_and_other_bytes_are_refused() {
    let digest = blake3::hash(b"right").to_string();
    let seed = format!(
        r#"
        [[artifacts]]
        name = "acme/web"
        [[artifacts.versions]]
        type = "custom.image"
        metadata = {{ "atlas-upload.blake3" = "{digest}" }}
        file = {{ text = "wrong" }}
        [[artifacts.versions]]
        type = "custom.image"
        file = {{ text = "{}" }}
        "#,
        "0123456789".repeat(40_000)
    );
    let builder = MockAtlas::builder().seed(Seed::from_toml(&seed).unwrap());
    let fault = "download:cut-after=150000,times=4".parse().unwrap();
    let scene = Scene::of(builder.fault(fault)).await;
    let run = scene.mirror(&["acme/web:custom.image"]).await;
    assert_eq!(run.code, 8, "{run}");
    assert!(run.stderr.contains("the source states blake3:"), "{run}");
    assert!(run.stderr.contains("continues from there"), "{run}");
    assert_eq!(scene.file("acme/web/custom.image/2").len(), 400_000);
    let folder = scene
        .program
        .path("tree/api/v1/artifacts/acme/web/custom.image");
    assert_eq!(std::fs::read_dir(folder.join("1")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(folder.join("2")).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_atlas_of_the_same_names_is_told_and_nothing_is_overwritten() {
    let scene = Scene::new(SEED).await;
    assert_eq!(scene.mirror(&["acme/open:qemu.image"]).await.code, 0);
    let before = scene.description();
    let other = SEED.replace(
        "type = \"qemu.image\"",
        "type = \"qemu.image\"\nid = \"other\"",
    );
    let other = Scene::new(&other).await;
    let mirror = [
        "mirror",
        "acme/open:qemu.image",
        "--to",
        "tree",
        "--output",
        "json",
    ];
    let mirror = [&mirror[..], &["--atlas-url", other.atlas.url()]].concat();
    for arguments in [mirror.clone(), [&mirror[..], &["--plan"]].concat()] {
        let run = scene.program.run(&arguments).await;
        assert_eq!(run.code, 8, "{run}");
        assert!(
            run.stderr.contains("the source and the tree differ in: id"),
            "{run}"
        );
    }
    assert_eq!(scene.description(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_another_program_wrote_is_read_or_refused() {
    let scene = Scene::new(SEED).await;
    assert_eq!(scene.mirror(&["acme/open:qemu.image"]).await.code, 0);
    let text = scene.description().to_string();
    for (from, to) in [
        ("\"format_version\":2", "\"format_version\":3"),
        ("qemu.image/1/file", "../../../file"),
        ("\"number\":1", "\"number\":0"),
    ] {
        let forged = text.replace(from, to);
        assert_ne!(forged, text);
        scene.program.write("tree/mirror.json", &forged);
        let run = scene.mirror(&["acme/open:qemu.image"]).await;
        assert_eq!(run.code, 3, "{run}");
        let left = std::fs::read_to_string(scene.program.path("tree/mirror.json"));
        assert_eq!(left.unwrap(), forged);
    }
}
