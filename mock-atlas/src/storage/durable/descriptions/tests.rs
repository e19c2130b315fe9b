//! Tests that a database is made anew of descriptions, whatever the store of the files is.

use tempfile::TempDir;

use super::*;
use crate::domain::{Clock, NewVersion, Visibility};
use crate::storage::disk::Disk;
use crate::storage::durable::DurableCatalog;
use crate::storage::durable::check::CheckReport;
use crate::storage::durable::database::{Database, Sqlite};
use crate::storage::store::{DESCRIPTION, FileKey, Location, Store};
use crate::storage::{Blob, Checksums};

/// A catalog in the database of a folder, with its files in a store elsewhere.
struct Home {
    catalog: DurableCatalog,
    _folder: TempDir,
}

impl Home {
    fn new(store: &Store) -> Self {
        let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::new());
        let database = Database::Sqlite(Sqlite::open(folder.path(), disk.clone()).unwrap());
        Self::of(database, store, folder, disk)
    }

    fn of(database: Database, store: &Store, folder: TempDir, disk: Disk) -> Self {
        let of = (folder.path(), disk);
        Self {
            catalog: DurableCatalog::of(database, store.clone(), of, Clock::default()),
            _folder: folder,
        }
    }

    /// Adds a version of `acme/web` for each of these files, and describes all of them.
    async fn push_all(&self, files: &[&'static [u8]]) {
        let (name, of_type) = ("acme/web".parse().unwrap(), Name::constant("custom.image"));
        let made = self.catalog.create_artifact(&name, Visibility::Private);
        made.await.unwrap();
        for bytes in files {
            let new = NewVersion {
                file: true,
                ..NewVersion::default()
            };
            let version = self.catalog.create_version(&name, &of_type, new, None);
            let upload = version.await.unwrap().upload;
            let blob = Blob::read(*bytes, Checksums::default()).unwrap();
            self.catalog.finish_upload(upload, blob).await.unwrap();
        }
        self.catalog.files.describe_all().await.unwrap();
    }

    /// Returns the key of the file with this number of bytes.
    async fn key(&self, len: u64) -> FileKey {
        let read = self.catalog.database.read(move |tx| {
            Box::pin(async move {
                let sql = "SELECT key FROM file WHERE size = $1";
                let mut row = tx.row(sql, &values![len]).await?.unwrap();
                row.take::<String>()
            })
        });
        read.await.unwrap().into()
    }
}

fn described(key: &FileKey) -> String {
    format!("{}{DESCRIPTION}", key.as_str())
}

/// Returns what was found damaged, ordered.
fn named(report: &CheckReport) -> Vec<&str> {
    let mut named: Vec<&str> = report.damages.iter().map(|one| &*one.what).collect();
    named.sort_unstable();
    named
}

/// Loses a database whose store has files that were cut, grew, or are gone, and makes it anew in an empty home.
async fn what_is_not_whole_is_named(store: &Store, anew: &Home) {
    let lost = Home::new(store);
    lost.push_all(&[b"12345", b"123456", b"1234567", b""]).await;
    let (cut, grown, empty) = (lost.key(5).await, lost.key(6).await, lost.key(0).await);
    let bytes = Bytes::from_static;
    store.put(cut.as_str(), bytes(b"1234")).await.unwrap();
    store.put(grown.as_str(), bytes(b"123456+")).await.unwrap();
    store.put(empty.as_str(), bytes(b"+")).await.unwrap();
    // A description whose file is gone.
    let gone = FileKey::random();
    let of_whole = described(&lost.key(7).await);
    let description = store.get(&of_whole, MOST_OF_DESCRIPTION).await.unwrap();
    store
        .put(&described(&gone), description.unwrap())
        .await
        .unwrap();

    let report = anew.catalog.rebuild("root".to_owned()).await.unwrap();
    let mut expected = [cut, grown, empty, gone].map(|key| format!("file {}", key.as_str()));
    expected.sort();
    assert_eq!(named(&report), expected, "{report:?}");
    let problem = |text: &str| report.damages.iter().any(|one| one.how.contains(text));
    assert!(problem("it has 4 bytes in place of 5"), "{report:?}");
    assert_eq!((report.files, report.versions), (1, 1), "{report:?}");
    let check = anew.catalog.check_all(|_| {}).await.unwrap();
    assert!(check.is_whole(), "{check:?}");
    // The check of the database that knows them all finds the same.
    let check = lost.catalog.check_all(|_| {}).await.unwrap();
    let slugs = [1, 2, 4].map(|number| format!("acme/web/custom.image/{number}"));
    assert_eq!(named(&check), slugs, "{check:?}");
}

