//! Copies everything of one catalog to another, which nobody has used, while no server has either of them.
//!
//! - `root`: the root account with its tokens, which no archive contains
//!
//! The files are written and read again first, where nothing names them. One transaction adds all else, compares it
//! with the source, and sets the root token last: without one, a catalog counts as new. So whatever stops a move, the
//! target is new afterwards, and another move removes what this one has left.

mod root;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::contents::{artifact_records, replace};
use super::database::Tx;
use super::files::{FileRow, NewFile};
use super::kept_files::KeptFiles;
use super::{CheckProgress, DurableCatalog, account_records, tokens};
use crate::domain::Digest;
use crate::storage::contents::Records;
use crate::storage::{BackendError, ImportError, StorageError, stored_files};
use root::RootRecord;

/// The number of files that are copied at a time.
const AT_A_TIME: usize = 4;

/// A report of what was moved. Both places have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The number of users, without root.
    pub users: u64,
    /// The number of organisations.
    pub organizations: u64,
    /// The number of artifacts, those of boxes included.
    pub artifacts: u64,
    /// The number of Vagrant boxes.
    pub boxes: u64,
    /// The number of versions of artifacts.
    pub versions: u64,
    /// The number of files: several versions may have the same.
    pub files: u64,
    /// The size in bytes of these files.
    pub bytes: u64,
}

