//! `mock-atlas import` adds the versions and the boxes of a tree to a running emulator. Each is compared first, so a
//! second run sends only what is missing. So a request whose reply was lost can be repeated, too.

use std::collections::HashSet;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures_util::{StreamExt, stream};
use mock_atlas::open_regular_file;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::io::ReaderStream;

use super::{
    Artifact, BOX_TYPE, FileCopy, Manifest, OfType, Version, box_path, digests, elements, tag,
    version_path,
};
use crate::cli::client::Client;
use crate::cli::retry::{Attempts, Failure};
use crate::cli::{Output, complain, print};

/// The number of failures in a row after which the emulator counts as gone.
const MOST_FAILURES: u32 = 5;

/// Imports a tree, or compares it if `is_plan`, and prints a report.
///
/// # Errors
/// When the description cannot be read, and when anything differs, fails or is not in the tree.
pub(crate) async fn run(
    client: &Client,
    folder: &Path,
    is_plan: bool,
    output: Output,
) -> Result<(), String> {
    let manifest = Manifest::read(folder).await?;
    let mut import = Import {
        client,
        folder,
        is_plan,
        used: HashSet::new(),
        report: Report::default(),
        failures_in_a_row: 0,
        attempts: Attempts::default(),
    };
    let all = import.all(&manifest).await;
    let report = &import.report;
    print::print(output, &report.value(), |_| report.text())?;
    all?;
    report.verdict()
}

struct Import<'a> {
    client: &'a Client,
    folder: &'a Path,
    is_plan: bool,
    /// The versions that are the files of providers already: box and number.
    used: HashSet<(String, u64)>,
    report: Report,
    failures_in_a_row: u32,
    attempts: Attempts,
}

/// The numbers of versions of artifacts and of boxes.
#[derive(Debug, Default)]
struct Report {
    added: u64,
    /// The number of versions that would be added.
    missing: u64,
    present: u64,
    different: u64,
    failed: u64,
    /// The versions whose file is not in the tree.
    without_file: u64,
}

/// A file to send: its path, its size, and what is told of it.
struct Sent {
    path: String,
    size: u64,
}

