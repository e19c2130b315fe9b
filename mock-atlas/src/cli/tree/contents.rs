//! Reads the contents of a running emulator, one line of JSON after the other.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Artifact, OfType};
use crate::cli::client::Client;

/// The largest size in bytes of a line of the contents, which describes a version, or a box with all its versions.
const MOST_OF_LINE: usize = 64 * 1024 * 1024;

/// A line of the contents.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Line {
    Artifact(Artifact),
    Type(OfType),
    Version(Box<Listed>),
    Box(Value),
}

/// A version of the contents.
#[derive(Deserialize)]
pub(in crate::cli) struct Listed {
    #[serde(flatten)]
    pub(in crate::cli) version: Unplaced,
    pub(in crate::cli) file: Option<ListedFile>,
}

/// A version whose file has no place in a tree yet.
#[derive(Deserialize)]
pub(in crate::cli) struct Unplaced {
    pub(in crate::cli) number: u64,
    pub(in crate::cli) id: String,
    pub(in crate::cli) metadata: BTreeMap<String, String>,
    pub(in crate::cli) build: Option<u64>,
    pub(in crate::cli) created_at: String,
}

#[derive(Deserialize)]
pub(in crate::cli) struct ListedFile {
    pub(in crate::cli) size: u64,
    pub(in crate::cli) blake3: String,
}

/// Reads all lines, and gives each to `take`.
///
/// # Errors
/// When the emulator cannot be asked, or sends another format, and the errors of `take`.
pub(in crate::cli) async fn read(
    client: &Client,
    mut take: impl FnMut(Line) -> Result<(), String>,
) -> Result<(), String> {
    let body = client.stream(Method::GET, "/contents", Body::empty());
    let mut body = body.await?;
    let mut rest = Vec::new();
    while let Some(part) = client.part(&mut body).await? {
        rest.extend_from_slice(&part);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
            if rest.len() > MOST_OF_LINE {
                return Err(format!(
                    "the emulator sent a line of over {MOST_OF_LINE} bytes"
                ));
            }
            continue;
        };
        let later = rest.split_off(end + 1);
        for line in rest.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let line = serde_json::from_slice(line)
                .map_err(|error| format!("the emulator sent another format: {error}"))?;
            take(line)?;
        }
        rest = later;
    }
    match rest.is_empty() {
        true => Ok(()),
        false => Err("the list of contents broke off: run the command again".to_owned()),
    }
}
