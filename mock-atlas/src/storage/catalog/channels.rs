//! The operations of a catalog on channels: names that point at a version of an artifact type.

use super::Catalog;
use crate::domain::{ArtifactName, Channel, Name, ReadAccess};
use crate::storage::{ChannelPlace, FoundChannel, StorageError};

impl Catalog {
    /// Returns all channels of an artifact, ordered by type and name.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such artifact exists or may be read.
    pub(crate) async fn channels(
        &self,
        artifact: &ArtifactName,
        access: ReadAccess,
    ) -> Result<Vec<FoundChannel>, StorageError> {
        match self {
            Self::Memory(memory) => memory.channels(artifact, access),
            Self::Durable(durable) => durable.channels(artifact, access).await,
        }
    }

    /// Returns a channel; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such artifact exists or may be read.
    pub(crate) async fn channel(
        &self,
        place: &ChannelPlace,
        access: ReadAccess,
    ) -> Result<Option<Channel>, StorageError> {
        match self {
            Self::Memory(memory) => memory.channel(place, access),
            Self::Durable(durable) => durable.channel(place, access).await,
        }
    }

    /// Points a channel at a version that searches find, and returns the channel. It comes to exist if there is none.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such artifact exists, and
    /// [`ChannelError`](crate::domain::ChannelError).
    pub(crate) async fn set_channel(
        &self,
        place: &ChannelPlace,
        version: u64,
        username: &Name,
    ) -> Result<Channel, StorageError> {
        match self {
            Self::Memory(memory) => memory.set_channel(place, version, username),
            Self::Durable(durable) => durable.set_channel(place, version, username).await,
        }
    }

    /// Points a channel at the version before, and returns the channel.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such channel, and
    /// [`ChannelError::NothingEarlier`](crate::domain::ChannelError::NothingEarlier).
    pub(crate) async fn roll_back_channel(
        &self,
        place: &ChannelPlace,
        username: &Name,
    ) -> Result<Channel, StorageError> {
        match self {
            Self::Memory(memory) => memory.roll_back_channel(place, username),
            Self::Durable(durable) => durable.roll_back_channel(place, username).await,
        }
    }

    /// Removes a channel with its history.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is none.
    pub(crate) async fn remove_channel(&self, place: &ChannelPlace) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.remove_channel(place),
            Self::Durable(durable) => durable.remove_channel(place).await,
        }
    }
}
