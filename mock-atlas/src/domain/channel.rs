//! Channels: names such as `production` that point at a version of an artifact type, with their history.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Name;

/// The largest number of channels of one type.
pub(crate) const MOST_CHANNELS: usize = 100;

/// The number of changes that a channel's history keeps.
const MOST_CHANGES: usize = 100;

/// The largest length of a name in bytes.
const LONGEST: usize = 64;

/// Words that the API gives a meaning in the place of a version, now or in the future.
const RESERVED: [&str; 6] = ["all", "any", "file", "latest", "newest", "search"];

/// The name of a channel. No number is one, and no word that the API gives a meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ChannelName(Box<str>);

/// The reason for which a text is no name of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChannelNameError {
    #[error(
        "must be the name of a channel: a small letter and then at most 63 small letters, digits, dashes and underscores"
    )]
    Malformed,
    #[error("must be another name: the API gives this word a meaning of its own")]
    Reserved,
}

impl ChannelName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelName {
    type Err = ChannelNameError;

    fn from_str(text: &str) -> Result<Self, ChannelNameError> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        };
        let is_name = text.len() <= LONGEST
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(allowed);
        match is_name {
            false => Err(ChannelNameError::Malformed),
            true if RESERVED.contains(&text) => Err(ChannelNameError::Reserved),
            true => Ok(Self(text.into())),
        }
    }
}

impl TryFrom<String> for ChannelName {
    type Error = ChannelNameError;

    fn try_from(text: String) -> Result<Self, ChannelNameError> {
        text.parse()
    }
}

impl From<ChannelName> for String {
    fn from(name: ChannelName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A channel: the version that it points at, and its last changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channel {
    /// The last changes, the oldest first; never none.
    changes: Vec<ChannelChange>,
}

/// A change of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelChange {
    /// The number of the change, from 1 on.
    pub(crate) number: u64,
    /// The version that the channel points at since.
    pub(crate) version: u64,
    /// The number of the change that a rollback went back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) back_to: Option<u64>,
    /// The user who made the change.
    pub(crate) username: Name,
    pub(crate) time: SystemTime,
}

/// The reason for which a channel cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChannelError {
    /// The version does not exist, or its file has not come.
    #[error(
        "there is no version {0} of this type to point at: it does not exist, or its file has not come"
    )]
    NoVersion(u64),
    /// The type is that of Vagrant boxes.
    #[error(
        "a vagrant.box has no channels: its versions are released and revoked through the API of boxes"
    )]
    OfBox,
    /// The type has as many channels as it may have.
    #[error("a type has at most {MOST_CHANNELS} channels: remove one")]
    TooMany,
    /// No earlier version is left to go back to.
    #[error("there is no earlier version that the channel pointed at and that still exists")]
    NothingEarlier,
    /// Channels point at a version that is to be deleted.
    #[error(
        "the version is in use: it stays as long as a channel points at it, here {0}. Set the channel to another \
         version, or remove it"
    )]
    InUse(String),
}

impl Channel {
    /// Creates a channel that points at a version.
    pub(crate) fn new(version: u64, username: Name, time: SystemTime) -> Self {
        Self {
            changes: vec![ChannelChange {
                number: 1,
                version,
                back_to: None,
                username,
                time,
            }],
        }
    }

    /// Returns the version that the channel points at; 0, which no version has, of a damaged one.
    pub(crate) fn version(&self) -> u64 {
        self.changes.last().map_or(0, |change| change.version)
    }

    /// Returns the last changes, the oldest first.
    pub(crate) fn changes(&self) -> &[ChannelChange] {
        &self.changes
    }

    /// Points the channel at a version. Nothing changes if it points there already.
    pub(crate) fn set(&mut self, version: u64, username: Name, time: SystemTime) {
        if self.version() != version {
            self.push(version, None, username, time);
        }
    }

