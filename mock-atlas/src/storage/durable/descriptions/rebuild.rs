//! Makes a database of the descriptions of files.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Description, MOST_OF_DESCRIPTION};
use crate::domain::{ArtifactName, BOX_TYPE, Clock, DigestError, Name, VagrantBox};
use crate::storage::disk::Disk;
use crate::storage::durable::artifacts::{ArtifactRow, visibility};
use crate::storage::durable::boxes::{self, BoxRow};
use crate::storage::durable::check::{CheckReport, Damage, Found};
use crate::storage::durable::database::{Database, FILE, Lock, Postgres, Row, Sqlite, Tx, values};
use crate::storage::durable::files::{self, FileRow};
use crate::storage::durable::{DurableCatalog, versions};
use crate::storage::record::FileRecord;
use crate::storage::store::{DESCRIPTION, FileFacts, FileKey};
use crate::storage::{ArtifactRecord, BackendError, Location, OpenError, Store};

/// The number of boxes that are completed in one transaction.
const PAGE: i64 = 50;

/// The number of files whose descriptions are read at a time.
const AT_A_TIME: usize = 4;

/// A file that is to be added, with its description.
struct DescribedFile {
    row: FileRow,
    description: Description,
}

impl DurableCatalog {
    /// Makes the lost database of a folder anew, of the descriptions beside its files, and sets its root token.
    /// The database has its name only once it is complete. Blocks while it does.
    ///
    /// # Errors
    /// [`OpenError::HasDatabase`], and the errors of [`DurableCatalog::open`].
    pub(crate) async fn rebuild_in(
        folder: &Path,
        blobs: Option<&Location>,
        clock: Clock,
        token: String,
    ) -> Result<CheckReport, OpenError> {
        let failed = |error| OpenError::Folder(folder.to_owned(), error);
        let disk = Disk::new();
        let _lock = Lock::take(folder, &disk)?;
        let target = folder.join(FILE);
        if target.try_exists().map_err(failed)? {
            let there = Self::open_beside(folder, blobs, clock.clone()).await?;
            // A start that was refused, because the files are those of another database, has left an empty one.
            if !there.is_new().await? {
                return Err(OpenError::HasDatabase(format!("the folder {folder:?}")));
            }
        }
        // What is left of a rebuild that was stopped.
        let scratch = folder.join("rebuild");
        remove_folder(&scratch).map_err(failed)?;
        let own = Location::Folder(folder.join("files"));
        let store = Store::open(blobs.unwrap_or(&own), &disk).await?;
        let database = Database::Sqlite(Sqlite::open(&scratch, disk.clone())?);
        let catalog = Self::of(database, store, (folder, disk.clone()), clock);
        let report = catalog.rebuild(token).await?;
        // This moves all of the database into one file.
        catalog.database.close().await;
        // A log of the lost database would be taken for one of the new one.
        for ending in ["-wal", "-shm"] {
            remove_file(&folder.join(format!("{FILE}{ending}"))).map_err(failed)?;
        }
        fs::rename(scratch.join(FILE), &target).map_err(failed)?;
        let synced = disk.sync_folder(folder, "the name of the database");
        synced.map_err(failed)?;
        remove_folder(&scratch).map_err(failed)?;
        Ok(report)
    }

    /// Fills an empty database that several servers share as [`DurableCatalog::rebuild_in`] does. No server may
    /// use it meanwhile. One that was stopped goes on from there.
    ///
    /// # Errors
    /// [`OpenError::HasDatabase`], and the errors of [`DurableCatalog::connect`].
    pub(crate) async fn rebuild_shared(
        database: &str,
        blobs: &Location,
        clock: Clock,
        token: String,
    ) -> Result<CheckReport, OpenError> {
        let postgres = Postgres::open(database).await?;
        let place = postgres.shown().to_owned();
        let disk = Disk::new();
        let store = Store::open(blobs, &disk).await?;
        let database = Database::Postgres(postgres);
        let catalog = Self::of(database, store, (&blobs.scratch(), disk), clock);
        if !catalog.is_new().await? {
            return Err(OpenError::HasDatabase(place));
        }
        catalog.rebuild(token).await
    }

    pub(super) async fn rebuild(&self, token: String) -> Result<CheckReport, OpenError> {
        self.files.adopt_identity().await?;
        let report = self.add_described().await?;
        let set = self.set_root_token(token).await;
        set.map_err(|error| OpenError::RootToken(error.to_string()))?;
        Ok(report)
    }

