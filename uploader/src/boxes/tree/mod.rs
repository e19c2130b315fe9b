//! The tree of mirrored files, and its description, `mirror.json`. `layout` determines the path of a file, and
//! `merge` updates known records with those of a source. `artifacts` describes the versions of artifacts, which the
//! same tree may hold.

pub mod artifacts;
mod layout;
mod merge;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use super::checksum::ChecksumKind;
use super::model::{BoxRecord, FileRecord, VersionRecord};
use crate::base::error::{Cause, Error, Phase};
use crate::files::read::read_at_most;
use crate::files::temporary;
use artifacts::{ArtifactRecord, ArtifactVersion, FileCopy, VersionName};
use atlas_common::gem_version::GemVersion;
use layout::check_names;
pub(super) use layout::{check_box, parts};
use merge::{fill, merge_version};

/// The file name of a tree's description.
pub(super) const MIRROR_JSON: &str = "mirror.json";
/// The file name of a box's catalog for Vagrant before 2.4.
pub(super) const METADATA_JSON: &str = "metadata.json";
/// The file name of every box.
pub(super) const BOX_FILE: &str = "vagrant.box";
/// The folders of the catalogs for Vagrant from 2.4 on.
pub(super) const API: [&str; 3] = ["api", "v2", "vagrant"];
const LOCK: &str = ".mirror.lock";
/// The prefix of temporary files that have not been renamed yet.
const TEMPORARY: &str = ".mirror-";
const FORMAT: &str = "atlas-mirror";
/// The format number of a description of boxes alone.
const BOXES_ALONE: u32 = 1;
/// The format number of a description that lists artifacts: an older program would drop them.
const WITH_ARTIFACTS: u32 = 2;
/// The maximum size of a description in bytes, enough for some million files.
const MAX_MANIFEST: u64 = 1024 * 1024 * 1024;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Manifest {
    format: String,
    format_version: u32,
    /// The base address of files in catalogs; null for `file:` addresses.
    base_url: Option<Url>,
    boxes: Vec<BoxRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<ArtifactRecord>,
}

/// A tree that is locked, so that only this process writes to it. A clone is a cheap snapshot.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    manifest: Arc<Manifest>,
    /// The locked file, which the system unlocks when the process ends in any way; `None` for a tree that is
    /// only read.
    _lock: Option<Arc<File>>,
}

