//! Exports the whole catalog, and replaces it with other contents in one transaction.

use std::collections::BTreeMap;
use std::time::SystemTime;

use foldhash::{HashMap, HashMapExt};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::artifacts::{self, visibility};
use super::database::{Row, Tx, values};
use super::files::{COLUMNS, FileRow, delete_all, make_ready};
use super::kept_files::KeptFiles;
use super::versions::{self, VERSION};
use super::{DurableCatalog, account_records, box_uploads, boxes, channels, quotas, tokens};
use crate::domain::{ArtifactName, Limits, Name, ROOT};
use crate::storage::record::{TypeRecord, VersionRecord};
use crate::storage::{
    AccessRecord, ArtifactRecord, BackendError, Blob, Contents, ImportError, MemoryCatalog,
    Records, StorageError, StoreError,
};

/// The files of the records, by the digests with which these name them.
pub(super) type FileRows = HashMap<String, FileRow>;

/// Methods that concern all contents. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn export(&self) -> Result<Contents, StorageError> {
        let read = self.database.read(|tx| {
            Box::pin(async move {
                let access = account_records::record(tx).await?;
                let (artifacts, files) = artifact_records(tx).await?;
                Ok::<_, StorageError>((access, artifacts, files))
            })
        });
        let (access, artifacts, rows) = read.await?;
        let files = rows.into_iter();
        let files = files.map(|(digest, row)| Ok((digest, self.files.named(&row)?)));
        let files: Result<_, StoreError> = files.collect();
        Ok(Contents {
            access,
            artifacts,
            files: files.map_err(BackendError::from)?,
        })
    }

    /// Replaces all contents but the root account and its token: all of them or, if that fails, none.
    pub(crate) async fn import(
        &self,
        contents: Contents,
        limits: Limits,
    ) -> Result<(), ImportError> {
        self.put(contents, limits, None).await.map(|_| ())
    }

    /// Fills a catalog that was never in use, and sets its root token. Returns whether it did: another
    /// server may have been faster.
    ///
    /// # Errors
    /// The errors of [`DurableCatalog::import`].
    pub(crate) async fn fill(
        &self,
        contents: Contents,
        root_token: String,
    ) -> Result<bool, ImportError> {
        self.put(contents, Limits::default(), Some(root_token))
            .await
    }

    /// Returns a place for the files of contents that are to be imported.
    pub(crate) fn kept_files(&self) -> KeptFiles {
        KeptFiles::new(self.files.clone())
    }

    /// Replaces all contents as [`DurableCatalog::import`] does, with files that are kept already. They are
    /// removed if that fails.
    pub(crate) async fn import_kept(
        &self,
        (access, artifacts): Records,
        kept: KeptFiles,
        limits: Limits,
    ) -> Result<(), ImportError> {
        let imported = async {
            let contents = Contents {
                access,
                artifacts,
                files: kept.blobs()?,
            };
            let contents = self.checked(contents, limits).await?;
            let records = (contents.access, contents.artifacts);
            self.replace_with(records, &kept, None).await
        };
        let imported = imported.await;
        end(kept, imported.is_ok()).await;
        imported.map(|_| ())
    }

    /// Replaces all contents; with a root token, only if there is none yet. Returns whether it did.
    async fn put(
        &self,
        contents: Contents,
        limits: Limits,
        root_token: Option<String>,
    ) -> Result<bool, ImportError> {
        let contents = self.checked(contents, limits).await?;
        let bytes = contents.files.values().map(Blob::len).sum();
        self.check_space(bytes).await?;
        let mut kept = self.kept_files();
        let put = async {
            for (digest, blob) in &contents.files {
                kept.keep(digest.clone(), blob).await?;
            }
            let records = (contents.access, contents.artifacts);
            self.replace_with(records, &kept, root_token).await
        };
        let put = put.await;
        end(kept, matches!(put, Ok(true))).await;
        put
    }

    /// Replaces all contents in one transaction, with files that are kept already.
    async fn replace_with(
        &self,
        (access, artifacts): Records,
        kept: &KeptFiles,
        root_token: Option<String>,
    ) -> Result<bool, ImportError> {
        let (rows, now) = (kept.rows(), self.clock.now());
        let put = self.database.write(move |tx| {
            Box::pin(async move {
                tx.lock_all().await?;
                if let Some(token) = root_token {
                    if tokens::has_root_token(tx).await? {
                        return Ok(false);
                    }
                    tokens::insert_root_token(tx, &token, now).await?;
                }
                replace(tx, access, artifacts, &rows, now).await?;
                Ok(true)
            })
        });
        put.await
    }

    async fn checked(&self, contents: Contents, limits: Limits) -> Result<Contents, ImportError> {
        let of = self.clone();
        let checked = spawn_blocking(move || of.check(contents, limits)).await;
        checked.map_err(BackendError::from)?
    }

    /// Checks contents in memory, which knows all contradictions, and returns them in the newest form.
    /// Blocks while it does.
    fn check(&self, contents: Contents, limits: Limits) -> Result<Contents, ImportError> {
        let root = Name::constant(ROOT);
        let memory = MemoryCatalog::new(root, "", self.clock.clone());
        Ok(memory.import(contents, limits)?.export())
    }
}

