//! Checks what is kept, and makes a lost database anew, without a server.

use super::assemble::token_value;
use super::data::Home;
use super::{Builder, StartError};
use crate::storage::{CheckProgress, CheckReport, random_token};

/// A database that [`Builder::rebuild`] has made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rebuilt {
    /// The number of versions, boxes and files that are back. What could not be brought back counts as
    /// damaged.
    pub report: CheckReport,
    /// The root token of the new database.
    pub token: String,
}

pub(super) async fn check(
    mut builder: Builder,
    on_progress: impl Fn(CheckProgress),
) -> Result<CheckReport, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Data(error.to_string());
    let home = Home::required(&mut builder)?;
    let catalog = home.open_beside(builder.clock).await;
    let checked = catalog.map_err(|error| failed(&error))?;
    let checked = checked.check_all(on_progress).await;
    checked.map_err(|error| failed(&error))
}

pub(super) async fn rebuild(mut builder: Builder) -> Result<Rebuilt, StartError> {
    let home = Home::required(&mut builder)?;
    let random = random_token().ok_or(StartError::Randomness)?;
    let token = token_value(builder.token.unwrap_or(random))?;
    let token = token.as_str().to_owned();
    let rebuilt = home.rebuild(builder.clock, token.clone()).await;
    let report = rebuilt.map_err(|error| StartError::Data(error.to_string()))?;
    Ok(Rebuilt { report, token })
}
