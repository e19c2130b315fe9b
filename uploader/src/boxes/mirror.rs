//! Mirrors boxes: lists the selected boxes, fetches the missing files, several at a time, and writes the tree's
//! description.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use url::Url;

use super::catalog_writer;
use super::checksum::ChecksumKind;
use super::fetch::{BoxOrigin, Fetch, Meter, remove_leftovers};
use super::model::{BoxRecord, FileRecord, label};
use super::outcome::{Outcome, Report};
use super::rate_limits::Remaining;
use super::registry::RegistryOptions;
use super::saving::Saving;
use super::selection::Selection;
use super::source::{BoxQuery, Source};
use super::tree::{Tree, check_box, parts};
use crate::base::error::{Cause, Error, Phase};

/// The options of a mirror.
#[derive(Clone)]
pub struct MirrorOptions {
    /// The options of requests to the source.
    pub http: RegistryOptions,
    /// The address or path of the source.
    pub from: String,
    /// The requested owners and boxes; empty for all boxes of a local source.
    pub wanted: Vec<BoxQuery>,
    /// The selection of versions and files.
    pub selection: Selection,
    /// Whether to copy files that are on their owners' hosts, too.
    pub external: bool,
    /// Whether to keep only addresses.
    pub no_files: bool,
    /// The number of files that are fetched at a time.
    pub jobs: usize,
    /// The base address of files in catalogs; `None` keeps the tree's earlier one.
    pub base_url: Option<Url>,
}

/// A `Plan` lists what a mirror would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// The files that would be fetched: the label, and the size in bytes if the source tells it.
    pub fetches: Vec<(String, Option<u64>)>,
    /// The number of files that are present already.
    pub present: usize,
    /// The files of which only the address would be kept.
    pub links: Vec<String>,
    /// The boxes or artifacts, and files, that are left out, each with the reason.
    pub failures: Vec<(String, Error)>,
    /// Notes for the user that are not failures.
    pub notes: Vec<String>,
    /// The number of downloads that the source last said are left.
    pub remaining: Option<Remaining>,
}

/// A file to mirror.
struct Job {
    record: Arc<BoxRecord>,
    version: String,
    file: FileRecord,
    /// The record of an earlier run.
    known: Option<FileRecord>,
    /// The file's place, relative to the root and as a path; or the reason for having none.
    place: Result<(String, PathBuf), String>,
}

impl Job {
    fn label(&self) -> String {
        label(&self.record.tag(), &self.version, &self.file)
    }

    fn is_linked(&self, options: &MirrorOptions) -> bool {
        options.no_files || (!self.file.hosted && !options.external)
    }
}

/// Plans what [`mirror`] would do, without fetching files.
///
/// # Errors
/// [`Phase::Boxes`], [`Phase::Tree`].
pub async fn plan(options: &MirrorOptions, tree: &Tree) -> Result<Plan, Error> {
    let mut report = Report::default();
    let (source, found) = gather(options, &mut report).await?;
    let records: Vec<_> = found
        .iter()
        .map(|found| Arc::clone(&found.wanted))
        .collect();
    let mut plan = Plan {
        failures: report.failures,
        remaining: source.http().and_then(|http| http.downloads_remaining()),
        ..Plan::default()
    };
    for job in jobs(&records, tree) {
        let is_there = matches!(&job.place, Ok((_, path)) if path.exists());
        match &job.place {
            Err(reason) => {
                let cause = Cause::Unpackable(reason.clone());
                plan.failures
                    .push((job.label(), Error::new(Phase::Tree, cause)));
            }
            Ok(_) if is_there => plan.present += 1,
            Ok(_) if job.is_linked(options) => plan.links.push(job.label()),
            Ok(_) => plan.fetches.push((job.label(), job.file.size)),
        }
    }
    Ok(plan)
}

/// Mirrors the selected boxes into a tree. The future may be dropped at any await, and the process may be
/// killed: files in place are complete, and the next run continues.
///
/// # Errors
/// [`Phase::Boxes`] when the source cannot be asked at all, [`Phase::Tree`] when the tree cannot be written.
/// Failures of single boxes and files are in the report.
pub async fn mirror(options: &MirrorOptions, tree: &mut Tree) -> Result<Report, Error> {
    let mut report = Report::default();
    let (source, found) = gather(options, &mut report).await?;
    let records: Vec<_> = found
        .iter()
        .map(|found| Arc::clone(&found.wanted))
        .collect();
    report.found = records.len();
    report.versions = records.iter().map(|record| record.versions.len()).sum();
    // The jobs need the known records, so they are made before the source's records are merged.
    let jobs = jobs(&records, tree);
    if let Some(base_url) = &options.base_url {
        tree.set_base_url(base_url.clone());
    }
    for found in &found {
        tree.merge(&found.wanted);
        tree.follow(&found.all);
    }
    let mut saving = Saving::begin(tree, save).await?;
    let total: Option<u64> = jobs
        .iter()
        .filter(|job| !job.is_linked(options))
        .map(|job| job.file.size)
        .sum();
    let meter = Meter::new(total, Arc::clone(&options.http.reporter));
    let run = Run {
        options,
        source: &source,
        meter: &meter,
    };
    let mut outcomes = stream::iter(jobs)
        .map(|job| run.mirror_file(job))
        .buffer_unordered(options.jobs.max(1));
    while let Some((job, outcome)) = outcomes.next().await {
        let tag = job.record.tag();
        report.add(&*options.http.reporter, job.label(), outcome);
        tree.set_file(&tag, &job.version, job.file);
        saving.save_if_due(tree).await?;
    }
    drop(outcomes);
    saving.save(tree).await?;
    report.sort_files();
    report.notes = notes(&source, &records, options);
    Ok(report)
}

