//! Reads the `metadata.json` of a box, in which Vagrant finds what the box is for.
//!
//! Evidence: Vagrant's documentation of the box format: `provider` is required, `architecture` came with Vagrant 2.4,
//! and boxes for libvirt have `format` and `virtual_size` (in GiB).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;

use atlas_common::decompress::{Decompressed, decompressed};
use serde_json::Value;

use super::tar_scan::{LONGEST_METADATA, METADATA, Plain, find_metadata, is_tar, unpacked_from};
use super::{content, refused};
use crate::base::error::Cause;

/// The size of the largest window of a compression, in bytes: that of `zstd --ultra -22`.
const LARGEST_WINDOW: u64 = 128 * 1024 * 1024;

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
            false => find_metadata(&file, |file| decoder(file).map(unpacked_from)),
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

/// A reader that says of an error in the data which compression is damaged.
struct Decoder<'a>(Decompressed<'a>);

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, OutOfMemory, UnexpectedEof};
        let Self(inner) = self;
        let name = inner.compression.unwrap_or("content");
        let read = inner.content.read(buffer);
        read.map_err(|error| match error.kind() {
            InvalidData | InvalidInput | OutOfMemory | Other | UnexpectedEof => {
                let reason = format!("its {name} is damaged, or cut off ({error})");
                io::Error::new(InvalidData, reason)
            }
            _ => error,
        })
    }
}

/// Returns a reader of the decompressed content of a file.
///
/// # Errors
/// Fails for a file that cannot be read, or is not compressed in a known way.
fn decoder(mut file: &File) -> io::Result<Decoder<'_>> {
    file.rewind()?;
    let content = decompressed(BufReader::new(file), LARGEST_WINDOW)?;
    if content.compression.is_none() {
        let reason = "it is neither a tar nor a tar compressed with gzip, bzip2, xz or zstd";
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(Decoder(content))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const JSON: &[u8] =
        br#"{"provider": "libvirt", "architecture": "amd64", "format": "qcow2", "virtual_size": 40}"#;

    /// A tar of a disk and this `metadata.json`.
    fn tar(json: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("box.img", &[7; 3000][..]), (METADATA, json)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn read(content: &[u8]) -> Result<BoxMetadata, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        BoxMetadata::of_file(file.path()).map_err(|cause| cause.to_string())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    /// Returns a file that a genuine program made.
    macro_rules! genuine {
        ($name:literal) => {
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../mock-atlas/tests/data/boxes/",
                $name
            ))
            .as_slice()
        };
    }

    const GENUINE: [(&str, &[u8]); 5] = [
        ("gzip", genuine!("two.gzip")),
        ("bzip2", genuine!("two.bzip2")),
        ("xz", genuine!("two.xz")),
        ("zstd", genuine!("two.zstd")),
        ("zstd", genuine!("skippable.zstd")),
    ];

    #[test]
    fn what_a_box_says_is_read_from_every_compression_that_vagrant_takes() {
        let whole = tar(JSON);
        for content in [whole.clone(), gzip(&whole)] {
            let found = read(&content).unwrap();
            assert_eq!(found.provider.as_deref(), Some("libvirt"));
            assert_eq!(found.architecture.as_deref(), Some("amd64"));
            assert_eq!(found.format.as_deref(), Some("qcow2"));
            assert_eq!(found.virtual_size.unwrap().as_u64(), Some(40));
        }
        for (name, content) in GENUINE {
            let found = read(content).unwrap_or_else(|refused| panic!("{name}: {refused}"));
            assert!(found.provider.is_some(), "{name}");
        }
    }

    #[test]
    fn a_compression_that_is_cut_off_is_named() {
        for (name, content) in GENUINE {
            let refused = read(&content[..content.len() / 3]).unwrap_err();
            let told = format!("its {name} is damaged");
            assert!(refused.contains(&told), "{name}: {refused}");
        }
    }

    #[test]
    fn a_file_that_is_no_box_is_refused_with_the_reason() {
        let long = format!("{{\"provider\": \"{}\"}}", "x".repeat(70_000));
        for (content, reason) in [
            (b"text".to_vec(), "neither a tar nor a tar compressed"),
            (gzip(b"text"), "it holds no tar"),
            (tar(b"provider"), "is no JSON object"),
            (tar(b"[]"), "is no JSON object"),
            (tar(b""), "is empty"),
            (tar(long.as_bytes()), "is longer than 65536 bytes"),
        ] {
            let refused = read(&content).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
            assert!(refused.contains("is not a Vagrant box"), "{refused}");
        }
    }

    #[test]
    fn a_value_of_another_type_counts_as_absent() {
        let json = br#"{"provider": "qemu", "architecture": null, "virtual_size": "40"}"#;
        let found = read(&tar(json)).unwrap();
        let expected = BoxMetadata {
            provider: Some("qemu".to_owned()),
            ..BoxMetadata::default()
        };
        assert_eq!(found, expected);
    }
}
