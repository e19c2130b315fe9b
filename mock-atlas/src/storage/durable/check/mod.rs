//! Checks that what the database says and what the store of files has agree, and that each is whole.
//!
//! - `report`: what a check has found
//! - `rows`: versions and their numbers, and the index of searches; `boxes`: boxes, with the versions that
//!   they name
//! - `bytes`: the bytes of files
//!
//! A server may work meanwhile: rows are read in pages, each of them in one consistent view, and a file that
//! is deleted while its bytes are read is no damage.

mod boxes;
mod bytes;
mod report;
mod rows;

use futures_util::future::BoxFuture;

use super::DurableCatalog;
use super::database::{Row, Tx};
use crate::storage::BackendError;
pub(super) use report::Found;
pub use report::{CheckProgress, CheckReport, Damage};

/// A page of rows that were checked.
struct Page {
    /// The id of the last row; `None` after the last page.
    last: Option<i64>,
    rows: u64,
    damages: Vec<Damage>,
}

/// A row's id and what the row says, or the damage if it cannot be read.
type Checked<T> = Result<(i64, T), Damage>;

impl Page {
    /// Reads rows, each of which begins with its id. Returns a page without damages, and what was
    /// read of each row; `what` names the kind of the rows.
    ///
    /// # Errors
    /// When a row has no id.
    fn read<T>(
        rows: Vec<Row>,
        what: &str,
        read: impl Fn(&mut Row) -> Result<T, BackendError>,
    ) -> Result<(Self, Vec<Checked<T>>), BackendError> {
        let mut page = Self {
            last: None,
            rows: rows.len() as u64,
            damages: Vec::new(),
        };
        let mut found = Vec::with_capacity(rows.len());
        for mut row in rows {
            let id = row.take()?;
            page.last = Some(id);
            let damage =
                |error: BackendError| Damage::new(format!("{what} in row {id}"), error.to_string());
            found.push(read(&mut row).map(|row| (id, row)).map_err(damage));
        }
        Ok((page, found))
    }
}

impl DurableCatalog {
    /// Checks everything that is kept, and tells `on_progress` how far it is with the bytes of files. Marks
    /// the files that are damaged, which are not served from then on, and unmarks those that are whole.
    ///
    /// # Errors
    /// When the database or the store cannot be asked. What is damaged is no error.
    pub(crate) async fn check_all(
        &self,
        on_progress: impl Fn(CheckProgress),
    ) -> Result<CheckReport, BackendError> {
        let mut found = Found::default();
        let own = self.database.check().await?;
        found.extend(own.into_iter().map(|how| Damage::new("the database", how)));
        let counters = self.database.read(|tx| Box::pin(rows::counters(tx)));
        found.extend(counters.await?);
        let versions = self.pages(&mut found, |tx, after| Box::pin(rows::versions(tx, after)));
        found.report.versions = versions.await?;
        let stray = self.database.read(|tx| Box::pin(rows::stray_tags(tx)));
        found.extend(stray.await?);
        let quotas = self.database.read(|tx| Box::pin(rows::quotas(tx)));
        found.extend(quotas.await?);
        let channels = self.database.read(|tx| Box::pin(rows::channels(tx)));
        found.extend(channels.await?);
        let boxes = self.pages(&mut found, |tx, after| Box::pin(boxes::boxes(tx, after)));
        found.report.boxes = boxes.await?;
        self.check_bytes(&mut found, on_progress).await?;
        Ok(found.report)
    }

    /// Checks rows page by page, and returns their number.
    async fn pages(
        &self,
        found: &mut Found,
        check: for<'a> fn(Tx<'a>, i64) -> BoxFuture<'a, Result<Page, BackendError>>,
    ) -> Result<u64, BackendError> {
        let (mut after, mut rows) = (0, 0);
        loop {
            let page = self.database.read(move |tx| check(tx, after)).await?;
            rows += page.rows;
            found.extend(page.damages);
            match page.last {
                Some(last) => after = last,
                None => return Ok(rows),
            }
        }
    }
}
