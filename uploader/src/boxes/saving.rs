//! Writes what describes a tree while the files of a mirror arrive.

use std::time::{Duration, Instant};

use super::Tree;
use crate::base::error::{Cause, Error, Phase};

/// The minimum time between two writes while files arrive.
const BETWEEN: Duration = Duration::from_secs(5);

/// A `Saving` writes what describes a tree, now and then and at the end.
pub(crate) struct Saving {
    write: fn(&Tree) -> Result<(), Error>,
    last: Instant,
}

impl Saving {
    /// Writes the description for the first time, by a function that may block.
    ///
    /// # Errors
    /// The errors of `write`.
    pub(crate) async fn begin(
        tree: &Tree,
        write: fn(&Tree) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let last = Instant::now();
        let mut saving = Self { write, last };
        saving.save(tree).await?;
        Ok(saving)
    }

    /// Writes the description if the last write was a while ago.
    ///
    /// # Errors
    /// The errors of `write`.
    pub(crate) async fn save_if_due(&mut self, tree: &Tree) -> Result<(), Error> {
        match self.last.elapsed() >= BETWEEN {
            true => self.save(tree).await,
            false => Ok(()),
        }
    }

    /// Writes the description.
    ///
    /// # Errors
    /// The errors of `write`.
    pub(crate) async fn save(&mut self, tree: &Tree) -> Result<(), Error> {
        let (tree, write) = (tree.clone(), self.write);
        let written = tokio::task::spawn_blocking(move || write(&tree)).await;
        self.last = Instant::now();
        written.unwrap_or_else(|error| {
            let cause = Cause::Internal(error.to_string());
            Err(Error::new(Phase::Tree, cause))
        })
    }
}
