//! Archives that are damaged, or break off, and files that are.

use std::fs;
use std::path::{Path, PathBuf};

use super::backup;
use crate::support::{FILE, Fixture, run};

/// A file of several chunks, of which the first are sent before the last is read.
static LARGE: [u8; 1_500_000] = [7; 1_500_000];

/// A file of more than a block.
static SMALL: [u8; 1500] = [7; 1500];

/// Starts an emulator on a folder with two files, one of them this, and returns both.
async fn kept(file: &'static [u8]) -> (Fixture, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let fixture = Fixture::with(|builder| builder.data(data.path()).allow_reset()).await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(file).await;
    fixture.push(b"small").await;
    (fixture, data)
}

/// Returns the bytes of files in a folder for data, without their descriptions.
fn stored(data: &Path) -> Vec<PathBuf> {
    let folders = data.join("files").read_dir().unwrap();
    let folders = folders.filter_map(|folder| folder.unwrap().path().read_dir().ok());
    let files = folders.flatten().map(|file| file.unwrap().path());
    let mut stored: Vec<_> = files.filter(|file| file.extension().is_none()).collect();
    stored.sort();
    stored
}

#[tokio::test]
async fn an_archive_that_is_cut_or_changed_anywhere_is_refused_and_leaves_nothing() {
    let (fixture, data) = kept(&SMALL).await;
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(backup(&fixture, folder.path(), "whole.tar").await).unwrap();
    fixture.push(b"later").await;
    let (before, files) = (fixture.found("").await, stored(data.path()));
    let cut = folder.path().join("cut.tar");
    let refused = async |archive: &[u8], what: &str| {
        fs::write(&cut, archive).unwrap();
        let output = run(&fixture.atlas, "ROOT", &["restore", cut.to_str().unwrap()]).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{what}: {stderr}");
        assert_eq!(fixture.found("").await, before, "{what}");
        assert_eq!(stored(data.path()), files, "{what}");
        stderr
    };
    // The last 1024 bytes are the end, of which the first block is enough.
    for len in (0..=whole.len() - 1024)
        .step_by(512)
        .chain([1, 511, whole.len() - 513])
    {
        let stderr = refused(&whole[..len], &len.to_string()).await;
        let told = ["breaks off", "bytes of the file are missing"];
        assert!(
            told.iter().any(|told| stderr.contains(told)),
            "{len}: {stderr}"
        );
    }
    // A byte of a header, of the manifest, and of a file.
    let file = whole.windows(64).position(|part| part == [7; 64]).unwrap();
    for (at, told) in [
        (3, "another checksum"),
        (512, "mock-atlas.json cannot be parsed"),
        (file + 700, "differs from the digest in its name"),
    ] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let stderr = refused(&changed, told).await;
        assert!(stderr.contains(told), "{stderr}");
    }
}

#[tokio::test]
async fn a_backup_ends_where_a_file_is_damaged_and_keeps_nothing() {
    let (fixture, data) = kept(&LARGE).await;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("atlas.tar");
    let large = stored(data.path()).into_iter();
    let large = { large }
        .find(|file| file.metadata().unwrap().len() == LARGE.len() as u64)
        .unwrap();
    let mut bytes = fs::read(&large).unwrap();
    bytes[LARGE.len() - 1] ^= 1;
    fs::write(&large, bytes).unwrap();
    let output = run(
        &fixture.atlas,
        "ROOT",
        &["backup", archive.to_str().unwrap()],
    )
    .await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the backup broke off"), "{stderr}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    assert_eq!(fixture.get(&format!("{FILE}/2/file")).await.body, "small");
}
