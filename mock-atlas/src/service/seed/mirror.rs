//! Reads a tree of boxes that `atlas-upload box mirror` has written: `mirror.json`, and the files of
//! the boxes. The section on `mirror.json` in docs/rescue.md describes the format.
//!
//! The files stay on disk: they are read once, for their checksums, and are open from then on.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use serde::Deserialize;

use super::{MOST_OF_MIRROR, SeedError, over_limit};
use crate::domain::{
    ArtifactName, BoxStatus, Checksum, ChecksumKind, Limits, ProviderChange, Visibility,
    parse_timestamp,
};
use crate::storage::{
    Blob, BlobWriter, Checksums, NewBox, SeededBox, SeededBoxVersion, SeededProvider, SeededTimes,
    open_regular_file, read_regular_text,
};

/// The name of the description in a tree.
pub(super) const MANIFEST: &str = "mirror.json";

const FORMAT: &str = "atlas-mirror";
const FORMAT_VERSION: u32 = 1;

/// The name of each file of a box.
const FILE: &str = "vagrant.box";

/// A description, without the fields that the emulator does not need.
#[derive(Deserialize)]
struct Manifest {
    boxes: Vec<BoxRecord>,
}

#[derive(Deserialize)]
struct Format {
    format: String,
    format_version: u32,
}

#[derive(Deserialize)]
struct BoxRecord {
    owner: String,
    name: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    short_description: String,
    #[serde(default)]
    description: String,
    #[serde(flatten)]
    times: Times,
    versions: Vec<VersionRecord>,
}

#[derive(Deserialize)]
struct VersionRecord {
    version: String,
    state: BoxStatus,
    #[serde(default)]
    description: String,
    #[serde(flatten)]
    times: Times,
    providers: Vec<FileRecord>,
}

#[derive(Deserialize)]
struct FileRecord {
    provider: String,
    architecture: String,
    default_architecture: bool,
    /// Whether the source of the tree stores the file itself.
    hosted: bool,
    url: Option<String>,
    /// The path of the file in the tree.
    file: Option<String>,
    /// Whether clients are to fetch the file from `url`.
    #[serde(default)]
    link: bool,
    size: Option<u64>,
    checksum_type: Option<ChecksumKind>,
    checksum: Option<String>,
    /// Whether the checksum is that of the file, because the source has told none.
    #[serde(default)]
    checksum_computed: bool,
    #[serde(flatten)]
    times: Times,
}

impl FileRecord {
    /// Returns the checksum of the file.
    fn checksum(&self) -> Result<Option<Checksum>, String> {
        match (self.checksum_type, &self.checksum) {
            (Some(kind), Some(value)) => {
                Checksum::told(kind.name(), value).map_err(|error| error.to_string())
            }
            _ => Ok(None),
        }
    }
}

/// The times of a record, as RFC 3339. Where the source has told none, or another text, the time is
/// that of the start.
#[derive(Deserialize)]
struct Times {
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl From<&Times> for SeededTimes {
    fn from(times: &Times) -> Self {
        let time = |text: &Option<String>| -> Option<SystemTime> {
            text.as_deref().and_then(parse_timestamp)
        };
        Self {
            created: time(&times.created_at),
            updated: time(&times.updated_at),
        }
    }
}

/// Reads a tree, and verifies each of its files. Blocks while it reads.
///
/// # Errors
/// When the description cannot be read, a name is none of a box here, or a file is missing, exceeds
/// the limits, or has another checksum.
pub(super) fn read(folder: &Path, limits: Limits) -> Result<Vec<SeededBox>, SeedError> {
    let tree = Tree { folder, limits };
    let manifest = tree.manifest()?;
    let boxes = manifest.boxes.iter().enumerate();
    boxes
        .map(|(at, record)| tree.seeded_box(record, &format!("boxes[{at}]")))
        .collect()
}

#[derive(Clone, Copy)]
struct Tree<'a> {
    folder: &'a Path,
    limits: Limits,
}

