//! Tests that folders and snapshots of each released version are upgraded and read. `UPDATE_FOLDERS=1` writes those of
//! this version: a schema or a format that was released is never changed, and one that was not is written anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::json;
use tar::{Archive, Builder};

use crate::support::{FILE, Fixture, upload_path};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

/// The folder of the newest schema, and the snapshot of the newest format.
const NEWEST_FOLDER: &str = "folders/schema-7.tar.gz";
const NEWEST_SNAPSHOT: &str = "snapshots/format-2.tar.gz";

const HINT: &str = "as long as this version is not released, UPDATE_FOLDERS=1 writes the data anew";

/// Makes two versions, one with a file, and a box.
async fn fill(fixture: &Fixture) {
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"kept").await;
    let metadata = json!({"id": "y", "metadata": {"os": "debian"}});
    fixture.make_version(metadata).await;
    let boxed = json!({"id": "", "file": true, "metadata": {
        "provider": "virtualbox", "version": "1.0.0"
    }});
    let path = "/api/v1/artifacts/acme/web/vagrant.box";
    let version = fixture.post(path, json!({"artifact_version": boxed})).await;
    let sent = fixture.put(&upload_path(&version.json()), b"a box").await;
    assert_eq!(sent.status, 200, "{}", sent.body);
}

/// Checks that what [`fill`] has made is there.
async fn is_filled(fixture: &Fixture, of: &Path) {
    let told = format!("{}: {HINT}", of.display());
    assert_eq!(fixture.found("").await, [2, 1], "{told}");
    let filter = "metadata.1.key=os&metadata.1.value=debian";
    assert_eq!(fixture.found(filter).await, [2], "{told}");
    let file = fixture.get(&format!("{FILE}/1/file")).await;
    assert_eq!(file.body, "kept", "{told}");
    let found = fixture.get("/api/v2/box/acme/web").await;
    assert_eq!(found.status, 200, "{told}: {}", found.body);
    let user = fixture.anonymous(Method::GET, "/api/v1/authenticate");
    let user = user.bearer_auth("RIVAL").send().await.unwrap();
    assert_eq!(user.status(), 200, "{told}");
    // Numbers go on.
    let next = fixture.make_version(json!({"id": "z"})).await;
    assert_eq!(next["version"], 3, "{told}");
}

fn all(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(DATA).join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn update() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with(|builder| builder.data(folder.path())).await;
    fill(&fixture).await;
    let snapshot = fixture.request(Method::POST, "/_mock/snapshot");
    let snapshot = snapshot.send().await.unwrap().bytes().await.unwrap();
    fixture.atlas.stop().await;
    let create = |name: &str| {
        let path = Path::new(DATA).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        GzEncoder::new(File::create(path).unwrap(), Compression::best())
    };
    let mut archive = Builder::new(create(NEWEST_FOLDER));
    archive.append_dir_all(".", folder.path()).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
    let mut compressed = create(NEWEST_SNAPSHOT);
    std::io::copy(&mut &*snapshot, &mut compressed).unwrap();
    compressed.finish().unwrap();
}

#[tokio::test]
async fn a_folder_and_a_snapshot_of_each_released_version_are_read() {
    if std::env::var_os("UPDATE_FOLDERS").is_some() {
        update().await;
    }
    assert!(Path::new(DATA).join(NEWEST_FOLDER).exists(), "{HINT}");
    for path in all("folders") {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::new(GzDecoder::new(File::open(&path).unwrap()));
        archive.unpack(folder.path()).unwrap();
        let fixture = Fixture::with(|builder| builder.data(folder.path())).await;
        is_filled(&fixture, &path).await;
        fixture.atlas.stop().await;
        let check = mock_atlas::MockAtlas::builder().data(folder.path());
        let report = check.check(|_| {}).await.unwrap();
        assert!(report.is_whole(), "{}: {report:?}", path.display());
    }
    for path in all("snapshots") {
        let mut snapshot = Vec::new();
        let mut file = GzDecoder::new(File::open(&path).unwrap());
        std::io::copy(&mut file, &mut snapshot).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let fixture = Fixture::with(|builder| builder.data(folder.path()).allow_reset()).await;
        let restore = fixture
            .request(Method::POST, "/_mock/restore")
            .body(snapshot);
        assert_eq!(
            restore.send().await.unwrap().status(),
            204,
            "{}",
            path.display()
        );
        is_filled(&fixture, &path).await;
    }
}

#[tokio::test]
async fn the_newest_schema_is_among_the_folders() {
    let folder = tempfile::tempdir().unwrap();
    Fixture::with(|builder| builder.data(folder.path())).await;
    let database = rusqlite::Connection::open(folder.path().join("atlas.sqlite3")).unwrap();
    let schema: u32 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let newest = format!("folders/schema-{schema}.tar.gz");
    assert_eq!(NEWEST_FOLDER, newest, "a new schema needs a folder: {HINT}");
}