/// The reason for which nothing was moved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    #[error("there is nothing to move: no server has ever used the place that is moved from")]
    Nothing,
    #[error(
        "the place that is moved to is in use already: choose one that no server has used, or back up and restore"
    )]
    InUse,
    #[error(
        "{0} connections of servers use the database that is moved from: stop all servers, and move again"
    )]
    Served(u64),
    #[error(
        "the place that is moved from has changed meanwhile: stop all servers that use it, and move again"
    )]
    Changed,
    #[error("the file {digest} of {slug} cannot be moved: {reason}")]
    File {
        digest: Digest,
        slug: String,
        reason: String,
    },
    #[error("what was moved is not the same in both places: {0}")]
    Different(&'static str),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Everything in a catalog but the bytes of files.
struct Everything {
    root: Option<RootRecord>,
    records: Records,
    files: Vec<FileRow>,
    /// The records as JSON, to be compared.
    json: String,
}

impl DurableCatalog {
    /// Copies everything of another catalog to this one, which must be new. Nothing of the other is changed.
    /// `on_progress` is told after each file how far it is.
    ///
    /// # Errors
    /// [`MoveError`]. This catalog is new then.
    pub(crate) async fn take_all_of(
        &self,
        source: &Self,
        on_progress: impl Fn(CheckProgress),
    ) -> Result<Moved, MoveError> {
        match source.database.servers().await? {
            0 => {}
            served => return Err(MoveError::Served(served)),
        }
        if !self.is_new().await? {
            return Err(MoveError::InUse);
        }
        let everything = source.everything().await?;
        if everything.root.is_none() {
            return Err(MoveError::Nothing);
        }
        self.files.sweep_left().await?;
        let mut moved = count(&everything);
        self.check_space(moved.bytes).await?;
        let mut kept = self.kept_files();
        let taken = async {
            let copies = (source, &everything);
            self.copy_files(copies, (&mut kept, &mut moved), on_progress)
                .await?;
            if source.everything().await?.json != everything.json {
                return Err(MoveError::Changed);
            }
            self.add_everything(everything, &kept).await
        };
        match taken.await {
            Ok(()) => {
                kept.release();
                Ok(moved)
            }
            Err(error) => {
                kept.discard().await;
                Err(error)
            }
        }
    }

    async fn everything(&self) -> Result<Everything, BackendError> {
        let read = self
            .database
            .read(|tx| Box::pin(async move { everything(tx).await }));
        read.await
    }

    /// Copies the bytes of all files, and reads the copies.
    async fn copy_files(
        &self,
        (source, everything): (&Self, &Everything),
        (kept, moved): (&mut KeptFiles, &mut Moved),
        on_progress: impl Fn(CheckProgress),
    ) -> Result<(), MoveError> {
        let (of_files, of_bytes) = (everything.files.len() as u64, moved.bytes);
        moved.bytes = 0;
        let named = stored_files(&everything.records.1);
        let copies = stream::iter(&everything.files).map(async |row| {
            let copied = self.copy_file(source, row).await;
            copied.map_err(|error| {
                let digest = row.facts.digest;
                let slug = named.get(&digest.to_string());
                MoveError::File {
                    digest,
                    slug: slug.map(|file| file.slug.clone()).unwrap_or_default(),
                    reason: error.to_string(),
                }
            })
        });
        let mut copies = std::pin::pin!(copies.buffer_unordered(AT_A_TIME));
        while let Some(file) = copies.try_next().await? {
            moved.files += 1;
            moved.bytes += file.row.facts.len;
            kept.add(file);
            on_progress(CheckProgress {
                files: moved.files,
                of_files,
                bytes: moved.bytes,
                of_bytes,
            });
        }
        Ok(())
    }

    /// Copies the bytes of a file, and compares the copy with the digests of the file.
    async fn copy_file(&self, source: &Self, row: &FileRow) -> Result<NewFile, BackendError> {
        let blob = source.files.named(row)?;
        let file = self.files.keep(&blob).await?;
        let read = async {
            let copy = self.files.read_unchecked(&file.row).await?;
            let digests = copy.compute_digests().await;
            digests.map_err(|error| BackendError::of_file("its copy cannot be read", &error))
        };
        let error = match read.await {
            Ok((digest, sha256)) if (digest, sha256) == (row.facts.digest, row.facts.sha256) => {
                return Ok(file);
            }
            Ok(_) => {
                let reason =
                    "its bytes have another digest: `mock-atlas check` says which file is damaged";
                BackendError::new(reason)
            }
            Err(error) => error,
        };
        self.files.discard(file).await;
        Err(error)
    }

    /// Adds all but the bytes in one transaction, and compares it with what was to be added.
    async fn add_everything(
        &self,
        everything: Everything,
        kept: &KeptFiles,
    ) -> Result<(), MoveError> {
        let Everything {
            root,
            records: (access, artifacts),
            json,
            ..
        } = everything;
        let (rows, now) = (kept.rows(), self.clock.now());
        let add = self.database.write(move |tx| {
            Box::pin(async move {
                tx.lock_all().await?;
                if tokens::has_root_token(tx).await? {
                    return Err(MoveError::InUse);
                }
                if let Some(root) = &root {
                    root.add(tx).await?;
                }
                replace(tx, access, artifacts, &rows, now).await?;
                if let Some(root) = root {
                    root.add_tokens(tx).await?;
                }
                let added = self::everything(tx).await?;
                match added.json == json {
                    true => Ok(()),
                    false => Err(MoveError::Different(
                        "the database has changed what it was given",
                    )),
                }
            })
        });
        add.await
    }
}

async fn everything(tx: Tx<'_>) -> Result<Everything, BackendError> {
    let root = RootRecord::read(tx).await?;
    let access = account_records::record(tx).await?;
    let (artifacts, files) = artifact_records(tx).await?;
    let json = serde_json::to_string(&(&root, &access, &artifacts));
    Ok(Everything {
        root,
        json: json.map_err(|error| BackendError::new(error.to_string()))?,
        records: (access, artifacts),
        files: files.into_values().collect(),
    })
}

fn count(everything: &Everything) -> Moved {
    let (access, artifacts) = &everything.records;
    let live = || artifacts.iter().filter(|artifact| !artifact.deleted);
    let types = live().flat_map(|artifact| &artifact.types);
    Moved {
        users: access.users.len() as u64,
        organizations: access.organizations.len() as u64,
        artifacts: live().count() as u64,
        boxes: live()
            .filter(|artifact| artifact.vagrant_box.is_some())
            .count() as u64,
        versions: types.map(|of_type| of_type.versions.len() as u64).sum(),
        files: 0,
        bytes: everything.files.iter().map(|file| file.facts.len).sum(),
    }
}

impl From<StorageError> for MoveError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Backend(error) => error.into(),
            other => BackendError::new(other.to_string()).into(),
        }
    }
}
