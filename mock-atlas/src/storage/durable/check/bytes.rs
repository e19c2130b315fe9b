//! Checks the bytes of files: their number, and both digests.

use futures_util::{StreamExt, stream};

use super::report::Found;
use super::{CheckProgress, Damage};
use crate::storage::durable::DurableCatalog;
use crate::storage::durable::database::{Row, Tx, values};
use crate::storage::durable::files::{self, CheckedFile, FileRow};
use crate::storage::{BackendError, StoreError};

/// The number of files that are read at a time.
const AT_A_TIME: usize = 4;

/// The largest number of names of one file that are told.
const MOST_NAMES: i64 = 3;

impl DurableCatalog {
    /// Checks the bytes of all files that are ready.
    pub(super) async fn check_bytes(
        &self,
        found: &mut Found,
        on_progress: impl Fn(CheckProgress),
    ) -> Result<(), BackendError> {
        let (of_files, of_bytes) = self.database.read(|tx| Box::pin(files::count(tx))).await?;
        let mut after = 0;
        loop {
            let read = self
                .database
                .read(move |tx| Box::pin(async move { files::page(tx, after).await }));
            let page = read.await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.id;
            let examined = stream::iter(page).map(|file| self.examine(file));
            let mut examined = examined.buffer_unordered(AT_A_TIME);
            while let Some(examined) = examined.next().await {
                let (len, damage) = examined?;
                found.extend(damage);
                found.report.files += 1;
                found.report.bytes += len;
                on_progress(CheckProgress {
                    files: found.report.files,
                    of_files,
                    bytes: found.report.bytes,
                    of_bytes,
                });
            }
        }
    }

    /// Examines a file, and marks it if it is damaged. Returns its size with the damage.
    async fn examine(&self, file: CheckedFile) -> Result<(u64, Option<Damage>), BackendError> {
        let len = file.row.facts.len;
        let damage = self.damage_of(&file).await?;
        if damage != file.row.damage {
            let (id, damage) = (file.id, damage.clone());
            let mark = self
                .database
                .write(move |tx| Box::pin(async move { files::mark(tx, id, damage).await }));
            mark.await?;
        }
        let Some(how) = damage else {
            return Ok((len, None));
        };
        let id = file.id;
        let read = self
            .database
            .read(move |tx| Box::pin(async move { names(tx, id).await }));
        let names = read.await?;
        // A file that was deleted meanwhile is gone, and no damage.
        let Some(names) = names else {
            return Ok((0, None));
        };
        let how = format!("{how} (file {})", file.row.key.as_str());
        Ok((len, Some(Damage::new(names, how))))
    }

    /// Returns how a file is damaged.
    ///
    /// # Errors
    /// When the store cannot be asked: the file may be whole.
    async fn damage_of(&self, file: &CheckedFile) -> Result<Option<String>, BackendError> {
        let FileRow { key, facts, .. } = &file.row;
        let read = async {
            let blob = self.files.read_unchecked(&file.row).await?;
            blob.compute_digests().await
        };
        let error = match read.await {
            Ok((digest, _)) if digest != facts.digest => {
                let how = format!("its BLAKE3 is {digest}, and not {}", facts.digest);
                return Ok(Some(how));
            }
            Ok((_, sha256)) if sha256 != facts.sha256 => {
                let how = format!("its SHA-256 is {sha256}, and not {}", facts.sha256);
                return Ok(Some(how));
            }
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        match error.downcast::<StoreError>() {
            Ok(error) if error.is_damage() => Ok(Some(error.to_string())),
            Ok(error) => {
                let message = format!("the file {} cannot be checked: {error}", key.as_str());
                Err(BackendError::unavailable(message))
            }
            Err(error) => Ok(Some(format!("it cannot be read: {error}"))),
        }
    }
}

/// Returns what names a file; `None` if the file is no longer there.
async fn names(tx: Tx<'_>, id: i64) -> Result<Option<String>, BackendError> {
    if !files::is_ready(tx, id).await? {
        return Ok(None);
    }
    let sql = "SELECT a.username, a.name, t.name, v.number FROM version v
        JOIN artifact_type t ON t.id = v.type_id JOIN artifact a ON a.id = t.artifact_id
        WHERE v.file_id = $1 ORDER BY v.id LIMIT $2";
    let rows = tx.rows(sql, &values![id, MOST_NAMES]).await?;
    let name = |mut row: Row| {
        let parts: (String, String, String, u64) =
            (row.take()?, row.take()?, row.take()?, row.take()?);
        let (username, name, of_type, number) = parts;
        Ok(format!("{username}/{name}/{of_type}/{number}"))
    };
    let mut names: Vec<String> = rows
        .into_iter()
        .map(name)
        .collect::<Result<_, BackendError>>()?;
    let sql = "SELECT a.username, a.name FROM box_upload u JOIN artifact a ON a.id = u.artifact_id
        WHERE u.file_id = $1";
    if let Some(mut row) = tx.row(sql, &values![id]).await? {
        let (username, name): (String, String) = (row.take()?, row.take()?);
        names.push(format!("an upload of the box {username}/{name}"));
    }
    Ok(Some(match names.is_empty() {
        true => "a file that nothing names".to_owned(),
        false => names.join(", "),
    }))
}
