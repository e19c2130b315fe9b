//! The tables of the database, and their upgrades from one version of the schema to the next.

use std::cmp::Ordering;

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// The statements of each version of the schema, the first one first. A version that was released is
/// never changed.
const VERSIONS: [&str; 7] = [
    include_str!("../../schema/1.sql"),
    include_str!("../../schema/2.sql"),
    include_str!("../../schema/3.sql"),
    include_str!("../../schema/4.sql"),
    include_str!("../../schema/5.sql"),
    include_str!("../../schema/6.sql"),
    include_str!("../../schema/7.sql"),
];

/// Checks that a database has the newest version of the schema.
///
/// # Errors
/// [`OpenError::Schema`] and [`OpenError::OldSchema`].
pub(super) fn check(connection: &Connection) -> Result<(), OpenError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = VERSIONS.len() as u32;
    match found.cmp(&known) {
        Ordering::Less => Err(OpenError::OldSchema { found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(OpenError::Schema { found, known }),
    }
}

/// Brings a database to the newest version of the schema: all steps or none.
///
/// # Errors
/// [`OpenError::Schema`] for a database that a newer program has written.
pub(super) fn upgrade(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = VERSIONS.len() as u32;
    let Some(missing) = VERSIONS.get(found as usize..) else {
        return Err(OpenError::Schema { found, known });
    };
    for statements in missing {
        transaction.execute_batch(statements)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}
