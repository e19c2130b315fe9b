//! The files of a durable home: one file for each, under a random name, in a folder.
//!
//! A file has its name only once all its bytes are on disk. The database alone decides which files
//! are seen: a file that no row names is removed at the next start after the process was killed.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::database::{Row, Value, values};
use crate::domain::{Digest, Sha256Digest};
use crate::storage::disk::Disk;
use crate::storage::{BackendError, Blob};

/// The columns of [`FileRow::read`].
pub(super) const COLUMNS: &str = "file.key, file.size, file.digest, file.sha256";

/// A stored file, as its row in the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileRow {
    pub(super) key: String,
    pub(super) len: u64,
    pub(super) digest: Digest,
    pub(super) sha256: Option<Sha256Digest>,
}

impl FileRow {
    /// Reads the columns [`COLUMNS`].
    ///
    /// # Errors
    /// When the row has others.
    pub(super) fn read(row: &mut Row) -> Result<Self, BackendError> {
        Ok(Self {
            key: row.take()?,
            len: row.take()?,
            digest: Digest::from(row.take::<[u8; 32]>()?),
            sha256: row.take::<Option<[u8; 32]>>()?.map(Sha256Digest::from),
        })
    }

    /// Returns the values of a new row: key, size, digest and SHA-256.
    pub(super) fn values(&self) -> [Value; 4] {
        let sha256 = self.sha256.map(|digest| *digest.as_bytes());
        values![self.key.clone(), self.len, *self.digest.as_bytes(), sha256,]
    }
}

/// A folder of files. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: Arc<Path>,
    disk: Disk,
}

impl Files {
    /// Opens a folder, which is created if it is not there. Blocks while it does.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub(super) fn open(folder: &Path, disk: Disk) -> io::Result<Self> {
        disk.create_folder(folder)?;
        // All are there before the first file is: two uploads that make one at the same time would have
        // to wait for each other until its name is on disk.
        for number in 0..=u8::MAX {
            match fs::create_dir(folder.join(format!("{number:02x}"))) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        sync_folder(folder, &disk)?;
        let folder = folder.into();
        Ok(Self { folder, disk })
    }

    /// Keeps the bytes of a blob in a new file, which is on disk when this returns.
    ///
    /// # Errors
    /// When the file cannot be written. Nothing is left of it then.
    pub(super) async fn keep(&self, blob: &Blob) -> Result<FileRow, BackendError> {
        let key = Uuid::new_v4().simple().to_string();
        let stored = FileRow {
            len: blob.len(),
            digest: blob.digest(),
            sha256: blob.sha256(),
            key,
        };
        let (blob, path, disk) = (blob.clone(), self.path(&stored.key), self.disk.clone());
        let kept = spawn_blocking(move || keep(&blob, &path, &disk)).await?;
        kept.map_err(|error| BackendError::of_file("the file cannot be kept", &error))?;
        Ok(stored)
    }

    /// Returns the bytes of a stored file.
    ///
    /// # Errors
    /// When the file is not there, or has another size.
    pub(super) async fn read(&self, stored: FileRow) -> Result<Blob, BackendError> {
        let path = self.path(&stored.key);
        let opened = spawn_blocking(move || open(&path, &stored)).await?;
        opened.map_err(|error| BackendError::new(format!("a stored file is damaged: {error}")))
    }

    /// Returns the bytes of a stored file, which is opened only to read them.
    pub(super) fn named(&self, stored: &FileRow) -> Blob {
        let path = self.path(&stored.key);
        Blob::named(path, stored.len, stored.digest, stored.sha256)
    }

    /// Removes files. One that is not there is none to remove.
    pub(super) async fn remove(&self, keys: Vec<String>) {
        if keys.is_empty() {
            return;
        }
        let files = self.clone();
        let remove = move || {
            for key in keys {
                // What stays is removed at the next start after the process was killed.
                let _ = fs::remove_file(files.path(&key));
            }
        };
        let _ = spawn_blocking(remove).await;
    }

    /// Removes all files but these. Blocks while it does.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn remove_others(&self, keys: &HashSet<String>) -> io::Result<()> {
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let file = file?;
                let is_known = file
                    .file_name()
                    .to_str()
                    .is_some_and(|key| keys.contains(key));
                if !is_known {
                    fs::remove_file(file.path())?;
                }
            }
        }
        Ok(())
    }

    /// Returns the path of a file. Files are spread over 256 folders, since some file systems are
    /// slow with many files in one.
    fn path(&self, key: &str) -> PathBuf {
        let folder = key.get(..2).unwrap_or_default();
        self.folder.join(folder).join(key)
    }
}

fn keep(blob: &Blob, path: &Path, disk: &Disk) -> io::Result<()> {
    blob.link(path, disk)?;
    sync_folder(path.parent().unwrap_or(Path::new("")), disk)
}

fn sync_folder(folder: &Path, disk: &Disk) -> io::Result<()> {
    disk.sync(&File::open(folder)?, "the name of a file")
}

fn open(path: &Path, stored: &FileRow) -> io::Result<Blob> {
    let file = File::open(path)?;
    let found = file.metadata()?.len();
    if found != stored.len {
        let error = format!("it has {found} bytes in place of {}", stored.len);
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(Blob::of_file(
        file,
        stored.len,
        stored.digest,
        stored.sha256,
    ))
}