    /// Returns the change that a rollback goes back to: the last one before the change that the channel is at whose
    /// version is another one and still exists. A rollback after a rollback goes back further.
    ///
    /// # Errors
    /// [`ChannelError::NothingEarlier`].
    pub(crate) fn earlier(
        &self,
        exists: impl Fn(u64) -> bool,
    ) -> Result<&ChannelChange, ChannelError> {
        let current = self.changes.last().ok_or(ChannelError::NothingEarlier)?;
        let at = current.back_to.unwrap_or(current.number);
        let earlier = self.changes.iter().rev().filter(|one| one.number < at);
        let mut possible = earlier.filter(|one| one.version != current.version);
        let found = possible.find(|one| exists(one.version));
        found.ok_or(ChannelError::NothingEarlier)
    }

    /// Points the channel at the version of an earlier change.
    ///
    /// # Errors
    /// [`ChannelError::NothingEarlier`].
    pub(crate) fn roll_back(
        &mut self,
        exists: impl Fn(u64) -> bool,
        username: Name,
        time: SystemTime,
    ) -> Result<(), ChannelError> {
        let earlier = self.earlier(exists)?;
        let (version, back_to) = (earlier.version, earlier.back_to.unwrap_or(earlier.number));
        self.push(version, Some(back_to), username, time);
        Ok(())
    }

    fn push(&mut self, version: u64, back_to: Option<u64>, username: Name, time: SystemTime) {
        let number = self.changes.last().map_or(0, |change| change.number) + 1;
        self.changes.push(ChannelChange {
            number,
            version,
            back_to,
            username,
            time,
        });
        let surplus = self.changes.len().saturating_sub(MOST_CHANGES);
        self.changes.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(versions: &[u64]) -> Channel {
        let mut channel = Channel::new(versions[0], amy(), SystemTime::UNIX_EPOCH);
        for version in &versions[1..] {
            channel.set(*version, amy(), SystemTime::UNIX_EPOCH);
        }
        channel
    }

    fn amy() -> Name {
        Name::constant("amy")
    }

    fn back(channel: &mut Channel, exists: impl Fn(u64) -> bool) -> Result<u64, ChannelError> {
        channel.roll_back(exists, amy(), SystemTime::UNIX_EPOCH)?;
        Ok(channel.version())
    }

    #[test]
    fn names_are_words_that_mean_nothing_else() {
        let longest = "a".repeat(64);
        for name in ["production", "v7", "a", "eu-west_1", &longest] {
            assert_eq!(name.parse::<ChannelName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(65);
        for name in ["", "7", "-a", "_a", "A", "aB", "a.b", "a/b", "ä", &long] {
            let error = name.parse::<ChannelName>();
            assert_eq!(error, Err(ChannelNameError::Malformed), "{name}");
        }
        for name in RESERVED {
            assert_eq!(name.parse::<ChannelName>(), Err(ChannelNameError::Reserved));
        }
    }

    #[test]
    fn the_same_version_again_changes_nothing() {
        let again = channel(&[3, 3, 5, 5, 3]);
        let versions: Vec<u64> = again.changes().iter().map(|one| one.version).collect();
        assert_eq!(versions, [3, 5, 3]);
    }

    #[test]
    fn a_rollback_after_a_rollback_goes_back_further() {
        let mut channel = channel(&[1, 2, 3]);
        assert_eq!(back(&mut channel, |_| true), Ok(2));
        assert_eq!(back(&mut channel, |_| true), Ok(1));
        let nothing = Err(ChannelError::NothingEarlier);
        assert_eq!(back(&mut channel, |_| true), nothing);
        // A new version begins anew: what was there before it is earlier.
        channel.set(4, amy(), SystemTime::UNIX_EPOCH);
        assert_eq!(back(&mut channel, |_| true), Ok(1));
        assert_eq!(channel.changes().len(), 7);
    }

    #[test]
    fn a_rollback_passes_over_versions_that_are_gone() {
        let mut channel = channel(&[1, 2, 1, 3]);
        assert_eq!(back(&mut channel, |version| version != 1), Ok(2));
        assert!(back(&mut channel, |version| version != 1).is_err());
    }

    #[test]
    fn the_history_has_the_last_hundred_changes() {
        let channel = channel(&(1..=150).collect::<Vec<_>>());
        let changes = channel.changes();
        assert_eq!((changes.len(), changes[0].number), (100, 51));
        assert_eq!(channel.version(), 150);
    }
}
