//! Tests `push --manifest`, which makes one version of each build of Packer's last run.

use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use crate::support::program::Program;
use crate::support::{gzip, started};

fn build(name: &str, builder_type: &str, id: &str, files: &Value, run: &str) -> Value {
    json!({
        "name": name, "builder_type": builder_type, "build_time": 1, "files": files,
        "artifact_id": id, "packer_run_uuid": run, "custom_data": {"created_at": "9", "mine": "no"},
    })
}

/// Returns a program in a folder with a manifest of two runs, the last of which built an AMI and a file.
fn program(atlas: &MockAtlas) -> Program {
    let program = Program::at(atlas.url(), atlas.token());
    let file = json!([{"name": "out/disk.img.gz", "size": 3}]);
    let builds = [
        build(
            "amazon-ebs",
            "amazon-ebs",
            "us-east-1:ami-old",
            &Value::Null,
            "r1",
        ),
        build(
            "amazon-ebs",
            "amazon-ebs",
            "eu-west-1:ami-1,us-east-1:ami-2",
            &Value::Null,
            "r2",
        ),
        build("image", "file", "File", &file, "r2"),
    ];
    let manifest = json!({"builds": builds, "last_run_uuid": "r2"});
    program.write("sub/packer-manifest.json", manifest.to_string());
    program.write("out/disk.img.gz", gzip(b"disk"));
    program
}

const PUSH: [&str; 6] = [
    "push",
    "--manifest",
    "sub/packer-manifest.json",
    "acme/web",
    "--type",
    "t",
];

async fn search(program: &Program) -> Value {
    let run = program
        .run(&["search", "acme/web", "--type", "t", "--output", "json"])
        .await;
    assert_eq!(run.code, 0, "{run}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_build_of_the_last_run_becomes_a_version() {
    let atlas = MockAtlas::start().await.unwrap();
    let program = program(&atlas);
    let run = program
        .run(&[&PUSH[..], &["-m", "mine=yes"]].concat())
        .await;
    assert_eq!(run.stdout, "acme/web/t/1\nacme/web/t/2\n", "{run}");

    let found = search(&program).await;
    assert_eq!(found[0]["id"], "File");
    assert_eq!(found[0]["file"], true);
    assert_eq!(found[1]["id"], "eu-west-1:ami-1,us-east-1:ami-2");
    assert_eq!(found[1]["file"], false);
    assert_eq!(found[1]["metadata"]["region.eu-west-1"], "ami-1");
    assert_eq!(found[1]["metadata"]["region.us-east-1"], "ami-2");
    assert_eq!(found[1]["metadata"]["created_at"], "9");
    assert_eq!(found[1]["metadata"]["mine"], "yes");

    assert_eq!(program.pulled("acme/web", "t").await, gzip(b"disk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_build_is_pushed_with_one_receipt_a_line() {
    let atlas = MockAtlas::start().await.unwrap();
    let run = program(&atlas)
        .run(&[&PUSH[..], &["--only", "image", "--output", "json"]].concat())
        .await;
    let receipts: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(receipts.len(), 1, "{run}");
    assert_eq!(receipts[0]["slug"], "acme/web/t/1");
    assert_eq!(receipts[0]["bytes"], gzip(b"disk").len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_answered_with_those_there_are() {
    let atlas = MockAtlas::start().await.unwrap();
    let run = program(&atlas)
        .run(&[&PUSH[..], &["--only", "qemu"]].concat())
        .await;
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .contains("\"qemu\"; its builds are: amazon-ebs, image"),
        "{run}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_stops_all_before_the_first_version_is_made() {
    let atlas = MockAtlas::start().await.unwrap();
    let program = program(&atlas);
    std::fs::remove_file(program.path("out/disk.img.gz")).unwrap();
    let run = program.run(&PUSH).await;
    assert_eq!(run.code, 3);
    assert!(
        run.stderr
            .contains("out/disk.img.gz: not found, and neither was sub/out/disk.img.gz"),
        "{run}"
    );
    let run = program.run(&["search", "acme/web", "--type", "t"]).await;
    assert_eq!(run.code, 5, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_excludes_paths_and_an_id() {
    let atlas = MockAtlas::start().await.unwrap();
    for other in [&["out/disk.img.gz"][..], &["--id", "x"]] {
        let run = program(&atlas).run(&[&PUSH[..], other].concat()).await;
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("cannot be used with"), "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_several_manifest_blocks_saw_is_pushed_with_a_warning() {
    let (_atlas, program) = started().await;
    let builds = ["VM", "virtualbox"].map(|id| build("vm", "qemu", id, &Value::Null, "r"));
    let manifest = json!({"builds": builds, "last_run_uuid": "r"});
    program.write("sub/packer-manifest.json", manifest.to_string());
    let run = program.run(&PUSH).await;
    assert_eq!(run.stdout, "acme/web/t/1\nacme/web/t/2\n", "{run}");
    let told = "the manifest has 2 entries for the build \"vm\", and each becomes a version: \"VM\", \"virtualbox\"";
    assert!(run.stderr.contains(told), "{run}");
}
