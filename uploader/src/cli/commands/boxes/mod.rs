//! Runs `atlas-upload box …`: this module rescues Vagrant boxes into a tree of files, `publish` and `registry` call a
//! registry to which boxes are published.

mod publish;
mod registry;

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::boxes::model::VersionState;
use atlas_uploader::boxes::source::BoxQuery;
use atlas_uploader::boxes::{
    self, Checked, MirrorOptions, Outcome, Plan, Report, Selection, Tree, catalog_writer,
};
use atlas_uploader::config::Config;
use atlas_uploader::{Cause, Error, Phase};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use url::Url;

use crate::cli::args::boxes::{BoxCommand, BoxMirrorArgs};
use crate::cli::args::{GlobalArgs, OutputFormat, TimeLimits};
use crate::cli::hints;
use crate::cli::output::console::Console;
use crate::cli::output::table::table;

/// The assumed limit of downloads per hour, HCP's, for a source that reports none.
const DOWNLOADS_AN_HOUR: u64 = 20;

/// The state that the subcommands share.
struct Boxes<'a> {
    config: &'a Config,
    time_limits: TimeLimits,
    output: OutputFormat,
    console: &'a Arc<Console>,
}

/// Runs one of the subcommands.
pub(in crate::cli) async fn run(
    command: BoxCommand,
    config: &Config,
    global: &GlobalArgs,
    console: &Arc<Console>,
) -> ExitCode {
    let this = Boxes {
        config,
        time_limits: global.time_limits(),
        output: global.output,
        console,
    };
    let is_local = matches!(
        command,
        BoxCommand::Mirror(_) | BoxCommand::Catalog { .. } | BoxCommand::Check { .. }
    );
    let ended = match command {
        BoxCommand::Publish(args) => this.publish(*args).await,
        BoxCommand::Show(args) => this.show(args).await,
        BoxCommand::Search(args) => this.search(args).await,
        BoxCommand::Download(args) => this.download(args).await,
        BoxCommand::Release(args) => this.set_state(args, VersionState::Active).await,
        BoxCommand::Revoke(args) => this.set_state(args, VersionState::Revoked).await,
        BoxCommand::Delete(args) => this.delete(args).await,
        BoxCommand::Mirror(args) => this.mirror(*args, global).await,
        BoxCommand::Catalog { dir, base_url } => this.catalog(dir, base_url).await,
        BoxCommand::Check { dir } => this.check(dir).await,
    };
    ended.unwrap_or_else(|error| {
        let hints = match is_local {
            true => hints::of_boxes(&error),
            false => hints::of_registry(&error, config),
        };
        console.error(&error.to_string(), &hints);
        ExitCode::from(&error)
    })
}