impl Tree {
    /// Opens and locks a tree, and creates it if it does not exist. This blocks.
    ///
    /// # Errors
    /// [`Phase::Tree`] for a folder that cannot be written to, is used by another process, or holds a
    /// description that cannot be read.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let failed = |path: &Path, error| Error::new(Phase::Tree, Cause::file(path, error));
        fs::create_dir_all(root).map_err(|error| failed(root, error))?;
        let root = root.canonicalize().map_err(|error| failed(root, error))?;
        let place = root.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&place);
        let lock = lock.map_err(|error| failed(&place, error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                let reason = "another process is using this tree; wait until it has ended";
                failed(&root, io::Error::new(io::ErrorKind::WouldBlock, reason))
            }
            TryLockError::Error(error) => failed(&place, error),
        })?;
        let lock = Some(Arc::new(lock));
        Self::described(root, lock)
    }

    /// Reads a tree without locking it; another process may be writing to it, and it need not exist. This
    /// blocks.
    ///
    /// # Errors
    /// [`Phase::Tree`] for a description that cannot be read.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let absolute = std::path::absolute(root);
        let root = absolute.map_err(|error| Error::new(Phase::Tree, Cause::file(root, error)))?;
        Self::described(root.canonicalize().unwrap_or(root), None)
    }

    fn described(root: PathBuf, lock: Option<Arc<File>>) -> Result<Self, Error> {
        let place = root.join(MIRROR_JSON);
        let failed = |error| Error::new(Phase::Tree, Cause::file(&place, error));
        let manifest = match File::open(&place) {
            Ok(file) => read(&file).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest {
                format: FORMAT.to_owned(),
                format_version: BOXES_ALONE,
                base_url: None,
                boxes: Vec::new(),
                artifacts: Vec::new(),
            },
            Err(error) => return Err(failed(error)),
        };
        Ok(Self {
            root,
            manifest: Arc::new(manifest),
            _lock: lock,
        })
    }

    /// Returns the root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns all boxes.
    pub fn boxes(&self) -> &[BoxRecord] {
        &self.manifest.boxes
    }

    /// Returns all artifacts, ordered by name.
    pub fn artifacts(&self) -> &[ArtifactRecord] {
        &self.manifest.artifacts
    }

    /// Returns the base address of files in catalogs: the one that was set, or else the `file:` address of the
    /// root.
    pub fn base_url(&self) -> Option<Url> {
        let own = || Url::from_directory_path(&self.root).ok();
        self.manifest.base_url.clone().or_else(own)
    }

    /// Sets the base address of files in catalogs.
    pub fn set_base_url(&mut self, base_url: Url) {
        self.change().base_url = Some(base_url);
    }

    /// Returns the known record of a file.
    pub(super) fn file(&self, tag: &str, version: &str, like: &FileRecord) -> Option<&FileRecord> {
        let found = self
            .manifest
            .boxes
            .iter()
            .find(|found| found.tag() == tag)?;
        let versions = &mut found.versions.iter();
        let version = versions.find(|found| found.version == version)?;
        version
            .providers
            .iter()
            .find(|file| file.is_same_place(like))
    }

    /// Merges a source's record of a box. The records of copied files are kept, and so is everything that the
    /// source has no longer.
    pub(super) fn merge(&mut self, theirs: &BoxRecord) {
        let boxes = &mut self.change().boxes;
        let position = boxes.iter().position(|ours| ours.tag() == theirs.tag());
        let Some(position) = position else {
            boxes.push(theirs.clone());
            boxes.sort_by_key(BoxRecord::tag);
            return;
        };
        let ours = &mut boxes[position];
        let is_same_source = ours.source == theirs.source;
        if is_same_source {
            let versions = std::mem::take(&mut ours.versions);
            *ours = BoxRecord {
                versions,
                ..theirs.clone()
            };
        } else {
            // Another source may know less, and must not make a private box public.
            fill(&mut ours.short_description, &theirs.short_description);
            fill(&mut ours.description, &theirs.description);
            ours.private |= theirs.private;
        }
        for version in &theirs.versions {
            merge_version(&mut ours.versions, version, is_same_source);
        }
        let newest_first =
            |version: &VersionRecord| std::cmp::Reverse(GemVersion::of(&version.version));
        ours.versions.sort_by_cached_key(newest_first);
    }

    /// Merges a source's record of an artifact. Known versions are kept as they are, and so is everything that the
    /// source has no longer.
    pub(crate) fn merge_artifact(&mut self, theirs: &ArtifactRecord) {
        let manifest = self.change();
        manifest.format_version = WITH_ARTIFACTS;
        artifacts::merge(&mut manifest.artifacts, theirs);
    }

    /// Records the copy of the file of a version.
    pub(crate) fn set_copy(&mut self, version: &VersionName<'_>, copy: FileCopy) {
        if let Some(known) = artifacts::find_mut(&mut self.change().artifacts, version) {
            known.file = Some(copy);
        }
    }

    /// Returns the known version of an artifact.
    pub(crate) fn version(&self, version: &VersionName<'_>) -> Option<&ArtifactVersion> {
        artifacts::find(&self.manifest.artifacts, version)
    }

    /// Updates the states and default architectures of the known versions, whether they are selected now or not:
    /// a revoked version must not stay available.
    pub(super) fn follow(&mut self, theirs: &BoxRecord) {
        let mut boxes = self.change().boxes.iter_mut();
        let found = boxes.find(|ours| ours.tag() == theirs.tag());
        let Some(ours) = found.filter(|ours| ours.source == theirs.source) else {
            return;
        };
        for version in &theirs.versions {
            let mut known = ours.versions.iter_mut();
            let Some(mine) = known.find(|mine| mine.version == version.version) else {
                continue;
            };
            mine.state = version.state;
            for file in &mut mine.providers {
                let mut providers = version.providers.iter();
                if let Some(theirs) = providers.find(|theirs| theirs.is_same_place(file)) {
                    file.default_architecture = theirs.default_architecture;
                }
            }
        }
    }

    /// Records files that are in place and match the source's checksum, but are missing in the description
    /// because a run was killed. Returns their number. This blocks while it reads the files.
    pub fn take_in(&mut self) -> usize {
        let mut found = Vec::new();
        for record in self.boxes() {
            for version in &record.versions {
                for file in version.providers.iter().filter(|file| file.file.is_none()) {
                    let here = self.in_place(record, &version.version, file);
                    found.extend(here.map(|file| (record.tag(), version.version.clone(), file)));
                }
            }
        }
        let count = found.len();
        for (tag, version, file) in found {
            self.set_file(&tag, &version, file);
        }
        count
    }

    fn in_place(&self, record: &BoxRecord, version: &str, file: &FileRecord) -> Option<FileRecord> {
        let path = parts(record, version, file).ok()?.join("/");
        let kind = file.checksum.as_ref();
        let kind = kind.map_or(ChecksumKind::Sha256, |checksum| checksum.kind);
        let (checksum, size) = kind.of_file(&self.root.join(&path)).ok()?;
        let is_right = file
            .checksum
            .as_ref()
            .is_none_or(|known| *known == checksum);
        is_right.then(|| FileRecord {
            file: Some(path),
            link: false,
            size: Some(size),
            checksum_computed: file.checksum.is_none(),
            checksum: Some(checksum),
            ..file.clone()
        })
    }

    /// Replaces the record of a file.
    pub(super) fn set_file(&mut self, tag: &str, version: &str, file: FileRecord) {
        let mut boxes = self.change().boxes.iter_mut();
        let found = boxes.find(|found| found.tag() == tag);
        let version = found.and_then(|found| {
            let mut versions = found.versions.iter_mut();
            versions.find(|found| found.version == version)
        });
        let Some(version) = version else {
            return;
        };
        if let Some(ours) = version
            .providers
            .iter_mut()
            .find(|ours| ours.is_same_place(&file))
        {
            *ours = file;
        }
    }

    /// Writes the description in one step. This blocks.
    ///
    /// # Errors
    /// [`Phase::Tree`].
    pub fn save(&self) -> Result<(), Error> {
        write_json(&self.root.join(MIRROR_JSON), &*self.manifest)
            .map_err(|cause| Error::new(Phase::Tree, cause))
    }

    fn change(&mut self) -> &mut Manifest {
        Arc::make_mut(&mut self.manifest)
    }
}