/// Removes the files of an import, unless its transaction has made them ready.
async fn end(kept: KeptFiles, is_done: bool) {
    match is_done {
        true => kept.release(),
        false => kept.discard().await,
    }
}

/// Returns the records of all artifacts, and the rows of their files.
///
/// # Errors
/// When the database fails.
pub(super) async fn artifact_records(
    tx: Tx<'_>,
) -> Result<(Vec<ArtifactRecord>, FileRows), BackendError> {
    let (mut types, mut files) = type_records(tx).await?;
    let mut received = received(tx, &mut files).await?;
    let sql =
        "SELECT id, username, name, is_public, is_deleted, vagrant_box IS NOT NULL, vagrant_box, downloads
        FROM artifact ORDER BY username, name";
    let mut records = Vec::new();
    for mut row in tx.rows(sql, &[]).await? {
        let id: i64 = row.take()?;
        records.push(ArtifactRecord {
            name: ArtifactName {
                username: row.take()?,
                name: row.take()?,
            },
            public: row.take()?,
            deleted: row.take()?,
            vagrant_box: match row.take()? {
                true => Some(boxes::parse(&mut row)?),
                false => None,
            },
            types: types.remove(&id).unwrap_or_default(),
            received: received.remove(&id).unwrap_or_default(),
        });
    }
    Ok((records, files))
}

/// Returns the digests of the files that await their callback, by the ids of artifacts and uploads.
async fn received(
    tx: Tx<'_>,
    files: &mut FileRows,
) -> Result<HashMap<i64, BTreeMap<Uuid, String>>, BackendError> {
    let sql = format!(
        "SELECT u.artifact_id, u.id, {COLUMNS} FROM box_upload u JOIN file ON file.id = u.file_id"
    );
    let mut received: HashMap<i64, BTreeMap<Uuid, String>> = HashMap::new();
    for mut row in tx.rows(&sql, &[]).await? {
        let (artifact_id, upload) = (row.take()?, row.take()?);
        let digest = add_file(FileRow::read(&mut row)?, files);
        received
            .entry(artifact_id)
            .or_default()
            .insert(upload, digest);
    }
    Ok(received)
}

/// Returns the types by the ids of their artifacts, with their versions, and the files.
async fn type_records(
    tx: Tx<'_>,
) -> Result<(HashMap<i64, Vec<TypeRecord>>, FileRows), BackendError> {
    let (mut versions, files) = version_records(tx).await?;
    let mut channels = channels::records(tx).await?;
    let sql = "SELECT id, artifact_id, name, last_number FROM artifact_type ORDER BY name";
    let mut types: HashMap<i64, Vec<TypeRecord>> = HashMap::new();
    for mut row in tx.rows(sql, &[]).await? {
        let (id, artifact_id): (i64, i64) = (row.take()?, row.take()?);
        types.entry(artifact_id).or_default().push(TypeRecord {
            artifact_type: row.take()?,
            last: row.take()?,
            versions: versions.remove(&id).unwrap_or_default(),
            channels: channels.remove(&id).unwrap_or_default(),
        });
    }
    Ok((types, files))
}