/// Returns a store in a folder of its own.
async fn folder() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let place = Location::Folder(folder.path().to_owned());
    (Store::open(&place, &Disk::new()).await.unwrap(), folder)
}

#[tokio::test]
async fn files_of_a_folder_that_are_not_whole_are_named() {
    let (store, _folder) = folder().await;
    what_is_not_whole_is_named(&store, &Home::new(&store)).await;
}

#[cfg(feature = "real-clients")]
mod with_servers {
    use std::net::SocketAddr;

    use tokio::io::copy_bidirectional;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinSet;
    use tokio_util::task::AbortOnDropHandle;

    use super::*;
    use crate::storage::conformance::moto;
    use crate::storage::durable::database::Postgres;
    use crate::storage::durable::files;
    use crate::storage::store::S3;

    /// Returns an empty home in a database of PostgreSQL.
    async fn shared(store: &Store) -> Home {
        let server = atlas_common::servers::postgres::PostgresServer::shared().unwrap();
        let database = Postgres::open(&server.new_url().unwrap()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Home::of(Database::Postgres(database), store, folder, Disk::new())
    }

    #[tokio::test]
    async fn files_of_a_shared_folder_that_are_not_whole_are_named() {
        let (store, _folder) = folder().await;
        what_is_not_whole_is_named(&store, &shared(&store).await).await;
    }

    #[tokio::test]
    async fn objects_that_are_not_whole_are_named() {
        let store = Store::S3(moto::bucket("files").await);
        what_is_not_whole_is_named(&store, &Home::new(&store)).await;
        let store = Store::S3(moto::bucket("files").await);
        what_is_not_whole_is_named(&store, &shared(&store).await).await;
    }

    /// Passes connections on to an address until the handle is dropped.
    async fn forwarder(to: SocketAddr) -> (SocketAddr, AbortOnDropHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let forward = async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                connections.spawn(async move {
                    let mut server = TcpStream::connect(to).await.unwrap();
                    // Either side may break the connection.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        };
        (address, AbortOnDropHandle::new(tokio::spawn(forward)))
    }

    #[tokio::test]
    async fn a_bucket_that_is_lost_meanwhile_makes_no_file_damaged() {
        let moto = moto::url().trim_start_matches("http://").parse().unwrap();
        let (address, forwarder) = forwarder(moto).await;
        let bucket = moto::new_bucket("files").await;
        let connect = async |settings| Store::S3(S3::connect(&bucket, settings).await.unwrap());
        let direct = connect(moto::settings()).await;
        let through = moto::settings().with_endpoint(format!("http://{address}"));
        let through = connect(through).await;
        let home = Home::new(&through);
        home.push_all(&[b"whole"]).await;
        drop(forwarder);

        let checked = home.catalog.check_all(|_| {}).await.unwrap_err();
        let key = home.key(5).await;
        let told = checked.to_string();
        assert!(
            told.contains(key.as_str()) && told.contains(&address.to_string()),
            "{told}"
        );
        Home::new(&through)
            .catalog
            .rebuild("root".to_owned())
            .await
            .unwrap_err();
        // The file is not marked, and the bucket is as it was.
        let files = home
            .catalog
            .database
            .read(|tx| Box::pin(files::page(tx, 0)));
        let damage = files.await.unwrap().remove(0).row.damage;
        assert_eq!(damage, None);
        let database = home.catalog.database.clone();
        let healed = Home::of(database, &direct, home._folder, Disk::new());
        assert!(healed.catalog.check_all(|_| {}).await.unwrap().is_whole());
    }
}
