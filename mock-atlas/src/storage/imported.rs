//! Versions and boxes that existed elsewhere before, and are imported as they were: with their numbers, times and
//! states. What exists already is compared, and never changed.

use std::time::SystemTime;

use uuid::Uuid;

use super::{Blob, SeededBox, StorageError};
use crate::domain::{
    ArtifactName, BOX_TYPE, BoxError, FileState, HIGHEST, HostedFile, Name, NewVersion,
    ProviderPlace, VagrantBox, Version, Visibility,
};

/// A version of an artifact that existed elsewhere before.
#[derive(Clone, Debug)]
pub(crate) struct ImportedVersion {
    pub(crate) artifact: ArtifactName,
    /// The visibility of the artifact.
    pub(crate) visibility: Visibility,
    pub(crate) artifact_type: Name,
    pub(crate) number: u64,
    /// The last number that the type gave elsewhere, after which the numbers go on.
    pub(crate) last_number: u64,
    /// The description, whose metadata includes what Atlas derives.
    pub(crate) new: NewVersion,
    /// The time of creation; `None` means now.
    pub(crate) created: Option<SystemTime>,
    /// The digest of the file, as a [`Digest`](crate::domain::Digest) is written; `None` without a file.
    pub(crate) digest: Option<String>,
    /// Whether the box of this name is imported by itself; otherwise a version of the type `vagrant.box` adds one, as
    /// if it was pushed.
    pub(crate) has_own_box: bool,
}

/// A box that existed elsewhere before, with at most one of its versions.
#[derive(Clone, Debug)]
pub(crate) struct ImportedBox {
    /// The box, whose providers have no bytes.
    pub(crate) seeded: SeededBox,
    /// The files of the version's providers.
    pub(crate) files: Vec<ImportedFile>,
}

/// The file of a provider.
#[derive(Clone, Debug)]
pub(crate) struct ImportedFile {
    pub(crate) place: ProviderPlace,
    pub(crate) len: u64,
    /// The SHA-256, as hexadecimal digits.
    pub(crate) sha256: String,
    /// The time of the provider's last change; `None` means now.
    pub(crate) updated: Option<SystemTime>,
    pub(crate) bytes: ImportedBytes,
}

/// The bytes of a provider's file.
#[derive(Clone, Debug)]
pub(crate) enum ImportedBytes {
    /// The bytes are not there: the box is only compared.
    Unsent,
    Sent(Blob),
    /// The bytes are those of the version of the type `vagrant.box` with this number.
    OfVersion(u64),
}

/// The result of a comparison with what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Present,
    Missing,
    /// Something else has this name or number, and differs in this.
    Different(&'static str),
}

impl ImportedVersion {
    /// Checks whether there can be such a version.
    ///
    /// # Errors
    /// [`StorageError::NoNumber`] and [`StorageError::PushedBox`].
    pub(super) fn check(&self) -> Result<(), StorageError> {
        if self.number == 0 || self.number.max(self.last_number) > HIGHEST {
            return Err(StorageError::NoNumber);
        }
        Ok(self.new.check(&self.artifact_type)?)
    }

    /// Returns whether the version adds a box, as if it was pushed.
    pub(super) fn is_pushed_box(&self) -> bool {
        self.artifact_type.as_str() == BOX_TYPE && !self.has_own_box && self.new.file
    }

    /// Compares the version with the one of its number, which has a file of this digest, and its artifact's
    /// visibility with that of the artifact.
    pub(super) fn presence(
        &self,
        visibility: Visibility,
        known: Option<(&Version, Option<String>)>,
    ) -> Presence {
        if visibility != self.visibility {
            return Presence::Different("the visibility of the artifact");
        }
        let Some((known, digest)) = known else {
            return Presence::Missing;
        };
        if known.id != self.new.id {
            return Presence::Different("the id");
        }
        if known.metadata != self.new.metadata {
            return Presence::Different("the metadata");
        }
        if known.build != self.new.build {
            return Presence::Different("the build");
        }
        match known.file == self.file_state() && digest == self.digest {
            true => Presence::Present,
            false => Presence::Different("the file"),
        }
    }

