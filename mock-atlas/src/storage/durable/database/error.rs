//! The reasons for which a database cannot be opened.

use std::io;
use std::path::PathBuf;

/// The reason for which a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the folder {0:?} cannot be used: {1}")]
    Folder(PathBuf, io::Error),
    #[error(
        "the folder {0:?} is on a network file system ({1}), which can damage the database: choose \
         a folder on a local disk"
    )]
    Network(PathBuf, &'static str),
    /// Another process has the folder; the text is its process id, if it is known.
    #[error("the folder {folder:?} is in use by another process{}", shown(holder))]
    InUse { folder: PathBuf, holder: String },
    #[error("SQLite {0} can lose what was committed; this program needs 3.51.3 or later")]
    Version(&'static str),
    #[error("the database cannot be opened: {0}")]
    Database(#[from] rusqlite::Error),
    #[error(
        "the URL of the database cannot be used: {0}. One looks like postgres://user@host/name"
    )]
    Url(String),
    /// The database of a URL, which is shown without its password, cannot be used.
    #[error("the database {place} cannot be used: {reason}")]
    Connection { place: String, reason: String },
    #[error("no thread could be started: {0}")]
    Thread(#[from] io::Error),
    /// A newer program has written the database.
    #[error(
        "the database has the schema {found}, and this program knows schemas up to {known}: use the \
         program that wrote it, or a newer one"
    )]
    Schema { found: u32, known: u32 },
    /// The database was not upgraded yet.
    #[error(
        "the database has the schema {found}, and this program the schema {known}: start mock-atlas \
         once on it, which upgrades it"
    )]
    OldSchema { found: u32, known: u32 },
    #[error("there is no database in the folder {0:?}")]
    NoDatabase(PathBuf),
    /// A database is there, and only a lost one is made anew.
    #[error(
        "{0} has a database already, and only a lost one is made anew: to make another, move the old one \
         away, all files of it"
    )]
    HasDatabase(String),
    #[error("{0}")]
    Failed(#[from] crate::storage::BackendError),
    #[error("{0}")]
    Store(#[from] crate::storage::StoreError),
    #[error("the root token cannot be set: {0}")]
    RootToken(String),
    #[error("the initial contents cannot be added: {0}")]
    Fill(String),
}

fn shown(holder: &str) -> String {
    match holder {
        "" => String::new(),
        id => format!(", number {id}"),
    }
}