async fn version_records(
    tx: Tx<'_>,
) -> Result<(HashMap<i64, Vec<VersionRecord>>, FileRows), BackendError> {
    let sql = format!(
        "SELECT v.type_id, {VERSION}, file.id IS NOT NULL, {COLUMNS} FROM version v
        LEFT JOIN file ON file.id = v.file_id ORDER BY v.type_id, v.number"
    );
    let (mut versions, mut files) = (HashMap::<i64, Vec<VersionRecord>>::new(), FileRows::new());
    for mut row in tx.rows(&sql, &[]).await? {
        let type_id = row.take()?;
        let version = versions::read(&mut row)?;
        let digest = digest(&mut row, &mut files)?;
        let record = VersionRecord::new(&version, digest);
        versions.entry(type_id).or_default().push(record);
    }
    Ok((versions, files))
}

fn digest(row: &mut Row, files: &mut FileRows) -> Result<Option<String>, BackendError> {
    if !row.take()? {
        return Ok(None);
    }
    Ok(Some(add_file(FileRow::read(row)?, files)))
}

/// Adds a file, and returns its digest.
fn add_file(file: FileRow, files: &mut FileRows) -> String {
    let digest = file.facts.digest.to_string();
    files.entry(digest.clone()).or_insert(file);
    digest
}

/// Replaces all contents but root. The files of before are deleted.
///
/// # Errors
/// When an account cannot be, or the database fails.
pub(super) async fn replace(
    tx: Tx<'_>,
    access: AccessRecord,
    artifacts: Vec<ArtifactRecord>,
    files: &FileRows,
    now: SystemTime,
) -> Result<(), ImportError> {
    clear(tx).await?;
    account_records::add(tx, access, now).await?;
    let mut ids = HashMap::new();
    for (digest, file) in files {
        ids.insert(digest.as_str(), make_ready(tx, file).await?);
    }
    for record in artifacts {
        add_artifact(tx, record, &ids).await?;
    }
    Ok(quotas::recount(tx).await?)
}

async fn clear(tx: Tx<'_>) -> Result<(), BackendError> {
    for sql in [
        "DELETE FROM channel",
        "DELETE FROM version_tag",
        "DELETE FROM version",
        "DELETE FROM box_upload",
        "DELETE FROM artifact_type",
        "DELETE FROM artifact",
    ] {
        tx.execute(sql, &[]).await?;
    }
    account_records::clear(tx).await?;
    delete_all(tx).await
}

async fn add_artifact(
    tx: Tx<'_>,
    record: ArtifactRecord,
    files: &HashMap<&str, i64>,
) -> Result<(), BackendError> {
    let sql = "INSERT INTO artifact (username, name, is_public, is_deleted) VALUES ($1, $2, $3, $4)
        RETURNING id";
    let row = values![
        &record.name.username,
        &record.name.name,
        record.public,
        record.deleted
    ];
    let inserted = tx.row(sql, &row).await?;
    let no_row = || BackendError::new("no row came of an insertion");
    let id: i64 = inserted.ok_or_else(no_row)?.take()?;
    for of_type in record.types {
        let sql = "INSERT INTO artifact_type (artifact_id, name, last_number) VALUES ($1, $2, $3)
            RETURNING id";
        let row = values![id, &of_type.artifact_type, of_type.last];
        let inserted = tx.row(sql, &row).await?;
        let type_id = inserted.ok_or_else(no_row)?.take()?;
        for version in of_type.versions {
            let (version, digest) = version.into_version();
            let file = digest.and_then(|digest| files.get(digest.as_str()).copied());
            versions::insert(tx, type_id, &version, file).await?;
        }
        for (name, channel) in of_type.channels {
            channels::save(tx, type_id, &name, &channel).await?;
        }
    }
    if let Some(vagrant_box) = record.vagrant_box {
        let artifact = artifacts::ArtifactRow {
            id,
            visibility: visibility(record.public),
        };
        boxes::insert(tx, artifact, vagrant_box).await?;
    }
    for (upload, digest) in record.received {
        let file = files.get(digest.as_str()).copied();
        box_uploads::set_received(tx, upload, file).await?;
    }
    Ok(())
}
