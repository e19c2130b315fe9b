//! Backups that are made while clients write.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use super::{backup, restore};
use crate::support::archive::entries;
use crate::support::{FILE, Fixture, Reply, upload_path};

const WRITERS: usize = 4;

/// The number of backups that are made while clients write.
const BACKUPS: usize = 3;

/// The bytes of each version that the writers push. Each is pushed many times, and one of them is large.
static FILES: [&[u8]; 3] = [b"", b"a small file", &[7; 700_001]];

/// Pushes versions until it is told to stop, and returns the numbers of those that were acknowledged.
async fn write(fixture: &Fixture, writer: usize, is_over: &AtomicBool) -> BTreeSet<u64> {
    let mut stored = BTreeSet::new();
    for round in writer.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let version = fixture.push(FILES[round % FILES.len()]).await;
        stored.insert(version["version"].as_u64().unwrap());
        let metadata = json!({"id": "y", "file": true, "metadata": {"os": "debian"}});
        fixture.make_version(metadata).await;
    }
    stored
}

/// Adds one of everything that is not a version with a file.
pub(crate) async fn fill(fixture: &Fixture) {
    fixture.make_artifact("acme", "web").await;
    fixture.make_artifact("acme", "gone").await;
    fixture.push_box().await;
    let deleted = fixture.mock(Method::DELETE, "/artifacts/acme/gone", None);
    assert_eq!(deleted.await.status, 204);
    let token = json!({"token": {"username": "rival", "description": "laptop"}});
    let made = fixture.mock(Method::POST, "/tokens", Some(token)).await;
    assert_eq!(made.status, 200, "{}", made.body);
}

/// Returns the manifest and the files of an archive. Times are cut to the microseconds that a database keeps.
pub(crate) fn contents(archive: &Path) -> (Value, BTreeSet<(String, Vec<u8>)>) {
    let mut entries = entries(&std::fs::read(archive).unwrap());
    let mut manifest = serde_json::from_slice(&entries.remove(0).1).unwrap();
    cut_times(&mut manifest);
    (manifest, entries.into_iter().collect())
}

fn cut_times(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(cut_times),
        Value::Object(values) => {
            for (key, value) in values {
                match value.as_u64() {
                    Some(nanos) if key == "nanos_since_epoch" => *value = json!(nanos / 1000),
                    _ => cut_times(value),
                }
            }
        }
        _ => {}
    }
}

/// Returns what an archive says of `acme/web/custom.image`: the numbers of the versions with a file, and of all.
fn numbers(archive: &Path) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let (manifest, files) = contents(archive);
    let artifacts = manifest["artifacts"].as_array().unwrap().iter();
    let web = { artifacts }
        .clone()
        .find(|artifact| artifact["name"] == "acme/web")
        .unwrap();
    let (mut stored, mut all) = (BTreeSet::new(), BTreeSet::new());
    for version in web["types"][0]["versions"].as_array().into_iter().flatten() {
        let number = version["number"].as_u64().unwrap();
        all.insert(number);
        if let Some(digest) = version["file"]["stored"].as_str() {
            stored.insert(number);
            let name = format!("files/{digest}");
            assert!(files.iter().any(|(one, _)| *one == name), "{name}");
        }
    }
    (stored, all)
}

/// Makes backups of an emulator with `acme/web` while clients write, and returns the last one. Each has every version
/// that was acknowledged before it, and no number twice or left out.
async fn among_writers(fixture: &Fixture, folder: &Path) -> std::path::PathBuf {
    let is_over = AtomicBool::new(false);
    let writers = (0..WRITERS).map(|writer| write(fixture, writer, &is_over));
    let backups = async {
        let mut last = BTreeSet::new();
        let mut made = Vec::new();
        for number in 0..BACKUPS {
            let before: BTreeSet<u64> = fixture.found("").await.into_iter().collect();
            let file = backup(fixture, folder, &format!("{number}.tar")).await;
            let (stored, all) = numbers(&file);
            assert!(stored.is_superset(&before), "{stored:?} {before:?}");
            assert!(stored.is_superset(&last), "{stored:?} {last:?}");
            let highest = all.last().copied().unwrap_or_default();
            assert_eq!(all, (1..=highest).collect());
            last = stored;
            made.push(file);
        }
        is_over.store(true, Ordering::SeqCst);
        made.pop().unwrap()
    };
    let (stored, last) = join(join_all(writers), backups).await;
    assert!(stored.iter().all(|stored| !stored.is_empty()), "{stored:?}");
    last
}

/// Returns the replies of an emulator about what [`fill`] and the writers made, without its address.
pub(crate) async fn replies(fixture: &Fixture) -> Vec<Reply> {
    let mut replies = Vec::new();
    for path in [
        &format!("{FILE}/search"),
        &format!("{FILE}/search?metadata.1.key=os"),
        &format!("{FILE}/latest/file"),
        &format!("{FILE}/1/file"),
        "/api/v1/artifacts/acme/gone",
        "/api/v2/box/acme/debian",
        "/_mock/contents",
        "/_mock/orphans",
    ] {
        let mut reply = fixture.get(path).await;
        reply.body = reply.body.replace(fixture.atlas.url(), "ADDRESS");
        replies.push(reply);
    }
    replies
}

/// Makes a backup of one emulator while clients write, and leads it through the others and back. Each of them has all
/// that the archive has, byte by byte, and answers as the one before did. All of them may be restored.
pub(crate) async fn leads_through(first: Fixture, others: Vec<Fixture>) {
    let folder = tempfile::tempdir().unwrap();
    fill(&first).await;
    let mut last = among_writers(&first, folder.path()).await;
    let expected = contents(&last);
    // The first emulator goes back to the state of the backup, too.
    restore(&first, &[&last]).await;
    let answered = replies(&first).await;
    let all = others.iter().chain([&first]).enumerate();
    for (number, other) in all {
        // Twice, since a home that is not empty is replaced as well.
        restore(other, &[&last]).await;
        restore(other, &[&last]).await;
        assert_eq!(replies(other).await, answered);
        last = backup(other, folder.path(), &format!("copy-{number}.tar")).await;
        assert!(contents(&last) == expected);
    }
    // Numbers and awaited uploads go on.
    let next = first.make_version(json!({"id": "z", "file": true})).await;
    assert_eq!(first.put(&upload_path(&next), b"late").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_among_writers_leads_from_memory_to_a_folder_and_back() {
    let data = tempfile::tempdir().unwrap();
    let memory = Fixture::new().await;
    let folder = Fixture::with(|builder| builder.data(data.path()).allow_reset()).await;
    leads_through(memory, vec![folder]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_among_writers_leads_from_a_folder_to_memory_and_another_folder() {
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let folder = |at: usize| {
        let data = data[at].path().to_owned();
        Fixture::with(|builder| builder.data(data).allow_reset())
    };
    let (first, memory, second) = (folder(0).await, Fixture::new().await, folder(1).await);
    leads_through(first, vec![memory, second]).await;
}
