//! Pulls the file of a version, unchanged. It compares the bytes with the digest that the push left in the
//! metadata, or with the server's, and gives the file its name only if they agree. `transfer` resumes broken
//! connections.

pub mod extract;
mod transfer;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::api::content_digest;
use crate::api::wire::Version;
use crate::api::{Client, Download, SearchQuery};
use crate::base::digest::{Algorithm, Digest, HashingWriter};
use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::Event;
use crate::base::slug::{ArtifactName, ArtifactType, version_slug};
use crate::files::io_error;
use crate::files::temporary;
use transfer::Source;

/// The number of chunks between the network and the disk, so that neither waits for every chunk of the other.
const CHUNKS_IN_FLIGHT: usize = 8;

/// The beginning of the names of incomplete files.
pub(crate) const TEMPORARY: &str = ".atlas-pull-";

/// The version to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The artifact.
    pub name: ArtifactName,
    /// The type of the version.
    pub artifact_type: ArtifactType,
    /// The number of the version; `None` for the newest version that has a file.
    pub version: Option<u64>,
}

/// The target of the bytes.
pub enum Target {
    /// A file in the current folder, named after the slug: `U-N-TYPE-VERSION`. It is never overwritten.
    NamedAfterSlug,
    /// This file. It is replaced in one step after the digest was checked.
    File(PathBuf),
    /// A stream of the caller. A wrong digest is known only after all bytes were written to it.
    Stream(Box<dyn Write + Send>),
    /// An open file, and the path that errors name.
    Open(File, PathBuf),
}

/// The result of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// `user/name/type/version`.
    pub slug: String,
    /// The number of the version.
    pub version: u64,
    /// The digest of the bytes that arrived, with the algorithm of the digest that it was compared with.
    pub digest: Digest,
    /// Whether there was a digest to compare with: that of the push, in the version's metadata, or the
    /// server's.
    pub verified: bool,
    /// The number of bytes that arrived.
    pub bytes: u64,
    /// The path of the file, or of the folder into which it was unpacked; null for a stream.
    #[serde(serialize_with = "crate::files::serde_path::serialize_option")]
    pub file: Option<PathBuf>,
}

/// Pulls the file of a version.
///
/// # Errors
/// [`Phase::Search`] for the search of the version, [`Phase::Download`] for the transfer (which resumes after
/// a broken connection if the server names the file with a strong `ETag`) and for a different digest,
/// [`Phase::Save`] for the disk. After any error an existing file is unchanged.
pub async fn pull(client: &Client, pull: &Pull, target: Target) -> Result<Pulled, Error> {
    let (version, sink, left) = match pull.version {
        Some(version) => {
            // The target is opened first, so that no request is sent if that fails.
            let sink = open(pull, version, target)?;
            (version, sink, digest_of(client, pull, version).await?)
        }
        None => {
            let newest = newest_with_file(client, pull).await?;
            let sink = open(pull, newest.version, target)?;
            (newest.version, sink, content_digest::of(&newest.metadata))
        }
    };
    let slug = version_slug(&pull.name, &pull.artifact_type, version);
    client.reporter().report(Event::Downloading { slug: &slug });
    let download = client
        .download(&pull.name, &pull.artifact_type, version)
        .await?;
    // The digest from the push is better evidence than the server's.
    let (request, promised) = (download.request.clone(), left.or(download.digest));
    let algorithm = promised.as_ref().map(Digest::algorithm).unwrap_or_default();
    let source = Source {
        client,
        pull,
        version,
    };
    let (sink, here, bytes) = drain(&source, download, algorithm, sink).await?;
    if let Some(server) = promised.filter(|server| *server != here) {
        let cause = Cause::Digest {
            request,
            server,
            here,
        };
        return Err(Error::new(Phase::Download, cause));
    }
    Ok(Pulled {
        slug,
        version,
        digest: here,
        verified: promised.is_some(),
        bytes,
        file: sink.keep()?,
    })
}

