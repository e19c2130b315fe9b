//! The report as JSON: the fields of [`Report`] under their names.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::Report;
use crate::input;

/// The version of the form. It counts up when a reader of the earlier one would misunderstand.
pub const FORMAT: u64 = 1;

/// Why there is no report in a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct ReadError {
    file: PathBuf,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("it is no report of `atlas-contract run --json`: {0}")]
    NoReport(#[from] serde_json::Error),
    #[error("it is no report of `atlas-contract run --json`: it names no format")]
    NoFormat,
    #[error("a report of format {0}, and this program reads {FORMAT}: write both with one version")]
    OtherFormat(u64),
}

/// The report that a file holds.
///
/// # Errors
/// The file cannot be read, holds something else, or a report of another format.
pub fn read(file: &Path) -> Result<Report, ReadError> {
    input::bytes(file)
        .map_err(Why::from)
        .and_then(|text| parse(&text))
        .map_err(|why| ReadError {
            file: file.to_owned(),
            why,
        })
}

fn parse(text: &[u8]) -> Result<Report, Why> {
    let value: Value = serde_json::from_slice(text)?;
    match value["format"].as_u64() {
        None => Err(Why::NoFormat),
        Some(FORMAT) => Ok(serde_json::from_value(value)?),
        Some(other) => Err(Why::OtherFormat(other)),
    }
}

pub(super) fn write(report: &Report) -> io::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(report)?))
}
