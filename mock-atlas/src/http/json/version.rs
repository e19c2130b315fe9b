//! Writes the JSON of versions by hand: serde's serializer took a seventh of all instructions of a search for
//! one version, and this takes a third of that.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Result, to_writer};
use uuid::Uuid;

use super::{Replies, json_reply};
use crate::domain::{ArtifactName, Name};
use crate::domain::{FileState, Version};
use crate::service::DatasetId;

/// The capacity to reserve for a version, enough for one of Packer's builders.
const TYPICAL_SIZE: usize = 512;

/// The beginning of the reply to a search, before the versions.
const BEGINNING: &str = r#"{"versions":["#;
const END: &str = "]}";

/// Returns the reply to a search, `{"versions": [ … ]}` (recorded).
// Contract: errors.none-on-success, search.reply
pub(crate) fn search_reply(
    replies: &Replies,
    dataset: DatasetId,
    artifact: &ArtifactName,
    artifact_type: &Name,
    versions: &[Arc<Version>],
) -> Response {
    let make = || {
        let mut body = Vec::with_capacity(TYPICAL_SIZE * versions.len().max(1));
        write_all(&mut body, artifact, artifact_type, versions).map(|()| body)
    };
    match versions {
        [only] => json_reply(replies.of(dataset, only, make)),
        _ => json_reply(make()),
    }
}

/// A `LongReply` is the reply to a search that finds more than a page. It is written page by page, so that
/// other tasks can run in between.
pub(crate) struct LongReply<'a> {
    artifact: &'a ArtifactName,
    artifact_type: &'a Name,
    body: Result<Vec<u8>>,
}

impl<'a> LongReply<'a> {
    /// Begins a reply without versions.
    pub(crate) fn new(artifact: &'a ArtifactName, artifact_type: &'a Name) -> Self {
        Self {
            artifact,
            artifact_type,
            body: Ok(BEGINNING.into()),
        }
    }

    /// Appends a page.
    pub(crate) fn add(&mut self, versions: &[Arc<Version>]) {
        let Ok(body) = &mut self.body else {
            return;
        };
        body.reserve(TYPICAL_SIZE * versions.len());
        if let Err(error) = write_elements(body, self.artifact, self.artifact_type, versions) {
            self.body = Err(error);
        }
    }

    /// Returns the complete reply.
    pub(crate) fn end(self) -> Response {
        json_reply(self.body.map(|mut body| {
            push(&mut body, &[END]);
            body
        }))
    }
}

/// Returns the reply to creating a version: not wrapped in an object, and with its upload path whether or not
/// a file was announced (contract: Versions).
// Contract: versions.reply-fields
pub(crate) fn new_version_reply(
    artifact: &ArtifactName,
    artifact_type: &Name,
    version: &Version,
    upload_path: &str,
) -> Response {
    let mut body = Vec::with_capacity(2 * TYPICAL_SIZE);
    let written = write_new(&mut body, artifact, artifact_type, version, upload_path);
    json_reply(written.map(|()| body))
}

fn write_all(
    out: &mut Vec<u8>,
    artifact: &ArtifactName,
    artifact_type: &Name,
    versions: &[Arc<Version>],
) -> Result<()> {
    push(out, &[BEGINNING]);
    write_elements(out, artifact, artifact_type, versions)?;
    push(out, &[END]);
    Ok(())
}

/// Appends versions to a reply, with a comma before each but the reply's first.
fn write_elements(
    out: &mut Vec<u8>,
    artifact: &ArtifactName,
    artifact_type: &Name,
    versions: &[Arc<Version>],
) -> Result<()> {
    for version in versions {
        if out.len() > BEGINNING.len() {
            push(out, &[","]);
        }
        write(out, artifact, artifact_type, version)?;
        push(out, &["}"]);
    }
    Ok(())
}

