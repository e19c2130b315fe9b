//! Defines the arguments of `atlas-upload push`.

use std::path::PathBuf;

use atlas_uploader::base::slug::{ArtifactName, ArtifactType};
use atlas_uploader::packer::template::Clock;
use atlas_uploader::push::pack::{Level, Options};
use clap::ValueEnum;

use super::key_and_value;

#[derive(Debug, clap::Args)]
pub(crate) struct PushArgs {
    /// The artifact
    #[arg(value_name = "USER/NAME", required_unless_present_any = ["template", "resume"])]
    pub(crate) name: Option<ArtifactName>,
    /// The artifact's type, such as amazon.image
    #[arg(
        long = "type",
        value_name = "TYPE",
        required_unless_present_any = ["template", "resume"]
    )]
    pub(crate) artifact_type: Option<ArtifactType>,
    /// Files or folders to send
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// What the version is called outside Atlas
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) id: Option<String>,
    /// Push what the last run in a manifest of Packer built, one version a build
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "id"])]
    pub(crate) manifest: Option<PathBuf>,
    /// Of the manifest's builds only this one; may be repeated
    #[arg(long, value_name = "NAME", requires = "manifest")]
    pub(crate) only: Vec<String>,
    /// Push the manifest's builds as the atlas post-processors of this JSON template of Packer say
    #[arg(long, value_name = "FILE", requires = "manifest", conflicts_with_all = ["name", "artifact_type"])]
    pub(crate) template: Option<PathBuf>,
    // With a name or a receipt, clap no longer requires a template, and arguments that only a template
    // uses would be ignored: hence the conflicts. The values are parsed later, since an error of clap
    // would repeat a value that may be secret.
    /// A user variable of the template; may be repeated
    #[arg(long = "var", value_name = "KEY=VALUE", requires = "template", conflicts_with_all = ["name", "resume"])]
    pub(crate) variables: Vec<String>,
    /// A JSON file of user variables; may be repeated, and --var goes over it
    #[arg(long = "var-file", value_name = "FILE", requires = "template", conflicts_with_all = ["name", "resume"])]
    pub(crate) variable_files: Vec<PathBuf>,
    /// The time that timestamp, isotime and strftime tell in the template
    #[arg(
        long,
        value_name = "WHICH",
        requires = "template",
        conflicts_with_all = ["name", "resume"],
        default_value = "now"
    )]
    pub(crate) time: Time,
    /// Metadata; may be repeated
    #[arg(short, long = "metadata", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) metadata: Vec<(String, String)>,
    /// The build the version belongs to [variable: ATLAS_BUILD_ID]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) build_id: Option<String>,
    /// The compilation the version belongs to [variable: ATLAS_COMPILE_ID]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) compile_id: Option<String>,
    /// Hash nothing and add nothing to the metadata; when in doubt, a version without a file is then
    /// not made again
    #[arg(long, conflicts_with_all = ["skip_existing", "verify"])]
    pub(crate) no_digest: bool,
    /// Push nothing when the latest version has the same id, metadata and bytes
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Read the version back, and compare
    #[arg(long)]
    pub(crate) verify: bool,
    /// Push a vagrant.box that Vagrant cannot use, too: no archive with a metadata.json at its top
    #[arg(long)]
    pub(crate) no_box_check: bool,
    /// Send the bytes even where an https Atlas gives a plain http address for them
    /// [variable: ATLAS_ALLOW_HTTP_UPLOAD]
    #[arg(long)]
    pub(crate) allow_http_upload: bool,
    /// Keep how far the push came; holds the upload address, so only you can read it
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Finish the pushes of a receipt
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "name", "artifact_type", "paths", "id", "manifest", "template", "only", "metadata", "build_id",
        "compile_id", "no_digest", "skip_existing", "verify", "receipt", "include", "exclude", "vcs",
        "compression_level", "reproducible",
    ])]
    pub(crate) resume: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) packing: PackingArgs,
}

impl PushArgs {
    /// Returns the path of the receipt, for a new push or a resumed one.
    pub(crate) fn receipt_file(&self) -> Option<&PathBuf> {
        self.receipt.as_ref().or(self.resume.as_ref())
    }
}

/// How files are packed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Packing")]
pub(crate) struct PackingArgs {
    /// Of a folder, only what matches; * stops at a /, ** does not; may be repeated
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Of a folder, nothing that matches or is below; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Of a folder, only what git tracks, and what tracked links lead to
    #[arg(long)]
    vcs: bool,
    /// 0 stores, and needs no temporary file; 9 is the smallest, and slow [default: 3]
    #[arg(long, value_name = "0-9", value_parser = level)]
    compression_level: Option<Level>,
    /// The same content gives the same bytes: times, owners and permissions are fixed ones
    #[arg(long)]
    reproducible: bool,
}

impl PackingArgs {
    pub(crate) fn options(&self, digest: bool, keep_tar: bool) -> Options {
        Options {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            vcs: self.vcs,
            level: self.compression_level.unwrap_or_default(),
            reproducible: self.reproducible,
            digest,
            keep_tar,
        }
    }
}

fn level(text: &str) -> Result<Level, String> {
    let level = text.parse().ok().and_then(Level::new);
    level.ok_or_else(|| "not a number from 0 to 9".to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Time {
    /// The time of the push
    Now,
    /// The time at which the build was done, as the manifest tells it
    Build,
}

impl From<Time> for Clock {
    fn from(time: Time) -> Self {
        match time {
            Time::Now => Self::Now,
            Time::Build => Self::Build,
        }
    }
}
