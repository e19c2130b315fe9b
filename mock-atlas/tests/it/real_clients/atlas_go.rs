//! Tests that the emulator serves HashiCorp's own Go client. The test needs Go and the library, Debian's packages
//! `golang` and `golang-github-hashicorp-atlas-go-dev`.

use std::path::Path;

use mock_atlas::{MockAtlas, User};
use tokio::process::Command;

#[tokio::test]
async fn the_go_client_is_served_and_meets_each_error_in_its_own_words() {
    let atlas = MockAtlas::builder()
        .user(User::new("amy").password("secret"))
        .max_file_bytes(1024)
        .start()
        .await
        .unwrap();
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_clients/atlas_go/main.go");
    let cache = tempfile::tempdir().unwrap();
    let output = Command::new("go")
        .arg("run")
        .arg(program)
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", cache.path())
        .env("ATLAS_ADDRESS", atlas.url())
        .env("ATLAS_TOKEN", atlas.token())
        .kill_on_drop(true)
        .output()
        .await
        .expect("go must be installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    // The genuine client causes no lint except for the file that is refused here.
    let lints = atlas.lints();
    let messages: Vec<&str> = lints.iter().map(|lint| lint.message.as_str()).collect();
    let refused = "amy/web/large/1 was made with a file that never arrived";
    assert_eq!(messages, [refused]);
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
