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
use atlas_uploader::boxes::{self, Checked, MirrorOptions, Plan, Selection, Tree, catalog_writer};
use atlas_uploader::config::Config;
use atlas_uploader::{Cause, Error, Phase};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use url::Url;

use super::blocking;
use super::mirrored::Printer;
use crate::cli::args::boxes::{BoxCommand, BoxMirrorArgs};
use crate::cli::args::{GlobalArgs, OutputFormat, TimeLimits};
use crate::cli::hints;
use crate::cli::output::console::Console;

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
            let tree = blocking(Phase::Tree, move || Tree::read(&to)).await?;
            let plan = boxes::plan(&options, &tree).await?;
            let cost = cost(&plan, plan.fetches.len() as u64);
            return self.printer().plan(&plan, Some(&cost));
        }
        let mut tree = blocking(Phase::Tree, move || Tree::open(&to)).await?;
        let report = boxes::mirror(&options, &mut tree).await?;
        self.printer().report(&report)
    }

    fn printer(&self) -> Printer<'_> {
        Printer {
            console: self.console,
            output: self.output,
            kind: "boxes",
            hints: &hints::of_boxes,
        }
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
        let boxes = blocking(Phase::Tree, move || {
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
        let checked = blocking(Phase::Tree, move || {
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

/// Fails when the folder holds no mirrored tree; treating it as an empty tree would report success.
fn is_tree(dir: &Path) -> Result<(), Error> {
    if dir.join("mirror.json").is_file() {
        return Ok(());
    }
    let reason = "holds no mirror.json; create a tree with `atlas-upload box mirror` or `atlas-upload mirror`";
    let error = std::io::Error::new(std::io::ErrorKind::NotFound, reason);
    Err(Error::new(Phase::Tree, Cause::file(dir, error)))
}

fn usage(reason: impl Into<String>) -> Error {
    Error::new(Phase::Configure, Cause::Usage(reason.into()))
}