/// Writes the tree's description and its catalogs. This blocks.
fn save(tree: &Tree) -> Result<(), Error> {
    tree.save()?;
    catalog_writer::write(tree)
}

/// A box of the source.
struct SourceBox {
    all: BoxRecord,
    /// The selected part of the box.
    wanted: Arc<BoxRecord>,
}

/// Finds the source and reads the selected boxes. A box that cannot be listed or read becomes a failure in the
/// report.
async fn gather(
    options: &MirrorOptions,
    report: &mut Report,
) -> Result<(Source, Vec<SourceBox>), Error> {
    let source = Source::find(options.http.clone(), &options.from, &options.wanted).await?;
    let mut found = Vec::new();
    for (owner, name) in names(&source, options, report).await? {
        let tag = format!("{owner}/{name}");
        match record(&source, options, &owner, &name, report).await {
            Ok(one) => found.push(one),
            Err(cause) => report.failures.push((tag, Error::new(Phase::Boxes, cause))),
        }
    }
    Ok((source, found))
}

async fn names(
    source: &Source,
    options: &MirrorOptions,
    report: &mut Report,
) -> Result<Vec<(String, String)>, Error> {
    let mut names = Vec::new();
    if options.wanted.is_empty() {
        names = source.list(&[]).await?;
    }
    for wanted in &options.wanted {
        match source.list(std::slice::from_ref(wanted)).await {
            Ok(listed) => names.extend(listed),
            Err(error) => report.failures.push((wanted.to_string(), error)),
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

async fn record(
    source: &Source,
    options: &MirrorOptions,
    owner: &str,
    name: &str,
    report: &mut Report,
) -> Result<SourceBox, Cause> {
    check_box(owner, name).map_err(Cause::Unpackable)?;
    let mut all = source.record(owner, name).await?;
    for twice in all.drop_repeated() {
        let cause = Cause::Unpackable(
            "the source lists this name twice; the first entry is used".to_owned(),
        );
        report
            .failures
            .push((twice, Error::new(Phase::Boxes, cause)));
    }
    let mut wanted = all.clone();
    options.selection.apply(&mut wanted);
    if wanted.versions.is_empty() && options.selection.is_narrow() {
        let versions = all.versions.len();
        return Err(Cause::Missing(format!(
            "none of the box's {versions} versions matches the selection"
        )));
    }
    let wanted = Arc::new(wanted);
    Ok(SourceBox { all, wanted })
}

fn jobs(records: &[Arc<BoxRecord>], tree: &Tree) -> Vec<Job> {
    let mut jobs = Vec::new();
    for record in records {
        let tag = record.tag();
        for version in &record.versions {
            for file in &version.providers {
                let place = parts(record, &version.version, file).map(|parts| {
                    let path = tree.root().join(parts.iter().collect::<PathBuf>());
                    (parts.join("/"), path)
                });
                jobs.push(Job {
                    record: Arc::clone(record),
                    version: version.version.clone(),
                    file: file.clone(),
                    known: tree.file(&tag, &version.version, file).cloned(),
                    place,
                });
            }
        }
    }
    jobs
}

fn notes(source: &Source, records: &[Arc<BoxRecord>], options: &MirrorOptions) -> Vec<String> {
    let mut notes = Vec::new();
    let files = records.iter().flat_map(|record| &record.versions);
    let files = files.flat_map(|version| &version.providers);
    let without = files.filter(|file| file.url.is_none()).count();
    if options.no_files && without > 0 {
        notes.push(format!(
            "{without} files have no permanent address, since the source gives a new one for each download: no catalog lists them"
        ));
    }
    if let Source::Installed(installed) = source {
        notes.extend(installed.without_owner().iter().map(|name| {
            format!("{name} has no owner, and therefore no place in a tree; add it to Vagrant as OWNER/{name}, with `vagrant box add --name`")
        }));
        notes.push(
            "installed boxes were packed again: their checksums are not those of the originals"
                .to_owned(),
        );
    }
    for record in records {
        for version in &record.versions {
            if !super::is_gem_version(&version.version) {
                let (tag, version) = (record.tag(), &version.version);
                notes.push(format!(
                    "{tag} {version}: Vagrant cannot read this version's number, so no catalog lists it"
                ));
            }
        }
    }
    notes
}

struct Run<'a> {
    options: &'a MirrorOptions,
    source: &'a Source,
    meter: &'a Meter,
}

impl Run<'_> {
    /// Fetches one file if it is missing. Returns the job with the resulting record.
    async fn mirror_file(&self, mut job: Job) -> (Job, Outcome) {
        let outcome = self.outcome(&mut job).await;
        let outcome = outcome.unwrap_or_else(|cause| {
            let name = job.label();
            Outcome::Failed(Error::new(Phase::Fetch { name }, cause))
        });
        (job, outcome)
    }

    async fn outcome(&self, job: &mut Job) -> Result<Outcome, Cause> {
        let (relative, path) = job.place.clone().map_err(Cause::Unpackable)?;
        let there = tokio::fs::metadata(&path).await.ok();
        let known = job.known.as_ref();
        let is_known = there.is_some() && known.is_some_and(|known| known.file.is_some());
        if !is_known && !job.is_linked(self.options) {
            let checksum = self.source.checksum(&job.record, &job.version, &job.file);
            job.file.checksum = checksum.await?;
        }
        if let Some(there) = there {
            remove_leftovers(&path).await?;
            return present(job, relative, &path, there.len()).await;
        }
        if job.is_linked(self.options) {
            job.file.link = self.address(job)?.is_some();
            self.probe(job).await?;
            return Ok(Outcome::Linked);
        }
        // Until the file is fetched, catalogs point to its owner's host.
        job.file.link = !job.file.hosted && self.address(job)?.is_some();
        let origin = BoxOrigin {
            source: self.source,
            record: &job.record,
            version: &job.version,
            file: &job.file,
        };
        let fetch = Fetch {
            origin: &origin,
            path: &path,
            meter: self.meter,
        };
        let fetched = fetch.run().await?;
        job.file = FileRecord {
            file: Some(relative),
            link: false,
            size: Some(fetched.bytes),
            checksum_computed: job.file.checksum.is_none(),
            checksum: Some(fetched.checksum),
            ..job.file.clone()
        };
        let bytes = fetched.bytes;
        Ok(Outcome::Fetched { bytes })
    }

    /// Checks that the target of a link exists; sends no request when no files are wanted.
    async fn probe(&self, job: &Job) -> Result<(), Cause> {
        match (self.address(job)?, self.source.http()) {
            (Some(url), Some(http)) if !self.options.no_files => http.probe(&url).await,
            _ => Ok(()),
        }
    }

    /// Returns the address of a file for catalogs.
    ///
    /// # Errors
    /// Fails for an address that is neither http nor https, which could lead a user's Vagrant to a local file.
    fn address(&self, job: &Job) -> Result<Option<Url>, Cause> {
        let Some(address) = &job.file.url else {
            return Ok(None);
        };
        let url = Url::parse(address).ok();
        let is_fit = |url: &Url| matches!(url.scheme(), "http" | "https");
        match url.filter(|url| is_fit(url) || self.source.http().is_none()) {
            Some(url) => Ok(Some(url)),
            None => Err(Cause::Missing(format!(
                "its address {address:?} is not an http or https address"
            ))),
        }
    }
}

/// Keeps a file that is in place, whatever the source says, and compares it with the records.
async fn present(
    job: &mut Job,
    relative: String,
    path: &Path,
    size: u64,
) -> Result<Outcome, Cause> {
    let theirs = job.file.checksum.clone();
    let known = job.known.take().filter(|known| known.file.is_some());
    if let Some(known) = known {
        let differs = differs(&known, &job.file);
        let is_damaged = known.size.is_some_and(|known| known != size);
        job.file = FileRecord {
            default_architecture: job.file.default_architecture,
            ..known
        };
        if is_damaged {
            let reason = "the file's size has changed since it was fetched; delete the file to fetch it again";
            let error = std::io::Error::other(reason);
            return Err(Cause::file(path, error));
        }
        return Ok(differs.map_or(Outcome::Present { bytes: size }, Outcome::Differs));
    }
    // A killed run or a person put the file there, so it must match the source's checksum.
    let kind = theirs
        .as_ref()
        .map_or(ChecksumKind::Sha256, |checksum| checksum.kind);
    let place = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || kind.of_file(&place)).await;
    let hashed = hashed.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    let (checksum, bytes) = hashed.map_err(|error| Cause::file(path, error))?;
    if theirs.as_ref().is_some_and(|theirs| *theirs != checksum) {
        return Err(Cause::Differs(format!(
            "{} exists, and does not match the source's checksum; move it away to fetch it",
            path.display()
        )));
    }
    job.file = FileRecord {
        file: Some(relative),
        link: false,
        size: Some(bytes),
        checksum_computed: theirs.is_none(),
        checksum: Some(checksum),
        ..job.file.clone()
    };
    Ok(Outcome::Present { bytes })
}

/// Returns why the known record contradicts the source's current record.
fn differs(known: &FileRecord, theirs: &FileRecord) -> Option<String> {
    let (ours, theirs) = (known.checksum.as_ref()?, theirs.checksum.as_ref()?);
    (ours.kind == theirs.kind && ours.value != theirs.value).then(|| {
        let (kind, ours, theirs) = (ours.kind.name(), &ours.value, &theirs.value);
        format!("the source now has {kind} {theirs}, and the tree has {ours}")
    })
}
