//! Tests which entry of a manifest is found for a block.

use super::super::evaluate::Rendered;
use super::super::flat;
use super::super::limits::Limits;
use super::*;
use crate::packer::manifest::Manifest;
use serde_json::json;
use time::OffsetDateTime;

/// Returns the id of the entry for the block at a place, among entries with these ids.
fn reached(post_processors: &Value, place: &str, ids: &[&str]) -> Result<String, String> {
    in_file("packer-manifest.json", post_processors, place, ids)
}

fn in_file(
    name: &str,
    post_processors: &Value,
    place: &str,
    ids: &[&str],
) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let entry = |id: &&str| json!({"name": "vm", "builder_type": "qemu", "artifact_id": id, "packer_run_uuid": "1"});
    let builds: Vec<_> = ids.iter().map(entry).collect();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let document = json!({"builds": builds, "last_run_uuid": "1"});
    std::fs::write(&path, document.to_string()).unwrap();
    let manifest = Manifest::read(&path).unwrap();
    let user = |_: &str| {
        Ok(Rendered {
            text: "mine.json".to_owned(),
            ..Rendered::default()
        })
    };
    let context = Context {
        now: OffsetDateTime::UNIX_EPOCH,
        folder: None,
        user: &user,
        environment: None,
        build: Some(("vm", "qemu")),
        packer_version: None,
        generated: None,
        limits: &Limits::default(),
    };
    let mut wrong = Vec::new();
    let steps = Steps::new(flat(post_processors.as_array().unwrap(), &mut wrong));
    assert_eq!(wrong, Vec::<String>::new());
    let entries = manifest.select(&[]).unwrap();
    let entry = steps.reached(place, "vm", &entries, &manifest, &context)?;
    Ok(entry.artifact_id.clone())
}

fn skipped(kind: &str) -> Value {
    json!({"type": kind, "except": ["vm"]})
}

#[test]
fn the_entry_is_that_of_the_manifest_block_that_saw_the_same() {
    let last = "post-processor 1.3";
    for (post_processors, place, ids, expected) in [
        (
            json!(["atlas"]),
            "post-processor 1",
            &["built"][..],
            "built",
        ),
        (
            json!(["manifest", "atlas"]),
            "post-processor 2",
            &["built"],
            "built",
        ),
        (
            json!([["manifest", "atlas"]]),
            "post-processor 1.2",
            &["built"],
            "built",
        ),
        (
            json!([["vagrant", "manifest", "atlas"]]),
            last,
            &["box"],
            "box",
        ),
        (
            json!([["vagrant", "shell-local", "manifest", "shell-local", "atlas"]]),
            "post-processor 1.5",
            &["box"],
            "box",
        ),
        // The `atlas` block was not in the build, or was left out.
        (
            json!([["vagrant", "atlas", "manifest"]]),
            "post-processor 1.2",
            &["box"],
            "box",
        ),
        (
            json!(["manifest", ["vagrant", "manifest", "atlas"]]),
            "post-processor 2.3",
            &["built", "box"],
            "box",
        ),
        (
            json!(["manifest", ["vagrant", "manifest", "atlas"], "atlas"]),
            "post-processor 3",
            &["built", "box"],
            "built",
        ),
        (
            json!([
                ["compress", "atlas", "manifest"],
                ["vagrant", "manifest", "atlas"]
            ]),
            "post-processor 2.3",
            &["packed", "box"],
            "box",
        ),
        (
            json!([
                ["compress", "atlas", "manifest"],
                ["vagrant", "manifest", "atlas"]
            ]),
            "post-processor 2.3",
            &["box"],
            "box",
        ),
        // A step that does not apply to this build changes nothing.
        (
            json!([[skipped("compress"), "manifest", "atlas"]]),
            last,
            &["built"],
            "built",
        ),
        (
            json!([skipped("manifest"), ["vagrant", "manifest", "atlas"]]),
            "post-processor 2.3",
            &["box"],
            "box",
        ),
        (
            json!([[skipped("vagrant"), "atlas"], skipped("manifest")]),
            "post-processor 1.2",
            &["built"],
            "built",
        ),
    ] {
        let found = reached(&post_processors, place, ids);
        assert_eq!(found.as_deref(), Ok(expected), "{post_processors}");
    }
}

