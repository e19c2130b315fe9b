//! Imports versions and boxes as they were elsewhere.

use std::time::SystemTime;

use super::artifacts::{self, ArtifactRow};
use super::boxes::BoxOf;
use super::database::{RowLock, Tx, values};
use super::files::{COLUMNS, FileRow, NewFile, make_ready};
use super::quotas::{self, Replaced};
use super::versions::VERSION;
use super::{DurableCatalog, boxes, versions};
use crate::domain::{ArtifactName, BOX_TYPE, HostedFile, Name, ReadAccess, Visibility};
use crate::storage::{
    Blob, ImportedBox, ImportedBytes, ImportedFile, ImportedVersion, Presence, StorageError,
};

/// Methods that import. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn compare_version(
        &self,
        imported: ImportedVersion,
    ) -> Result<Presence, StorageError> {
        imported.check()?;
        let compare = self.database.read(move |tx| {
            Box::pin(async move {
                match found(tx, &imported.artifact).await? {
                    None => Ok(Presence::Missing),
                    Some(artifact) => version_presence(tx, artifact, &imported).await,
                }
            })
        });
        compare.await
    }

    pub(crate) async fn import_version(
        &self,
        imported: ImportedVersion,
        file: Option<Blob>,
    ) -> Result<Presence, StorageError> {
        imported.check()?;
        self.check_space(file.as_ref().map_or(0, Blob::len)).await?;
        let file = match &file {
            Some(blob) => Some(self.files.keep(blob).await?),
            None => None,
        };
        let row = file.as_ref().map(|file| file.row.clone());
        let now = self.clock.now();
        let import = self.database.write(move |tx| {
            Box::pin(async move { import_version(tx, &imported, row.as_ref(), now).await })
        });
        self.imported(import.await, file).await
    }

    pub(crate) async fn compare_box(
        &self,
        imported: ImportedBox,
    ) -> Result<Presence, StorageError> {
        let now = self.clock.now();
        let compare = self.database.read(move |tx| {
            Box::pin(async move {
                let Some(artifact) = found(tx, imported.name()).await? else {
                    return Ok(Presence::Missing);
                };
                let known = boxes::read(tx, artifact).await?;
                imported.presence(artifact.visibility, known.as_ref(), now)
            })
        });
        compare.await
    }

    pub(crate) async fn import_box(&self, imported: ImportedBox) -> Result<Presence, StorageError> {
        let bytes = imported.files.iter().map(|file| file.len).sum();
        self.check_space(bytes).await?;
        let mut files = Vec::new();
        let result = self.import_box_with(imported, &mut files).await;
        self.imported(result, files).await
    }

    async fn import_box_with(
        &self,
        imported: ImportedBox,
        files: &mut Vec<NewFile>,
    ) -> Result<Presence, StorageError> {
        let mut rows = Vec::new();
        for file in &imported.files {
            let kept = match &file.bytes {
                ImportedBytes::Sent(blob) => Some(self.files.keep(blob).await?),
                ImportedBytes::Unsent | ImportedBytes::OfVersion(_) => None,
            };
            rows.push(kept.as_ref().map(|file| file.row.clone()));
            files.extend(kept);
        }
        let now = self.clock.now();
        let import = self
            .database
            .write(move |tx| Box::pin(async move { import_box(tx, &imported, &rows, now).await }));
        import.await
    }

    /// Removes the files of an import that has added nothing.
    async fn imported(
        &self,
        result: Result<Presence, StorageError>,
        files: impl IntoIterator<Item = NewFile>,
    ) -> Result<Presence, StorageError> {
        if !matches!(result, Ok(Presence::Missing)) {
            self.files.discard_all(files).await;
        }
        result
    }
}

/// Returns an artifact; `None` if there is none of this name.
async fn found(tx: Tx<'_>, name: &ArtifactName) -> Result<Option<ArtifactRow>, StorageError> {
    match artifacts::find(tx, name, ReadAccess::All).await {
        Err(StorageError::NotFound) => Ok(None),
        found => found.map(Some),
    }
}

/// Returns an artifact, which is made if there is none of this name, and locks it.
async fn found_or_made(
    tx: Tx<'_>,
    name: &ArtifactName,
    visibility: Visibility,
) -> Result<ArtifactRow, StorageError> {
    if let Some(artifact) = artifacts::get_locked(tx, name, RowLock::Exclusive).await? {
        return Ok(artifact);
    }
    match artifacts::create(tx, name, visibility).await {
        // Another client was faster.
        Err(StorageError::NameTaken) => artifacts::lock(tx, name).await,
        created => created,
    }
}

