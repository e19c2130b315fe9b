//! Installs programs as plugins of other programs, and uninstalls them.
//!
//! A record in the folder lists the installed files with their digests. Only files that are listed and
//! unchanged are ever replaced or removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::temporary;
use crate::base::error::{Cause, Error, Phase};

/// The prefix of the temporary name under which each file is written before it is renamed.
const TEMPORARY: &str = ".atlas-install-";

/// The result of an uninstallation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The files that were removed.
    pub removed: Vec<PathBuf>,
    /// The files that have changed since they were installed, and therefore stay.
    pub changed: Vec<PathBuf>,
}

/// The content of a file to install.
pub(crate) enum Content<'a> {
    Program(&'a [u8]),
    Bytes(Vec<u8>),
    Text(String),
}

impl Content<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Program(bytes) => bytes,
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }

    #[cfg(unix)]
    fn permissions(&self) -> fs::Permissions {
        use std::os::unix::fs::PermissionsExt as _;
        fs::Permissions::from_mode(match self {
            Self::Program(_) => 0o755,
            Self::Bytes(_) | Self::Text(_) => 0o644,
        })
    }
}

/// The files of one kind in a folder, and the name of their record.
pub(crate) struct Installation<'a> {
    folder: &'a Path,
    record: &'static str,
}

impl<'a> Installation<'a> {
    pub(crate) fn new(folder: &'a Path, record: &'static str) -> Self {
        Self { folder, record }
    }

    /// Writes the files beside those of earlier installations, and returns the paths.
    ///
    /// # Errors
    /// Fails when a file cannot be written (each file is then the old or the new one), or when a foreign file has one
    /// of the names (nothing is changed then).
    pub(crate) fn install(
        &self,
        files: &BTreeMap<PathBuf, Content<'_>>,
    ) -> Result<Vec<PathBuf>, Error> {
        self.put_all(files)?;
        Ok(self.paths(files))
    }

    /// Writes the files as [`Self::install`] does, and removes those of earlier installations that have other names:
    /// they would be found beside the new ones.
    ///
    /// # Errors
    /// The errors of [`Self::install`], and when a file cannot be removed.
    pub(crate) fn replace(
        &self,
        files: &BTreeMap<PathBuf, Content<'_>>,
    ) -> Result<Vec<PathBuf>, Error> {
        let mut record = self.put_all(files)?;
        let names = record.files.keys();
        let others = names.filter(|name| !files.contains_key(*name));
        for name in others.cloned().collect::<Vec<_>>() {
            record.remove(self.folder, &name, &mut Removed::default())?;
        }
        record.files.retain(|name, _| files.contains_key(name));
        self.write(&record)?;
        Ok(self.paths(files))
    }

    fn paths(&self, files: &BTreeMap<PathBuf, Content<'_>>) -> Vec<PathBuf> {
        files.keys().map(|name| self.folder.join(name)).collect()
    }

    /// Writes the files, and returns the record of all that are installed.
    fn put_all(&self, files: &BTreeMap<PathBuf, Content<'_>>) -> Result<Record, Error> {
        let folder = self.folder;
        let mut record = self.read()?;
        for name in files.keys() {
            let path = folder.join(name);
            if path.symlink_metadata().is_ok() && !record.is_ours(folder, name) {
                let reason =
                    "exists already, and is not as this program installed it; remove it first";
                return Err(failed(&path, io::Error::other(reason)));
            }
        }
        for (name, content) in files {
            let digests = record.files.entry(name.clone()).or_default();
            digests.insert(sha256(content.bytes()));
        }
        self.write(&record)?;
        let mut first = None;
        for (name, content) in files {
            let path = folder.join(name);
            put(&path, content, &mut first).map_err(|error| failed(&path, error))?;
        }
        Ok(record)
    }

    /// Removes the files that were installed, if they are unchanged.
    ///
    /// # Errors
    /// Fails when the record cannot be read, or a file cannot be removed.
    pub(crate) fn uninstall(&self) -> Result<Removed, Error> {
        let record = self.read()?;
        let mut done = Removed::default();
        for name in record.files.keys() {
            record.remove(self.folder, name, &mut done)?;
        }
        let path = self.folder.join(self.record);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, error)),
            _ => Ok(done),
        }
    }

    fn read(&self) -> Result<Record, Error> {
        let path = self.folder.join(self.record);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(&path, error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(failed(&path, error)),
        }
    }

    fn write(&self, record: &Record) -> Result<(), Error> {
        let path = self.folder.join(self.record);
        let text =
            serde_json::to_string_pretty(record).map_err(|error| failed(&path, error.into()));
        put(&path, &Content::Text(text?), &mut None).map_err(|error| failed(&path, error))
    }
}

/// The installed files: for each path within the folder, the SHA-256 of each content that was written or
/// is about to be.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    files: BTreeMap<PathBuf, BTreeSet<String>>,
}

/// Returns Go's name of the operating system, which names of plugins have.
pub(crate) fn go_system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// Returns Go's name of the processor.
pub(crate) fn go_machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// Writes a file atomically, since Packer may be reading. Where the file system supports hard links, the
/// program is stored once and linked under its other names; `first` is its first path.
fn put(path: &Path, content: &Content<'_>, first: &mut Option<PathBuf>) -> io::Result<()> {
    let folder = temporary::parent(path);
    fs::create_dir_all(folder)?;
    temporary::remove_abandoned(folder, TEMPORARY);
    if let (Content::Program(_), Some(first)) = (content, &first) {
        let linked =
            temporary::builder(TEMPORARY).make_in(folder, |path| fs::hard_link(first, path));
        if let Ok(linked) = linked {
            linked.into_temp_path().persist(path)?;
            return Ok(());
        }
    }
    let mut file = temporary::builder(TEMPORARY);
    #[cfg(unix)]
    file.permissions(content.permissions());
    let mut file = temporary::file(folder, &mut file)?;
    io::Write::write_all(&mut file, content.bytes())?;
    file.persist(path)?;
    if let Content::Program(_) = content {
        *first = Some(path.to_owned());
    }
    Ok(())
}

fn remove_empty_folders(path: &Path, root: &Path) {
    let parents = path.ancestors().skip(1);
    for folder in parents.take_while(|folder| *folder != root) {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

impl Record {
    /// Returns whether a file is unchanged since it was installed. An unreadable file counts as changed.
    fn is_ours(&self, folder: &Path, name: &Path) -> bool {
        let digests = self.files.get(name);
        let bytes = fs::read(folder.join(name));
        // A symbolic link would lead to a foreign file.
        let is_file = folder
            .join(name)
            .symlink_metadata()
            .is_ok_and(|found| found.is_file());
        digests
            .zip(bytes.ok())
            .is_some_and(|(digests, bytes)| is_file && digests.contains(&sha256(&bytes)))
    }

    fn remove(&self, folder: &Path, name: &Path, done: &mut Removed) -> Result<(), Error> {
        // A record that was edited by hand must not reach other folders.
        let is_inside = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = folder.join(name);
        if !is_inside || path.symlink_metadata().is_err() {
            return Ok(());
        }
        if !self.is_ours(folder, name) {
            done.changed.push(path);
            return Ok(());
        }
        fs::remove_file(&path).map_err(|error| failed(&path, error))?;
        remove_empty_folders(&path, folder);
        done.removed.push(path);
        Ok(())
    }
}

/// Returns the SHA-256 in hexadecimal digits, as Packer reads it, too.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(Phase::Install, Cause::file(path, error))
}

#[cfg(test)]
mod tests;
