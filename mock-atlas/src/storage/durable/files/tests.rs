//! Tests that files are removed that are no longer needed, and no others.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::storage::disk::Disk;
use crate::storage::durable::database::Sqlite;
use crate::storage::store::Location;
use crate::storage::{BackendErrorKind, BlobWriter};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A home in a folder, with a clock that stands still.
struct Home {
    files: Files,
    clock: Clock,
    folder: TempDir,
}

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(SystemTime::now());
        let disk = Disk::new();
        let database = Database::Sqlite(Sqlite::open(folder.path(), disk.clone()).unwrap());
        let place = Location::Folder(folder.path().join("files"));
        let store = Store::open(&place, &disk).await.unwrap();
        Self {
            files: Files::new(database, store, clock.clone()),
            clock,
            folder,
        }
    }

    async fn keep(&self, bytes: &[u8]) -> NewFile {
        let mut writer = BlobWriter::default();
        writer.write(bytes);
        self.files.keep(&writer.finish()).await.unwrap()
    }

    async fn make_ready(&self, file: &NewFile) -> Result<i64, BackendError> {
        let row = file.row.clone();
        let ready = self
            .files
            .database
            .write(move |tx| Box::pin(async move { make_ready(tx, &row).await }));
        ready.await
    }

    async fn delete(&self, id: i64) {
        let delete = self
            .files
            .database
            .write(move |tx| Box::pin(async move { delete_unnamed(tx, [id]).await }));
        delete.await.unwrap();
    }

    async fn sweep(&self, grace: Duration) -> Swept {
        self.files.sweep(grace).await.unwrap()
    }

    /// Returns the names of all files in the store, ordered.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for folder in fs::read_dir(self.folder.path().join("files")).unwrap() {
            let Ok(files) = fs::read_dir(folder.unwrap().path()) else {
                continue;
            };
            names.extend(files.map(|file| file.unwrap().file_name().into_string().unwrap()));
        }
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_deleted_file_is_there_until_its_grace_period_is_over() {
    let home = Home::new().await;
    let (deleted, other) = (home.keep(b"deleted").await, home.keep(b"other").await);
    let id = home.make_ready(&deleted).await.unwrap();
    home.make_ready(&other).await.unwrap();
    home.delete(id).await;
    assert_eq!(home.sweep(HOUR).await, Swept::default());
    home.clock.advance(HOUR / 2);
    assert_eq!(home.sweep(HOUR).await, Swept::default());
    assert!(home.files.read(deleted.row.clone()).await.is_ok());
    home.clock.advance(HOUR / 2);
    let expected = Swept {
        files: 1,
        unknown: 0,
        bytes: 7,
    };
    assert_eq!(home.sweep(HOUR).await, expected);
    assert_eq!(home.names(), [other.row.key.as_str()]);
    assert_eq!(home.sweep(HOUR).await, Swept::default());
}

#[tokio::test]
async fn a_file_is_given_up_only_when_its_writer_was_silent_for_long() {
    let home = Home::new().await;
    let slow = home.keep(b"slow").await;
    home.clock.advance(Duration::from_secs(14 * 60));
    assert_eq!(home.sweep(Duration::ZERO).await, Swept::default());
    home.make_ready(&slow).await.unwrap();

    let dead = home.keep(b"dead").await;
    home.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(home.sweep(Duration::ZERO).await.files, 1);
    assert_eq!(home.names(), [slow.row.key.as_str()]);
    let error = home.make_ready(&dead).await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Unavailable, "{error}");
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_a_file_shows_life() {
    let home = Home::new().await;
    let file = home.keep(b"slow").await;
    home.clock.advance(Duration::from_secs(16 * 60));
    // The time of the timers is not that of the clock: they go on as soon as nothing else does.
    tokio::time::sleep(2 * HEARTBEAT).await;
    assert_eq!(home.sweep(Duration::ZERO).await, Swept::default());
    assert!(home.make_ready(&file).await.is_ok());
}

#[tokio::test]
async fn a_file_that_is_not_needed_leaves_nothing_unless_it_is_ready() {
    let home = Home::new().await;
    let file = home.keep(b"a file").await;
    home.files.discard(file).await;
    assert!(home.names().is_empty());
    assert_eq!(home.sweep(Duration::ZERO).await, Swept::default());

    let file = home.keep(b"a file").await;
    home.make_ready(&file).await.unwrap();
    let row = file.row.clone();
    home.files.discard(file).await;
    assert!(home.files.read(row).await.is_ok());
}

#[tokio::test]
async fn only_objects_that_no_row_names_for_a_day_are_removed() {
    let home = Home::new().await;
    let file = home.keep(b"known").await;
    let store = |name: &str, age: Duration| {
        let folder = home.folder.path().join("files").join(&name[..2]);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), b"bytes").unwrap();
        let opened = File::options().append(true).open(folder.join(name));
        opened
            .unwrap()
            .set_modified(SystemTime::now() - age)
            .unwrap();
    };
    let known = file.row.key.as_str().to_owned();
    let (left, young) = ("a".repeat(32), "b".repeat(32));
    store(&known, 25 * HOUR);
    store(&left, 25 * HOUR);
    store(&format!("{left}.part"), 25 * HOUR);
    store(&young, 23 * HOUR);
    store("of somebody else", 25 * HOUR);
    let swept = home.files.sweep_unknown().await.unwrap();
    assert_eq!((swept.unknown, swept.bytes), (1, 10));
    let mut expected = [known, young, "of somebody else".to_owned()];
    expected.sort();
    assert_eq!(home.names(), expected);
}

#[tokio::test]
async fn a_database_and_a_store_know_each_other() {
    let (home, other) = (Home::new().await, Home::new().await);
    let check = async |of: &Home, store: &Home| {
        let files = Files {
            store: store.files.store.clone(),
            ..of.files.clone()
        };
        files
            .check_identity()
            .await
            .map_err(|error| error.to_string())
    };
    for _ in 0..2 {
        assert_eq!(check(&home, &home).await, Ok(()));
        assert_eq!(check(&other, &other).await, Ok(()));
    }
    let refused = check(&home, &other).await.unwrap_err();
    assert!(refused.contains("files of another database"), "{refused}");
    assert_eq!(check(&home, &home).await, Ok(()));
}
