//! Adds users, organisations, artifacts and boxes in one transaction: either all of them or none.

use std::time::SystemTime;

use super::database::Tx;
use super::files::FileRow;
use super::{DurableCatalog, accounts, artifacts, boxes, versions};
use crate::storage::{
    AdditionError, Additions, BackendError, NewArtifact, SeededVersion, StorageError,
};

/// The files of an addition, each kept before the transaction, in the order of the versions and
/// providers that have one.
struct KeptFiles {
    of_artifacts: Vec<Vec<FileRow>>,
    of_boxes: Vec<Vec<FileRow>>,
}

impl KeptFiles {
    fn keys(&self) -> Vec<String> {
        let all = self.of_artifacts.iter().chain(&self.of_boxes).flatten();
        all.map(|file| file.key.clone()).collect()
    }
}

impl DurableCatalog {
    /// Adds what [`Catalog::add`](crate::storage::Catalog::add) documents.
    pub(crate) async fn add(&self, additions: Additions) -> Result<(), AdditionError> {
        self.check_space(additions.file_bytes()).await?;
        let files = self.keep_all(&additions).await?;
        let (keys, now) = (files.keys(), self.clock.now());
        let add = self
            .database
            .write(move |tx| Box::pin(async move { add(tx, &additions, &files, now).await }));
        let added = add.await;
        match &added {
            // Where the outcome of the commit is unknown, the files may have a name: they stay then.
            Ok(()) | Err(AdditionError::Backend(_)) => {}
            Err(_) => self.files.remove(keys).await,
        }
        added
    }

    async fn keep_all(&self, additions: &Additions) -> Result<KeptFiles, BackendError> {
        let mut kept = KeptFiles {
            of_artifacts: Vec::with_capacity(additions.artifacts.len()),
            of_boxes: Vec::with_capacity(additions.boxes.len()),
        };
        for artifact in &additions.artifacts {
            let mut files = Vec::new();
            for blob in artifact
                .versions
                .iter()
                .filter_map(|version| version.file.as_ref())
            {
                files.push(self.files.keep(blob).await?);
            }
            kept.of_artifacts.push(files);
        }
        for seeded in &additions.boxes {
            let mut files = Vec::new();
            for blob in seeded.files() {
                files.push(self.files.keep(blob).await?);
            }
            kept.of_boxes.push(files);
        }
        Ok(kept)
    }
}

async fn add(
    tx: Tx<'_>,
    additions: &Additions,
    files: &KeptFiles,
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
    Ok(())
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
        add_version(tx, artifact.id, version, file, now).await?;
    }
    Ok(())
}

async fn add_version(
    tx: Tx<'_>,
    artifact_id: i64,
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
    let file_id = versions::insert_file(tx, file).await?;
    versions::make_visible(tx, type_id, &version, file_id).await?;
    boxes::add_pushed(tx, artifact_id, artifact_type, &version, file, now).await
}
