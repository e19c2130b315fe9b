//! Adds users, organisations, artifacts and boxes in one transaction: either all of them or none.

use std::time::SystemTime;

use super::boxes::BoxOf;
use super::database::Tx;
use super::files::{FileRow, NewFile, make_ready};
use super::{DurableCatalog, accounts, artifacts, boxes, quotas, versions};
use crate::domain::Name;
use crate::storage::{
    AdditionError, Additions, BackendError, Blob, NewArtifact, SeededVersion, StorageError,
};

/// The files of an addition, each kept before the transaction, in the order of the versions and
/// providers that have one.
struct KeptFiles<F> {
    of_artifacts: Vec<Vec<F>>,
    of_boxes: Vec<Vec<F>>,
}

impl KeptFiles<NewFile> {
    fn rows(&self) -> KeptFiles<FileRow> {
        let rows = |files: &Vec<Vec<NewFile>>| {
            let rows = |files: &Vec<NewFile>| files.iter().map(|file| file.row.clone()).collect();
            files.iter().map(rows).collect()
        };
        KeptFiles {
            of_artifacts: rows(&self.of_artifacts),
            of_boxes: rows(&self.of_boxes),
        }
    }

    fn into_files(self) -> impl Iterator<Item = NewFile> {
        self.of_artifacts.into_iter().chain(self.of_boxes).flatten()
    }
}

impl DurableCatalog {
    /// Adds what [`Catalog::add`](crate::storage::Catalog::add) documents.
    pub(crate) async fn add(&self, additions: Additions) -> Result<(), AdditionError> {
        self.check_space(additions.file_bytes()).await?;
        let mut files = KeptFiles {
            of_artifacts: Vec::with_capacity(additions.artifacts.len()),
            of_boxes: Vec::with_capacity(additions.boxes.len()),
        };
        let added = self.add_with(additions, &mut files).await;
        if added.is_err() {
            self.files.discard_all(files.into_files()).await;
        }
        added
    }

    async fn add_with(
        &self,
        additions: Additions,
        files: &mut KeptFiles<NewFile>,
    ) -> Result<(), AdditionError> {
        for artifact in &additions.artifacts {
            let blobs = artifact.versions.iter();
            let blobs = blobs.filter_map(|version| version.file.as_ref());
            files.of_artifacts.push(self.keep_all(blobs).await?);
        }
        for seeded in &additions.boxes {
            files.of_boxes.push(self.keep_all(seeded.files()).await?);
        }
        let (rows, now) = (files.rows(), self.clock.now());
        let add = self
            .database
            .write(move |tx| Box::pin(async move { add(tx, &additions, &rows, now).await }));
        add.await
    }

    /// Keeps files: all of them or, if that fails, none.
    async fn keep_all(
        &self,
        blobs: impl Iterator<Item = &Blob>,
    ) -> Result<Vec<NewFile>, BackendError> {
        let mut files = Vec::new();
        for blob in blobs {
            match self.files.keep(blob).await {
                Ok(file) => files.push(file),
                Err(error) => {
                    self.files.discard_all(files).await;
                    return Err(error);
                }
            }
        }
        Ok(files)
    }
}

async fn add(
    tx: Tx<'_>,
    additions: &Additions,
    files: &KeptFiles<FileRow>,
    now: SystemTime,
) -> Result<(), AdditionError> {
    tx.lock_all().await?;
    accounts::add(tx, additions, now).await?;
    let artifacts = additions.artifacts.iter().zip(&files.of_artifacts);
    for (at, (new, files)) in artifacts.enumerate() {
        let added = add_artifact(tx, new, files, now).await;
        added.map_err(|error| {
            failed(error, |error| {
                AdditionError::Artifact(at, new.name.clone(), error)
            })
        })?;
    }
    let boxes = additions.boxes.iter().zip(&files.of_boxes);
    for (at, (new, files)) in boxes.enumerate() {
        let added = boxes::add_seeded(tx, new, files, now).await;
        added.map_err(|error| {
            failed(error, |error| {
                AdditionError::Box(at, new.name.clone(), error)
            })
        })?;
    }
    // What a seed declares is added whatever the quotas say, and counted.
    Ok(quotas::recount(tx).await?)
}

/// Returns the error of an addition, which names it unless the backend failed.
fn failed(error: StorageError, named: impl FnOnce(StorageError) -> AdditionError) -> AdditionError {
    match error {
        StorageError::Backend(error) => AdditionError::Backend(error),
        error => named(error),
    }
}

async fn add_artifact(
    tx: Tx<'_>,
    new: &NewArtifact,
    files: &[FileRow],
    now: SystemTime,
) -> Result<(), StorageError> {
    let artifact = artifacts::create(tx, &new.name, new.visibility).await?;
    let mut files = files.iter();
    for version in &new.versions {
        let file = version.file.as_ref().and_then(|_| files.next());
        let of = (&new.name.username, artifact.id);
        add_version(tx, of, version, file, now).await?;
    }
    Ok(())
}

async fn add_version(
    tx: Tx<'_>,
    (owner, artifact_id): (&Name, i64),
    seeded: &SeededVersion,
    file: Option<&FileRow>,
    now: SystemTime,
) -> Result<(), StorageError> {
    let SeededVersion {
        artifact_type, new, ..
    } = seeded;
    let added = versions::add(tx, artifact_id, artifact_type, new.clone(), now).await?;
    let (type_id, version) = added;
    let Some(file) = file else {
        return Ok(());
    };
    let file_id = make_ready(tx, file).await?;
    versions::make_visible(tx, type_id, &version, file_id).await?;
    let of = (BoxOf::silent(owner), artifact_id);
    boxes::add_pushed(tx, of, artifact_type, &version, file, now).await
}