/// Compares a version with what its artifact has.
async fn version_presence(
    tx: Tx<'_>,
    artifact: ArtifactRow,
    imported: &ImportedVersion,
) -> Result<Presence, StorageError> {
    let sql = format!(
        "SELECT {VERSION}, file.id IS NOT NULL, {COLUMNS} FROM artifact_type t
        JOIN version v ON v.type_id = t.id LEFT JOIN file ON file.id = v.file_id
        WHERE t.artifact_id = $1 AND t.name = $2 AND v.number = $3"
    );
    let key = values![artifact.id, &imported.artifact_type, imported.number];
    let Some(mut row) = tx.row(&sql, &key).await? else {
        return Ok(imported.presence(artifact.visibility, None));
    };
    let version = versions::read(&mut row)?;
    let digest = match row.take()? {
        true => Some(FileRow::read(&mut row)?.facts.digest.to_string()),
        false => None,
    };
    Ok(imported.presence(artifact.visibility, Some((&version, digest))))
}

async fn import_version(
    tx: Tx<'_>,
    imported: &ImportedVersion,
    file: Option<&FileRow>,
    now: SystemTime,
) -> Result<Presence, StorageError> {
    let artifact = found_or_made(tx, &imported.artifact, imported.visibility).await?;
    let presence = version_presence(tx, artifact, imported).await?;
    if presence != Presence::Missing {
        return Ok(presence);
    }
    let sql = "INSERT INTO artifact_type (artifact_id, name, last_number) VALUES ($1, $2, $3)
        ON CONFLICT (artifact_id, name) DO UPDATE SET last_number = CASE
        WHEN artifact_type.last_number < excluded.last_number THEN excluded.last_number
        ELSE artifact_type.last_number END RETURNING id";
    let last = imported.number.max(imported.last_number);
    let row = values![artifact.id, &imported.artifact_type, last];
    let inserted = tx.row(sql, &row).await?;
    let type_id = inserted.ok_or(StorageError::NotFound)?.take()?;
    let (owner, version) = (&imported.artifact.username, imported.version(now));
    let file_id = match file {
        Some(file) => Some(make_ready(tx, file).await?),
        None => None,
    };
    versions::insert(tx, type_id, &version, file_id).await?;
    if let Some(file) = file.filter(|_| imported.is_pushed_box()) {
        let (of_type, created) = (&imported.artifact_type, version.created);
        let of = (BoxOf::silent(owner), artifact.id);
        boxes::add_pushed(tx, of, of_type, &version, file, created).await?;
    }
    if let Some(file) = file {
        quotas::take(tx, owner, file.facts.len, Replaced::default()).await?;
    }
    Ok(Presence::Missing)
}

async fn import_box(
    tx: Tx<'_>,
    imported: &ImportedBox,
    kept: &[Option<FileRow>],
    now: SystemTime,
) -> Result<Presence, StorageError> {
    let artifact = found_or_made(tx, imported.name(), imported.visibility()).await?;
    let known = boxes::read(tx, artifact).await?;
    let presence = imported.presence(artifact.visibility, known.as_ref(), now)?;
    if presence != Presence::Missing {
        return Ok(presence);
    }
    let mut draft = imported.draft(now)?;
    for (file, kept) in imported.files.iter().zip(kept) {
        let hosted = match (&file.bytes, kept) {
            (ImportedBytes::OfVersion(number), _) => {
                check_file(tx, artifact.id, file, *number).await?
            }
            (ImportedBytes::Sent(_), Some(kept)) => {
                let file_id = make_ready(tx, kept).await?;
                let created = file.updated.unwrap_or(draft.created);
                let of = (&draft, &file.place);
                boxes::add_file(tx, artifact.id, of, (file_id, kept), created).await?
            }
            (ImportedBytes::Sent(_) | ImportedBytes::Unsent, _) => {
                return Err(StorageError::NotFound);
            }
        };
        draft.host(&file.place, hosted, file.updated.unwrap_or(now))?;
    }
    let vagrant_box = match known {
        None => draft,
        Some(mut known) => {
            ImportedBox::add_version(&mut draft, &mut known);
            known
        }
    };
    let row = boxes::BoxRow {
        artifact,
        vagrant_box,
    };
    boxes::save(tx, &row).await?;
    let bytes = kept.iter().flatten().map(|file| file.facts.len).sum();
    quotas::take(tx, &imported.name().username, bytes, Replaced::default()).await?;
    Ok(Presence::Missing)
}

/// Checks that a version of the type `vagrant.box` has the file of a provider.
///
/// # Errors
/// [`StorageError::NotFound`].
async fn check_file(
    tx: Tx<'_>,
    artifact_id: i64,
    file: &ImportedFile,
    number: u64,
) -> Result<HostedFile, StorageError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM artifact_type t
        JOIN version v ON v.type_id = t.id JOIN file ON file.id = v.file_id
        WHERE t.artifact_id = $1 AND t.name = $2 AND v.number = $3 AND v.file_state = 2"
    );
    let key = values![artifact_id, &Name::constant(BOX_TYPE), number];
    let found = tx.row(&sql, &key).await?;
    let stored = FileRow::read(&mut found.ok_or(StorageError::NotFound)?)?;
    let expected = file.hosted(number);
    match boxes::hosted_file(number, &stored) == expected {
        true => Ok(expected),
        false => Err(StorageError::NotFound),
    }
}