#[test]
fn another_artifact_is_never_taken_for_it() {
    let only = "for the build \"vm\" the manifest has only";
    for (post_processors, place, ids, reason) in [
        (
            json!([["vagrant", "atlas"]]),
            "post-processor 1.2",
            &["built"][..],
            "this block pushes the artifact of vagrant (post-processor 1.1), and without a manifest block in the template it is unknown whether the manifest has that for the build \"vm\"".to_owned(),
        ),
        (
            json!([["compress", "atlas"], "manifest"]),
            "post-processor 1.2",
            &["built"],
            format!("this block pushes the artifact of compress (post-processor 1.1), but {only} the builder's artifact"),
        ),
        (
            json!([["manifest", "vagrant", "atlas"]]),
            "post-processor 1.3",
            &["built"],
            format!("the artifact of vagrant (post-processor 1.2), but {only} the builder's artifact"),
        ),
        (
            json!(["atlas", ["vagrant", "manifest"]]),
            "post-processor 1",
            &["box"],
            format!("this block pushes the builder's artifact, but {only} the artifact of vagrant (post-processor 2.1)"),
        ),
        // `checksum` passes on the files and adds one.
        (
            json!([["checksum", "atlas"], "manifest"]),
            "post-processor 1.2",
            &["built"],
            format!("{only} the builder's artifact"),
        ),
        // Another run of the same type of post-processor made this artifact.
        (
            json!([["vagrant", "manifest"], ["vagrant", "atlas"]]),
            "post-processor 2.2",
            &["box"],
            format!("{only} the artifact of vagrant (post-processor 1.1)"),
        ),
        (
            json!([["vagrant", "artifice", "manifest"], ["manifest", "compress", "atlas"]]),
            "post-processor 2.3",
            &["a", "b"],
            format!("{only} the artifact of artifice (post-processor 1.2) and the builder's artifact"),
        ),
        (
            json!(["manifest", ["vagrant", "manifest", "atlas"]]),
            "post-processor 2.3",
            &["built"],
            "the manifest has 1 entry for the build \"vm\", but the manifest blocks of the template write 2".to_owned(),
        ),
        (
            json!(["atlas"]),
            "post-processor 1",
            &["built", "box"],
            "the manifest has 2 entries for the build \"vm\", and without a manifest block".to_owned(),
        ),
    ] {
        let refused = reached(&post_processors, place, ids).unwrap_err();
        assert!(refused.starts_with(&format!("{place}: ")), "{refused}");
        assert!(refused.contains(&reason), "{refused}");
        assert!(refused.contains("or use the plugin (atlas-upload packer install)"), "{refused}");
    }
}

#[test]
fn the_way_out_leaves_out_each_atlas_block_by_its_name() {
    let atlas = |name: &str| json!({"type": "atlas", "name": name, "except": ["other"]});
    for (post_processors, place, words) in [
        (
            json!([["compress", "atlas"]]),
            "post-processor 1.2",
            "write [\"compress\", \"manifest\", {\"type\": \"atlas\", …}] and build again with -except=atlas, or",
        ),
        (
            json!([["compress", atlas("push")], "atlas", atlas("elsewhere")]),
            "post-processor 1.2",
            "build again with -except=atlas,elsewhere,push, or",
        ),
        (
            json!([["compress", atlas("push it")]]),
            "post-processor 1.2",
            "build again with '-except=push it', or",
        ),
        (
            json!([["atlas", "compress", "atlas"]]),
            "post-processor 1.3",
            "…}] as a sequence of its own and build again with -except=atlas, or",
        ),
    ] {
        let refused = reached(&post_processors, place, &["built"]).unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn of_several_manifests_the_block_counts_that_writes_this_one() {
    let manifest = |output: &str| json!({"type": "manifest", "output": output});
    let template =
        |output: &str| json!([manifest("a.json"), ["vagrant", manifest(output), "atlas"]]);
    let find =
        |name: &str, output: &str| in_file(name, &template(output), "post-processor 2.3", &["box"]);
    assert_eq!(find("b.json", "./b.json").as_deref(), Ok("box"));
    assert_eq!(find("sub/b.json", "sub/b.json").as_deref(), Ok("box"));
    assert_eq!(find("mine.json", "{{user `x`}}").as_deref(), Ok("box"));
    assert_eq!(find("vm.json", "{{build_name}}.json").as_deref(), Ok("box"));
    let refused = find("a.json", "b.json").unwrap_err();
    assert!(refused.contains("only the builder's artifact"), "{refused}");
    for (name, output) in [("copy.json", "b.json"), ("b.json", "{{uuid | nothing}}")] {
        let refused = find(name, output).unwrap_err();
        assert!(refused.contains("write several files"), "{refused}");
    }
    // The file was renamed, and all blocks write the same file.
    let one = json!([["vagrant", manifest("a.json"), "atlas"]]);
    let found = in_file("copy.json", &one, "post-processor 1.3", &["box"]);
    assert_eq!(found.as_deref(), Ok("box"));
}