impl Boxes<'_> {
    async fn mirror(&self, args: BoxMirrorArgs, global: &GlobalArgs) -> Result<ExitCode, Error> {
        let to = args.to.clone();
        let is_plan = args.plan;
        if global.name_an_atlas() {
            return Err(usage(
                "--token and --atlas-url select an Atlas; for a mirror, use --from, and HCP_CLIENT_ID and HCP_CLIENT_SECRET, or VAGRANT_CLOUD_TOKEN",
            ));
        }
        let options = self.options(args)?;
        if is_plan {
            let tree = blocking(move || Tree::read(&to)).await?;
            let plan = boxes::plan(&options, &tree).await?;
            return self.planned(&plan);
        }
        let mut tree = blocking(move || Tree::open(&to)).await?;
        let report = boxes::mirror(&options, &mut tree).await?;
        self.mirrored(&report)
    }

    fn options(&self, args: BoxMirrorArgs) -> Result<MirrorOptions, Error> {
        let wanted = args.wanted.iter().map(|text| BoxQuery::parse(text));
        let wanted = wanted.collect::<Result<Vec<_>, _>>().map_err(usage)?;
        if wanted.is_empty() && args.from.contains("://") && !args.from.starts_with("file:") {
            return Err(usage("name an ORG or an ORG/BOX to mirror"));
        }
        let selection = Selection::new(
            &args.providers,
            &args.architectures,
            &args.versions,
            args.newest.map(NonZero::get),
            args.include_unreleased,
        );
        Ok(MirrorOptions {
            http: self.registry_options(self.config)?,
            from: args.from,
            wanted,
            selection: selection.map_err(|error| usage(error.to_string()))?,
            external: args.external,
            no_files: args.no_files,
            jobs: args.jobs.into(),
            base_url: args.base_url,
        })
    }

    async fn catalog(
        &self,
        dir: std::path::PathBuf,
        base_url: Option<Url>,
    ) -> Result<ExitCode, Error> {
        let boxes = blocking(move || {
            is_tree(&dir)?;
            let mut tree = Tree::open(&dir)?;
            if let Some(base_url) = base_url {
                tree.set_base_url(base_url);
            }
            let taken_in = tree.take_in();
            tree.save()?;
            catalog_writer::write(&tree)?;
            Ok((tree.boxes().len(), taken_in))
        });
        let (boxes, taken_in) = boxes.await?;
        if taken_in > 0 {
            let text = format!("{taken_in} files of the tree were not recorded before");
            self.console.say(&text);
        }
        let text = format!("{boxes} boxes have new catalogs");
        self.answer(&text, || json!({"boxes": boxes, "taken_in": taken_in}))?;
        Ok(ExitCode::Success)
    }

    async fn check(&self, dir: std::path::PathBuf) -> Result<ExitCode, Error> {
        let checked = blocking(move || {
            is_tree(&dir)?;
            Ok(boxes::check(&Tree::read(&dir)?))
        });
        let checked = checked.await?;
        for text in checked.missing.iter().chain(&checked.wrong) {
            self.console.error(text, &[]);
        }
        let text = format!(
            "{} files ({}) are intact, {} are links, {} were not fetched, {} problems were found",
            checked.files,
            HumanBytes(checked.bytes),
            checked.links,
            checked.missing.len(),
            checked.wrong.len()
        );
        self.answer(&text, || check_value(&checked))?;
        Ok(
            match (checked.wrong.is_empty(), checked.missing.is_empty()) {
                (false, _) => ExitCode::DigestMismatch,
                (true, false) => ExitCode::NotFound,
                (true, true) => ExitCode::Success,
            },
        )
    }

    fn planned(&self, plan: &Plan) -> Result<ExitCode, Error> {
        let rows: Vec<_> = plan
            .fetches
            .iter()
            .map(|(name, size)| {
                let size = size.map_or_else(|| "?".to_owned(), |size| HumanBytes(size).to_string());
                [size, name.clone()]
            })
            .collect();
        let known: u64 = plan.fetches.iter().filter_map(|(_, size)| *size).sum();
        let count = plan.fetches.len() as u64;
        let mut text = table(["SIZE", "FILE"], &rows);
        text += &format!(
            "\n{count} files would be fetched ({} in known sizes), {} are present, {} stay links",
            HumanBytes(known),
            plan.present,
            plan.links.len()
        );
        text += &format!("\n{}", cost(plan, count));
        for (name, error) in &plan.failures {
            self.console.error(&format!("{name}: {error}"), &[]);
        }
        let files = plan
            .fetches
            .iter()
            .map(|(name, size)| json!({"name": name, "bytes": size}))
            .collect::<Vec<_>>();
        self.answer(&text, || {
            let remaining = plan.remaining.map(|remaining| remaining.left);
            json!({
                "fetches": files, "bytes": known, "present": plan.present, "links": plan.links,
                "downloads_remaining": remaining, "failed": failures(&plan.failures),
            })
        })?;
        let first = plan.failures.first();
        Ok(first.map_or(ExitCode::Success, |(_, error)| ExitCode::from(error)))
    }

    fn mirrored(&self, report: &Report) -> Result<ExitCode, Error> {
        for note in &report.notes {
            self.console.say(note);
        }
        for (name, outcome) in &report.files {
            match outcome {
                Outcome::Failed(error) => self
                    .console
                    .error(&error.to_string(), &hints::of_boxes(error)),
                Outcome::Differs(reason) => {
                    let text = format!("{name} was not replaced: {reason}");
                    self.console.warn(&text);
                }
                _ => {}
            }
        }
        for (name, error) in &report.failures {
            let text = format!("{name} is left out: {error}");
            self.console.error(&text, &hints::of_boxes(error));
        }
        let totals = report.totals();
        let text = table(
            [
                "BOXES",
                "VERSIONS",
                "FILES",
                "BYTES",
                "NEW",
                "LINKS",
                "DIFFERENT",
                "FAILED",
            ],
            &[[
                totals.boxes.to_string(),
                totals.versions.to_string(),
                totals.files.to_string(),
                HumanBytes(totals.bytes).to_string(),
                totals.fetched.to_string(),
                totals.links.to_string(),
                totals.differing.to_string(),
                totals.failed.to_string(),
            ]],
        );
        self.answer(&text, || report_value(report))?;
        Ok(match report.first_failure() {
            Some(error) => ExitCode::from(error),
            // The tree holds a file that differs from the source's.
            None if totals.differing > 0 => ExitCode::DigestMismatch,
            None => ExitCode::Success,
        })
    }

    fn answer(&self, text: &str, value: impl FnOnce() -> Value) -> Result<(), Error> {
        match self.output {
            OutputFormat::Text => self.console.out(text),
            OutputFormat::Json | OutputFormat::Tfvars => self.console.out(&value().to_string()),
        }
    }
}