fn write_new(
    out: &mut Vec<u8>,
    artifact: &ArtifactName,
    artifact_type: &Name,
    version: &Version,
    upload_path: &str,
) -> Result<()> {
    write(out, artifact, artifact_type, version)?;
    push(out, &[r#","upload_path":"#]);
    to_writer(&mut *out, upload_path)?;
    let mut name = Uuid::encode_buffer();
    let name = version.upload.hyphenated().encode_lower(&mut name);
    push(out, &[r#","upload_token":""#, name, r#""}"#]);
    Ok(())
}

/// Appends the fields that a version has in every reply, without the closing brace.
// Contract: versions.reply-order, versions.slug, search.element-fields
fn write(
    out: &mut Vec<u8>,
    artifact: &ArtifactName,
    artifact_type: &Name,
    version: &Version,
) -> Result<()> {
    // Names have no character that JSON would escape.
    let (username, name) = (artifact.username.as_str(), artifact.name.as_str());
    let artifact_type = artifact_type.as_str();
    let number = version.number.to_string();
    push(out, &[r#"{"username":""#, username]);
    push(out, &[r#"","name":""#, name]);
    push(out, &[r#"","tag":""#, username, "/", name]);
    push(
        out,
        &[
            r#"","slug":""#,
            username,
            "/",
            name,
            "/",
            artifact_type,
            "/",
            &number,
        ],
    );
    push(out, &[r#"","artifact_type":""#, artifact_type]);
    push(out, &[r#"","id":"#]);
    to_writer(&mut *out, &*version.id)?;
    push(out, &[r#","version":"#, &number]);
    push(out, &[r#","metadata":"#]);
    to_writer(&mut *out, &version.metadata)?;
    let file = match version.file {
        FileState::None => "false",
        FileState::Awaited | FileState::Stored => "true",
    };
    push(out, &[r#","file":"#, file]);
    Ok(())
}

fn push(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use proptest::prelude::*;
    use serde_json::{Value, from_slice, json};

    use super::*;

    /// Returns a version with this number and an upload of its own.
    pub(in crate::http::json) fn version(number: u64) -> Version {
        Version {
            upload: Uuid::from_u128(number.into()),
            ..version_of(number, "", &BTreeMap::new(), FileState::None)
        }
    }

    fn version_of(
        number: u64,
        id: &str,
        metadata: &BTreeMap<String, String>,
        file: FileState,
    ) -> Version {
        Version {
            number,
            id: id.into(),
            metadata: metadata.clone().into_iter().collect(),
            build: None,
            file,
            upload: Uuid::nil(),
            created: SystemTime::UNIX_EPOCH,
        }
    }

    fn expected(number: u64, id: &str, metadata: &BTreeMap<String, String>, file: bool) -> Value {
        json!({
            "username": "acme", "name": "web-1", "tag": "acme/web-1",
            "slug": format!("acme/web-1/a.b_c/{number}"), "artifact_type": "a.b_c", "id": id,
            "version": number, "metadata": metadata, "file": file,
        })
    }

    proptest! {
        #[test]
        fn whatever_an_id_and_metadata_hold_it_is_json_that_says_so(
            id in any::<String>(),
            metadata in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
            numbers in proptest::collection::vec(any::<u64>(), 0..4),
        ) {
            let artifact = "acme/web-1".parse().unwrap();
            let artifact_type = "a.b_c".parse().unwrap();
            let of = |number: &u64| {
                let file = if number % 2 == 1 { FileState::Awaited } else { FileState::None };
                Arc::new(version_of(*number, &id, &metadata, file))
            };
            let versions: Vec<_> = numbers.iter().map(of).collect();
            let mut all = Vec::new();
            write_all(&mut all, &artifact, &artifact_type, &versions).unwrap();
            let elements: Vec<_> = numbers
                .iter()
                .map(|number| expected(*number, &id, &metadata, number % 2 == 1))
                .collect();
            prop_assert_eq!(from_slice::<Value>(&all).unwrap(), json!({ "versions": elements }));
            let mut long = LongReply::new(&artifact, &artifact_type);
            versions.chunks(2).for_each(|page| long.add(page));
            push(long.body.as_mut().unwrap(), &[END]);
            prop_assert_eq!(long.body.unwrap(), all);
            for (version, mut element) in versions.iter().zip(elements) {
                let mut new = Vec::new();
                write_new(&mut new, &artifact, &artifact_type, version, &id).unwrap();
                element["upload_path"] = id.as_str().into();
                element["upload_token"] = Uuid::nil().to_string().into();
                prop_assert_eq!(from_slice::<Value>(&new).unwrap(), element);
            }
        }
    }
}
