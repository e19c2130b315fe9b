//! The methods of the catalog that concern boxes.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{ArtifactName, BoxError, Name, ReadAccess};
use crate::storage::durable::webhooks::Telling;
use crate::storage::durable::{DurableCatalog, box_uploads, boxes};
use crate::storage::{BoxDraft, FoundBox, NewBox, StorageError};

/// Methods that concern boxes. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn create_box(
        &self,
        name: &ArtifactName,
        new: NewBox,
    ) -> Result<FoundBox, StorageError> {
        self.check_space(0).await?;
        let (name, now) = (name.clone(), self.clock.now());
        let create = self
            .database
            .write(move |tx| Box::pin(async move { boxes::create(tx, &name, new, now).await }));
        create.await
    }

    pub(crate) async fn find_box(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<FoundBox, StorageError> {
        let name = name.clone();
        let find = self
            .database
            .read(move |tx| Box::pin(async move { boxes::find(tx, &name, access).await }));
        find.await
    }

    pub(crate) async fn boxes(&self) -> Result<Vec<FoundBox>, StorageError> {
        self.database.look_up(|tx| Box::pin(boxes::all(tx))).await
    }

    pub(crate) async fn change_box<T: Send + 'static>(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
        change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<(FoundBox, T), StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let space = self.check_space(0).await;
        let telling = Telling::new(by, now);
        let told = Arc::clone(&telling);
        let change = self.database.write(move |tx| {
            Box::pin(async move { boxes::change(tx, &name, (&telling, now), space, change).await })
        });
        let changed = change.await?;
        self.wake_if_told(&told);
        Ok(changed)
    }

    pub(crate) async fn delete_box(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
    ) -> Result<FoundBox, StorageError> {
        let (name, telling) = (name.clone(), Telling::new(by, self.clock.now()));
        let told = Arc::clone(&telling);
        let delete = self
            .database
            .write(move |tx| Box::pin(async move { boxes::delete(tx, &name, &telling).await }));
        let deleted = delete.await?;
        self.wake_if_told(&told);
        Ok(deleted)
    }

    pub(crate) async fn complete_box_upload(
        &self,
        name: &ArtifactName,
        upload: Uuid,
        by: Option<&Name>,
    ) -> Result<FoundBox, StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let telling = Telling::new(by, now);
        let told = Arc::clone(&telling);
        let complete = self.database.write(move |tx| {
            Box::pin(async move {
                box_uploads::complete_upload(tx, &name, upload, (&telling, now)).await
            })
        });
        let found = complete.await?;
        self.wake_if_told(&told);
        self.attempts.remove(&upload);
        Ok(found)
    }

    pub(crate) async fn count_download(&self, name: &ArtifactName) -> Result<(), StorageError> {
        let name = name.clone();
        let count = self
            .database
            .write(move |tx| Box::pin(async move { boxes::count_download(tx, &name).await }));
        count.await
    }
}
