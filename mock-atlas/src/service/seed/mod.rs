//! Seeds: files or texts that declare the content of an emulator.
//!
//! - `document`: the format of seeds; `boxes`: the boxes of a seed; `files`: the files that it names
//! - `mirror`: a tree of boxes that `atlas-upload box mirror` has written
//! - `error`: mistakes in a seed, with their places
//!
//! Errors in a single value are found while the seed is parsed, so that the message has a line
//! number. Errors that depend on other values are found when the seed is added to a dataset, and
//! their messages have the value's path.

mod boxes;
mod document;
mod error;
mod files;
pub(super) mod mirror;
#[cfg(test)]
mod mirror_tests;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

pub(crate) use document::{Artifact, Document, Password, Token, TokenValue, User};
pub use error::SeedError;
pub(crate) use files::Folder;
use files::bytes;

use super::Dataset;
use crate::domain::{ArtifactName, BoxError, Limits, Name, NewVersion, OverLimit, Visibility};
use crate::faults::Fault;
use crate::storage::{
    AccountError, AdditionError, Additions, Blob, Checksums, Hashed, NewArtifact, NewOrganization,
    NewToken, NewUser, SeededVersion, StorageError, TokenLimits, read_regular_text,
};

/// The largest size of a seed in bytes, without the files that it refers to.
const MOST: u64 = 64 * 1024 * 1024;

/// The largest size in bytes of the description of a mirrored tree: enough for half a million files.
const MOST_OF_MIRROR: u64 = 256 * 1024 * 1024;

/// A parsed and checked seed: the users, organisations, artifacts, boxes, versions and files of an
/// emulator, and its faults. `docs/seed.schema.json` describes the format, and
/// `docs/seed.example.toml` is an example.
///
/// ```
/// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_atlas::{MockAtlas, Seed};
///
/// let seed = Seed::from_toml(
///     r#"
///     [[artifacts]]
///     name = "acme/web"
///     public = true
///
///     [[artifacts.versions]]
///     type = "custom.image"
///     file = { text = "bytes" }
///     "#,
/// )?;
/// let atlas = MockAtlas::builder().seed(seed).start().await?;
/// let file = format!("{}/api/v1/artifacts/acme/web/custom.image/latest/file", atlas.url());
/// assert_eq!(reqwest::get(file).await?.text().await?, "bytes");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Seed {
    additions: Additions,
    faults: Vec<Fault>,
    file: Option<PathBuf>,
}

impl Seed {
    /// Reads a seed file, JSON or TOML by its extension, and the files that it refers to. All of
    /// them must be regular files, and the seed itself has at most 64 MiB. Blocks while it reads.
    ///
    /// Reads a folder as a tree that `atlas-upload box mirror` has written. The files of its boxes
    /// stay on disk: they are compared with their checksums now, and are open from then on.
    ///
    /// # Errors
    /// When a file cannot be read, or the seed has a mistake; the error says where.
    pub fn read(file: impl AsRef<Path>) -> Result<Self, SeedError> {
        Self::read_within(file.as_ref(), Limits::default())
    }

    /// Reads a seed file like [`Seed::read`], with a limit on the size of the files that it refers
    /// to, such as the limit of [`Builder::max_file_bytes`](crate::Builder::max_file_bytes).
    ///
    /// # Errors
    /// The errors of [`Seed::read`], and when a file exceeds the limit.
    pub fn read_at_most(file: impl AsRef<Path>, max_file_bytes: u64) -> Result<Self, SeedError> {
        let limits = Limits {
            file_bytes: Some(max_file_bytes),
            ..Limits::default()
        };
        Self::read_within(file.as_ref(), limits)
    }

    fn read_within(file: &Path, limits: Limits) -> Result<Self, SeedError> {
        if file.is_dir() {
            return Self::read_mirror(file, limits);
        }
        let read = || {
            let parse = match file.extension().and_then(|extension| extension.to_str()) {
                Some("json") => parse_json,
                Some("toml") => parse_toml,
                _ => {
                    return Err(SeedError::whole(
                        "the name of a seed file must end in .json or .toml",
                    ));
                }
            };
            let text = read_regular_text(file, MOST)
                .map_err(|error| SeedError::whole(format!("cannot be read: {error}")))?;
            let path = file.parent().unwrap_or(Path::new(""));
            Self::new(parse(&text)?, Some(Folder { path, limits }))
        };
        let mut seed = read().map_err(|error| error.in_file(file))?;
        seed.file = Some(file.to_owned());
        Ok(seed)
    }

