//! Tests `push --template` with other post-processors before `atlas`, and with Vagrant boxes: the
//! artifact that reached the block is pushed, or nothing.

use serde_json::{Value, json};

use crate::support::program::{Program, Run};
use crate::support::{entries, gzip, started, tarred};

const PUSH_BOX: [&str; 6] = [
    "push",
    "acme/web",
    "--type",
    "vagrant.box",
    "-m",
    "provider=x",
];

const PROVIDER: (&str, &[u8]) = ("metadata.json", br#"{"provider": "virtualbox"}"#);

/// Writes a manifest of the builder's artifact and, if `boxed`, of the `vagrant` post-processor's, as
/// Packer 1.6.6 does.
fn manifest(program: &Program, boxed: bool) {
    let entry = |id: &str, file: &str| {
        json!({
            "name": "vm", "builder_type": "virtualbox-iso", "build_time": 1, "custom_data": null,
            "artifact_id": id, "files": [{"name": file, "size": 1}], "packer_run_uuid": "run",
        })
    };
    let mut builds = vec![entry("VM", "out/disk.vmdk")];
    if boxed {
        builds.push(entry("virtualbox", "out/web.box"));
    }
    let document = json!({"builds": builds, "last_run_uuid": "run"});
    program.write("packer-manifest.json", document.to_string());
    program.write("out/disk.vmdk", "disk");
}

fn template(program: &Program, post_processors: Value) {
    let builders = json!([{"type": "virtualbox-iso", "name": "vm"}]);
    let template = json!({"builders": builders, "post-processors": post_processors});
    program.write("template.json", template.to_string());
}

fn atlas(more: Value) -> Value {
    let mut block = json!({
        "type": "atlas", "artifact": "acme/web", "artifact_type": "vagrant.box",
        "metadata": {"provider": "virtualbox"},
    });
    let mut more = more.as_object().unwrap().clone();
    block.as_object_mut().unwrap().append(&mut more);
    block
}

async fn push(program: &Program, more: &[&str]) -> Run {
    let push = [
        "push",
        "--template",
        "template.json",
        "--manifest",
        "packer-manifest.json",
    ];
    program.run(&[&push, more].concat()).await
}

async fn none_was_made(program: &Program) {
    let run = program.run(&["show", "acme/web"]).await;
    assert_eq!(run.code, 5, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_vagrant_the_box_is_pushed_where_the_manifest_saw_it() {
    let (_server, program) = started().await;
    let file = gzip(&tarred(&[("box.ovf", b"<ovf/>"), PROVIDER]));
    program.write("out/web.box", &file);
    manifest(&program, true);
    template(
        &program,
        json!(["manifest", ["vagrant", "manifest", atlas(json!({}))]]),
    );
    let run = push(&program, &[]).await;
    assert_eq!(run.stdout, "acme/web/vagrant.box/1\n", "{run}");
    assert_eq!(program.pulled("acme/web", "vagrant.box").await, file);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_builder_made_is_not_pushed_as_what_another_made_of_it() {
    let (_server, program) = started().await;
    manifest(&program, false);
    let custom = atlas(json!({"artifact_type": "custom.image"}));
    for (post_processors, maker) in [
        (json!([["vagrant", atlas(json!({}))]]), "vagrant"),
        (
            json!(["manifest", ["vagrant", atlas(json!({}))]]),
            "vagrant",
        ),
        (json!(["manifest", ["compress", custom]]), "compress"),
    ] {
        template(&program, post_processors);
        let run = push(&program, &[]).await;
        assert_eq!(run.code, 2, "{run}");
        let pushes = format!("this block pushes the artifact of {maker} (post-processor ");
        let way_out = format!("write [{maker:?}, \"manifest\", {{\"type\": \"atlas\", …}}]");
        assert!(run.stderr.contains(&pushes), "{run}");
        assert!(run.stderr.contains(&way_out), "{run}");
        none_was_made(&program).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_without_an_id_has_none_as_with_the_plugin() {
    let (_server, program) = started().await;
    let entry = json!({
        "name": "vm", "builder_type": "virtualbox-iso", "artifact_id": "", "packer_run_uuid": "run",
        "files": [{"name": "o.tar.gz", "size": 1}],
    });
    let document = json!({"builds": [entry], "last_run_uuid": "run"});
    program.write("packer-manifest.json", document.to_string());
    program.write("o.tar.gz", gzip(b"disk"));
    let custom = atlas(json!({"artifact_type": "custom.image"}));
    template(&program, json!([["compress", "manifest", custom]]));
    let run = push(&program, &[]).await;
    assert_eq!(run.stdout, "acme/web/custom.image/1\n", "{run}");
    let run = program.run(&["show", "acme/web", "--output", "json"]).await;
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found[0]["id"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_plugin_pushed_already_is_not_pushed_as_an_artifact() {
    let (_server, program) = started().await;
    let entry = json!({
        "name": "vm", "builder_type": "virtualbox-iso", "files": null, "packer_run_uuid": "run",
        "artifact_id": "acme/web/vagrant.box/7",
    });
    let document = json!({"builds": [entry], "last_run_uuid": "run"});
    program.write("packer-manifest.json", document.to_string());
    template(&program, json!([["vagrant", atlas(json!({})), "manifest"]]));
    let run = push(&program, &[]).await;
    assert_eq!(run.code, 2, "{run}");
    let told = "the version that the plugin pushed, acme/web/vagrant.box/7";
    assert!(run.stderr.contains(told), "{run}");
    none_was_made(&program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_vagrant_cannot_use_is_refused_before_a_version_is_made() {
    let (_server, program) = started().await;
    program.write("disk.box", "no archive at all");
    program.write("deep.box", gzip(&tarred(&[("web/metadata.json", b"{}")])));
    program.write("bare.box", tarred(&[("box.ovf", b"<ovf/>")]));
    program.write("disk.gz", gzip(b"gzip, and no tar"));
    program.write("folder/box.img", "disk");
    for (path, reason) in [
        ("disk.box", "it is neither a tar nor a gzip-compressed tar"),
        (
            "deep.box",
            "metadata.json is not at its top, but at \"web/metadata.json\"",
        ),
        ("bare.box", "it has no metadata.json at its top"),
        ("disk.gz", "it holds no tar"),
        (
            "folder",
            "there is no metadata.json at the top of what would be packed",
        ),
    ] {
        let run = program.run(&[&PUSH_BOX[..], &[path]].concat()).await;
        assert_eq!(run.code, 3, "{run}");
        let told = format!("Error archiving artifact: {path}: is not a Vagrant box: {reason}");
        assert!(run.stderr.contains(&told), "{run}");
        assert!(
            run.stderr
                .contains("with --no-box-check, the file is pushed"),
            "{run}"
        );
        none_was_made(&program).await;
    }
    let run = program
        .run(&[&PUSH_BOX[..], &["disk.box", "--no-box-check"]].concat())
        .await;
    assert_eq!(run.code, 0, "{run}");
    // An artifact of another type is not checked.
    let run = program
        .run(&["push", "acme/web", "--type", "custom.image", "disk.box"])
        .await;
    assert_eq!(run.code, 0, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tar_becomes_a_compressed_tar_and_not_a_tar_in_another() {
    let (_server, program) = started().await;
    program.write("web.box", tarred(&[("box.img", b"disk"), PROVIDER]));
    let content = |(name, bytes): (&str, &[u8])| (name.to_owned(), Some(bytes.to_vec()));
    let expected = [content(("box.img", b"disk")), content(PROVIDER)];
    for level in [&[][..], &["--compression-level", "0"]] {
        let run = program
            .run(&[&PUSH_BOX[..], &["web.box"], level].concat())
            .await;
        assert_eq!(run.code, 0, "{run}");
        assert_eq!(
            entries(program.pulled("acme/web", "vagrant.box").await.as_slice()),
            expected
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_a_folder_that_are_a_box_are_packed_as_one() {
    let (_server, program) = started().await;
    program.write("web/box.img", "disk");
    program.write("web/metadata.json", PROVIDER.1);
    for paths in [&["web"][..], &["web/box.img", "web/metadata.json"]] {
        let run = program.run(&[&PUSH_BOX[..], paths].concat()).await;
        assert_eq!(run.code, 0, "{run}");
        let names: Vec<_> = entries(program.pulled("acme/web", "vagrant.box").await.as_slice())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["box.img", "metadata.json"]);
    }
    // An excluded metadata.json counts as missing.
    let run = program
        .run(&[&PUSH_BOX[..], &["web", "--exclude", "*.json"]].concat())
        .await;
    assert_eq!(run.code, 3, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_for_boxes_count_for_the_command_too() {
    let (_server, program) = started().await;
    manifest(&program, false);
    for (settings, code, told) in [
        (
            json!({"atlas_upload_boxes": false}),
            2,
            "set atlas_upload_boxes to true",
        ),
        (
            json!({"atlas_upload_boxes": true}),
            3,
            "is not a Vagrant box",
        ),
        (json!({}), 3, "is not a Vagrant box"),
        (
            json!({"atlas_upload_boxes": true, "atlas_upload_box_check": "false"}),
            0,
            "",
        ),
    ] {
        template(&program, json!([atlas(settings)]));
        let run = push(&program, &[]).await;
        assert_eq!(run.code, code, "{run}");
        assert!(run.stderr.contains(told), "{run}");
    }
}
