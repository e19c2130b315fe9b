//! Tests that the program refuses to read files that are not regular or are too large.

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::program;

const LONG: Duration = Duration::from_secs(60);

/// A folder of FIFOs, sockets, folders and links to devices: files that are not regular.
struct SpecialFiles {
    folder: TempDir,
    _listener: UnixListener,
}

impl SpecialFiles {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        for name in ["fifo", "fifo.toml", "fifo.json"] {
            mknodat(CWD, folder.path().join(name), FileType::Fifo, Mode::RUSR, 0).unwrap();
        }
        std::fs::create_dir(folder.path().join("folder.toml")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("device.toml")).unwrap();
        Self { folder, _listener }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes a seed of one version whose file is at `path`, and returns the seed's path.
    fn seed(&self, path: &str) -> String {
        let seed = self.path("seed.toml");
        let text = format!(
            "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"x\"\nfile = {{ path = {path:?} }}\n"
        );
        std::fs::write(&seed, text).unwrap();
        seed
    }
}

/// Runs the program, checks that it fails, and returns its message.
async fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = program();
    command.args(arguments).envs(variables.iter().copied());
    let output = timeout(LONG, command.output()).await;
    let output = output
        .unwrap_or_else(|_| panic!("{arguments:?} hangs"))
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
    stderr
}

#[tokio::test]
async fn a_seed_names_plain_files_only_and_none_is_waited_for() {
    let files = SpecialFiles::new();
    for (path, kind) in [
        ("/dev/zero", "a device"),
        ("fifo", "a FIFO"),
        ("socket", "a socket"),
        ("folder.toml", "a folder"),
    ] {
        let seed = files.seed(path);
        let message = format!("it is {kind}, and only a plain file is read");
        for arguments in [
            &[
                "--listen",
                "127.0.0.1:0",
                "--seed",
                &seed,
                "--max-file-bytes",
                "1000",
            ][..],
            &["exec", "--seed", &seed, "--", "true"],
            &["seed", &seed, "--atlas-url", "http://127.0.0.1:1"],
        ] {
            let said = refused(arguments, &[]).await;
            let place = "seed.toml: artifacts[0].versions[0].file: cannot read ";
            assert!(said.contains(place) && said.contains(&message), "{said}");
        }
    }
}

#[tokio::test]
async fn whatever_is_read_is_a_plain_file() {
    let files = SpecialFiles::new();
    let certificate = files.path("seed.toml");
    std::fs::write(&certificate, "").unwrap();
    let kinds = [
        ("fifo.toml", "a FIFO"),
        ("device.toml", "a device"),
        ("folder.toml", "a folder"),
    ];
    for (name, kind) in kinds {
        let path = &files.path(name);
        let message = format!("it is {kind}, and only a plain file is read");
        let tls = "https://127.0.0.1:1";
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listens = format!("https://{}", listener.local_addr().unwrap());
        for (arguments, variables) in [
            (&["seed", path, "--atlas-url", tls][..], &[][..]),
            (&["--tls-cert", path, "--tls-key", &certificate], &[]),
            (&["--tls-cert", &certificate, "--tls-key", path], &[]),
            (&["verify", path, "--atlas-url", tls], &[]),
            (&["restore", path, "--atlas-url", tls], &[]),
            (
                &["reset", "--atlas-url", &listens],
                &[("ATLAS_CAFILE", path.as_str())],
            ),
        ] {
            let said = refused(arguments, variables).await;
            assert!(
                said.contains(path.as_str()) && said.contains(&message),
                "{said}"
            );
        }
        let said = refused(&["--listen", "127.0.0.1:0", "--seed", path], &[]).await;
        // A folder may be a mirrored tree.
        let message = match kind {
            "a folder" => "folder.toml/mirror.json: cannot be read: a folder is a seed only if ",
            _ => &message,
        };
        assert!(said.contains(message), "{said}");
    }
}

/// Creates a sparse file that is far larger than any memory, and returns its path.
fn endless(files: &SpecialFiles) -> PathBuf {
    let path = files.folder.path().join("endless");
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    path
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_not_read() {
    let files = SpecialFiles::new();
    let seed = files.seed(endless(&files).to_str().unwrap());
    let start = [
        "--listen",
        "127.0.0.1:0",
        "--seed",
        &seed,
        "--max-file-bytes",
        "1000",
    ];
    let said = refused(&start, &[]).await;
    let message = "artifacts[0].versions[0].file: the file is larger than the 1000 bytes that max-file-bytes allows";
    assert!(said.contains(message), "{said}");
    let send = ["seed", &seed, "--atlas-url", "http://127.0.0.1:1"];
    let said = refused(&send, &[]).await;
    assert!(
        said.contains("more than the 8388608 bytes that a running emulator accepts"),
        "{said}"
    );

    let large = files.path("large.toml");
    File::create(&large).unwrap().set_len(1 << 40).unwrap();
    for arguments in [
        &["--seed", &large][..],
        &["seed", &large, "--atlas-url", "http://127.0.0.1:1"],
        &["verify", &large, "--atlas-url", "http://127.0.0.1:1"],
        &["--tls-cert", &large, "--tls-key", &large],
    ] {
        let said = refused(arguments, &[]).await;
        assert!(said.contains("it is larger than the "), "{said}");
    }
}

/// Starts the program, and waits until it reads `file`.
async fn reading(mut command: Command, file: &Path) -> (Child, Pid) {
    let mut child = command.spawn().unwrap();
    let id = child.id().unwrap();
    let reads = || {
        let descriptors = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap();
        let mut targets = descriptors.filter_map(|one| std::fs::read_link(one.ok()?.path()).ok());
        targets.any(|target| target == file)
    };
    while !reads() {
        assert_eq!(child.try_wait().unwrap(), None);
        tokio::task::yield_now().await;
    }
    (child, Pid::from_raw(id.try_into().unwrap()).unwrap())
}

#[tokio::test]
async fn signals_end_the_program_while_it_reads_a_seed() {
    let files = SpecialFiles::new();
    let file = endless(&files);
    let seed = files.seed(file.to_str().unwrap());
    for (arguments, signal, code) in [
        (&["--listen", "127.0.0.1:0"][..], Signal::INT, 0),
        (&["--listen", "127.0.0.1:0"], Signal::TERM, 0),
        (&["exec", "--", "true"], Signal::INT, 130),
        (&["exec", "--", "true"], Signal::TERM, 143),
    ] {
        let mut command = program();
        command.args(arguments).env("MOCK_ATLAS_SEED", &seed);
        let (mut child, pid) = reading(command, &file).await;
        kill_process(pid, signal).unwrap();
        let ended = timeout(LONG, child.wait()).await;
        let ended = ended.expect("the signal ends it").unwrap();
        assert_eq!(ended.code(), Some(code), "{arguments:?} {signal:?}");
    }
}
