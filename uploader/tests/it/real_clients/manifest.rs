//! Tests pushes of what Packer 1.6.6 built: it builds the documentation's example against a fake EC2,
//! and the file of its `manifest` post-processor is pushed, found and fetched back.

use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use super::packer::{EXAMPLE, Ec2, example, run};
use crate::support::program::Program;
use crate::support::{entries, started};

/// Builds a template, and returns the manifest that Packer wrote.
async fn manifest(program: &Program, template: &Value) -> Value {
    program.write("template.json", template.to_string());
    let built = run(program, &["build", "-color=false", "template.json"]).await;
    assert_eq!(built.code, 0, "{built}");
    let manifest = std::fs::read(program.path("packer-manifest.json")).unwrap();
    serde_json::from_slice(&manifest).unwrap()
}

/// Replaces the `atlas` post-processor, which Packer no longer has, by `manifest`.
fn with_manifest(mut template: Value) -> Value {
    let atlas = template["post-processors"][0].take();
    template["post-processors"][0] = json!({"type": "manifest", "custom_data": atlas["metadata"]});
    template
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_example_ends_in_the_atlas() {
    let (_atlas, program) = started().await;
    let ec2 = Ec2::start(program.folder()).await;
    let manifest = manifest(&program, &with_manifest(example(&ec2))).await;
    let built = manifest["builds"][0]["artifact_id"].as_str().unwrap();
    let ami = built.strip_prefix("us-east-1:").unwrap();

    let push = [
        "push",
        "--manifest",
        "packer-manifest.json",
        "hashicorp/foobar",
        "--type",
        "aws.ami",
    ];
    let run = program.run(&push).await;
    assert_eq!(run.stdout, "hashicorp/foobar/aws.ami/1\n", "{run}");

    let version = program.latest("hashicorp/foobar", "aws.ami").await;
    assert_eq!(version["id"], built);
    assert_eq!(version["file"], false);
    assert_eq!(version["metadata"]["region.us-east-1"], ami);
    // The emulator derives these two keys, as the real Atlas did.
    assert_eq!(version["metadata"]["ami_id"], ami);
    assert_eq!(version["metadata"]["region"], "us-east-1");
    let created_at = version["metadata"]["created_at"].as_str().unwrap();
    assert!(created_at.parse::<u64>().is_ok(), "{created_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_packer_built_makes_the_round_trip() {
    let (_atlas, program) = started().await;
    let template = json!({
        "builders": [{"type": "file", "content": "what Packer wrote", "target": "out/image.txt"}],
        "post-processors": [{"type": "manifest"}],
    });
    std::fs::create_dir(program.path("out")).unwrap();
    manifest(&program, &template).await;

    let push = [
        "push",
        "--manifest",
        "packer-manifest.json",
        "hashicorp/foobar",
        "--type",
        "custom.image",
    ];
    let run = program.run(&push).await;
    assert_eq!(run.code, 0, "{run}");
    let version = program.latest("hashicorp/foobar", "custom.image").await;
    assert_eq!(version["id"], "File");
    assert_eq!(version["file"], true);

    let archive = program.pulled("hashicorp/foobar", "custom.image").await;
    let built = std::fs::read(program.path("out/image.txt")).unwrap();
    assert_eq!(
        entries(archive.as_slice()),
        [("image.txt".to_owned(), Some(built))]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_template_is_pushed_as_printed() {
    let atlas = MockAtlas::start().await.unwrap();
    let program = Program::at(atlas.url(), "another-token");
    let ec2 = Ec2::start(program.folder()).await;
    let manifest = manifest(&program, &with_manifest(example(&ec2))).await;
    program.write("printed.json", EXAMPLE);
    let token = format!("atlas_token={}", atlas.token());
    let push = [
        "push",
        "--template",
        "printed.json",
        "--manifest",
        "packer-manifest.json",
        "--var",
        &token,
    ];
    let run = program.run(&push).await;
    assert_eq!(run.stdout, "hashicorp/foobar/aws.ami/1\n", "{run}");
    let program = Program::at(atlas.url(), atlas.token());
    let version = program.latest("hashicorp/foobar", "aws.ami").await;
    assert_eq!(version["id"], manifest["builds"][0]["artifact_id"]);
    assert!(version["metadata"]["created_at"].is_string());
}
