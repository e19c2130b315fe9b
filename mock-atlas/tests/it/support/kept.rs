//! Checks that something is kept by all ways on which data moves.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use mock_atlas::{Damage, MockAtlas};
use tempfile::TempDir;

use super::{Fixture, printed, program};

/// A folder to which an emulator's data was moved; it is gone when this is dropped.
pub(crate) struct Moved {
    target: PathBuf,
    _within: TempDir,
}

/// Checks that what `show` returns once `fill` has run is the same after a restart on its folder, after `remove` and a
/// restore of a backup, in memory after the same restore, and after a move. Returns the folder to which it was moved, and
/// what was shown.
pub(crate) async fn by_every_move<T: PartialEq + Debug>(
    fill: impl AsyncFnOnce(&Fixture),
    show: impl AsyncFn(&Fixture) -> T,
    remove: impl AsyncFnOnce(&Fixture),
) -> (Moved, T) {
    let [folder, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let start =
        async |folder: &Path| Fixture::with(|builder| builder.data(folder).allow_reset()).await;
    let fixture = start(folder.path()).await;
    fill(&fixture).await;
    let shown = show(&fixture).await;
    let archive = other.path().join("atlas.tar");
    let archive = archive.to_str().unwrap();
    printed(&fixture.atlas, &["backup", archive]).await;
    fixture.atlas.stop().await;

    let again = start(folder.path()).await;
    assert_eq!(show(&again).await, shown);
    remove(&again).await;
    printed(&again.atlas, &["restore", archive]).await;
    assert_eq!(show(&again).await, shown);
    again.atlas.stop().await;
    let memory = Fixture::new().await;
    printed(&memory.atlas, &["restore", archive]).await;
    assert_eq!(show(&memory).await, shown);

    let target = other.path().join("moved");
    let moved = program()
        .args(["move", "--from", folder.path().to_str().unwrap(), "--to"])
        .arg(&target)
        .output();
    let moved = moved.await.unwrap();
    assert!(moved.status.success(), "{moved:?}");
    let there = start(&target).await;
    assert_eq!(show(&there).await, shown);
    there.atlas.stop().await;
    (
        Moved {
            target,
            _within: other,
        },
        shown,
    )
}

/// Checks that all is well in a folder, changes a row of its database, and returns the only damage that a check then
/// finds.
pub(crate) async fn damage_by(moved: &Moved, sql: &str) -> Damage {
    let check = async || {
        let builder = MockAtlas::builder().data(&moved.target);
        builder.check(|_| {}).await.unwrap()
    };
    assert!(check().await.is_whole());
    let database = rusqlite::Connection::open(moved.target.join("atlas.sqlite3")).unwrap();
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    let mut found = check().await;
    assert_eq!(found.damages.len(), 1, "{found:?}");
    found.damages.remove(0)
}