    fn file_state(&self) -> FileState {
        match self.new.file {
            true => FileState::Stored,
            false => FileState::None,
        }
    }

    /// Returns the version as it is stored.
    pub(super) fn version(&self, now: SystemTime) -> Version {
        Version {
            number: self.number,
            id: self.new.id.clone(),
            metadata: self.new.metadata.clone(),
            build: self.new.build,
            file: self.file_state(),
            upload: Uuid::new_v4(),
            created: self.created.unwrap_or(now),
        }
    }
}

impl ImportedBox {
    pub(super) fn name(&self) -> &ArtifactName {
        &self.seeded.name
    }

    pub(super) fn visibility(&self) -> Visibility {
        self.seeded.new.visibility.unwrap_or_default()
    }

    /// Returns the size of the files whose bytes are to be sent.
    pub(crate) fn unsent_bytes(&self) -> u64 {
        let files = self.files.iter();
        let unsent = files.filter(|file| matches!(file.bytes, ImportedBytes::Unsent));
        unsent.map(|file| file.len).fold(0, u64::saturating_add)
    }

    /// Returns the size of the files whose bytes were sent.
    pub(super) fn sent_bytes(&self) -> u64 {
        let files = self.files.iter();
        let sent = files.filter(|file| matches!(file.bytes, ImportedBytes::Sent(_)));
        sent.map(|file| file.len).sum()
    }

    /// Returns whether the bytes of all files were sent.
    pub(super) fn has_all_bytes(&self) -> bool {
        let is_sent = |file: &ImportedFile| matches!(file.bytes, ImportedBytes::Sent(_));
        self.files.iter().all(is_sent)
    }

    /// Creates the box without its files.
    ///
    /// # Errors
    /// The errors of a box that contradicts itself.
    pub(super) fn draft(&self, now: SystemTime) -> Result<VagrantBox, BoxError> {
        self.seeded.draft(now)
    }

    /// Compares the box with one that is there, without what only this Atlas knows: the numbers of files, uploads,
    /// and downloads.
    ///
    /// # Errors
    /// The errors of a box that contradicts itself.
    pub(super) fn presence(
        &self,
        visibility: Visibility,
        known: Option<&VagrantBox>,
        now: SystemTime,
    ) -> Result<Presence, StorageError> {
        if visibility != self.visibility() {
            return Ok(Presence::Different("the visibility of the box"));
        }
        let Some(known) = known else {
            return Ok(Presence::Missing);
        };
        let mut draft = self.draft(now)?;
        for file in &self.files {
            draft.host(&file.place, file.hosted(0), now)?;
        }
        if (&known.short_description, &known.description)
            != (&draft.short_description, &draft.description)
        {
            return Ok(Presence::Different("the description of the box"));
        }
        let Some((number, version)) = draft.versions().next() else {
            return Ok(Presence::Present);
        };
        Ok(match known.version(number) {
            Err(_) => Presence::Missing,
            Ok(known) => match known.difference(version) {
                Some(part) => Presence::Different(part),
                None => Presence::Present,
            },
        })
    }

    /// Adds the version of the draft, whose files are stored, to a box that lacks it.
    pub(super) fn add_version(draft: &mut VagrantBox, to: &mut VagrantBox) {
        let number = draft.versions().next().map(|(number, _)| number.clone());
        if let Some(number) = number
            && let Ok(version) = draft.delete_version(&number)
        {
            to.insert_version(number, version);
        }
    }
}

impl ImportedFile {
    /// Returns the file as the version with this number.
    pub(super) fn hosted(&self, number: u64) -> HostedFile {
        HostedFile {
            number,
            len: self.len,
            sha256: self.sha256.clone(),
        }
    }
}
