//! The replies about channels.

use serde::Serialize;

use crate::domain::{ArtifactName, Channel, ChannelChange, ChannelName, Name, exact_timestamp};
use crate::storage::{ChannelPlace, FoundChannel};

/// The reply `{"artifact": "U/N", "channels": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct ChannelsReply {
    artifact: String,
    channels: Vec<ChannelElement>,
}

impl ChannelsReply {
    pub(crate) fn new(artifact: &ArtifactName, found: &[FoundChannel]) -> Self {
        Self {
            artifact: artifact.to_string(),
            channels: found.iter().map(ChannelElement::new).collect(),
        }
    }
}

/// A channel in a list.
#[derive(Serialize)]
struct ChannelElement {
    r#type: Name,
    channel: ChannelName,
    version: u64,
    changed_at: Option<String>,
}

impl ChannelElement {
    fn new(found: &FoundChannel) -> Self {
        let last = found.channel.changes().last();
        Self {
            r#type: found.artifact_type.clone(),
            channel: found.name.clone(),
            version: found.channel.version(),
            changed_at: last.map(|change| exact_timestamp(change.time)),
        }
    }
}

/// A channel with its history.
#[derive(Serialize)]
pub(crate) struct ChannelReply {
    artifact: String,
    r#type: Name,
    channel: ChannelName,
    version: u64,
    /// The last changes, the oldest first.
    changes: Vec<ChangeElement>,
}

#[derive(Serialize)]
struct ChangeElement {
    number: u64,
    time: String,
    username: Name,
    version: u64,
    /// The number of the change that a rollback went back to.
    back_to: Option<u64>,
}

impl ChannelReply {
    pub(crate) fn new(place: &ChannelPlace, channel: &Channel) -> Self {
        let change = |change: &ChannelChange| ChangeElement {
            number: change.number,
            time: exact_timestamp(change.time),
            username: change.username.clone(),
            version: change.version,
            back_to: change.back_to,
        };
        Self {
            artifact: place.artifact.to_string(),
            r#type: place.artifact_type.clone(),
            channel: place.name.clone(),
            version: channel.version(),
            changes: channel.changes().iter().map(change).collect(),
        }
    }
}
