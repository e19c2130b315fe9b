//! The box of one artifact, with the state of its uploads.

use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

use crate::domain::{
    Allowance, ArtifactName, Orphan, OrphanState, OrphanTarget, Quota, VagrantBox,
};
use crate::storage::upload::awaited;
use crate::storage::{Blob, StorageError, UploadAttempt};

/// The box of an artifact, with the state of its uploads.
#[derive(Clone, Debug)]
pub(super) struct BoxEntry {
    pub(super) vagrant_box: Arc<VagrantBox>,
    /// The files of direct uploads that await their callback.
    pub(super) received: HashMap<Uuid, Blob>,
    /// The last attempt of each upload whose file has not come.
    pub(super) attempts: HashMap<Uuid, Arc<UploadAttempt>>,
}

impl BoxEntry {
    pub(super) fn new(vagrant_box: VagrantBox) -> Self {
        Self {
            vagrant_box: Arc::new(vagrant_box),
            received: HashMap::default(),
            attempts: HashMap::default(),
        }
    }

    /// Returns whether an upload is a direct one whose callback has not come.
    pub(super) fn awaits_callback(&self, upload: Uuid) -> bool {
        let found = self.vagrant_box.upload(upload);
        found.is_ok_and(|(_, state)| state.is_direct && !state.is_complete)
    }

    /// Returns the providers whose current upload has brought no visible file.
    pub(super) fn orphans(&self, name: &ArtifactName) -> impl Iterator<Item = Orphan> {
        let uploads = self.vagrant_box.uploads();
        let open = uploads.filter(|(_, _, upload)| !upload.is_complete);
        open.map(|(number, provider, upload)| {
            let target = OrphanTarget::Provider {
                version: number.clone(),
                provider: provider.name.clone(),
                architecture: provider.architecture.clone(),
            };
            let attempt = self.attempts.get(&upload.id).map(Arc::as_ref);
            let orphan = awaited(name, target, upload.created, attempt);
            match self.received.get(&upload.id) {
                Some(blob) => Orphan {
                    state: OrphanState::Complete,
                    received: blob.len(),
                    ..orphan
                },
                None => orphan,
            }
        })
    }

    /// Records a new attempt of an upload.
    pub(super) fn begin_upload(
        &mut self,
        upload: Uuid,
        announced: Option<u64>,
        quota: Option<Quota>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        let (_, state) = self.vagrant_box.upload(upload)?;
        if state.is_complete {
            return Ok(Arc::new(UploadAttempt::new(announced, None)));
        }
        let allowance = match quota {
            None => None,
            Some(quota) => Some(Allowance {
                quota,
                replaced: self.replaced(upload)?,
            }),
        };
        let attempt = Arc::new(UploadAttempt::new(announced, allowance));
        self.attempts.insert(upload, Arc::clone(&attempt));
        Ok(attempt)
    }

    /// Returns the size of the file that the one of an upload takes the place of; 0 if there is none.
    pub(super) fn replaced(&self, upload: Uuid) -> Result<u64, StorageError> {
        let (place, _) = self.vagrant_box.upload(upload)?;
        let hosted = self.vagrant_box.provider(&place)?.hosted();
        Ok(hosted.map_or(0, |file| file.len))
    }
}
