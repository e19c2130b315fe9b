//! Reads the `metadata.json` of a box, in which Vagrant finds what the box is for.
//!
//! Evidence: Vagrant's documentation of the box format: `provider` is required, `architecture` came with Vagrant 2.4,
//! and boxes for libvirt have `format` and `virtual_size` (in GiB).

use std::fs::File;
use std::path::Path;

use serde_json::Value;

use super::tar_scan::{LONGEST_METADATA, METADATA, Plain, find_metadata, is_tar, unpacked};
use super::{content, refused};
use crate::base::error::Cause;

/// The part of a box's `metadata.json` that concerns its publication.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BoxMetadata {
    /// The provider, such as `virtualbox`.
    pub provider: Option<String>,
    /// The architecture, such as `amd64`.
    pub architecture: Option<String>,
    /// The format of the disk, such as `qcow2`.
    pub format: Option<String>,
    /// The size of the disk as the guest sees it, in GiB.
    pub virtual_size: Option<serde_json::Number>,
}

impl BoxMetadata {
    /// Reads the metadata of a box file, which is a tar, plain or compressed. This blocks: a compressed box is unpacked
    /// as far as its `metadata.json`.
    ///
    /// # Errors
    /// [`Cause::Unpackable`] for a file that Vagrant could not use as a box; [`Cause::File`] for one that cannot be
    /// read.
    pub fn of_file(path: &Path) -> Result<Self, Cause> {
        let failed = |error| Cause::file(path, error);
        let file = File::open(path).map_err(failed)?;
        let found = match is_tar(&file).map_err(failed)? {
            true => find_metadata(&file, Plain::of),
            false => find_metadata(&file, unpacked),
        };
        let content = content(path, found)?;
        if content.len() as u64 > LONGEST_METADATA {
            let reason = format!("its {METADATA} is longer than {LONGEST_METADATA} bytes");
            return Err(refused(path, &reason));
        }
        Self::parse(&content).map_err(|reason| refused(path, &reason))
    }

    /// Parses a `metadata.json`. A value of another type than the documented one counts as absent, since Vagrant
    /// leaves all but the provider to its plugins.
    pub(super) fn parse(content: &[u8]) -> Result<Self, String> {
        let invalid =
            |error: serde_json::Error| format!("its {METADATA} is no JSON object ({error})");
        let mut fields: serde_json::Map<String, Value> =
            serde_json::from_slice(content).map_err(invalid)?;
        let mut text = |key: &str| match fields.remove(key) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        Ok(Self {
            provider: text("provider"),
            architecture: text("architecture"),
            format: text("format"),
            virtual_size: match fields.remove("virtual_size") {
                Some(Value::Number(size)) => Some(size),
                _ => None,
            },
        })
    }
}
