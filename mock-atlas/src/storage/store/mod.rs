//! A store keeps the bytes of files: each object has a name and is written once, whole or not at all.
//!
//! - `location`: the URL of a store; `error`: the errors of a store
//! - `folder`: a folder of files; `s3`: a bucket of S3 or of what speaks its API
//!
//! A store knows nothing of what its objects are for: the database alone decides that, and nothing relies
//! on conditions that a store should check.

mod error;
mod folder;
mod location;
mod s3;

use std::time::SystemTime;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::Either;
use uuid::Uuid;

use super::Blob;
use super::disk::Disk;
use crate::domain::{Digest, Sha256Digest};
pub(crate) use error::StoreError;
pub(crate) use folder::Folder;
#[cfg(all(test, feature = "real-clients"))]
pub(crate) use location::Bucket;
pub(crate) use location::{Location, LocationError};
pub(crate) use s3::{Object, S3};

/// The endings of the names of objects that belong to a file: the object with the bytes has none.
const ENDINGS: [&str; 3] = ["", PARTIAL, DESCRIPTION];

/// The ending of the name of a file that is still being written.
const PARTIAL: &str = ".part";

/// The ending of the name of an object that describes a file, as JSON.
pub(crate) const DESCRIPTION: &str = ".json";

/// A store of the bytes of files. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Folder(Folder),
    S3(S3),
}

/// The name of a file in a store: 32 random hexadecimal digits, which no other file ever has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileKey(String);

/// The size and the digests of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileFacts {
    pub(crate) len: u64,
    pub(crate) digest: Digest,
    pub(crate) sha256: Sha256Digest,
}

/// An object in a store, as a list of all objects has it.
#[derive(Clone, Debug)]
pub(crate) struct FoundObject {
    /// The file to which the object belongs.
    pub(crate) key: FileKey,
    /// The time of the last change, by the clock of the store.
    pub(crate) modified: SystemTime,
    /// The size in bytes.
    pub(crate) len: u64,
}

impl FileKey {
    /// Returns a new key.
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    /// Returns the key of the file to which an object of this name belongs; `None` for an object that is
    /// none of a file.
    fn of_object(name: &str) -> Option<Self> {
        let (key, ending) = name.split_at_checked(32)?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_known = ENDINGS.contains(&ending) && key.as_bytes().iter().all(is_digit);
        is_known.then(|| Self(key.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Accepts what a database has kept.
impl From<String> for FileKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

/// Returns the path of an object, relative to its store. The objects of files are spread over 256 folders,
/// since some file systems are slow with many files in one.
fn path(name: &str) -> String {
    match FileKey::of_object(name) {
        Some(_) => format!("{}/{name}", &name[..2]),
        None => name.to_owned(),
    }
}

impl Store {
    /// Opens a store, and checks that it can be used. Nothing is written to a folder once the disk has failed.
    ///
    /// # Errors
    /// When the folder cannot be created, or the bucket cannot be reached or read.
    pub(super) async fn open(location: &Location, disk: &Disk) -> Result<Self, StoreError> {
        Ok(match location {
            Location::Folder(folder) => Self::Folder(Folder::open(folder, disk).await?),
            Location::S3(settings) => Self::S3(S3::open(settings).await?),
        })
    }

    /// Returns the place of the store, for messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Folder(folder) => folder.place(),
            Self::S3(s3) => s3.place().to_owned(),
        }
    }

    /// Begins to write a file of this size. Returns the id of the multipart upload if there is one: it takes
    /// space until it is completed or [removed](Self::remove).
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn begin(
        &self,
        key: &FileKey,
        len: u64,
    ) -> Result<Option<String>, StoreError> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::S3(s3) => s3.begin(key, len).await,
        }
    }

    /// Writes the bytes of a file that was begun, which are on disk when this returns.
    ///
    /// # Errors
    /// When the store fails, or the bytes cannot be read. What is left of the file is there until it is
    /// [removed](Self::remove).
    pub(crate) async fn write(
        &self,
        key: &FileKey,
        multipart: Option<&str>,
        blob: &Blob,
    ) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.write(key, blob).await,
            Self::S3(s3) => s3.write(key, multipart, blob).await,
        }
    }

    /// Returns the bytes of a file, to be read once or many times from now on.
    ///
    /// # Errors
    /// When the file is in a folder, and is not there or has another size.
    pub(crate) async fn read(&self, key: &FileKey, facts: FileFacts) -> Result<Blob, StoreError> {
        match self {
            Self::Folder(folder) => folder.read(key, facts).await,
            Self::S3(_) => Ok(self.named(key, facts)),
        }
    }

    /// Checks that a file is there and has its size, without reading its bytes.
    ///
    /// # Errors
    /// When the file is not there or has another size, or the store fails.
    pub(crate) async fn check(&self, key: &FileKey, facts: FileFacts) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.read(key, facts).await.map(|_| ()),
            Self::S3(s3) => s3.object(key).check(facts.len).await,
        }
    }

    /// Returns the bytes of a file, which is opened only when they are read.
    pub(crate) fn named(&self, key: &FileKey, facts: FileFacts) -> Blob {
        match self {
            Self::Folder(folder) => Blob::named(folder.path(key.as_str()), facts),
            Self::S3(s3) => Blob::remote(s3.object(key), facts),
        }
    }

    /// Removes a file, with all that belongs to it and what is left of its multipart upload. A file that is
    /// not there is none to remove.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn remove(
        &self,
        key: &FileKey,
        multipart: Option<&str>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.remove(key).await,
            Self::S3(s3) => s3.remove(key, multipart).await,
        }
    }

    /// Returns all objects that belong to files, some at a time.
    pub(crate) fn list(
        &self,
    ) -> impl Stream<Item = Result<Vec<FoundObject>, StoreError>> + Send + use<> {
        match self {
            Self::Folder(folder) => Either::Left(folder.list()),
            Self::S3(s3) => Either::Right(s3.list()),
        }
    }

    /// Writes a small object, in place of one of the same name: all of it or nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.put(name, bytes).await,
            Self::S3(s3) => s3.put(name, bytes).await,
        }
    }

    /// Returns a small object of at most `most` bytes; `None` if there is none of this name.
    ///
    /// # Errors
    /// When the store fails, or the object is larger.
    pub(crate) async fn get(&self, name: &str, most: u64) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Folder(folder) => folder.get(name, most).await,
            Self::S3(s3) => s3.get(name, most).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_that_belong_to_files_are_taken_for_such() {
        let key = FileKey::random();
        for ending in ENDINGS {
            let name = format!("{}{ending}", key.as_str());
            assert_eq!(FileKey::of_object(&name), Some(key.clone()));
        }
        let upper = key.as_str().to_uppercase().replace(char::is_numeric, "A");
        let longer = format!("{}0", key.as_str());
        for other in ["", "atlas.json", &upper, &longer, &key.as_str()[1..], "ä"] {
            assert_eq!(FileKey::of_object(other), None, "{other}");
        }
    }
}
