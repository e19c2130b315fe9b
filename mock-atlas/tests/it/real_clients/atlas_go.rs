//! Tests that the emulator serves HashiCorp's own Go client. The test needs Go and the library, Debian's packages
//! `golang` and `golang-github-hashicorp-atlas-go-dev`.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::homes::Home;
use super::s3::{Server, TOKEN};

/// Builds the program that uses the client, and returns its path.
async fn build(folder: &Path) -> PathBuf {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_clients/atlas_go/main.go");
    let program = folder.join("client");
    let output = Command::new("go")
        .args(["build", "-o"])
        .args([&program, &source])
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", folder.join("cache"))
        .kill_on_drop(true)
        .output()
        .await
        .expect("go must be installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    program
}

/// Runs the client, and returns what it printed.
async fn run(client: &Path, server: &Server) -> String {
    let output = Command::new(client)
        .env("ATLAS_ADDRESS", &server.url)
        .env("ATLAS_TOKEN", TOKEN)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_go_client_is_served_and_meets_each_error_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let client = build(folder.path()).await;
    let seed = folder.path().join("seed.toml");
    let amy = "[[users]]\nusername = \"amy\"\npassword = \"secret\"\n";
    std::fs::write(&seed, amy).unwrap();
    let arguments = ["--max-file-bytes", "1024", "--seed", seed.to_str().unwrap()];
    for home in Home::each() {
        let server = home.start(&arguments).await;
        let printed = run(&client, &server).await;
        // The genuine client causes no lint except for the file that is refused here.
        let refused = "amy/web/large/1 was made with a file that never arrived";
        assert_eq!(server.lints().await, [refused]);
        insta::assert_snapshot!("the_go_client", printed);
    }
}