    fn read_mirror(folder: &Path, limits: Limits) -> Result<Self, SeedError> {
        let manifest = folder.join(mirror::MANIFEST);
        let read = || {
            let boxes = mirror::read(folder, limits)?;
            check_once("box", "boxes", boxes.iter().map(|of| &of.name))?;
            Ok(boxes)
        };
        let boxes = read().map_err(|error: SeedError| error.in_file(&manifest))?;
        Ok(Self {
            additions: Additions {
                boxes,
                ..Additions::default()
            },
            faults: Vec::new(),
            file: Some(manifest),
        })
    }

    /// Parses a seed in JSON. Its files must be given as text or Base64, since there is no folder
    /// for relative paths.
    ///
    /// # Errors
    /// When the seed has a mistake; the error says where.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        Self::new(parse_json(text)?, None)
    }

    /// Parses a seed in TOML, with the same restriction as [`Seed::from_json`].
    ///
    /// # Errors
    /// When the seed has a mistake; the error says where.
    pub fn from_toml(text: &str) -> Result<Self, SeedError> {
        Self::new(parse_toml(text)?, None)
    }

    pub(crate) fn new(document: Document, folder: Option<Folder<'_>>) -> Result<Self, SeedError> {
        let artifacts = document.artifacts.iter().map(|artifact| &artifact.name);
        check_once("artifact", "artifacts", artifacts)?;
        let boxes = document.boxes.iter().map(|of| &of.name);
        check_once("box", "boxes", boxes)?;
        let artifacts = document
            .artifacts
            .iter()
            .enumerate()
            .map(|(at, artifact)| new_artifact(artifact, &format!("artifacts[{at}]"), folder))
            .collect::<Result<_, _>>()?;
        let boxes = document.boxes.into_iter().enumerate();
        let boxes = boxes
            .map(|(at, of)| boxes::seeded_box(of, &format!("boxes[{at}]"), folder))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            additions: Additions {
                users: document.users.iter().map(new_user).collect(),
                organizations: document
                    .organizations
                    .into_iter()
                    .map(new_organization)
                    .collect(),
                artifacts,
                boxes,
            },
            faults: document.faults,
            file: None,
        })
    }

    /// Returns the declared faults. They belong to the emulator and not to its dataset.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Adds everything that the seed declares to a dataset, except for faults: either all of it or
    /// nothing.
    ///
    /// # Errors
    /// When a value exceeds the limits or cannot be added; the error says where.
    pub(crate) async fn apply(&self, dataset: &Dataset, limits: Limits) -> Result<(), SeedError> {
        let additions = self.additions(limits)?.clone();
        let added = dataset.catalog().add(additions).await;
        added.map_err(|error| self.explain(error))
    }

    /// Returns the additions of this seed.
    ///
    /// # Errors
    /// When a version exceeds the limits.
    pub(crate) fn additions(&self, limits: Limits) -> Result<&Additions, SeedError> {
        match self.check(limits) {
            Ok(()) => Ok(&self.additions),
            Err(error) => Err(self.in_its_file(error)),
        }
    }

    /// Converts an error of the storage into an error with the value's path in the seed.
    pub(crate) fn explain(&self, error: AdditionError) -> SeedError {
        self.in_its_file(match error {
            AdditionError::User(at, name, error) => named(format!("users[{at}]"), &name, error),
            AdditionError::Token(at, of, error) => {
                SeedError::at(format!("users[{at}].tokens[{of}]"), error)
            }
            AdditionError::Organization(at, name, error) => {
                named(format!("organizations[{at}]"), &name, error)
            }
            AdditionError::Member(at, of, name, error) => {
                named(format!("organizations[{at}].members[{of}]"), &name, error)
            }
            AdditionError::Artifact(at, name, error) => {
                let reason = not_added("artifact", &name, error);
                SeedError::at(format!("artifacts[{at}]"), reason)
            }
            AdditionError::Box(at, name, error) => {
                let reason = not_added("box", &name, error);
                SeedError::at(format!("boxes[{at}]"), reason)
            }
            AdditionError::Backend(error) => SeedError::failed(error),
        })
    }

    fn in_its_file(&self, error: SeedError) -> SeedError {
        match &self.file {
            Some(file) => error.in_file(file),
            None => error,
        }
    }

    fn check(&self, limits: Limits) -> Result<(), SeedError> {
        for (at, of) in self.additions.boxes.iter().enumerate() {
            let len = of.files().map(|file| file.len()).max();
            let checked = limits.check_file(len.unwrap_or_default());
            checked.map_err(|over| SeedError::at(format!("boxes[{at}]"), over_limit(over)))?;
        }
        for (at, artifact) in self.additions.artifacts.iter().enumerate() {
            for (of, SeededVersion { new, file, .. }) in artifact.versions.iter().enumerate() {
                let wrong = |key: &str, over: OverLimit| {
                    let path = format!("artifacts[{at}].versions[{of}].{key}");
                    SeedError::at(path, over_limit(over))
                };
                let bytes = file.as_ref().map_or(0, Blob::len);
                limits.check_id(&new.id).map_err(|over| wrong("id", over))?;
                let checked = limits.check_file(bytes);
                checked.map_err(|over| wrong("file", over))?;
                let checked = Limits::check_keys(new.metadata.iter().count());
                checked.map_err(|over| wrong("metadata", over))?;
            }
        }
        Ok(())
    }
}

