//! Moves what is kept to another place, without a server.

use super::data::Home;
use super::{Builder, StartError};
use crate::storage::{CheckProgress, Moved};

impl Builder {
    /// Copies everything that this builder's place for data has to that of another builder: users and all tokens, that
    /// of root too, artifacts, boxes and the bytes of all files, each of which is read again and compared. No server may
    /// use either of the places. The other one must be new, and is still new if this fails; nothing of this one is
    /// changed. `on_progress` is told after each file how far the move is.
    ///
    /// # Errors
    /// When a builder has no place for data, a place cannot be used or is in use, and when what was copied is not the
    /// same.
    pub async fn move_to(
        mut self,
        mut target: Self,
        on_progress: impl Fn(CheckProgress),
    ) -> Result<Moved, StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::Data(error.to_string());
        let from = Home::required(&mut self)?.of_tool();
        let to = Home::required(&mut target)?.of_tool();
        let source = match from {
            // Opening a folder that has no database would make one.
            Home::Folder { .. } => from.open_beside(self.clock.clone()).await.map(drop),
            Home::Shared { .. } => Ok(()),
        };
        source.map_err(|error| failed(&error))?;
        let source = from.open(self.clock).await;
        let source = source.map_err(|error| failed(&error))?;
        let catalog = to.open(target.clock).await;
        let catalog = catalog.map_err(|error| failed(&error))?;
        let catalog = match target.least_free {
            Some(least) => catalog.keep_free(&to.scratch(), least),
            None => catalog,
        };
        let moved = catalog.take_all_of(&source, on_progress).await;
        catalog.close().await;
        source.close().await;
        moved.map_err(|error| failed(&error))
    }
}
