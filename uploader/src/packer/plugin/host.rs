//! Calls Packer while a post-processor works: for the artifact, and for its user interface.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rmpv::Value;
use serde_json::Value as Json;

use super::configuration::{json, texts};
use super::protocol::{CallError, Client};

/// The client of Packer on a stream.
pub(super) struct Host(Client);

impl Host {
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }

    /// Returns the artifact's id: for an AMI, region and image.
    pub(super) async fn id(&self) -> Result<String, CallError> {
        let id = json(&self.0.call("Artifact.Id", Value::Nil).await?);
        Ok(id.as_str().unwrap_or_default().to_owned())
    }

    /// Returns the artifact's files, which are none for an image in a cloud.
    pub(super) async fn files(&self) -> Result<Vec<PathBuf>, CallError> {
        let files = json(&self.0.call("Artifact.Files", Value::Nil).await?);
        let files = files.as_array().into_iter().flatten();
        Ok(files.filter_map(Json::as_str).map(PathBuf::from).collect())
    }

    /// Returns the map of texts that the builder keeps under this key, or an empty map.
    pub(super) async fn state(&self, key: &str) -> Result<BTreeMap<String, String>, CallError> {
        match json(&self.0.call("Artifact.State", key.into()).await?) {
            Json::Object(values) => Ok(texts(values)),
            _ => Ok(BTreeMap::new()),
        }
    }

    /// Prints a line below the post-processor's name.
    pub(super) async fn message(&self, text: &str) -> Result<(), CallError> {
        self.0.call("Ui.Message", text.into()).await.map(drop)
    }

    /// Opens a progress bar of Packer that runs from 0 to `total` bytes.
    pub(super) async fn progress(
        &self,
        what: &str,
        total: u64,
    ) -> Result<ProgressBar<'_>, CallError> {
        let of = Value::Map(vec![
            ("Src".into(), what.into()),
            ("TotalSize".into(), total.into()),
            ("CurrentSize".into(), 0.into()),
        ]);
        let id = json(&self.0.call("Ui.NewTrackProgress", of).await?);
        let id = id.as_str().unwrap_or_default().to_owned();
        Ok(ProgressBar { packer: self, id })
    }
}

pub(super) struct ProgressBar<'a> {
    packer: &'a Host,
    id: String,
}

impl ProgressBar<'_> {
    pub(super) async fn add(&self, mut bytes: u64) -> Result<(), CallError> {
        // Packer allocates a buffer of this size for each call, so large steps are split.
        const MOST: u64 = 1024 * 1024;
        while bytes > 0 {
            let some = bytes.min(MOST);
            self.call("Add", some.into()).await?;
            bytes -= some;
        }
        Ok(())
    }

    pub(super) async fn close(&self) -> Result<(), CallError> {
        self.call("Close", Value::Nil).await
    }

    async fn call(&self, method: &str, argument: Value) -> Result<(), CallError> {
        let method = format!("Ui{}.{method}", self.id);
        self.packer.0.call(&method, argument).await.map(drop)
    }
}