/// Pulls the file of a version to a path, unless that file is there: nothing is downloaded if its digest is the one that
/// the push left in the metadata.
///
/// # Errors
/// The errors of [`pull`].
pub async fn pull_unless_there(
    client: &Client,
    request: &Pull,
    path: &Path,
) -> Result<Pulled, Error> {
    let (version, digest) = match request.version {
        Some(version) => (version, digest_of(client, request, version).await?),
        None => {
            let newest = newest_with_file(client, request).await?;
            (newest.version, content_digest::of(&newest.metadata))
        }
    };
    if let Some(digest) = digest
        && let Some(bytes) = length_with(path, &digest).await?
    {
        return Ok(Pulled {
            slug: version_slug(&request.name, &request.artifact_type, version),
            version,
            digest,
            verified: true,
            bytes,
            file: Some(path.to_owned()),
        });
    }
    let this = Pull {
        version: Some(version),
        ..request.clone()
    };
    pull(client, &this, Target::File(path.to_owned())).await
}

/// Returns the length of a file with this digest; `None` for another file, or none.
async fn length_with(path: &Path, digest: &Digest) -> Result<Option<u64>, Error> {
    let (path, digest) = (path.to_owned(), *digest);
    let hashed = tokio::task::spawn_blocking(move || {
        let mut file = File::open(path).ok()?;
        let mut hashing = HashingWriter::new(digest.algorithm(), io::sink());
        io::copy(&mut file, &mut hashing).ok()?;
        let (_, here, length) = hashing.finish();
        (here == digest).then_some(length)
    });
    hashed
        .await
        .map_err(|error| Error::new(Phase::Save, Cause::Internal(error.to_string())))
}

fn open(pull: &Pull, version: u64, target: Target) -> Result<Sink, Error> {
    let slug = version_slug(&pull.name, &pull.artifact_type, version);
    Sink::open(target, &slug)
}

/// Returns the number of the version that a channel points at, such as `production`. Channels are an extension of
/// `mock-atlas`; another server knows none.
///
/// # Errors
/// [`Phase::Search`] for the search, also where the server knows no such channel.
pub async fn version_at(
    client: &Client,
    name: &ArtifactName,
    artifact_type: &ArtifactType,
    channel: &str,
) -> Result<u64, Error> {
    let found = find_version(client, (name, artifact_type), channel).await?;
    if let [version] = found.as_slice() {
        let number = version.version;
        // A server may ignore a version that it does not know, and answer with the newest.
        let of_none = find_version(client, (name, artifact_type), NO_CHANNEL).await?;
        if of_none.is_empty() {
            return Ok(number);
        }
    }
    let nothing = format!("the server knows no channel {channel} of {name}/{artifact_type}");
    Err(Error::new(Phase::Search, Cause::Missing(nothing)))
}

/// A text that is neither a version nor the name of a channel.
const NO_CHANNEL: &str = "-";

async fn find_version(
    client: &Client,
    (name, artifact_type): (&ArtifactName, &ArtifactType),
    version: &str,
) -> Result<Vec<Version>, Error> {
    let query = SearchQuery {
        version: Some(version.to_owned()),
        ..SearchQuery::default()
    };
    client.search(name, artifact_type, &query).await
}

/// Returns the digest that the push left in the metadata of a version.
async fn digest_of(client: &Client, pull: &Pull, version: u64) -> Result<Option<Digest>, Error> {
    let this = SearchQuery {
        version: Some(version.to_string()),
        ..SearchQuery::default()
    };
    let found = client
        .search(&pull.name, &pull.artifact_type, &this)
        .await?;
    // A server may ignore the filter.
    let found = found.iter().find(|found| found.version == version);
    Ok(found.and_then(|found| content_digest::of(&found.metadata)))
}

async fn newest_with_file(client: &Client, pull: &Pull) -> Result<Version, Error> {
    let all = SearchQuery::default();
    let versions = client.search(&pull.name, &pull.artifact_type, &all).await?;
    let with_file = versions.into_iter().filter(|version| version.file);
    with_file
        .max_by_key(|version| version.version)
        .ok_or_else(|| {
            let (name, artifact_type) = (&pull.name, &pull.artifact_type);
            let nothing = format!("no version of {name}/{artifact_type} has a file");
            Error::new(Phase::Search, Cause::Missing(nothing))
        })
}

