//! Tests of mirrored trees, made by hand as docs/rescue.md describes them. A test of the uploader
//! reads a tree that the uploader has written.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::tests::dataset;
use super::*;
use crate::domain::{BoxNumber, BoxSource, FileSelector, ReadAccess, VagrantBox, timestamp};

/// The checksums of `abc`.
const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Returns the description of a file that is in the tree.
fn copied(version: &str, architecture: &str) -> Value {
    json!({
        "provider": "virtualbox", "architecture": architecture, "default_architecture": false,
        "hosted": true, "url": null, "link": false, "size": 3,
        "file": format!("acme/web/{version}/virtualbox/{architecture}/vagrant.box"),
        "checksum_type": "md5", "checksum": MD5, "checksum_computed": false,
        "created_at": "2015-06-01T12:00:00Z", "updated_at": null,
    })
}

/// Returns the description of a box with these providers in its version 1.0.0.
fn manifest(providers: &[Value]) -> Value {
    json!({"format": "atlas-mirror", "format_version": 1, "base_url": null, "boxes": [{
        "owner": "acme", "name": "web", "private": false, "short_description": "short",
        "description": "long", "source": "https://vagrantcloud.com/",
        "created_at": "2015-05-01T12:00:00.5Z", "updated_at": "2016-01-01T00:00:00Z",
        "versions": [{"version": "1.0.0", "state": "active", "description": "first",
            "created_at": null, "updated_at": null, "providers": providers}],
    }]})
}

/// Writes a tree in which each copied file has the content `abc`.
fn tree(manifest: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mirror.json"), manifest.to_string()).unwrap();
    let versions = manifest["boxes"][0]["versions"].as_array();
    for version in versions.into_iter().flatten() {
        for file in version["providers"].as_array().unwrap() {
            let Some(path) = file["file"].as_str().filter(|path| !path.contains("..")) else {
                continue;
            };
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "abc").unwrap();
        }
    }
    folder
}

async fn read(folder: &Path) -> (Dataset, Arc<VagrantBox>) {
    let dataset = dataset();
    let seed = Seed::read(folder).unwrap();
    seed.apply(&dataset, Limits::default()).await.unwrap();
    let name = "acme/web".parse().unwrap();
    let found = dataset.catalog().find_box(&name, ReadAccess::PublicOnly);
    let found = found.await.unwrap().vagrant_box;
    (dataset, found)
}

#[tokio::test]
async fn the_boxes_of_a_tree_are_there_and_their_files_stay_on_disk() {
    let mut linked = copied("1.0.0", "i386");
    linked["file"] = Value::Null;
    linked["link"] = json!(true);
    linked["url"] = json!("https://files.example.com/i386.box");
    let mut missing = copied("1.0.0", "riscv64");
    missing["file"] = Value::Null;
    missing["url"] = json!("https://vagrantcloud.com/riscv64.box");
    let mut computed = copied("1.0.0", "arm64");
    computed["default_architecture"] = json!(true);
    computed["checksum_computed"] = json!(true);
    computed["checksum_type"] = json!("sha256");
    computed["checksum"] = json!(SHA256);
    let folder = tree(&manifest(&[
        copied("1.0.0", "amd64"),
        linked,
        missing,
        computed,
    ]));
    let (dataset, found) = read(folder.path()).await;
    assert_eq!(timestamp(found.created), "2015-05-01T12:00:00.5Z");
    assert_eq!(timestamp(found.updated), "2016-01-01T00:00:00Z");
    let number: BoxNumber = "1.0.0".parse().unwrap();
    let version = found.version(&number).unwrap();
    assert!(version.is_active());
    let [amd64, arm64, i386, riscv64] = version.providers() else {
        panic!("{:?}", version.providers());
    };
    assert_eq!(amd64.shown_checksum(), Some(("md5", MD5)));
    assert_eq!(timestamp(amd64.created), "2015-06-01T12:00:00Z");
    assert_eq!(arm64.shown_checksum(), Some(("sha256", SHA256)));
    assert!(arm64.is_default && arm64.checksum.is_none());
    let url = "https://files.example.com/i386.box".to_owned();
    assert_eq!(i386.source, BoxSource::External(url));
    assert_eq!(riscv64.source, BoxSource::Awaited);

    let totals = dataset.totals().await.unwrap();
    assert_eq!((totals.disk_bytes, totals.memory_bytes), (6, 0));
    // What was verified is served, even if the tree is gone.
    drop(folder);
    let (name, of_type) = ("acme/web".parse().unwrap(), "vagrant.box".parse().unwrap());
    let latest = FileSelector::Latest;
    let file = dataset
        .catalog()
        .file(&name, &of_type, ReadAccess::PublicOnly, latest);
    let parts: Vec<_> = file
        .await
        .unwrap()
        .stream(0..9)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(parts.concat(), b"abc");
}

#[test]
fn what_is_wrong_with_a_tree_is_told_with_its_place() {
    let broken = |change: fn(&mut Value)| {
        let mut file = copied("1.0.0", "amd64");
        change(&mut file);
        tree(&manifest(&[file]))
    };
    let changed = |change: fn(&mut Value)| {
        let mut manifest = manifest(&[copied("1.0.0", "amd64")]);
        change(&mut manifest);
        tree(&manifest)
    };
    let mut messages = String::new();
    for folder in [
        tempfile::tempdir().unwrap(),
        changed(|manifest| manifest["format_version"] = json!(3)),
        changed(|manifest| manifest["artifacts"] = json!([{}])),
        changed(|manifest| manifest["boxes"] = json!(5)),
        changed(|manifest| manifest["boxes"][0]["owner"] = json!("a b")),
        changed(|manifest| {
            let boxes = manifest["boxes"].as_array_mut().unwrap();
            boxes.push(boxes[0].clone());
        }),
        changed(|manifest| manifest["boxes"][0]["versions"][0]["version"] = json!("one")),
        broken(|file| file["file"] = json!("../../../../../../etc/hosts")),
        broken(|file| file["provider"] = json!("..")),
        broken(|file| file["size"] = json!(4)),
        broken(|file| file["checksum"] = json!(SHA256)),
    ] {
        let error = Seed::read(folder.path()).unwrap_err().to_string();
        messages.push_str(&error.replace(&folder.path().display().to_string(), "TREE"));
        messages.push('\n');
    }
    let folder = tree(&manifest(&[copied("1.0.0", "amd64")]));
    let path = folder.path().display().to_string();
    let error = Seed::read_at_most(folder.path(), 2).unwrap_err();
    messages.push_str(&error.to_string().replace(&path, "TREE"));
    messages.push('\n');
    let file = "acme/web/1.0.0/virtualbox/amd64/vagrant.box";
    fs::remove_file(folder.path().join(file)).unwrap();
    let error = Seed::read(folder.path()).unwrap_err();
    messages.push_str(&error.to_string().replace(&path, "TREE"));
    insta::assert_snapshot!(messages);
}
