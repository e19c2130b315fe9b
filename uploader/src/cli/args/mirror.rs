//! Defines the arguments of `atlas-upload mirror`.

use std::path::PathBuf;

use atlas_uploader::mirror::{ArtifactQuery, BuildRange};

#[derive(Debug, clap::Args)]
pub(crate) struct MirrorArgs {
    /// An artifact, with one of its types, or else with all recommended ones; several may be given
    #[arg(value_name = "USER/NAME[:TYPE]", required = true)]
    pub(crate) wanted: Vec<ArtifactQuery>,
    /// The tree's folder, created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Ask which versions these builds made, as in 1-500; may be repeated
    #[arg(long = "builds", value_name = "FIRST-LAST")]
    pub(crate) builds: Vec<BuildRange>,
    /// Only print what would be copied
    #[arg(long)]
    pub(crate) plan: bool,
    /// The number of files fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
}