    /// Adds all files of the store that are described to a database that has none, with the versions and the
    /// boxes that their descriptions name. What cannot be added is in the report as damaged.
    ///
    /// # Errors
    /// When the database or the store fails.
    async fn add_described(&self) -> Result<CheckReport, BackendError> {
        let mut found = Found::default();
        let mut pages = Box::pin(self.files.store().list());
        while let Some(page) = pages.try_next().await? {
            let keys: HashSet<FileKey> = page.into_iter().map(|object| object.key).collect();
            let read = stream::iter(keys).map(|key| self.described(key));
            let mut read = read.buffer_unordered(AT_A_TIME);
            let mut described = Vec::new();
            while let Some(one) = read.next().await {
                match one? {
                    Ok(file) => described.extend(file),
                    Err(damage) => found.extend([damage]),
                }
            }
            let add = self
                .database
                .write(move |tx| Box::pin(async move { add_all(tx, described).await }));
            found.merge(add.await?);
        }
        self.complete_boxes(&mut found).await?;
        Ok(found.report)
    }

    /// Reads the description of a file, and compares it with the size of the file; `Ok(None)` for a file that
    /// was not described, because nothing named it yet.
    ///
    /// # Errors
    /// When the store fails, or refuses to tell. What is damaged is no error.
    async fn described(
        &self,
        key: FileKey,
    ) -> Result<Result<Option<DescribedFile>, Damage>, BackendError> {
        let damage = |how| Ok(Err(Damage::new(format!("file {}", key.as_str()), how)));
        let name = format!("{}{DESCRIPTION}", key.as_str());
        let store = self.files.store();
        let Some(json) = store.get(&name, MOST_OF_DESCRIPTION).await? else {
            return Ok(Ok(None));
        };
        let described = match parse(&key, &json) {
            Ok(described) => described,
            Err(how) => return damage(format!("its description cannot be read: {how}")),
        };
        match store.check(&key, described.row.facts).await {
            Ok(()) => Ok(Ok(Some(described))),
            Err(error) if error.is_damage() => damage(error.to_string()),
            // The file may be whole, and a database without it would look as if it were complete.
            Err(error) => Err(error.into()),
        }
    }

    /// Completes the boxes: providers whose files are not there have none, and uploads go on.
    async fn complete_boxes(&self, found: &mut Found) -> Result<(), BackendError> {
        let mut after = 0;
        loop {
            let complete = self
                .database
                .write(move |tx| Box::pin(async move { complete_boxes(tx, after).await }));
            match complete.await? {
                (Some(last), boxes) => {
                    after = last;
                    found.report.boxes += boxes;
                }
                (None, _) => return Ok(()),
            }
        }
    }
}

/// Removes a folder, if it is there.
fn remove_folder(folder: &Path) -> io::Result<()> {
    unless_missing(fs::remove_dir_all(folder))
}

/// Removes a file, if it is there.
fn remove_file(file: &Path) -> io::Result<()> {
    unless_missing(fs::remove_file(file))
}

fn unless_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn parse(key: &FileKey, json: &Bytes) -> Result<DescribedFile, String> {
    let description = Description::parse(json)?;
    let digest = description.artifacts.iter().flat_map(stored_digests).next();
    let digest = digest.ok_or("it names no version")?;
    let facts = FileFacts {
        len: description.size,
        digest: digest
            .parse()
            .map_err(|error: DigestError| error.to_string())?,
        sha256: description
            .sha256
            .parse()
            .map_err(|error: DigestError| error.to_string())?,
    };
    Ok(DescribedFile {
        row: FileRow::whole(key.clone(), facts),
        description,
    })
}

fn stored_digests(record: &ArtifactRecord) -> impl Iterator<Item = &str> {
    let versions = record.types.iter().flat_map(|of| &of.versions);
    versions.filter_map(|version| match &version.file {
        FileRecord::Stored(digest) => Some(digest.as_str()),
        FileRecord::None | FileRecord::Awaited => None,
    })
}

async fn add_all(tx: Tx<'_>, described: Vec<DescribedFile>) -> Result<Found, BackendError> {
    let mut found = Found::default();
    for DescribedFile { row, description } in described {
        let Some(id) = files::insert_ready(tx, &row).await? else {
            // Another page had it already.
            continue;
        };
        found.report.files += 1;
        found.report.bytes += row.facts.len;
        for record in description.artifacts {
            add(tx, id, record, &mut found).await?;
        }
    }
    Ok(found)
}

