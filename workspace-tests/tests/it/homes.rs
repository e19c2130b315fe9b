//! Genuine Packer with the plugin, on each home of an emulator's data: what it pushes is pulled from the next emulator
//! on the same home. The test needs Packer, PostgreSQL and s3s-fs, and the feature `real-clients`.

use std::path::Path;
use std::process::{Output, Stdio};

use atlas_common::servers::postgres::PostgresServer;
use atlas_common::servers::s3::{self, BUCKET, S3Server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::workspace::PROGRAMS;

const TOKEN: &str = "root-token";

/// A home of data, which outlives the emulators on it.
enum Home {
    Folder(TempDir),
    Shared(PostgresServer, S3Server),
}

impl Home {
    fn each() -> [Self; 2] {
        let (database, store) = (PostgresServer::start().unwrap(), S3Server::start().unwrap());
        [
            Self::Folder(tempfile::tempdir().unwrap()),
            Self::Shared(database, store),
        ]
    }

    /// Starts an emulator, and returns its process and its address.
    async fn start(&self) -> (Child, String) {
        let mut command = clean(program("mock-atlas"));
        match self {
            Self::Folder(folder) => command.env("MOCK_ATLAS_DATA", folder.path()),
            Self::Shared(database, store) => command
                .env("MOCK_ATLAS_DATABASE", database.url("postgres"))
                .env("MOCK_ATLAS_BLOBS", format!("s3://{BUCKET}/files"))
                .envs(s3::variables(store.address())),
        };
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--output",
            "json",
            "--token",
            TOKEN,
        ]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("an announcement");
        let announced: Value = serde_json::from_str(&line).unwrap();
        (child, announced["address"].as_str().unwrap().to_owned())
    }
}

/// Returns a command of one of the workspace's programs.
fn program(name: &str) -> Command {
    Command::new(PROGRAMS.join(name))
}

/// Returns a command without the variables of this process.
fn clean(mut command: Command) -> Command {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs a client in a folder, which is its home, too, against an emulator. Returns what it printed.
async fn run(command: Command, folder: &Path, atlas: &str) -> String {
    let mut command = clean(command);
    command
        .env("ATLAS_ADDRESS", atlas)
        .env("ATLAS_TOKEN", TOKEN)
        .env("CHECKPOINT_DISABLE", "1")
        .env("HOME", folder)
        .env("PACKER_CACHE_DIR", folder.join("cache"))
        .env("PACKER_CONFIG_DIR", folder)
        .env("TMPDIR", folder)
        .current_dir(folder);
    let program = command.as_std().get_program().to_owned();
    let output = command.output().await;
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let printed = String::from_utf8(stdout).unwrap();
    let errors = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{program:?}: {printed}{errors}");
    printed
}

async fn upload(arguments: &[&str], folder: &Path, atlas: &str) -> String {
    let mut command = program("atlas-upload");
    command.args(arguments);
    run(command, folder, atlas).await
}

async fn build_and_pull(home: &Home) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut server, atlas) = home.start().await;
    let plugins = folder.join(".packer.d/plugins");
    let install = ["packer", "install", "--dir", plugins.to_str().unwrap()];
    upload(&install, folder, &atlas).await;
    let template = json!({
        "builders": [{"type": "file", "content": "what Packer wrote", "target": "disk.img"}],
        "post-processors": [{
            "type": "atlas", "artifact": "acme/web", "artifact_type": "custom.image",
            "metadata": {"who": "{{build_name}}"},
        }],
    });
    std::fs::write(folder.join("template.json"), template.to_string()).unwrap();
    let mut packer = Command::new("packer");
    packer.args(["build", "-color=false", "template.json"]);
    let printed = run(packer, folder, &atlas).await;
    assert!(printed.contains("acme/web/custom.image (v1)"), "{printed}");
    let pid = i32::try_from(server.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    assert_eq!(server.wait().await.unwrap().code(), Some(0));

    let (_server, atlas) = home.start().await;
    let search = "search acme/web --type custom.image --metadata who=file --output json";
    let found = upload(&Vec::from_iter(search.split(' ')), folder, &atlas).await;
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found[0]["version"], 1, "{found}");
    let pull = "pull acme/web --type custom.image --extract pulled";
    upload(&Vec::from_iter(pull.split(' ')), folder, &atlas).await;
    let pulled = std::fs::read_to_string(folder.join("pulled/disk.img")).unwrap();
    assert_eq!(pulled, "what Packer wrote");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "real-clients"), ignore = "needs the genuine clients")]
async fn what_packer_pushes_is_pulled_from_the_next_emulator_on_the_same_home() {
    for home in Home::each() {
        build_and_pull(&home).await;
    }
}