impl Tree<'_> {
    fn manifest(self) -> Result<Manifest, SeedError> {
        let text = read_regular_text(&self.folder.join(MANIFEST), MOST_OF_MIRROR);
        let text = text.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SeedError::whole(
                "cannot be read: a folder is a seed only if `atlas-upload box mirror` has written it",
            ),
            _ => SeedError::whole(format!("cannot be read: {error}")),
        })?;
        // The format comes first, since a description of another format may fail to parse otherwise.
        let of: Format = serde_json::from_str(&text).map_err(|error| SeedError::json(&error))?;
        if of.format != FORMAT || of.format_version != FORMAT_VERSION {
            return Err(SeedError::whole(format!(
                "the format is {:?} {}, and this emulator reads only {FORMAT:?} {FORMAT_VERSION}",
                of.format, of.format_version
            )));
        }
        serde_json::from_str(&text).map_err(|error| SeedError::json(&error))
    }

    fn seeded_box(self, record: &BoxRecord, path: &str) -> Result<SeededBox, SeedError> {
        let name = format!("{}/{}", record.owner, record.name);
        let name: ArtifactName = name.parse().map_err(|error| SeedError::at(path, error))?;
        let versions = record.versions.iter().enumerate();
        let versions = versions.map(|(at, version)| {
            let place = [record.owner.as_str(), &record.name, &version.version];
            self.seeded_version(version, place, &format!("{path}.versions[{at}]"))
        });
        Ok(SeededBox {
            name,
            new: NewBox {
                visibility: Some(match record.private {
                    true => Visibility::Private,
                    false => Visibility::Public,
                }),
                short_description: record.short_description.clone(),
                description: record.description.clone(),
                ..NewBox::default()
            },
            versions: versions.collect::<Result<_, _>>()?,
            times: (&record.times).into(),
        })
    }

    fn seeded_version(
        self,
        record: &VersionRecord,
        place: [&str; 3],
        path: &str,
    ) -> Result<SeededBoxVersion, SeedError> {
        let number = record.version.parse();
        let number = number.map_err(|error| SeedError::at(path, error))?;
        let providers = record.providers.iter().enumerate();
        let providers = providers.map(|(at, file)| {
            let seeded = self.seeded_provider(file, place);
            seeded.map_err(|reason| SeedError::at(format!("{path}.providers[{at}]"), reason))
        });
        Ok(SeededBoxVersion {
            number,
            status: record.state,
            description: record.description.clone(),
            providers: providers.collect::<Result<_, _>>()?,
            times: (&record.times).into(),
        })
    }

    fn seeded_provider(
        self,
        record: &FileRecord,
        place: [&str; 3],
    ) -> Result<SeededProvider, String> {
        let name = record.provider.parse();
        let name = name.map_err(|error| format!("the provider {error}"))?;
        let architecture = record.architecture.parse();
        let architecture = architecture.map_err(|error| format!("the architecture {error}"))?;
        let checksum = record.checksum()?;
        let file = match &record.file {
            Some(path) => Some(self.file(path, record, place, checksum.as_ref())?),
            None => None,
        };
        // A file that was to be copied, and is not there, is awaited here.
        let is_elsewhere = file.is_none() && (record.link || !record.hosted);
        Ok(SeededProvider {
            name,
            architecture,
            change: ProviderChange {
                is_default: Some(record.default_architecture),
                url: record.url.clone().filter(|_| is_elsewhere),
                // A computed checksum is computed here, too.
                checksum: checksum.filter(|_| !record.checksum_computed),
                ..ProviderChange::default()
            },
            file,
            times: (&record.times).into(),
        })
    }

    /// Opens a file, and compares it with its record.
    fn file(
        self,
        path: &str,
        record: &FileRecord,
        [owner, name, version]: [&str; 3],
        checksum: Option<&Checksum>,
    ) -> Result<Blob, String> {
        let parts = [
            owner,
            name,
            version,
            &record.provider,
            &record.architecture,
            FILE,
        ];
        // The parts are names and a version number, which lead nowhere else.
        if parts.join("/") != path {
            return Err(format!("{path:?} is not the path of this file in a tree"));
        }
        let place = self.folder.join(path);
        let failed = |error: io::Error| format!("cannot read {}: {error}", place.display());
        let file = open_regular_file(&place).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let checked = self.limits.check_file(len).map_err(over_limit);
        checked.map_err(|reason| format!("{}: {reason}", place.display()))?;
        if let Some(size) = record.size.filter(|size| *size != len) {
            return Err(format!(
                "{} has {len} bytes, and {MANIFEST} says {size}: run `atlas-upload box check`",
                place.display()
            ));
        }
        let checksums = Checksums {
            sha256: true,
            told: checksum.map(Checksum::kind),
        };
        let written = BlobWriter::of_file(file, checksums).map_err(failed)?;
        match (checksum, written.told) {
            (Some(told), Some(computed)) if *told != computed => Err(format!(
                "{} has the checksum {computed}, and {MANIFEST} says {told}: run `atlas-upload box \
                 check`",
                place.display()
            )),
            _ => Ok(written.blob),
        }
    }
}
