//! Opens the folder of an emulator that keeps its data.

use std::path::PathBuf;
use std::thread;

use super::StartError;
use crate::domain::{Clock, Limits};
use crate::storage::{Catalog, DurableCatalog, MemoryCatalog, OpenError};

/// The memory for the bytes of uploads under way, in bytes: larger uploads go to the folder as they
/// arrive.
pub(super) const MEMORY: u64 = 32 * 1024 * 1024;

/// Opens a folder, and fills a new one with the initial contents. Returns the root token if one was
/// made. Blocks while it does, which is short unless the initial contents are large.
///
/// # Errors
/// [`StartError::Data`].
pub(super) fn open(
    folder: PathBuf,
    least_free: u64,
    token: Option<String>,
    initial: &MemoryCatalog,
    clock: Clock,
) -> Result<(DurableCatalog, Option<String>), StartError> {
    let opened = thread::scope(|scope| {
        let opening = scope.spawn(|| {
            // The caller may be a task of a runtime, which cannot run another on its thread.
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            runtime.block_on(async {
                let catalog = DurableCatalog::open(&folder, clock).await?;
                let catalog = catalog.keep_free(&folder, least_free);
                let is_new = catalog.is_new().await?;
                if is_new {
                    fill(&catalog, initial).await?;
                }
                let made = catalog.set_root_token(token).await?;
                Ok((catalog, made))
            })
        });
        opening.join()
    });
    let opened =
        opened.map_err(|_| StartError::Data("the folder could not be opened".to_owned()))?;
    opened.map_err(|error: OpenError| StartError::Data(error.to_string()))
}

async fn fill(catalog: &DurableCatalog, initial: &MemoryCatalog) -> Result<(), OpenError> {
    let catalog = Catalog::Durable(catalog.clone());
    let filled = catalog.import(initial.export(), Limits::default()).await;
    filled
        .map(|_| ())
        .map_err(|error| OpenError::Fill(error.to_string()))
}
