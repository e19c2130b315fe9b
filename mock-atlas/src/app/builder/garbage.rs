//! Removes files that are no longer needed, without a server.

use super::data::{GRACE, Home};
use super::{Builder, StartError};
use crate::storage::Swept;

/// A report of what [`Builder::collect_garbage`] has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Garbage {
    /// The number of files that were deleted, or that a process has left.
    pub files: u64,
    /// The number of objects in the place for files that nothing knew.
    pub unknown: u64,
    /// The size of all of them in bytes.
    pub bytes: u64,
}

pub(super) async fn collect(mut builder: Builder) -> Result<Garbage, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Data(error.to_string());
    let home = Home::required(&mut builder)?;
    let catalog = home.open(builder.clock).await;
    let catalog = catalog.map_err(|error| failed(&error))?;
    let swept = catalog.sweep(builder.grace.unwrap_or(GRACE)).await;
    let Swept {
        files,
        unknown,
        bytes,
    } = swept.map_err(|error| failed(&error))?;
    Ok(Garbage {
        files,
        unknown,
        bytes,
    })
}
