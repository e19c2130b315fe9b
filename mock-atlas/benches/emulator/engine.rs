//! The bare engine of an emulator with a folder: SQLite, with the statements that the emulator runs.

use std::path::Path;

use rusqlite::{CachedStatement, Connection, params};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::growth::metadata;

/// A copy of an emulator's database, with the settings of the emulator.
pub(crate) struct Engine(Connection);

impl Engine {
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -16 * 1024)?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(Self(connection))
    }

    /// Creates versions, this many of them in each transaction, and returns their number.
    pub(crate) fn push_all(&self, first: u64, count: u64, together: u64) -> Result<u64> {
        for number in first..first + count {
            if (number - first).is_multiple_of(together) {
                self.run("BEGIN IMMEDIATE")?;
            }
            self.push(number)?;
            if (number - first) % together == together - 1 || number == first + count - 1 {
                self.run("COMMIT")?;
            }
        }
        Ok(count)
    }

    fn push(&self, number: u64) -> Result<()> {
        let artifact = self.artifact()?;
        let sql = "INSERT INTO artifact_type (artifact_id, name, last_number) VALUES ($1, $2, 1)
            ON CONFLICT (artifact_id, name) DO UPDATE SET last_number = artifact_type.last_number + 1
            WHERE artifact_type.last_number < $3 RETURNING id, last_number";
        let numbered = self
            .statement(sql)?
            .query_row(params![artifact, "amazon.image", i64::MAX], |row| {
                Ok((row.get(0)?, row.get(1)?))
            });
        let (type_id, given): (i64, i64) = numbered?;
        let metadata = metadata(number);
        let sql = "INSERT INTO version
            (type_id, number, client_id, build, metadata, upload, file_state, file_id, created)
            VALUES ($1, $2, $3, NULL, $4, $5, 0, NULL, $6)";
        let upload: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
        let id = format!("us-east-1:ami-{number:08x}");
        let json = serde_json::to_string(&metadata)?;
        let row = params![type_id, given, id, json, upload, 1_795_352_171_000_000_i64];
        self.statement(sql)?.execute(row)?;
        let sql = "INSERT INTO version_tag (type_id, tag, number) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING";
        let mut insert = self.statement(sql)?;
        for (key, value) in &metadata {
            for tag in [tag(key, ""), tag(key, value)] {
                insert.execute(params![type_id, tag, given])?;
            }
        }
        Ok(())
    }

    /// Finds the latest version, this many times.
    pub(crate) fn latest(&self, times: u64) -> Result<u64> {
        self.search(times, |engine, type_id| {
            let sql = "SELECT number FROM version WHERE type_id = $1 AND file_state <> 1
                ORDER BY number DESC LIMIT 1";
            let number: i64 = engine.statement(sql)?.query_row([type_id], |row| row.get(0))?;
            let sql = "SELECT v.number, v.client_id, v.metadata, v.build, v.file_state, v.upload, v.created
                FROM version v WHERE v.type_id = $1 AND v.number = $2 AND v.file_state <> 1
                ORDER BY v.number DESC LIMIT $3";
            read(engine.statement(sql)?, params![type_id, number, 1])
        })
    }

    /// Finds the newest version with a common value of metadata, this many times.
    pub(crate) fn by_metadata(&self, times: u64) -> Result<u64> {
        let tag = tag("arch", "amd64");
        self.search(times, |engine, type_id| {
            let sql = "SELECT v.number, v.client_id, v.metadata, v.build, v.file_state, v.upload, v.created
                FROM version_tag f CROSS JOIN version v
                WHERE f.type_id = $1 AND f.number <= $2 AND f.tag = $3
                AND v.type_id = f.type_id AND v.number = f.number
                ORDER BY f.number DESC LIMIT $4";
            read(engine.statement(sql)?, params![type_id, i64::MAX, tag, 1])
        })
    }

    fn search(&self, times: u64, find: impl Fn(&Self, i64) -> Result<usize>) -> Result<u64> {
        for _ in 0..times {
            self.run("BEGIN")?;
            let sql = "SELECT id FROM artifact_type WHERE artifact_id = $1 AND name = $2";
            let artifact = self.artifact()?;
            let mut of_type = self.statement(sql)?;
            let type_id = of_type.query_row(params![artifact, "amazon.image"], |row| row.get(0))?;
            if find(self, type_id)? != 1 {
                return Err("the engine found no version".into());
            }
            self.run("COMMIT")?;
        }
        Ok(times)
    }

    fn artifact(&self) -> Result<i64> {
        let sql = "SELECT id, is_public FROM artifact
            WHERE username = $1 AND name = $2 AND is_deleted = 0";
        Ok(self
            .statement(sql)?
            .query_row(["acme", "web"], |row| row.get(0))?)
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.statement(sql)?.execute([])?;
        Ok(())
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>> {
        Ok(self.0.prepare_cached(sql)?)
    }
}

/// Reads all columns of the rows that a statement gives, and returns the number of rows.
fn read(mut statement: CachedStatement<'_>, values: impl rusqlite::Params) -> Result<usize> {
    let rows = statement.query_map(values, |row| {
        let columns = (0..7).map(|at| row.get::<_, rusqlite::types::Value>(at));
        columns.collect::<rusqlite::Result<Vec<_>>>()
    })?;
    Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.len())
}

/// Returns 16 bytes of a hash, as the index has them.
fn tag(key: &str, value: &str) -> [u8; 16] {
    let digest = Sha256::digest(format!("{key}={value}"));
    std::array::from_fn(|at| digest[at])
}
