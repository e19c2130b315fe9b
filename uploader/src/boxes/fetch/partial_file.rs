//! A `PartialFile` is the temporary file of a download, and what is known of the whole file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};
use serde::{Deserialize, Serialize};

use crate::base::error::Cause;
use crate::base::reporter::Silent;
use crate::boxes::checksum::Checksum;
use crate::boxes::tree::BOX_FILE;
use crate::push::pack::{self, Options};

/// A part is what is there of a file that is not whole yet, and what is known of the whole.
pub(super) struct PartialFile {
    pub(super) path: PathBuf,
    /// How many bytes have come.
    pub(super) length: u64,
    /// A strong `ETag`.
    pub(super) tag: Option<String>,
    /// The size of the whole, if a server has said it.
    pub(super) total: Option<u64>,
    checksum: Option<Checksum>,
}

/// The state that is saved beside a [`PartialFile`], for a later run.
#[derive(Default, Serialize, Deserialize)]
struct SavedState {
    tag: Option<String>,
    total: Option<u64>,
    #[serde(flatten)]
    checksum: Option<Checksum>,
}

impl PartialFile {
    /// Describes a file of which nothing is there yet.
    pub(super) fn at(place: &Path, checksum: Option<&Checksum>) -> Self {
        Self {
            path: place.with_file_name(format!(".{BOX_FILE}.part")),
            length: 0,
            tag: None,
            total: None,
            checksum: checksum.cloned(),
        }
    }

    /// Opens what an earlier run left, if it is of the same file.
    pub(super) async fn open(place: &Path, checksum: Option<&Checksum>) -> Result<Self, Cause> {
        let mut part = Self::at(place, checksum);
        let metadata = tokio::fs::metadata(&part.path).await;
        part.length = metadata.map_or(0, |metadata| metadata.len());
        let note = tokio::fs::read(part.note_path()).await.ok();
        let note: Option<SavedState> = note.and_then(|text| serde_json::from_slice(&text).ok());
        match note {
            Some(note) if note.checksum == part.checksum => {
                part.tag = note.tag;
                part.total = note.total;
            }
            _ => part.clear().await?,
        }
        Ok(part)
    }

    fn note_path(&self) -> PathBuf {
        self.path.with_extension("part.json")
    }

    /// Whether more can be put behind what is there, and be found out if it is of another file.
    pub(super) fn can_resume(&self) -> bool {
        self.tag.is_some() || self.checksum.is_some()
    }

    /// Whether all bytes have come; a run may have ended before it looked at them.
    pub(super) fn is_complete(&self) -> bool {
        self.length > 0 && self.total == Some(self.length)
    }

    /// The headers that ask for the rest.
    pub(super) fn conditions(&self) -> Result<HeaderMap, Cause> {
        let mut headers = HeaderMap::new();
        if self.length == 0 {
            return Ok(headers);
        }
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|error| Cause::Internal(error.to_string()))
        };
        headers.insert(RANGE, value(&format!("bytes={}-", self.length))?);
        if let Some(tag) = &self.tag {
            headers.insert(IF_RANGE, value(tag)?);
        }
        Ok(headers)
    }

    pub(super) async fn clear(&mut self) -> Result<(), Cause> {
        for path in [&self.path, &self.note_path()] {
            match tokio::fs::remove_file(path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Cause::file(path, error));
                }
                _ => {}
            }
        }
        self.length = 0;
        self.tag = None;
        self.total = None;
        Ok(())
    }

    /// Keeps what a later run must know. One that is written by half only is as good as none.
    pub(super) async fn note(&self) -> Result<(), Cause> {
        let note = SavedState {
            tag: self.tag.clone(),
            total: self.total,
            checksum: self.checksum.clone(),
        };
        let path = self.note_path();
        let failed = |error: io::Error| Cause::file(&path, error);
        let text = serde_json::to_vec(&note).map_err(|error| failed(error.into()))?;
        tokio::fs::write(&path, text).await.map_err(failed)
    }

    pub(super) async fn append(&self) -> Result<tokio::fs::File, Cause> {
        let mut options = tokio::fs::OpenOptions::new();
        let file = options.create(true).append(true).open(&self.path).await;
        file.map_err(|error| Cause::file(&self.path, error))
    }

    pub(super) async fn copy(&mut self, from: &Path) -> Result<(), Cause> {
        let metadata = tokio::fs::metadata(from).await;
        let is_file = metadata.map(|metadata| metadata.is_file());
        // The end of a pipe, or of a device, may never come.
        if !is_file.map_err(|error| Cause::file(from, error))? {
            let error = io::Error::other("is no plain file");
            return Err(Cause::file(from, error));
        }
        let copied = tokio::fs::copy(from, &self.path).await;
        self.length = copied.map_err(|error| Cause::file(from, error))?;
        Ok(())
    }

    /// Packs an installed box as it was before: a gzip-compressed tar of its files.
    pub(super) async fn pack(&mut self, folder: PathBuf) -> Result<(), Cause> {
        let path = self.path.clone();
        let packed = tokio::task::spawn_blocking(move || pack_into(&path, folder)).await;
        self.length = packed.unwrap_or_else(|error| Err(Cause::Internal(error.to_string())))?;
        Ok(())
    }

    /// Gives the file its name, once the disk has it.
    pub(super) async fn commit(&self, place: &Path) -> Result<(), Cause> {
        let failed = |error| Cause::file(place, error);
        let file = tokio::fs::File::open(&self.path).await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        tokio::fs::rename(&self.path, place).await.map_err(failed)?;
        // Nothing depends on it any more.
        let _ = tokio::fs::remove_file(self.note_path()).await;
        Ok(())
    }
}

fn pack_into(path: &Path, folder: PathBuf) -> Result<u64, Cause> {
    let options = Options {
        // Vagrant's own note of when it looked for updates.
        exclude: vec!["box_update_check".to_owned()],
        digest: false,
        reproducible: true,
        ..Options::default()
    };
    let payload = pack::pack(&[folder], &options, &Silent)?;
    let payload = payload.ok_or_else(|| Cause::Internal("nothing was packed".to_owned()))?;
    let failed = |error| Cause::file(path, error);
    let mut file = fs::File::create(path).map_err(failed)?;
    let mut write = |chunk: bytes::Bytes| io::Write::write_all(&mut file, &chunk);
    payload.for_each_chunk(&mut write).map_err(failed)?;
    Ok(payload.len())
}
