//! The partial file of a download, with its saved state.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};
use serde::{Deserialize, Serialize};

use crate::base::error::Cause;
use crate::base::reporter::Silent;
use crate::push::pack::{self, Options};

/// The `PartialFile` of a download, with what is known of the complete file.
pub(super) struct PartialFile {
    pub(super) path: PathBuf,
    /// The number of bytes received.
    pub(super) length: u64,
    /// The strong `ETag`.
    pub(super) tag: Option<String>,
    /// The size of the complete file, if a server has told it.
    pub(super) total: Option<u64>,
    /// The digest that the complete file must have.
    digest: Option<String>,
}

/// The state that is saved beside a [`PartialFile`], for a later run.
#[derive(Default, Serialize, Deserialize)]
struct SavedState {
    tag: Option<String>,
    total: Option<u64>,
    digest: Option<String>,
}

impl PartialFile {
    /// Describes an empty partial file.
    pub(super) fn at(place: &Path, digest: Option<String>) -> Self {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        Self {
            path: place.with_file_name(format!(".{name}.part")),
            length: 0,
            tag: None,
            total: None,
            digest,
        }
    }

    /// Opens the partial file of an earlier run; clears it when its saved state is missing or has another
    /// digest.
    pub(super) async fn open(place: &Path, digest: Option<String>) -> Result<Self, Cause> {
        let mut part = Self::at(place, digest);
        let metadata = tokio::fs::metadata(&part.path).await;
        part.length = metadata.map_or(0, |metadata| metadata.len());
        let state = tokio::fs::read(part.state_path()).await.ok();
        let state: Option<SavedState> = state.and_then(|text| serde_json::from_slice(&text).ok());
        match state {
            Some(state) if state.digest == part.digest => {
                part.tag = state.tag;
                part.total = state.total;
            }
            _ => part.clear().await?,
        }
        Ok(part)
    }

    fn state_path(&self) -> PathBuf {
        self.path.with_extension("part.json")
    }

    /// Returns whether the download can be resumed: a tag or a digest must detect that the file has changed.
    pub(super) fn can_resume(&self) -> bool {
        self.tag.is_some() || self.digest.is_some()
    }

    /// Returns whether all bytes have arrived; an earlier run may have ended before it verified them.
    pub(super) fn is_complete(&self) -> bool {
        self.length > 0 && self.total == Some(self.length)
    }

    /// Returns the headers that request the rest.
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
        for path in [&self.path, &self.state_path()] {
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

    /// Saves the state for a later run. A half-written state is unreadable, and so counts as missing.
    pub(super) async fn save_state(&self) -> Result<(), Cause> {
        let state = SavedState {
            tag: self.tag.clone(),
            total: self.total,
            digest: self.digest.clone(),
        };
        let path = self.state_path();
        let failed = |error: io::Error| Cause::file(&path, error);
        let text = serde_json::to_vec(&state).map_err(|error| failed(error.into()))?;
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
        // Reading a pipe or a device may never end.
        if !is_file.map_err(|error| Cause::file(from, error))? {
            let error = io::Error::other("is not a regular file");
            return Err(Cause::file(from, error));
        }
        let copied = tokio::fs::copy(from, &self.path).await;
        self.length = copied.map_err(|error| Cause::file(from, error))?;
        Ok(())
    }

    /// Packs an installed box into its original form, a gzip-compressed tar.
    pub(super) async fn pack(&mut self, folder: PathBuf) -> Result<(), Cause> {
        let path = self.path.clone();
        let packed = tokio::task::spawn_blocking(move || pack_into(&path, folder)).await;
        self.length = packed.unwrap_or_else(|error| Err(Cause::Internal(error.to_string())))?;
        Ok(())
    }

    /// Renames the file into place after syncing it to disk.
    pub(super) async fn commit(&self, place: &Path) -> Result<(), Cause> {
        let failed = |error| Cause::file(place, error);
        let file = tokio::fs::File::open(&self.path).await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        tokio::fs::rename(&self.path, place).await.map_err(failed)?;
        // The saved state is not needed any more.
        let _ = tokio::fs::remove_file(self.state_path()).await;
        Ok(())
    }
}

fn pack_into(path: &Path, folder: PathBuf) -> Result<u64, Cause> {
    let options = Options {
        // Vagrant keeps the time of its last check for updates in this file.
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
