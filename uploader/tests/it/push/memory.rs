//! This test measures the memory that a push needs, which must not depend on the size of the file.

use std::process::Stdio;
use std::sync::{Arc, OnceLock};

use crate::boxes::publish::taking_everything;
use crate::support::program::Program;
use crate::support::server::{Reply, Server};
use crate::support::{noise, tarred, well};

const MIB: usize = 1024 * 1024;
const LIMIT: usize = 64 * MIB;

/// Returns the peak memory of a process.
fn peak(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: usize = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kibibytes * 1024
}

/// Pushes `disk.img`; returns the program's peak memory after sending all bytes, and the number of bytes.
async fn push(program: Program, flags: &[&str]) -> (usize, usize) {
    let process = Arc::new(OnceLock::new());
    let measured = Arc::new(OnceLock::new());
    let (pushing, result) = (Arc::clone(&process), Arc::clone(&measured));
    let server = Server::start(move |url, request| {
        // The program sends this request after all bytes were sent and not confirmed.
        if request.target.ends_with("/7/file") {
            result.set(peak(*pushing.wait())).unwrap();
            return Reply::json(404, serde_json::json!({}));
        }
        match request.method.as_str() {
            "PUT" => Reply::json(503, serde_json::json!({})),
            _ => well(url, request),
        }
    })
    .await;
    let program = program
        .with("ATLAS_ADDRESS", server.url())
        .with("ATLAS_TOKEN", "T0ken");
    let push = ["push", "acme/web", "--type", "t", "disk.img", "--retries=0"];
    let mut command = program.command();
    command.args(push).args(flags).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    process.set(child.id().unwrap()).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(7));
    let put = server
        .requests()
        .into_iter()
        .find(|put| !put.body.is_empty() && put.method == "PUT");
    (*measured.get().unwrap(), put.unwrap().body.len())
}

/// Publishes `web.box`; returns the program's peak memory once all bytes were sent, and the number of bytes.
async fn publish(program: Program) -> (usize, usize) {
    let process = Arc::new(OnceLock::new());
    let measured = Arc::new(OnceLock::new());
    let (publishing, result) = (Arc::clone(&process), Arc::clone(&measured));
    let server = Server::start(move |url, request| {
        if request.target.contains("/upload/complete/") {
            result.set(peak(*publishing.wait())).unwrap();
        }
        taking_everything(url, request)
    })
    .await;
    let program = program
        .with("ATLAS_ADDRESS", server.url())
        .with("ATLAS_TOKEN", "T0ken");
    let publish = ["box", "publish", "acme/web", "1.0.0", "libvirt", "web.box"];
    let mut command = program.command();
    command
        .args(publish)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    process.set(child.id().unwrap()).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    let requests = server.requests().into_iter();
    let sent = requests.map(|request| request.body.len()).max();
    (*measured.get().unwrap(), sent.unwrap())
}

/// The metadata of the box stands behind its disk, which is passed over.
#[tokio::test(flavor = "multi_thread")]
async fn a_box_is_read_hashed_and_sent_within_64_mib() {
    let image = noise(MIB).repeat(96);
    let json: &[u8] = br#"{"provider": "libvirt"}"#;
    let program = Program::new();
    program.write(
        "web.box",
        tarred(&[("box.img", &image), ("metadata.json", json)]),
    );
    let (peak, sent) = publish(program).await;
    assert!(sent > 96 * MIB && peak < LIMIT, "{sent}, {peak}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_below_64_mib_packed_stored_or_passed_through() {
    // The repeats are farther apart than deflate looks back, so the image cannot be compressed.
    let image = noise(MIB).repeat(96);
    for flags in [&["--compression-level=1"][..], &["--compression-level=0"]] {
        let program = Program::new();
        program.write("disk.img", &image);
        let (peak, sent) = push(program, flags).await;
        assert!(sent > 96 * MIB, "{flags:?}: {sent}");
        assert!(peak < LIMIT, "{flags:?}: {peak}");
    }
    let program = Program::new();
    program.write(
        "disk.img",
        [crate::support::gzip(b"").as_slice(), &image].concat(),
    );
    let (peak, sent) = push(program, &[]).await;
    assert!(
        sent > 96 * MIB && peak < LIMIT,
        "passed through: {sent}, {peak}"
    );
}
