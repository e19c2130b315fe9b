//! Reads a tree of boxes that `atlas-upload box mirror` has written: `mirror.json`, and the files of
//! the boxes. The section on `mirror.json` in docs/rescue.md describes the format. Its description of a box is also
//! that of an import.
//!
//! The files stay on disk: they are read once, for their checksums, and are open from then on.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::IgnoredAny;

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
/// The formats: of boxes alone, and with artifacts.
const FORMAT_VERSIONS: [u32; 2] = [1, 2];

/// The name of each file of a box.
const FILE: &str = "vagrant.box";

/// A description, without the fields that the emulator does not need.
#[derive(Deserialize)]
struct Manifest {
    boxes: Vec<BoxRecord>,
    #[serde(default)]
    artifacts: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Format {
    format: String,
    format_version: u32,
}

/// A box in a description.
#[derive(Deserialize)]
pub(in crate::service) struct BoxRecord {
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
    pub(in crate::service) versions: Vec<VersionRecord>,
}

/// A version of a box in a description.
#[derive(Deserialize)]
pub(in crate::service) struct VersionRecord {
    version: String,
    state: BoxStatus,
    #[serde(default)]
    description: String,
    #[serde(flatten)]
    times: Times,
    pub(in crate::service) providers: Vec<FileRecord>,
}

/// A provider of a version in a description.
#[derive(Deserialize)]
pub(in crate::service) struct FileRecord {
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
    /// Returns whether the tree has the file.
    pub(in crate::service) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the checksum of the file.
    pub(in crate::service) fn checksum(&self) -> Result<Option<Checksum>, String> {
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
    let open = |record: &FileRecord, place: [&str; 3]| tree.file(record, place);
    let boxes = manifest.boxes.iter().enumerate();
    boxes
        .map(|(at, record)| record.seeded(&format!("boxes[{at}]"), &open))
        .collect()
}

impl BoxRecord {
    /// Returns the box without the bytes of its files.
    ///
    /// # Errors
    /// When a name is none of a box here.
    pub(in crate::service) fn described(&self) -> Result<SeededBox, SeedError> {
        self.seeded("box", &|_, _| Ok(None))
    }

    /// Returns the box. `open` returns the bytes of a file, for a provider of a version of a box, if there are some.
    fn seeded(
        &self,
        path: &str,
        open: &impl Fn(&FileRecord, [&str; 3]) -> Result<Option<Blob>, String>,
    ) -> Result<SeededBox, SeedError> {
        let name = format!("{}/{}", self.owner, self.name);
        let name: ArtifactName = name.parse().map_err(|error| SeedError::at(path, error))?;
        let versions = self.versions.iter().enumerate();
        let versions = versions.map(|(at, version)| {
            let place = [self.owner.as_str(), &self.name, &version.version];
            let open = |record: &FileRecord| open(record, place);
            version.seeded(&format!("{path}.versions[{at}]"), &open)
        });
        Ok(SeededBox {
            name,
            new: NewBox {
                visibility: Some(match self.private {
                    true => Visibility::Private,
                    false => Visibility::Public,
                }),
                short_description: self.short_description.clone(),
                description: self.description.clone(),
                ..NewBox::default()
            },
            versions: versions.collect::<Result<_, _>>()?,
            times: (&self.times).into(),
        })
    }
}

impl VersionRecord {
    fn seeded(
        &self,
        path: &str,
        open: &impl Fn(&FileRecord) -> Result<Option<Blob>, String>,
    ) -> Result<SeededBoxVersion, SeedError> {
        let number = self.version.parse();
        let number = number.map_err(|error| SeedError::at(path, error))?;
        let providers = self.providers.iter().enumerate();
        let providers = providers.map(|(at, file)| {
            let seeded = file.seeded(open);
            seeded.map_err(|reason| SeedError::at(format!("{path}.providers[{at}]"), reason))
        });
        Ok(SeededBoxVersion {
            number,
            status: self.state,
            description: self.description.clone(),
            providers: providers.collect::<Result<_, _>>()?,
            times: (&self.times).into(),
        })
    }
}

impl FileRecord {
    fn seeded(
        &self,
        open: &impl Fn(&Self) -> Result<Option<Blob>, String>,
    ) -> Result<SeededProvider, String> {
        let name = self.provider.parse();
        let name = name.map_err(|error| format!("the provider {error}"))?;
        let architecture = self.architecture.parse();
        let architecture = architecture.map_err(|error| format!("the architecture {error}"))?;
        let checksum = self.checksum()?;
        // A file that was to be copied, and is not there, is awaited here.
        let is_elsewhere = !self.has_file() && (self.link || !self.hosted);
        Ok(SeededProvider {
            name,
            architecture,
            change: ProviderChange {
                is_default: Some(self.default_architecture),
                url: self.url.clone().filter(|_| is_elsewhere),
                // A computed checksum is computed here, too.
                checksum: checksum.filter(|_| !self.checksum_computed),
                ..ProviderChange::default()
            },
            file: open(self)?,
            times: (&self.times).into(),
        })
    }
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
        if of.format != FORMAT || !FORMAT_VERSIONS.contains(&of.format_version) {
            return Err(SeedError::whole(format!(
                "the format is {:?} {}, and this emulator reads only {FORMAT:?} 1 and 2",
                of.format, of.format_version
            )));
        }
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| SeedError::json(&error))?;
        match manifest.artifacts.is_empty() {
            true => Ok(manifest),
            false => Err(SeedError::whole(
                "the tree has artifacts, which a seed cannot number: start without it, and run \
                 `mock-atlas import`",
            )),
        }
    }

    /// Opens the file of a provider, if it is in the tree, and compares it with its record.
    fn file(
        self,
        record: &FileRecord,
        [owner, name, version]: [&str; 3],
    ) -> Result<Option<Blob>, String> {
        let Some(path) = &record.file else {
            return Ok(None);
        };
        let checksum = record.checksum()?;
        let checksum = checksum.as_ref();
        let parts = [
            owner,
            name,
            version,
            &record.provider,
            &record.architecture,
            FILE,
        ];
        // The parts are names and a version number, which lead nowhere else.
        if parts.join("/") != *path {
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
            _ => Ok(Some(written.blob)),
        }
    }
}
