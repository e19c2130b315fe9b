//! What Packer offers to a post-processor while it works: the artifact, and its user interface.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rmpv::Value;
use serde_json::Value as Json;

use super::configuration::{json, texts};
use super::protocol::{CallError, Client};

/// Packer on the other side of a stream.
pub(super) struct Host(Client);

impl Host {
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }

    /// What the artifact is called, an AMI by its region, say.
    pub(super) async fn id(&self) -> Result<String, CallError> {
        let id = json(&self.0.call("Artifact.Id", Value::Nil).await?);
        Ok(id.as_str().unwrap_or_default().to_owned())
    }

    /// The artifact's files; none for an image that is elsewhere.
    pub(super) async fn files(&self) -> Result<Vec<PathBuf>, CallError> {
        let files = json(&self.0.call("Artifact.Files", Value::Nil).await?);
        let files = files.as_array().into_iter().flatten();
        Ok(files.filter_map(Json::as_str).map(PathBuf::from).collect())
    }

    /// A map of texts that the builder keeps under this key; none if it does not.
    pub(super) async fn state(&self, key: &str) -> Result<BTreeMap<String, String>, CallError> {
        match json(&self.0.call("Artifact.State", key.into()).await?) {
            Json::Object(values) => Ok(texts(values)),
            _ => Ok(BTreeMap::new()),
        }
    }

    /// A line below the post-processor's name.
    pub(super) async fn message(&self, text: &str) -> Result<(), CallError> {
        self.0.call("Ui.Message", text.into()).await.map(drop)
    }

    /// Packer's own progress bar, from nothing to so many bytes.
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
        // Packer sets memory aside for as many as it is told at once.
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
