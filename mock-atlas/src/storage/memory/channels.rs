//! Channels of artifact types in memory.

use super::{MemoryCatalog, Versions};
use crate::domain::{
    ArtifactName, BOX_TYPE, Channel, ChannelError, MOST_CHANNELS, Name, ReadAccess, Version,
};
use crate::storage::{ChannelPlace, FoundChannel, StorageError};

/// Methods that concern channels. [`Catalog`](crate::storage::Catalog) documents them.
impl MemoryCatalog {
    pub(crate) fn channels(
        &self,
        artifact: &ArtifactName,
        access: ReadAccess,
    ) -> Result<Vec<FoundChannel>, StorageError> {
        let found = |versions: &Versions| {
            let channels = versions.channels.iter();
            let found = channels.map(|(name, channel)| FoundChannel {
                artifact_type: versions.artifact_type().clone(),
                name: name.clone(),
                channel: channel.clone(),
            });
            found.collect::<Vec<_>>()
        };
        let mut all = self.maps().read(artifact, access, |artifact| {
            artifact.types.values().flat_map(found).collect::<Vec<_>>()
        })?;
        all.sort_by(|a, b| (&a.artifact_type, &a.name).cmp(&(&b.artifact_type, &b.name)));
        Ok(all)
    }

    pub(crate) fn channel(
        &self,
        place: &ChannelPlace,
        access: ReadAccess,
    ) -> Result<Option<Channel>, StorageError> {
        self.maps().read(&place.artifact, access, |artifact| {
            let versions = artifact.types.get(&place.artifact_type)?;
            versions.channels.get(&place.name).cloned()
        })
    }

    pub(crate) fn set_channel(
        &self,
        place: &ChannelPlace,
        version: u64,
        username: &Name,
    ) -> Result<Channel, StorageError> {
        let (maps, now) = (self.maps(), self.clock.now());
        let artifact = maps.artifacts.get_mut(&place.artifact);
        let mut artifact = artifact.ok_or(StorageError::NotFound)?;
        if place.artifact_type.as_str() == BOX_TYPE {
            return Err(ChannelError::OfBox.into());
        }
        let missing = || ChannelError::NoVersion(version);
        let versions = artifact.types.get_mut(&place.artifact_type);
        let versions = versions.ok_or_else(missing)?;
        if !versions.has_visible(version) {
            return Err(missing().into());
        }
        if let Some(channel) = versions.channels.get_mut(&place.name) {
            channel.set(version, username.clone(), now);
            return Ok(channel.clone());
        }
        if versions.channels.len() >= MOST_CHANNELS {
            return Err(ChannelError::TooMany.into());
        }
        let channel = Channel::new(version, username.clone(), now);
        let name = place.name.clone();
        versions.channels.insert(name, channel.clone());
        Ok(channel)
    }

    pub(crate) fn roll_back_channel(
        &self,
        place: &ChannelPlace,
        username: &Name,
    ) -> Result<Channel, StorageError> {
        let (maps, now) = (self.maps(), self.clock.now());
        let artifact = maps.artifacts.get_mut(&place.artifact);
        let mut artifact = artifact.ok_or(StorageError::NotFound)?;
        let versions = artifact.types.get_mut(&place.artifact_type);
        let versions = versions.ok_or(StorageError::NotFound)?;
        let found = versions.channels.get(&place.name).cloned();
        let mut channel = found.ok_or(StorageError::NotFound)?;
        channel.roll_back(
            |version| versions.has_visible(version),
            username.clone(),
            now,
        )?;
        let name = place.name.clone();
        versions.channels.insert(name, channel.clone());
        Ok(channel)
    }

    pub(crate) fn remove_channel(&self, place: &ChannelPlace) -> Result<(), StorageError> {
        let maps = self.maps();
        let artifact = maps.artifacts.get_mut(&place.artifact);
        let mut artifact = artifact.ok_or(StorageError::NotFound)?;
        let versions = artifact.types.get_mut(&place.artifact_type);
        let removed = versions.and_then(|versions| versions.channels.remove(&place.name));
        removed.map(|_| ()).ok_or(StorageError::NotFound)
    }
}

impl Versions {
    /// Returns whether a search may find a version of this number.
    fn has_visible(&self, number: u64) -> bool {
        self.get(number).is_some_and(Version::is_visible)
    }

    /// Checks that no channel points at a version that is to be deleted.
    ///
    /// # Errors
    /// [`ChannelError::InUse`].
    pub(super) fn check_unused(&self, number: u64) -> Result<(), ChannelError> {
        let channels = self.channels.iter();
        let pointing = channels.filter(|(_, channel)| channel.version() == number);
        let names: Vec<&str> = pointing.map(|(name, _)| name.as_str()).collect();
        match names.is_empty() {
            true => Ok(()),
            false => Err(ChannelError::InUse(names.join(", "))),
        }
    }
}
