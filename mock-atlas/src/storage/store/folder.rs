//! A folder of files, on a local disk or on a network file system. A file has its name only once all its
//! bytes are on disk: it is written under another name, synced and renamed, and its folder is synced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;

use super::{ENDINGS, FileFacts, FileKey, FoundObject, PARTIAL, StoreError, path};
use crate::storage::disk::Disk;
use crate::storage::{Blob, read_regular_file};

/// A folder of files. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    folder: Arc<Path>,
    disk: Disk,
}

impl Folder {
    /// Opens a folder, which is created if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub(super) async fn open(folder: &Path, disk: &Disk) -> Result<Self, StoreError> {
        let opened = Self {
            folder: folder.into(),
            disk: disk.clone(),
        };
        opened.blocking(Self::create).await?;
        Ok(opened)
    }

    fn create(&self) -> io::Result<()> {
        self.disk.create_folder(&self.folder)?;
        // All are there before the first file is: two uploads that make one at the same time would have
        // to wait for each other until its name is on disk.
        for name in subfolders() {
            match fs::create_dir(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        self.disk.sync_folder(&self.folder, "the name of a folder")
    }

    pub(super) async fn write(&self, key: &FileKey, blob: &Blob) -> Result<(), StoreError> {
        let path = self.path(key.as_str());
        let partial = partial(&path);
        if blob.is_read_elsewhere() {
            let copied = copy(blob, &partial).await;
            let copied = copied.map_err(|error| self.failed(error))?;
            return self
                .blocking(move |of| of.finish(&copied, &partial, &path))
                .await;
        }
        let blob = blob.clone();
        self.blocking(move |of| {
            blob.link(&path, &partial, &of.disk)?;
            of.sync_name(&path)
        })
        .await
    }

    pub(super) async fn read(&self, key: &FileKey, facts: FileFacts) -> Result<Blob, StoreError> {
        let path = self.path(key.as_str());
        let opened = self.blocking(move |_| {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        });
        let (file, len) = opened.await?;
        if len != facts.len {
            let message = format!("it has {len} bytes in place of {}", facts.len);
            return Err(StoreError::Damaged(message));
        }
        Ok(Blob::of_file(file, facts))
    }

    pub(super) async fn remove(&self, key: &FileKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.blocking(move |folder| {
            for ending in ENDINGS {
                let path = folder.path(&format!("{}{ending}", key.as_str()));
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }

    /// Returns the objects folder by folder.
    pub(super) fn list(
        &self,
    ) -> impl Stream<Item = Result<Vec<FoundObject>, StoreError>> + Send + use<> {
        let of = self.clone();
        stream::iter(subfolders()).then(move |name| {
            let of = of.clone();
            async move { of.blocking(move |of| found(&of.folder.join(name))).await }
        })
    }

    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.path(name);
        // Several processes may put the same name. What one that is killed leaves is swept, as that of an upload.
        let partial = partial(&self.path(FileKey::random().as_str()));
        self.blocking(move |of| {
            let mut file = File::create(&partial)?;
            file.write_all(&bytes)?;
            of.finish(&file, &partial, &path)
        })
        .await
    }

    pub(super) async fn get(&self, name: &str, most: u64) -> Result<Option<Bytes>, StoreError> {
        let path = self.path(name);
        self.blocking(move |_| match read_regular_file(&path, most) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(path(name))
    }

    /// Gives a file its name, once all its bytes are on disk.
    fn finish(&self, file: &File, partial: &Path, path: &Path) -> io::Result<()> {
        self.disk.sync(file, "the bytes of a file")?;
        fs::rename(partial, path)?;
        self.sync_name(path)
    }

    fn sync_name(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.folder);
        self.disk.sync_folder(folder, "the name of a file")
    }

    /// Runs `work` on a thread where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = self.clone();
        let done = spawn_blocking(move || work(&folder)).await;
        let done = done.map_err(io::Error::from).and_then(|done| done);
        done.map_err(|error| self.failed(error))
    }

    pub(super) fn place(&self) -> String {
        format!("the folder of files {:?}", self.folder)
    }

    fn failed(&self, error: io::Error) -> StoreError {
        let place = self.place();
        StoreError::Folder { place, error }
    }
}

/// Returns the path of a file that is still being written.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
}

/// Returns the names of the folders over which files are spread.
fn subfolders() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|number| format!("{number:02x}"))
}

/// Copies bytes that are read through the network, or from a file that belongs to somebody else. Returns the
/// file, whose bytes may not be on disk yet.
async fn copy(blob: &Blob, to: &Path) -> io::Result<File> {
    let mut file = tokio::fs::File::create(to).await?;
    let mut bytes = Box::pin(blob.stream(0..blob.len()));
    while let Some(chunk) = bytes.next().await {
        file.write_all(&chunk?).await?;
    }
    file.flush().await?;
    Ok(file.into_std().await)
}

/// Returns the objects in one folder; none if it is not there.
fn found(folder: &Path) -> io::Result<Vec<FoundObject>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let key = entry.file_name().to_str().and_then(FileKey::of_object);
        let Some(key) = key else { continue };
        match entry.metadata() {
            Ok(facts) => found.push(FoundObject {
                key,
                modified: facts.modified()?,
                len: facts.len(),
            }),
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
