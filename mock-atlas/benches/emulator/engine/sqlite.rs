//! SQLite on one thread, which serves it as well as several would.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, Params, params};

use super::{BY_TAG, COLUMNS, COMMON, CREATED, Engine, FIND_TYPE, LATEST, NewVersion, tag};
use crate::Result;

/// A copy of an emulator's database, with the settings of the emulator.
pub(crate) struct Sqlite(Connection);

impl Sqlite {
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -16 * 1024)?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(Self(connection))
    }

    fn push_one(&self, number: u64) -> Result<()> {
        let sql = "SELECT id, is_public FROM artifact
            WHERE username = $1 AND name = $2 AND is_deleted = 0";
        let mut find = self.statement(sql)?;
        let artifact: i64 = find.query_row(["acme", "web"], |row| row.get(0))?;
        let sql = "INSERT INTO artifact_type (artifact_id, name, last_number) VALUES ($1, $2, 1)
            ON CONFLICT (artifact_id, name) DO UPDATE SET last_number = artifact_type.last_number + 1
            WHERE artifact_type.last_number < $3 RETURNING id, last_number";
        let values = params![artifact, "amazon.image", i64::MAX];
        let (type_id, given): (i64, i64) = self
            .statement(sql)?
            .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let version = NewVersion::new(number)?;
        let sql = "INSERT INTO version
            (type_id, number, client_id, build, metadata, upload, file_state, file_id, created)
            VALUES ($1, $2, $3, NULL, $4, $5, 0, NULL, $6)";
        let row = params![
            type_id,
            given,
            version.id,
            version.metadata,
            version.upload,
            CREATED
        ];
        self.statement(sql)?.execute(row)?;
        let sql = "INSERT INTO version_tag (type_id, number, tag)
            VALUES ($1, $2, $3), ($1, $2, $4), ($1, $2, $5), ($1, $2, $6), ($1, $2, $7), ($1, $2, $8)";
        let mut insert = self.statement(sql)?;
        insert.raw_bind_parameter(1, type_id)?;
        insert.raw_bind_parameter(2, given)?;
        for (at, tag) in version.tags.iter().enumerate() {
            insert.raw_bind_parameter(at + 3, tag)?;
        }
        insert.raw_execute()?;
        Ok(())
    }

    fn search(
        &self,
        times: u64,
        sql: &str,
        find: impl Fn(CachedStatement<'_>, i64) -> Result<usize>,
    ) -> Result<()> {
        for _ in 0..times {
            self.run("BEGIN")?;
            let mut of_type = self.statement(FIND_TYPE)?;
            let type_id = of_type.query_row(["amazon.image", "acme", "web"], |row| row.get(1))?;
            if find(self.statement(sql)?, type_id)? != 1 {
                return Err("SQLite found no version".into());
            }
            self.run("COMMIT")?;
        }
        Ok(())
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.statement(sql)?.execute([])?;
        Ok(())
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>> {
        Ok(self.0.prepare_cached(sql)?)
    }
}

impl Engine for Sqlite {
    /// Creates versions, those of the clients in one transaction.
    async fn push(&self, first: u64, count: u64, clients: u64) -> Result<()> {
        for number in first..first + count {
            if (number - first).is_multiple_of(clients) {
                self.run("BEGIN IMMEDIATE")?;
            }
            self.push_one(number)?;
            if (number - first) % clients == clients - 1 || number == first + count - 1 {
                self.run("COMMIT")?;
            }
        }
        Ok(())
    }

    async fn latest(&self, times: u64, _clients: u64) -> Result<()> {
        self.search(times, LATEST, |statement, type_id| {
            read(statement, params![type_id, 1])
        })
    }

    async fn by_metadata(&self, times: u64, _clients: u64) -> Result<()> {
        let tag = tag(COMMON.0, COMMON.1);
        self.search(times, BY_TAG, |statement, type_id| {
            read(statement, params![type_id, i64::MAX, tag, 1])
        })
    }
}

/// Reads all columns of the rows that a statement gives, and returns the number of rows.
fn read(mut statement: CachedStatement<'_>, values: impl Params) -> Result<usize> {
    let rows = statement.query_map(values, |row| {
        let columns = (0..COLUMNS).map(|at| row.get::<_, Value>(at));
        columns.collect::<rusqlite::Result<Vec<_>>>()
    })?;
    Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.len())
}
