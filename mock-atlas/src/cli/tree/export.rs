//! `mock-atlas export` writes everything that a running emulator holds, but its accounts, as a tree. A file that is in
//! place already is kept.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;

use super::catalogs::catalogs;
use super::contents::{self, Line, Listed, Unplaced};
use super::digests::{Digests, Hasher, of_file};
use super::{
    Artifact, BOX_TYPE, FORMAT, FORMAT_VERSION, FileCopy, MANIFEST, Manifest, OfType, Version,
    box_path, version_path,
};
use crate::cli::client::Client;
use crate::cli::{Output, print};

/// Writes the tree. Its catalogs have addresses below `base_url`, else those of files on this machine.
///
/// # Errors
/// When the emulator cannot be asked, or the tree cannot be written.
pub(crate) async fn run(
    client: &Client,
    folder: &Path,
    base_url: Option<&str>,
    output: Output,
) -> Result<(), String> {
    fs::create_dir_all(folder)
        .await
        .map_err(|error| unwritable(folder, &error))?;
    let absolute = fs::canonicalize(folder).await;
    let absolute = absolute.map_err(|error| unwritable(folder, &error))?;
    let own = format!("file://{}", absolute.display());
    let mut export = Export {
        client,
        folder: &absolute,
        manifest: Manifest {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            base_url: base_url.map(str::to_owned),
            boxes: Vec::new(),
            artifacts: Vec::new(),
        },
        versions: 0,
        fetched: 0,
    };
    export.list().await?;
    export.fetch_all().await?;
    export.place_boxes().await?;
    export.describe(base_url.unwrap_or(&own)).await?;
    let (artifacts, boxes) = (export.manifest.artifacts.len(), export.manifest.boxes.len());
    let (versions, fetched) = (export.versions, export.fetched);
    let value = json!({
        "artifacts": artifacts, "boxes": boxes, "versions": versions, "fetched": fetched,
    });
    print::print(output, &value, |_| {
        format!(
            "{versions} versions of {artifacts} artifacts, and {boxes} boxes; {fetched} files were fetched"
        )
    })
}

struct Export<'a> {
    client: &'a Client,
    folder: &'a Path,
    manifest: Manifest,
    versions: u64,
    fetched: u64,
}

impl Export<'_> {
    /// Reads the contents of the emulator.
    async fn list(&mut self) -> Result<(), String> {
        let client = self.client;
        contents::read(client, |line| self.take(line)).await
    }

    fn take(&mut self, line: Line) -> Result<(), String> {
        let unexpected = || "the emulator sent its contents in another order".to_owned();
        match line {
            Line::Artifact(mut artifact) => {
                self.client.address().clone_into(&mut artifact.source);
                self.manifest.artifacts.push(artifact);
            }
            Line::Type(of_type) => {
                let artifact = self.manifest.artifacts.last_mut().ok_or_else(unexpected)?;
                artifact.types.push(of_type);
            }
            Line::Version(listed) => {
                let artifact = self.manifest.artifacts.last_mut().ok_or_else(unexpected)?;
                let mut of_type = artifact.types.pop().ok_or_else(unexpected)?;
                let placed = listed.placed(artifact, &of_type);
                of_type.versions.push(placed?);
                artifact.types.push(of_type);
                self.versions += 1;
            }
            Line::Box(mut record) => {
                let artifact = self.manifest.artifacts.last().ok_or_else(unexpected)?;
                record["owner"] = artifact.owner.as_str().into();
                record["name"] = artifact.name.as_str().into();
                record["private"] = artifact.private.into();
                record["source"] = self.client.address().into();
                self.manifest.boxes.push(record);
            }
        }
        Ok(())
    }

    /// Fetches the files of all versions.
    async fn fetch_all(&mut self) -> Result<(), String> {
        let artifacts = self.manifest.artifacts.iter_mut();
        let types = artifacts.flat_map(|artifact| &mut artifact.types);
        let versions = types.flat_map(|of_type| &mut of_type.versions);
        for copy in versions.filter_map(|version| version.file.as_mut()) {
            let path = self.folder.join(&copy.path);
            let there = of_file(&path).await.ok();
            let digests = match there.filter(|there| there.blake3 == copy.blake3) {
                Some(there) => there,
                None => {
                    self.fetched += 1;
                    // The client knows one server, which may not send it elsewhere.
                    let from = format!("/{}?redirect=false", copy.path);
                    fetch(self.client, &from, &path).await?
                }
            };
            if (digests.size, &digests.blake3) != (copy.size, &copy.blake3) {
                return Err(format!(
                    "{}: the bytes that came are not those that the emulator lists",
                    copy.path
                ));
            }
            copy.sha256 = digests.sha256;
            copy.verified = true;
        }
        Ok(())
    }

    /// Puts the files of boxes in place, which are those of versions of the type `vagrant.box`.
    async fn place_boxes(&mut self) -> Result<(), String> {
        for record in &mut self.manifest.boxes {
            let whole = record.clone();
            let versions = record["versions"].as_array_mut().into_iter().flatten();
            for version in versions {
                let of = version.clone();
                for provider in version["providers"].as_array_mut().into_iter().flatten() {
                    let path = box_path(&whole, &of, provider)?;
                    let parts = provider.as_object_mut();
                    let Some(parts) = parts else { continue };
                    // These say where the file is in the emulator, and the tree has it elsewhere.
                    parts.remove("sha256");
                    let number = parts.remove("number").and_then(|number| number.as_u64());
                    let Some(number) = number else {
                        parts.insert("file".to_owned(), Value::Null);
                        continue;
                    };
                    let from = format!(
                        "api/v1/artifacts/{}/{BOX_TYPE}/{number}/file",
                        super::tag(&whole)
                    );
                    link(&self.folder.join(from), &self.folder.join(&path)).await?;
                    parts.insert("file".to_owned(), path.into());
                }
            }
        }
        Ok(())
    }

    /// Writes the description and the catalogs, once all files are in place.
    async fn describe(&self, base_url: &str) -> Result<(), String> {
        let manifest = serde_json::to_value(&self.manifest).map_err(|error| error.to_string())?;
        write_json(&self.folder.join(MANIFEST), &manifest).await?;
        for record in &self.manifest.boxes {
            for (path, catalog) in catalogs(record, base_url) {
                write_json(&self.folder.join(path), &catalog).await?;
            }
        }
        Ok(())
    }
}