impl Import<'_> {
    async fn all(&mut self, manifest: &Manifest) -> Result<(), String> {
        let boxes: HashSet<String> = manifest.boxes.iter().map(tag).collect();
        for artifact in &manifest.artifacts {
            let has_own_box = boxes.contains(&format!("{}/{}", artifact.owner, artifact.name));
            for of_type in &artifact.types {
                for version in &of_type.versions {
                    let slug = slug(artifact, of_type, version);
                    let done = self.version(artifact, of_type, version, has_own_box).await;
                    self.count(&slug, done)?;
                }
            }
        }
        for record in &manifest.boxes {
            let versions: Vec<&Value> = elements(&record["versions"]).rev().collect();
            let mut record = record.clone();
            record["versions"] = Value::Null;
            let record = &record;
            if versions.is_empty() {
                let done = self.vagrant_box(record, None, manifest).await;
                self.count(&tag(record), done)?;
            }
            for version in versions {
                let number = version["version"].as_str().unwrap_or_default();
                let done = self.vagrant_box(record, Some(version), manifest).await;
                self.count(&format!("{} {number}", tag(record)), done)?;
            }
        }
        Ok(())
    }

    /// Counts a version, and says what is to be done about it.
    ///
    /// # Errors
    /// When so many have failed one after the other that the emulator must be gone.
    fn count(&mut self, slug: &str, done: Result<Value, String>) -> Result<(), String> {
        let reply = match done {
            Ok(reply) => reply,
            Err(reason) => {
                complain(&format!("{slug}: {reason}"));
                self.report.failed += 1;
                self.failures_in_a_row += 1;
                return match self.failures_in_a_row {
                    MOST_FAILURES => Err(format!(
                        "{MOST_FAILURES} versions have failed one after the other: run the command again once the cause is gone"
                    )),
                    _ => Ok(()),
                };
            }
        };
        self.failures_in_a_row = 0;
        match reply["state"].as_str().unwrap_or_default() {
            "added" => self.report.added += 1,
            "missing" => {
                self.report.missing += 1;
                complain(&format!("{slug} would be added"));
            }
            "present" => self.report.present += 1,
            "different" => {
                self.report.different += 1;
                let part = reply["reason"].as_str().unwrap_or("something");
                complain(&format!(
                    "{slug} is there, and differs in {part}: it stays as it is"
                ));
            }
            _ => {
                self.report.without_file += 1;
                complain(&format!("{slug} is left out: its file is not in the tree"));
            }
        }
        Ok(())
    }

    async fn version(
        &mut self,
        artifact: &Artifact,
        of_type: &OfType,
        version: &Version,
        has_own_box: bool,
    ) -> Result<Value, String> {
        let path = version_path(artifact, of_type, version)?;
        let copy = match (&version.file, version.has_file) {
            (None, true) => return Ok(json!({"state": "without_file"})),
            (Some(copy), true) if copy.path != path => {
                return Err(format!(
                    "{:?} is not the path of its file in a tree",
                    copy.path
                ));
            }
            (copy, true) => copy.as_ref(),
            (_, false) => None,
        };
        let file = copy.map(|copy| json!({"size": copy.size, "blake3": copy.blake3}));
        let line = json!({
            "plan": true, "private": artifact.private, "last_number": of_type.last_number,
            "has_own_box": has_own_box, "id": version.id, "metadata": version.metadata,
            "build": version.build, "created_at": version.created_at, "file": file,
        });
        let files = copy.map(|copy| Sent {
            path,
            size: copy.size,
        });
        let slug = slug(artifact, of_type, version);
        let files = files.into_iter().collect();
        self.put(&format!("/artifacts/{slug}"), line, files).await
    }

    /// Imports a version of a box, whose record has no versions itself.
    async fn vagrant_box(
        &mut self,
        record: &Value,
        version: Option<&Value>,
        manifest: &Manifest,
    ) -> Result<Value, String> {
        let mut part = record.clone();
        part["versions"] = version.into_iter().cloned().collect();
        let (mut lines, mut sent) = (Vec::new(), Vec::new());
        if let Some(version) = version {
            for provider in elements(&version["providers"]) {
                let Some(path) = provider["file"].as_str() else {
                    continue;
                };
                if box_path(record, version, provider)? != path {
                    return Err(format!("{path:?} is not the path of its file in a tree"));
                }
                let (size, sha256) = self.box_file(path, provider).await?;
                let number = self.number(manifest, record, version, provider, &sha256);
                lines.push(json!({"size": size, "sha256": sha256, "number": number}));
                if number.is_none() {
                    let path = path.to_owned();
                    sent.push(Sent { path, size });
                }
            }
        }
        let line = json!({"plan": true, "box": part, "files": lines});
        let name = tag(record);
        self.put(&format!("/boxes/{name}"), line, sent).await
    }

    /// Returns the size and the SHA-256 of a box's file, which is read unless its record has both.
    async fn box_file(&self, path: &str, provider: &Value) -> Result<(u64, String), String> {
        let is_sha256 = provider["checksum_type"] == "sha256";
        let sha256 = provider["checksum"].as_str().filter(|_| is_sha256);
        if let (Some(size), Some(sha256)) = (provider["size"].as_u64(), sha256) {
            return Ok((size, sha256.to_ascii_lowercase()));
        }
        let read = digests::of_file(&self.folder.join(path)).await;
        let digests = read.map_err(|error| format!("cannot read {path}: {error}"))?;
        Ok((digests.size, digests.sha256))
    }

    /// Returns the number of the version that has the file of a provider, if the tree has the versions of the box,
    /// too.
    fn number(
        &mut self,
        manifest: &Manifest,
        record: &Value,
        version: &Value,
        provider: &Value,
        sha256: &str,
    ) -> Option<u64> {
        let tag = tag(record);
        let mut artifacts = manifest.artifacts.iter();
        let is_it = |artifact: &&Artifact| format!("{}/{}", artifact.owner, artifact.name) == tag;
        let artifact = artifacts.find(is_it)?;
        let of_type = artifact
            .types
            .iter()
            .find(|of_type| of_type.name == BOX_TYPE)?;
        let text = |found: &Version, key: &str| found.metadata.get(key).cloned();
        let found = of_type.versions.iter().find(|found| {
            let is_file = |copy: &FileCopy| copy.sha256.eq_ignore_ascii_case(sha256);
            let architecture = text(found, "architecture").unwrap_or_else(|| "unknown".to_owned());
            found.file.as_ref().is_some_and(is_file)
                && provider["provider"].as_str() == text(found, "provider").as_deref()
                && version["version"].as_str() == text(found, "version").as_deref()
                && provider["architecture"].as_str() == Some(&architecture)
                && !self.used.contains(&(tag.clone(), found.number))
        })?;
        self.used.insert((tag, found.number));
        Some(found.number)
    }

    /// Compares what a description describes, and sends it if it is missing, again and again while that may help.
    async fn put(&mut self, path: &str, line: Value, files: Vec<Sent>) -> Result<Value, String> {
        let mut was_sent = false;
        loop {
            let failure = match self.attempt(path, &line, &files, &mut was_sent).await {
                Ok(reply) => {
                    self.attempts.succeeded();
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            let Some(delay) = self.attempts.delay_after(&failure) else {
                return Err(failure.into());
            };
            let milliseconds = delay.as_millis();
            complain(&format!("{failure}; trying again in {milliseconds} ms"));
            sleep(delay).await;
        }
    }

    async fn attempt(
        &self,
        path: &str,
        line: &Value,
        files: &[Sent],
        was_sent: &mut bool,
    ) -> Result<Value, Failure> {
        let mut line = line.clone();
        let mut compared = self.ask(path, line.to_string().into()).await?;
        if compared["state"] == "present" && *was_sent {
            // It has arrived, and the reply to it was lost.
            compared["state"] = "added".into();
        }
        if compared["state"] != "missing" || self.is_plan {
            return Ok(compared);
        }
        line["plan"] = false.into();
        let first = stream::iter([Ok(Bytes::from(format!("{line}\n")))]);
        let mut opened = Vec::new();
        for file in files {
            opened.push(ReaderStream::with_capacity(
                self.open(file).await?,
                256 * 1024,
            ));
        }
        let body = Body::from_stream(first.chain(stream::iter(opened).flatten()));
        *was_sent = true;
        self.ask(path, body).await
    }

    async fn ask(&self, path: &str, body: Body) -> Result<Value, Failure> {
        let reply = self.client.attempt(Method::PUT, path, body).await?;
        let parsed = serde_json::from_slice(&reply);
        parsed.map_err(|error| format!("the reply is no JSON: {error}").into())
    }

    async fn open(&self, file: &Sent) -> Result<File, String> {
        let (path, size) = (self.folder.join(&file.path), file.size);
        let opened = spawn_blocking(move || {
            let file = open_regular_file(&path)?;
            Ok::<_, std::io::Error>((file.metadata()?.len(), file))
        });
        let opened = opened.await.map_err(std::io::Error::from).flatten();
        let failed = |error| format!("cannot read {}: {error}", file.path);
        let (found, opened) = opened.map_err(failed)?;
        match found == size {
            true => Ok(File::from_std(opened)),
            false => Err(format!(
                "{} has {found} bytes, and its record says {size}: run `atlas-upload box check`",
                file.path
            )),
        }
    }
}

fn slug(artifact: &Artifact, of_type: &OfType, version: &Version) -> String {
    let (owner, name, number) = (&artifact.owner, &artifact.name, version.number);
    format!("{owner}/{name}/{}/{number}", of_type.name)
}

impl Report {
    fn value(&self) -> Value {
        json!({
            "added": self.added, "missing": self.missing, "present": self.present,
            "different": self.different, "failed": self.failed,
            "without_file": self.without_file,
        })
    }

    fn text(&self) -> String {
        let Self {
            added,
            missing,
            present,
            different,
            failed,
            without_file,
        } = self;
        format!(
            "{added} versions were added, {missing} would be added, {present} were there, \
             {different} differ, {failed} failed, {without_file} have no file in the tree"
        )
    }

    /// Fails unless everything is there.
    fn verdict(&self) -> Result<(), String> {
        match self.different + self.failed + self.without_file {
            0 => Ok(()),
            wrong => Err(format!(
                "{wrong} versions of the tree are not there as the tree has them"
            )),
        }
    }
}
