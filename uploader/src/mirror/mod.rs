//! Mirrors artifacts: copies all versions of artifacts out of an Atlas into a [`Tree`], with their numbers, metadata
//! and files.
//!
//! `request` parses what is wanted, `source` reads the records of an artifact from the Atlas, and `builds` asks which
//! build made which version. `origin` is the origin of the file of a version, which [`boxes::fetch`](crate::boxes::fetch)
//! fetches.

mod builds;
mod job;
mod origin;
mod request;
mod source;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use crate::api::Client;
use crate::base::error::{Cause, Error, Phase};
use crate::boxes::fetch::Meter;
use crate::boxes::saving::Saving;
use crate::boxes::tree::artifacts::ArtifactRecord;
use crate::boxes::{Outcome, Plan, Report, Tree};
use job::Job;
pub use request::{ArtifactQuery, BuildRange, InvalidRequest};

/// The options of a mirror.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// The requested artifacts, each with a type, or with `None` for the recommended types.
    pub wanted: Vec<ArtifactQuery>,
    /// The builds to ask for, since a search tells a version's build only to who names the build.
    pub builds: Vec<BuildRange>,
    /// The number of files that are fetched at a time.
    pub jobs: usize,
}

/// Plans what [`mirror`] would do, without fetching files or writing anything. Failures are in the plan.
pub async fn plan(client: &Client, options: &MirrorOptions, tree: &Tree) -> Plan {
    let mut report = Report::default();
    let records = source::gather(client, options, &mut report).await;
    let mut plan = Plan {
        failures: report.failures,
        notes: report.notes,
        ..Plan::default()
    };
    plan.failures.extend(
        differences(&records, tree)
            .map(|(name, reason)| (name, Error::new(Phase::Tree, Cause::Differs(reason)))),
    );
    for job in jobs(&records, tree) {
        match job.is_there().await {
            Ok(true) => plan.present += 1,
            Ok(false) => plan.fetches.push((job.label(), None)),
            Err(cause) => plan
                .failures
                .push((job.label(), Error::new(Phase::Tree, cause))),
        }
    }
    plan
}

/// Mirrors all versions of the requested artifacts into a tree. Nothing is written at the source. The future may be
/// dropped at any await, and the process may be killed: files in place are complete, and the next run continues.
///
/// # Errors
/// [`Phase::Tree`] when the tree cannot be written. Failures of single artifacts and files are in the report.
pub async fn mirror(
    client: &Client,
    options: &MirrorOptions,
    tree: &mut Tree,
) -> Result<Report, Error> {
    let mut report = Report::default();
    let records = source::gather(client, options, &mut report).await;
    let types = records.iter().flat_map(|record| &record.types);
    report.found = records.len();
    report.versions = types.map(|of_type| of_type.versions.len()).sum();
    // The jobs need the known records, so they are made before the source's records are merged.
    let jobs = jobs(&records, tree);
    let differences = differences(&records, tree);
    let differences = differences.map(|(name, reason)| (name, Outcome::Differs(reason)));
    report.files.extend(differences);
    for record in &records {
        tree.merge_artifact(record);
    }
    drop(records);
    let mut saving = Saving::begin(tree, Tree::save).await?;
    let meter = Meter::new(None, client.shared_reporter());
    let mut outcomes = stream::iter(jobs)
        .map(|job| job.run(client, &meter))
        .buffer_unordered(options.jobs.max(1));
    while let Some((job, fetched)) = outcomes.next().await {
        let (outcome, copy) = fetched;
        report.add(client.reporter(), job.label(), outcome);
        if let Some(copy) = copy {
            tree.set_copy(&job.name(), copy);
        }
        saving.save_if_due(tree).await?;
    }
    drop(outcomes);
    saving.save(tree).await?;
    report.sort_files();
    Ok(report)
}

/// Returns a job for each version that has a file.
fn jobs(records: &[ArtifactRecord], tree: &Tree) -> Vec<Job> {
    let root = Arc::from(tree.root());
    let mut jobs = Vec::new();
    for record in records {
        for of_type in &record.types {
            let of = Arc::new(job::Names::new(record, of_type));
            let with_file = of_type.versions.iter().filter(|version| version.has_file);
            for version in with_file {
                let known = tree.version(&of.version(version.number));
                jobs.push(Job::new(Arc::clone(&of), Arc::clone(&root), version, known));
            }
        }
    }
    jobs
}

/// Returns the versions that are known, and that the source describes otherwise by now, each with the difference: a
/// version never changes, so it may be another Atlas.
fn differences(records: &[ArtifactRecord], tree: &Tree) -> impl Iterator<Item = (String, String)> {
    let mut found = Vec::new();
    for record in records {
        for of_type in &record.types {
            let of = job::Names::new(record, of_type);
            for theirs in &of_type.versions {
                let name = of.version(theirs.number);
                let ours = tree.version(&name);
                let reason = ours.and_then(|ours| ours.difference(theirs));
                found.extend(reason.map(|reason| (name.to_string(), reason)));
            }
        }
    }
    found.into_iter()
}