async fn drain(
    source: &Source<'_>,
    download: Download,
    algorithm: Algorithm,
    sink: Sink,
) -> Result<(Sink, Digest, u64), Error> {
    let name = sink.name();
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let writing = tokio::task::spawn_blocking(move || write_all(receiver, algorithm, sink));
    let transferred = source.transfer(download, sender).await;
    // The writer is awaited even after a broken transfer, because it holds the temporary file.
    let written = writing
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    transferred?;
    written.map_err(|error| not_saved(&name, error))
}

fn write_all(
    mut chunks: mpsc::Receiver<Bytes>,
    algorithm: Algorithm,
    sink: Sink,
) -> io::Result<(Sink, Digest, u64)> {
    let mut writer = HashingWriter::new(algorithm, sink);
    while let Some(chunk) = chunks.blocking_recv() {
        writer.write_all(&chunk)?;
    }
    writer.flush()?;
    Ok(writer.finish())
}

/// An open target.
enum Sink {
    /// A temporary file, and its final path, which must not exist.
    New(NamedTempFile, PathBuf),
    /// A temporary file, its final path, and the path that the caller gave.
    Replacement(NamedTempFile, PathBuf, PathBuf),
    /// A stream, and the path that errors name.
    Stream(Box<dyn Write + Send>, PathBuf),
}

impl Sink {
    fn open(target: Target, slug: &str) -> Result<Self, Error> {
        match target {
            Target::Stream(stream) => Ok(Self::Stream(stream, "(stream)".into())),
            Target::Open(file, path) => Ok(Self::Stream(Box::new(file), path)),
            Target::NamedAfterSlug => {
                let path = PathBuf::from(slug.replace('/', "-"));
                if path.symlink_metadata().is_ok() {
                    return Err(not_saved(&path, already_there()));
                }
                temporary_beside(&path).map(|file| Self::New(file, path))
            }
            Target::File(path) => Self::replacement(path),
        }
    }

    fn replacement(given: PathBuf) -> Result<Self, Error> {
        // The target of a link is replaced, not the link. A device is written to, because renaming a file
        // over /dev/null would remove it for everybody.
        let path = given.canonicalize().unwrap_or_else(|_| given.clone());
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                Err(not_saved(&path, io::ErrorKind::IsADirectory.into()))
            }
            Ok(metadata) if !metadata.is_file() => {
                let device = File::options().write(true).open(&path);
                let device = device.map_err(|error| not_saved(&path, error))?;
                Ok(Self::Stream(Box::new(device), path))
            }
            _ => temporary_beside(&path).map(|file| Self::Replacement(file, path, given)),
        }
    }

    /// Returns the path that errors name.
    fn name(&self) -> PathBuf {
        match self {
            Self::New(_, path) | Self::Replacement(_, _, path) | Self::Stream(_, path) => {
                path.clone()
            }
        }
    }

    fn keep(self) -> Result<Option<PathBuf>, Error> {
        let (kept, path) = match self {
            Self::Stream(..) => return Ok(None),
            Self::New(file, path) => (file.persist_noclobber(&path), path),
            Self::Replacement(file, place, path) => (file.persist(place), path),
        };
        kept.map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => not_saved(&path, already_there()),
            _ => not_saved(&path, error.error),
        })?;
        Ok(Some(path))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::New(file, _) | Self::Replacement(file, ..) => file.write(bytes),
            Self::Stream(stream, _) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::New(file, _) | Self::Replacement(file, ..) => file.flush(),
            Self::Stream(stream, _) => stream.flush(),
        }
    }
}

fn temporary_beside(path: &Path) -> Result<NamedTempFile, Error> {
    let mut builder = temporary::builder(TEMPORARY);
    // The mode of a temporary file would let only the owner read the result, whatever the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let folder = temporary::parent(path);
    temporary::remove_abandoned(folder, TEMPORARY);
    temporary::file(folder, &mut builder).map_err(|error| not_saved(path, error))
}

fn already_there() -> io::Error {
    let reason = "exists already, and is not overwritten unless it is named as the target";
    io::Error::new(io::ErrorKind::AlreadyExists, reason)
}

fn not_saved(path: &Path, error: io::Error) -> Error {
    // The reason is shown without the name of the temporary file, which does not help the user.
    Error::new(Phase::Save, Cause::file(path, io_error::plain(&error)))
}
