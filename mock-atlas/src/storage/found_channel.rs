//! Channels as the catalog returns them, and the places where they are.

use crate::domain::{ArtifactName, Channel, ChannelName, Name};

/// The place of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelPlace {
    pub(crate) artifact: ArtifactName,
    pub(crate) artifact_type: Name,
    pub(crate) name: ChannelName,
}

/// A channel of an artifact, with its place there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundChannel {
    pub(crate) artifact_type: Name,
    pub(crate) name: ChannelName,
    pub(crate) channel: Channel,
}