fn new_user(user: &document::User) -> NewUser {
    let token = |token: &document::Token| NewToken {
        hash: Hashed::of(token.token.as_str()),
        description: token.description.clone(),
        limits: TokenLimits {
            scope: token.scope.clone(),
            expires: token.expires_at.map(|time| time.0),
        },
    };
    let hashed = |secret: &Option<Password>| secret.as_ref().map(|of| Hashed::of(&of.0));
    NewUser {
        username: user.username.clone(),
        password: hashed(&user.password),
        two_factor: hashed(&user.two_factor),
        tokens: user.tokens.iter().map(token).collect(),
    }
}

fn new_organization(organization: document::Organization) -> NewOrganization {
    let members = organization.members.into_iter();
    NewOrganization {
        name: organization.name,
        members: members
            .map(|member| (member.username, member.role))
            .collect(),
    }
}

/// Checks that no name occurs twice.
fn check_once<'a>(
    kind: &str,
    list: &str,
    names: impl Iterator<Item = &'a ArtifactName>,
) -> Result<(), SeedError> {
    let mut seen = HashSet::new();
    for (at, name) in names.enumerate() {
        if !seen.insert(name) {
            let name = name.to_string();
            let reason = format!(
                "the {kind} {name:?} is declared twice: declare it once, with all its versions"
            );
            return Err(SeedError::at(format!("{list}[{at}]"), reason));
        }
    }
    Ok(())
}

fn not_added(kind: &str, name: &ArtifactName, error: StorageError) -> String {
    let name = name.to_string();
    match error {
        StorageError::NameTaken | StorageError::Box(BoxError::BoxTaken) => format!(
            "the {kind} {name:?} exists already: delete it first, or leave it out of the seed"
        ),
        other => format!("the {kind} {name:?}: {other}"),
    }
}

fn over_limit(over: OverLimit) -> String {
    match over {
        OverLimit::Nul | OverLimit::Keys => over.to_string(),
        _ => format!("{over}: raise the limit, or change the seed"),
    }
}

fn named(path: String, name: &Name, error: AccountError) -> SeedError {
    let hint = match error {
        AccountError::UnknownUser => ": declare the user under `users`",
        _ => "",
    };
    SeedError::at(path, format!("{:?}: {error}{hint}", name.as_str()))
}

fn parse_json(text: &str) -> Result<Document, SeedError> {
    serde_json::from_str(text).map_err(|error| SeedError::json(&error))
}

fn parse_toml(text: &str) -> Result<Document, SeedError> {
    toml::from_str(text).map_err(|error| SeedError::toml(&error, text))
}

fn new_artifact(
    artifact: &document::Artifact,
    path: &str,
    folder: Option<Folder<'_>>,
) -> Result<NewArtifact, SeedError> {
    let visibility = if artifact.public {
        Visibility::Public
    } else {
        Visibility::Private
    };
    let versions = artifact
        .versions
        .iter()
        .enumerate()
        .map(|(at, version)| new_version(version, &format!("{path}.versions[{at}]"), folder))
        .collect::<Result<_, _>>()?;
    Ok(NewArtifact {
        name: artifact.name.clone(),
        visibility,
        versions,
    })
}

fn new_version(
    version: &document::Version,
    path: &str,
    folder: Option<Folder<'_>>,
) -> Result<SeededVersion, SeedError> {
    let file = version.file.as_ref();
    let checksums = Checksums::of_type(&version.artifact_type);
    let file = file
        .map(|file| bytes(file, folder, checksums))
        .transpose()
        .map_err(|reason| SeedError::at(format!("{path}.file"), reason))?;
    let new = NewVersion {
        id: version.id.as_str().into(),
        metadata: version.metadata.clone().into_iter().collect(),
        build: NonZeroU64::new(version.build_id),
        file: file.is_some(),
    };
    new.check(&version.artifact_type)
        .map_err(|error| SeedError::at(format!("{path}.metadata"), error))?;
    Ok(SeededVersion {
        artifact_type: version.artifact_type.clone(),
        new,
        file,
    })
}
