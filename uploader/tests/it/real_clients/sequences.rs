//! Tests sequences of post-processors in Packer 1.6.6, with the plugin and without it.

use serde_json::{Value, json};

use super::packer::run;
use super::vagrant::Vagrant;
use crate::support::program::{Program, Run};
use crate::support::{CANARY, started};

/// Builds a template with this sequence, after a `manifest` of the builder's artifact.
async fn build(program: &Program, flags: &[&str], sequence: &Value) -> Run {
    let builder = json!({"type": "file", "content": "an image", "target": "image.txt"});
    let template = json!({"builders": [builder], "post-processors": ["manifest", sequence]});
    program.write("template.json", template.to_string());
    let build = ["build", "-color=false", "-force"];
    run(program, &[&build[..], flags, &["template.json"]].concat()).await
}

async fn push(program: &Program) -> Run {
    let push = [
        "push",
        "--template",
        "template.json",
        "--manifest",
        "packer-manifest.json",
    ];
    program.run(&push).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sequence_made_is_pushed_after_a_build_without_the_plugin() {
    let (_atlas, program) = started().await;
    let compress =
        json!({"type": "compress", "output": "packed.tar.gz", "keep_input_artifact": true});
    let atlas = json!({"type": "atlas", "artifact": "acme/web", "artifact_type": "custom.image"});
    let without = ["-except=atlas"];
    let built = build(&program, &without, &json!([compress, atlas])).await;
    assert_eq!(built.code, 0, "{built}");
    let refused = push(&program).await;
    assert_eq!(refused.code, 2, "{refused}");
    let told = "for the build \"file\" the manifest has only the builder's artifact";
    assert!(refused.stderr.contains(told), "{refused}");
    for sequence in [
        json!([compress, "manifest", atlas]),
        json!([compress, "manifest", atlas, "manifest"]),
    ] {
        let built = build(&program, &without, &sequence).await;
        assert_eq!(built.code, 0, "{built}");
        let pushed = push(&program).await;
        assert_eq!(pushed.code, 0, "{pushed}");
        let packed = std::fs::read(program.path("packed.tar.gz")).unwrap();
        assert_eq!(program.pulled("acme/web", "custom.image").await, packed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_of_the_genuine_vagrant_post_processor_is_pushed_by_the_plugin_and_by_the_command() {
    let (atlas, program) = started().await;
    program.write(
        "in/vm.ovf",
        r#"<Adapter slot="0" enabled="true" MACAddress="0800278D1F91"/>"#,
    );
    program.write("in/vm.vmdk", "disk");
    let sequence = |boxes: bool| {
        json!([
            {"type": "artifice", "files": ["in/vm.ovf", "in/vm.vmdk"]},
            {
                "type": "vagrant", "provider_override": "virtualbox", "output": "web.box",
                "keep_input_artifact": true,
            },
            "manifest",
            {
                "type": "atlas", "artifact": "acme/web", "artifact_type": "vagrant.box",
                "atlas_upload_boxes": boxes, "metadata": {"provider": "virtualbox"},
            },
        ])
    };
    let built = build(&program, &["-except=atlas"], &sequence(true)).await;
    assert_eq!(built.code, 0, "{built}");
    let pushed = push(&program).await;
    assert_eq!(pushed.stdout, "acme/web/vagrant.box/1\n", "{pushed}");
    let made = std::fs::read(program.path("web.box")).unwrap();
    assert_eq!(program.pulled("acme/web", "vagrant.box").await, made);

    let plugins = program.path(".packer.d/plugins");
    let install = ["packer", "install", "--dir", plugins.to_str().unwrap()];
    assert_eq!(program.run(&install).await.code, 0);
    let refused = build(&program, &[], &sequence(false)).await;
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stdout.contains("atlas_upload_boxes"), "{refused}");
    let built = build(&program, &[], &sequence(true)).await;
    assert_eq!(built.code, 0, "{built}");
    let made = std::fs::read(program.path("web.box")).unwrap();
    assert_eq!(program.pulled("acme/web", "vagrant.box").await, made);
    // Without a version, the minor counts up: the command has made 0.1.0, and the plugin 0.2.0.
    let vagrant = Vagrant::at(atlas.url()).with_token(CANARY);
    let added = vagrant.run(&["box", "add", "acme/web"]).await;
    assert!(added.stdout.contains("(v0.2.0)"), "{added}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_of_the_genuine_vagrant_post_processor_is_published_as_its_vagrant_cloud_block_says()
{
    let (atlas, program) = started().await;
    program.write(
        "in/vm.ovf",
        r#"<Adapter slot="0" enabled="true" MACAddress="0800278D1F91"/>"#,
    );
    program.write("in/vm.vmdk", "disk");
    let sequence = json!([
        {"type": "artifice", "files": ["in/vm.ovf", "in/vm.vmdk"]},
        {
            "type": "vagrant", "provider_override": "virtualbox", "output": "web.box",
            "keep_input_artifact": true,
        },
        "manifest",
        {
            "type": "vagrant-cloud", "box_tag": "acme/web", "version": "1.2.0",
            "version_description": "of {{build_name}}",
            "vagrant_cloud_url": format!("{}/api/v1", atlas.url()), "access_token": CANARY,
        },
    ]);
    let built = build(&program, &["-except=vagrant-cloud"], &sequence).await;
    assert_eq!(built.code, 0, "{built}");
    let pushed = push(&program).await;
    assert_eq!(pushed.code, 0, "{pushed}");
    let shown = program
        .run(&["box", "show", "acme/web", "--output", "json"])
        .await;
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let version = &shown["versions"][0];
    assert_eq!(version["version"], "1.2.0", "{shown}");
    assert_eq!(version["description"], "of file");
    assert_eq!(version["state"], "active");
    assert_eq!(version["providers"][0]["provider"], "virtualbox");
    let download = program
        .run(&["box", "download", "acme/web", "-o", "same.box"])
        .await;
    assert_eq!(download.code, 0, "{download}");
    let made = std::fs::read(program.path("web.box")).unwrap();
    assert!(std::fs::read(program.path("same.box")).unwrap() == made);
}
