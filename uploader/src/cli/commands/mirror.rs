//! Runs `atlas-upload mirror`, which copies artifacts into a tree of files.

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::boxes::Tree;
use atlas_uploader::mirror::{self, MirrorOptions};
use atlas_uploader::{Error, Phase};

use super::blocking;
use super::mirrored::Printer;
use crate::cli::app::App;
use crate::cli::args::mirror::MirrorArgs;
use crate::cli::hints::hints;

impl App<'_> {
    /// Mirrors artifacts, or prints what would be mirrored. The exit code is that of the first failure.
    pub(in crate::cli) async fn mirror(&self, args: MirrorArgs) -> Result<ExitCode, Error> {
        let (to, is_plan) = (args.to, args.plan);
        let options = MirrorOptions {
            wanted: args.wanted,
            builds: args.builds,
            jobs: args.jobs.into(),
        };
        let printer = Printer {
            console: self.console,
            output: self.output,
            kind: "artifacts",
            hints: &|error| hints(error, self.config),
        };
        if is_plan {
            let tree = blocking(Phase::Tree, move || Tree::read(&to)).await?;
            let plan = mirror::plan(&self.client, &options, &tree).await;
            return printer.plan(&plan, None);
        }
        let mut tree = blocking(Phase::Tree, move || Tree::open(&to)).await?;
        let report = mirror::mirror(&self.client, &options, &mut tree).await?;
        printer.report(&report)
    }
}