/// Describes how long the downloads take under the source's limit.
fn cost(plan: &Plan, count: u64) -> String {
    let limit = plan.remaining.and_then(|remaining| remaining.of);
    let limit = limit.unwrap_or(DOWNLOADS_AN_HOUR).max(1);
    let hours = count.saturating_sub(1) / limit;
    let left = plan.remaining.map_or_else(String::new, |remaining| {
        format!(", of which {} are left now", remaining.left)
    });
    format!("at the limit of {limit} downloads an hour{left}, this takes {hours} hours or more")
}

fn check_value(checked: &Checked) -> Value {
    json!({
        "files": checked.files, "bytes": checked.bytes, "links": checked.links,
        "missing": checked.missing, "wrong": checked.wrong,
    })
}

fn report_value(report: &Report) -> Value {
    let files = report.files.iter().map(|(name, outcome)| {
        let (state, bytes, reason) = match outcome {
            Outcome::Fetched { bytes } => ("fetched", Some(*bytes), None),
            Outcome::Present { bytes } => ("present", Some(*bytes), None),
            Outcome::Linked => ("link", None, None),
            Outcome::Differs(reason) => ("different", None, Some(reason.clone())),
            Outcome::Failed(error) => ("failed", None, Some(error.to_string())),
        };
        json!({"name": name, "state": state, "bytes": bytes, "reason": reason})
    });
    json!({
        "totals": report.totals(), "files": files.collect::<Vec<_>>(),
        "failed": failures(&report.failures), "notes": report.notes,
    })
}

fn failures(failures: &[(String, Error)]) -> Vec<Value> {
    let one = |(name, error): &(String, Error)| json!({"name": name, "reason": error.to_string()});
    failures.iter().map(one).collect()
}

/// Fails when the folder holds no mirrored tree; treating it as an empty tree would report success.
fn is_tree(dir: &Path) -> Result<(), Error> {
    if dir.join("mirror.json").is_file() {
        return Ok(());
    }
    let reason = "holds no mirror.json; create a tree with `atlas-upload box mirror`";
    let error = std::io::Error::new(std::io::ErrorKind::NotFound, reason);
    Err(Error::new(Phase::Tree, Cause::file(dir, error)))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        let cause = Cause::Internal(error.to_string());
        Err(Error::new(Phase::Tree, cause))
    })
}

fn usage(reason: impl Into<String>) -> Error {
    Error::new(Phase::Configure, Cause::Usage(reason.into()))
}
