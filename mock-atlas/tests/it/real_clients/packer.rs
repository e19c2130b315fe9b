//! Tests that the post-processor `vagrant-cloud` of Debian's Packer 1.6.6 publishes boxes.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::vagrant::{Registry, TOKEN, Vagrant, vagrant_box};

/// Builds a box with Packer, whose artifact is a file that is there already, and publishes it.
async fn build(folder: &Path, registry: &Registry, settings: Value) -> (i32, String) {
    let mut publish = json!({
        "type": "vagrant-cloud", "box_tag": "acme/web", "access_token": TOKEN,
        "vagrant_cloud_url": format!("{}/api/v1", registry.url()),
    });
    let publish = publish.as_object_mut().unwrap();
    publish.extend(settings.as_object().unwrap().clone());
    let template = json!({
        "builders": [{"type": "null", "communicator": "none"}],
        "post-processors": [[{"type": "artifice", "files": ["web.box"]}, publish]],
    });
    std::fs::write(folder.join("template.json"), template.to_string()).unwrap();
    // The post-processor `artifice` deletes the file after each build.
    std::fs::write(folder.join("web.box"), vagrant_box("virtualbox", b"a disk")).unwrap();
    let output = Command::new("packer")
        .args(["build", "-color=false", "template.json"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("CHECKPOINT_DISABLE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(folder)
        .kill_on_drop(true)
        .output()
        .await
        .expect("packer must be installed");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    (output.status.code().unwrap(), printed)
}

async fn versions(registry: &Registry) -> Vec<(String, String, bool)> {
    let of_box = registry
        .api(Method::GET, "box/acme/web", &Value::Null)
        .await;
    let versions = of_box["versions"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let versions = versions.map(|version| {
        let is_hosted = version["providers"][0]["hosted"].as_bool().unwrap();
        (
            text(&version["version"]),
            text(&version["status"]),
            is_hosted,
        )
    });
    versions.collect()
}

#[tokio::test]
async fn packer_publishes_a_version_again_and_another_one_without_releasing_it() {
    let registry = Registry::start().await;
    let folder = TempDir::new().unwrap();
    let first = json!({"version": "1.0.0", "version_description": "the first"});
    let (code, printed) = build(folder.path(), &registry, first.clone()).await;
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("Resource not found!"), "{printed}");
    registry.make_box("web", false).await;
    for settings in [
        first.clone(),
        // The same build runs again.
        first,
        json!({"version": "1.1.0", "no_direct_upload": true, "no_release": true}),
        json!({"version": "1.2.0", "box_download_url": "http://files.test/web.box"}),
    ] {
        let (code, printed) = build(folder.path(), &registry, settings).await;
        assert_eq!(code, 0, "{printed}");
    }
    let expected = [
        ("1.2.0", "active", false),
        ("1.1.0", "unreleased", true),
        ("1.0.0", "active", true),
    ];
    let expected = expected
        .map(|(version, status, is_hosted)| (version.to_owned(), status.to_owned(), is_hosted));
    assert_eq!(versions(&registry).await, expected);
    let vagrant = Vagrant::at(registry.url());
    vagrant
        .succeed(&["box", "add", "acme/web", "--box-version", "1.0.0"])
        .await;
}

#[tokio::test]
async fn packer_removes_the_provider_whose_upload_failed_and_the_next_build_succeeds() {
    let registry = Registry::start().await;
    registry.make_box("web", false).await;
    let folder = TempDir::new().unwrap();
    registry
        .atlas
        .add_fault("upload:status=500,times=3".parse().unwrap());
    let settings = json!({"version": "1.0.0"});
    let (code, printed) = build(folder.path(), &registry, settings.clone()).await;
    assert_eq!(code, 1, "{printed}");
    let of_version = "box/acme/web/version/1.0.0";
    let version = registry.api(Method::GET, of_version, &Value::Null).await;
    assert_eq!(version["providers"], json!([]), "{printed}");
    let (code, printed) = build(folder.path(), &registry, settings).await;
    assert_eq!(code, 0, "{printed}");
    assert_eq!(versions(&registry).await.len(), 1);
}