impl Listed {
    /// Returns the version with the path of its file.
    fn placed(self, artifact: &Artifact, of_type: &OfType) -> Result<Version, String> {
        let Unplaced {
            number,
            id,
            metadata,
            build,
            created_at,
        } = self.version;
        let mut version = Version {
            number,
            id,
            metadata,
            build,
            created_at: Some(created_at),
            has_file: self.file.is_some(),
            file: None,
        };
        let path = version_path(artifact, of_type, &version)?;
        version.file = self.file.map(|file| FileCopy {
            path,
            size: file.size,
            blake3: file.blake3,
            sha256: String::new(),
            verified: false,
        });
        Ok(version)
    }
}

/// Fetches a file, and gives it its name once all bytes have come.
async fn fetch(client: &Client, from: &str, to: &Path) -> Result<Digests, String> {
    let mut body = client.stream_of_api(from).await?;
    let (file, name) = temporary_beside(to).await?.into_parts();
    let mut file = fs::File::from_std(file);
    let mut hasher = Hasher::default();
    while let Some(part) = client.part(&mut body).await? {
        hasher.update(&part);
        let written = file.write_all(&part).await;
        written.map_err(|error| unwritable(to, &error))?;
    }
    file.sync_all()
        .await
        .map_err(|error| unwritable(to, &error))?;
    let target = to.to_owned();
    let named = spawn_blocking(move || name.persist(target).map_err(|error| error.error)).await;
    let named = named.map_err(io::Error::from).flatten();
    named.map_err(|error| unwritable(to, &error))?;
    Ok(hasher.finish())
}

/// Gives a file another name, or copies it where the file system has no links.
async fn link(from: &Path, to: &Path) -> Result<(), String> {
    let temporary = temporary_beside(to).await?;
    let (from, target) = (from.to_owned(), to.to_owned());
    let linked = spawn_blocking(move || {
        let name = temporary.into_temp_path();
        std::fs::remove_file(&name)?;
        if std::fs::hard_link(&from, &name).is_err() {
            std::fs::copy(&from, &name)?;
            std::fs::File::open(&name)?.sync_all()?;
        }
        name.persist(target).map_err(|error| error.error)
    });
    let linked = linked.await.map_err(io::Error::from).flatten();
    linked.map_err(|error| unwritable(to, &error))
}

async fn write_json(path: &Path, value: &Value) -> Result<(), String> {
    let temporary = temporary_beside(path).await?;
    let (value, target) = (value.clone(), path.to_owned());
    let written = spawn_blocking(move || {
        serde_json::to_writer_pretty(io::BufWriter::new(temporary.as_file()), &value)?;
        temporary.as_file().sync_all()?;
        temporary
            .persist(target)
            .map(drop)
            .map_err(|error| error.error)
    });
    let written = written.await.map_err(io::Error::from).flatten();
    written.map_err(|error| unwritable(path, &error))
}

/// Makes a temporary file beside a path, and the folders above it. A web server may read it.
async fn temporary_beside(path: &Path) -> Result<NamedTempFile, String> {
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let made = spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(".mock-atlas-")
            .permissions(std::fs::Permissions::from_mode(0o644));
        builder.tempfile_in(folder)
    });
    let made = made.await.map_err(io::Error::from).flatten();
    made.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    let path = PathBuf::from(path);
    format!("cannot write {}: {error}", path.display())
}
