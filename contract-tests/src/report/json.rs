//! This module writes a [`Report`] as JSON, with the names of its fields, and reads it back.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::Report;
use crate::input;

/// The version of the format. It increases when a reader of the previous version would misread a report.
pub const FORMAT: u64 = 1;

/// The reason why a file is not a readable report.
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
    #[error("not a report of `atlas-contract run --json`: {0}")]
    NoReport(#[from] serde_json::Error),
    #[error("not a report of `atlas-contract run --json`: it names no format")]
    NoFormat,
    #[error("a report of format {0}, and this program reads {FORMAT}: write both with one version")]
    OtherFormat(u64),
}

/// Reads a report from a file.
///
/// # Errors
/// Fails when the file cannot be read, or contains something else or a report of another format.
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