/// Adds what names a file: an artifact with versions, and a box.
async fn add(
    tx: Tx<'_>,
    file_id: i64,
    record: ArtifactRecord,
    found: &mut Found,
) -> Result<(), BackendError> {
    let artifact_id = add_artifact(tx, &record.name, record.public).await?;
    for of_type in record.types {
        let type_id = add_type(tx, artifact_id, &of_type.artifact_type, of_type.last).await?;
        for version in of_type.versions {
            let (version, _) = version.into_version();
            let slug = record.name.slug(&of_type.artifact_type, version.number);
            if is_taken(tx, type_id, version.number).await? {
                found.extend([Damage::new(slug, "several files are described as its file")]);
                continue;
            }
            versions::insert(tx, type_id, &version, Some(file_id)).await?;
            found.report.versions += 1;
        }
    }
    if let Some(vagrant_box) = record.vagrant_box {
        let artifact = ArtifactRow {
            id: artifact_id,
            visibility: visibility(record.public),
        };
        keep_newest(tx, artifact, vagrant_box).await?;
    }
    Ok(())
}

async fn add_artifact(
    tx: Tx<'_>,
    name: &ArtifactName,
    is_public: bool,
) -> Result<i64, BackendError> {
    let sql = "INSERT INTO artifact (username, name, is_public, is_deleted) VALUES ($1, $2, $3, 0)
        ON CONFLICT (username, name) DO UPDATE SET is_deleted = 0 RETURNING id";
    let row = values![&name.username, &name.name, is_public];
    id_of(tx.row(sql, &row).await?)
}

async fn add_type(
    tx: Tx<'_>,
    artifact_id: i64,
    name: &Name,
    last: u64,
) -> Result<i64, BackendError> {
    let sql = "INSERT INTO artifact_type (artifact_id, name, last_number) VALUES ($1, $2, $3)
        ON CONFLICT (artifact_id, name) DO UPDATE SET last_number = CASE
            WHEN excluded.last_number > artifact_type.last_number THEN excluded.last_number
            ELSE artifact_type.last_number END
        RETURNING id";
    id_of(tx.row(sql, &values![artifact_id, name, last]).await?)
}

fn id_of(row: Option<Row>) -> Result<i64, BackendError> {
    let mut row = row.ok_or_else(|| BackendError::new("no row came of an insertion"))?;
    row.take()
}

async fn is_taken(tx: Tx<'_>, type_id: i64, number: u64) -> Result<bool, BackendError> {
    let sql = "SELECT 1 FROM version WHERE type_id = $1 AND number = $2";
    Ok(tx.row(sql, &values![type_id, number]).await?.is_some())
}

/// Keeps a box, unless the one that is there already knows a later file: each description has the box as it
/// was while its file was the last one.
async fn keep_newest(
    tx: Tx<'_>,
    artifact: ArtifactRow,
    vagrant_box: VagrantBox,
) -> Result<(), BackendError> {
    let last = |of: &VagrantBox| of.files().map(|file| file.number).max();
    match boxes::read(tx, artifact).await? {
        Some(known) if last(&known) >= last(&vagrant_box) => Ok(()),
        Some(_) | None => {
            let sql = "UPDATE artifact SET downloads = $1 WHERE id = $2";
            tx.execute(sql, &values![vagrant_box.downloads, artifact.id])
                .await?;
            let row = BoxRow {
                artifact,
                vagrant_box,
            };
            boxes::save(tx, &row).await?;
            Ok(())
        }
    }
}

/// Completes boxes after one of them: a provider whose file is not there has none, and the uploads that a box
/// names are known. Returns the id of the last box, and their number.
async fn complete_boxes(tx: Tx<'_>, after: i64) -> Result<(Option<i64>, u64), BackendError> {
    let sql = "SELECT id, is_public, vagrant_box, downloads FROM artifact
        WHERE vagrant_box IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
    let rows = tx.rows(sql, &values![after, PAGE]).await?;
    let (mut last, count) = (None, rows.len() as u64);
    for mut row in rows {
        let artifact = ArtifactRow {
            id: row.take()?,
            visibility: visibility(row.take()?),
        };
        last = Some(artifact.id);
        let mut vagrant_box = boxes::parse(&mut row)?;
        let numbers: Vec<u64> = vagrant_box.files().map(|file| file.number).collect();
        let box_type = versions::type_id(tx, artifact.id, &Name::constant(BOX_TYPE)).await?;
        for number in numbers {
            let is_there = match box_type {
                Some(type_id) => is_taken(tx, type_id, number).await?,
                None => false,
            };
            if !is_there {
                vagrant_box.forget_file(number);
            }
        }
        boxes::insert(tx, artifact, vagrant_box).await?;
    }
    Ok((last, count))
}
