//! Moves everything from one Atlas to another: `atlas-upload mirror` copies it into a tree, and `mock-atlas import` out
//! of it, through proxies that reset, delay and truncate, and killed again and again. After that, a single run of each
//! moves the rest, and the two servers are equal in every reply and every byte.
//!
//! `MIRROR_VERSIONS=10000 MIRROR_BYTES=1073741824 MIRROR_KILLS=10 MIRROR_DATA=1` makes a large run of it; with
//! `MIRROR_DATA`, both servers keep their data in folders.

mod atlas;
mod proxy;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use crate::workspace::PROGRAMS;
use atlas::{Atlas, MOST_BUILDS, Size, TOKEN};
use proxy::Proxy;

/// Far longer than any run takes.
const LIMIT: Duration = Duration::from_secs(1800);

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
        Err(_) => default,
    }
}

fn command(program: &str, arguments: &[&str], atlas: &str) -> Command {
    let mut command = Command::new(PROGRAMS.join(program));
    command
        .args(arguments)
        .env_clear()
        .env("ATLAS_ADDRESS", atlas)
        .env("ATLAS_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn run(program: &str, arguments: &[&str], atlas: &str) -> Output {
    let output = command(program, arguments, atlas).output();
    tokio::time::timeout(LIMIT, output).await.unwrap().unwrap()
}

/// Runs a command through a proxy. The first runs are killed, each once the proxy has passed on another part of
/// `bytes`, and the last one must succeed. Returns what it printed.
async fn killed_and_run(
    program: &str,
    arguments: &[&str],
    proxy: &Proxy,
    (kills, bytes): (u64, u64),
) -> Value {
    let part = bytes / (kills + 1);
    for _ in 0..kills {
        let target = proxy.passed() + part;
        let mut child = command(program, arguments, proxy.url()).spawn().unwrap();
        // The pipes are read, so that the program does not wait for a reader.
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let _reading = tokio::spawn(async move {
            let (mut stdout, mut stderr) = (stdout.unwrap(), stderr.unwrap());
            let mut sinks = (tokio::io::sink(), tokio::io::sink());
            let reading = tokio::io::copy(&mut stdout, &mut sinks.0);
            let _ = tokio::join!(reading, tokio::io::copy(&mut stderr, &mut sinks.1));
        });
        let killed = tokio::time::timeout(LIMIT, async {
            tokio::select! {
                () = proxy.wait_for(target) => {}
                // It may have ended before.
                _ = child.wait() => {}
            }
        });
        killed.await.unwrap();
        let _ = child.kill().await;
    }
    let output = run(program, arguments, proxy.url()).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_and_an_import_move_everything_however_often_they_are_disturbed_and_killed() {
    let size = Size {
        versions: number("MIRROR_VERSIONS", 300),
        bytes: number("MIRROR_BYTES", 20_000_000),
    };
    let kills = number("MIRROR_KILLS", 4);
    let seed = number("MIRROR_SEED", 7);
    let folder = tempfile::tempdir().unwrap();
    let keeps = std::env::var_os("MIRROR_DATA").is_some();
    let data = |name: &str| keeps.then(|| folder.path().join(name));
    let source = Atlas::start_source(data("source")).await;
    let started = Instant::now();
    source.fill(size, seed).await;
    eprintln!("filled in {:?}", started.elapsed());

    let tree = folder.path().join("tree");
    let tree = tree.to_str().unwrap();
    let builds = format!("1-{MOST_BUILDS}");
    let mut mirror = vec!["mirror", "--to", tree, "--builds", &builds];
    mirror.extend(["--output", "json"]);
    mirror.extend(["--retries", "20", "--quiet"]);
    mirror.extend(source.wanted());
    let started = Instant::now();
    let proxy = Proxy::start(source.url(), seed).await;
    let report = killed_and_run("atlas-upload", &mirror, &proxy, (kills, size.bytes)).await;
    let disturbed = proxy.disturbed();
    eprintln!(
        "mirrored in {:?}, {kills} kills, {disturbed} connections disturbed: {}",
        started.elapsed(),
        report["totals"]
    );
    assert!(disturbed > 0);

    let target = Atlas::start(data("target")).await;
    let started = Instant::now();
    let proxy = Proxy::start(target.url(), seed + 1).await;
    let import = ["import", tree, "--output", "json"];
    let report = killed_and_run("mock-atlas", &import, &proxy, (kills, size.bytes)).await;
    eprintln!(
        "imported in {:?}, {kills} kills, {} connections disturbed: {report}",
        started.elapsed(),
        proxy.disturbed(),
    );
    let started = Instant::now();
    source.assert_equal(&target).await;
    eprintln!("compared in {:?}", started.elapsed());
    assert_nothing_is_left(&target, tree, &mirror).await;
    source.assert_counts_on(&target).await;
}

/// Checks that another import changes nothing, and that each program reads what the other one wrote.
async fn assert_nothing_is_left(target: &Atlas, tree: &str, mirror: &[&str]) {
    let again = run(
        "mock-atlas",
        &["import", tree, "--output", "json"],
        target.url(),
    )
    .await;
    let report: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(
        (&report["added"], &report["failed"]),
        (&0.into(), &0.into()),
        "{report}"
    );
    let exported = Path::new(tree).with_file_name("exported");
    let exported = exported.to_str().unwrap();
    let export = run("mock-atlas", &["export", exported], target.url()).await;
    assert!(export.status.success(), "{export:?}");
    let check = run("atlas-upload", &["box", "check", exported], target.url()).await;
    assert!(check.status.success(), "{check:?}");
    let mut mirror = mirror.to_vec();
    mirror[2] = exported;
    let mirrored = run("atlas-upload", &mirror, target.url()).await;
    let report: Value = serde_json::from_slice(&mirrored.stdout).unwrap();
    let totals = &report["totals"];
    assert_eq!(
        (&totals["fetched"], &totals["differing"]),
        (&0.into(), &0.into()),
        "{totals}"
    );
    let plan = ["import", exported, "--plan", "--output", "json"];
    let plan = run("mock-atlas", &plan, target.url()).await;
    assert!(plan.status.success(), "{plan:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_are_moved_with_their_states_times_and_files() {
    let source = Atlas::start(None).await;
    let target = Atlas::start(None).await;
    let folder = tempfile::tempdir().unwrap();
    source.publish_boxes().await;
    let tree = folder.path().join("tree");
    let tree = tree.to_str().unwrap();
    let from = format!("{}/api/v2", source.url());
    let mirror = [
        "box",
        "mirror",
        "acme",
        "--from",
        &from,
        "--to",
        tree,
        "--include-unreleased",
    ];
    let mut mirror = command("atlas-upload", &mirror, source.url());
    mirror.env("VAGRANT_CLOUD_TOKEN", TOKEN);
    mirror.env_remove("ATLAS_ADDRESS").env_remove("ATLAS_TOKEN");
    let mirrored = mirror.output().await.unwrap();
    assert!(mirrored.status.success(), "{mirrored:?}");
    for expected in ["added", "present"] {
        let import = run(
            "mock-atlas",
            &["import", tree, "--output", "json"],
            target.url(),
        )
        .await;
        assert!(import.status.success(), "{import:?}");
        let report: Value = serde_json::from_slice(&import.stdout).unwrap();
        assert_eq!(report[expected], 3, "{report}");
    }
    source.assert_equal_boxes(&target).await;
    let exported = folder.path().join("exported");
    let exported = exported.to_str().unwrap();
    let export = [
        "export",
        exported,
        "--base-url",
        "https://boxes.example.com",
    ];
    let export = run("mock-atlas", &export, target.url()).await;
    assert!(export.status.success(), "{export:?}");
    // The catalogs are those that the other program writes.
    let catalog = ["box", "check", exported];
    let check = run("atlas-upload", &catalog, target.url()).await;
    assert!(check.status.success(), "{check:?}");
}