fn read(file: &File) -> io::Result<Manifest> {
    let text = read_at_most(file, MAX_MANIFEST)?;
    let manifest: Manifest = serde_json::from_slice(&text)?;
    let invalid = |reason| Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    if manifest.format != FORMAT {
        return invalid("does not describe a mirrored tree".to_owned());
    }
    if !(BOXES_ALONE..=WITH_ARTIFACTS).contains(&manifest.format_version) {
        let later = manifest.format_version;
        return invalid(format!(
            "is of format {later}; this program reads {BOXES_ALONE} and {WITH_ARTIFACTS}"
        ));
    }
    let checked = check_names(&manifest.boxes).and_then(|()| artifacts::check(&manifest.artifacts));
    if let Err(reason) = checked {
        return invalid(reason);
    }
    Ok(manifest)
}

/// Writes JSON to a file in one step, and creates the folders above it.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Cause> {
    let failed = |error: io::Error| Cause::file(path, error);
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let folder = temporary::parent(path);
    temporary::remove_abandoned(folder, TEMPORARY);
    // An unchanged file is not rewritten, so that programs that watch the tree notice no change.
    if fs::read(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(failed)?;
    let mut builder = temporary::builder(TEMPORARY);
    // A web server must be able to read the file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = temporary::file(folder, &mut builder).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::model::VersionState;
    use super::super::model::tests::{file, record, version};
    use super::*;

    #[test]
    fn a_tree_is_written_by_one_process_and_may_be_looked_at_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::open(folder.path()).unwrap();
        tree.merge(&record(vec![version("1.0", vec![file("p", "a")])]));
        tree.save().unwrap();
        let refused = Tree::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("another process"), "{refused}");
        assert_eq!(Tree::read(folder.path()).unwrap().boxes(), tree.boxes());
        drop(tree);
        assert_eq!(Tree::open(folder.path()).unwrap().boxes().len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder
            .path()
            .join(format!("{TEMPORARY}0123456789ab{}", temporary::SUFFIX));
        fs::write(&left, "half a catalog").unwrap();
        write_json(&folder.path().join("catalog.json"), &1).unwrap();
        assert!(!left.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_describes_something_else_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(MIRROR_JSON);
        for text in [
            "{",
            r#"{"format": "other", "format_version": 1, "base_url": null, "boxes": []}"#,
            r#"{"format": "atlas-mirror", "format_version": 3, "base_url": null, "boxes": []}"#,
        ] {
            fs::write(&place, text).unwrap();
            assert!(Tree::open(folder.path()).is_err(), "{text}");
            assert_eq!(fs::read_to_string(&place).unwrap(), text);
        }
    }

    #[test]
    fn what_a_source_does_not_have_any_more_stays_and_what_was_copied_is_described_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::open(folder.path()).unwrap();
        let copied = FileRecord {
            file: Some("acme/web/1.0/p/a/vagrant.box".to_owned()),
            size: Some(99),
            ..file("p", "a")
        };
        tree.merge(&record(vec![
            version("1.0", vec![copied.clone()]),
            version("0.9", vec![file("p", "a")]),
        ]));
        let mut revoked = version("1.0", vec![file("p", "a"), file("p", "b")]);
        revoked.state = VersionState::Revoked;
        tree.merge(&record(vec![
            revoked,
            version("1.10", vec![file("p", "a")]),
        ]));
        let versions = &tree.boxes()[0].versions;
        let numbers: Vec<_> = versions.iter().map(|version| &*version.version).collect();
        assert_eq!(numbers, ["1.10", "1.0", "0.9"]);
        assert_eq!(versions[1].state, VersionState::Revoked);
        assert_eq!(versions[1].providers, [copied, file("p", "b")]);
    }
}
