//! Tests that the emulator serves HashiCorp's gem vagrant_cloud 3.0.5. The test needs Debian's package
//! `ruby-vagrant-cloud`.

use std::path::Path;

use tokio::process::Command;

use super::vagrant::{Registry, TOKEN, vagrant_box};

#[tokio::test]
async fn the_gem_manages_a_box_from_its_first_version_to_its_end() {
    let registry = Registry::start().await;
    let folder = tempfile::tempdir().unwrap();
    let files = ["first.box", "second.box"].map(|name| folder.path().join(name));
    for (file, disk) in files.iter().zip([7, 8]) {
        std::fs::write(file, vagrant_box("virtualbox", &[disk; 100_000])).unwrap();
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/real_clients/vagrant_cloud_gem/main.rb");
    let output = Command::new("ruby")
        .arg(program)
        .args(files)
        .env("ATLAS_ADDRESS", registry.url())
        .env("ATLAS_TOKEN", TOKEN)
        .env("NO_PROXY", "127.0.0.1")
        .env("LANG", "C.UTF-8")
        .kill_on_drop(true)
        .output()
        .await
        .expect("ruby must be installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    // It sends a file without its length, and has no other way.
    let lints = registry.atlas.lints().into_iter().map(|lint| lint.message);
    assert_eq!(
        lints.collect::<Vec<_>>(),
        ["an upload had no Content-Length"]
    );
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
