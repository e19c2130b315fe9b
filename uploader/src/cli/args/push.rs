//! Defines the arguments of `atlas-upload push`.

use std::path::PathBuf;

use atlas_uploader::base::slug::{ArtifactName, ArtifactType};
use atlas_uploader::boxes::is_gem_version;
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
    /// The version's ID outside Atlas
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) id: Option<String>,
    /// Push the builds of the last run in a manifest of Packer, one version for each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "id"])]
    pub(crate) manifest: Option<PathBuf>,
    /// Push only this build of the manifest; may be repeated
    #[arg(long, value_name = "NAME", requires = "manifest")]
    pub(crate) only: Vec<String>,
    /// Push the manifest's builds as the atlas and vagrant-cloud post-processors of this JSON template
    /// of Packer say
    #[arg(long, value_name = "FILE", requires = "manifest", conflicts_with_all = ["name", "artifact_type"])]
    pub(crate) template: Option<PathBuf>,
    // With a name or a receipt, clap no longer requires a template, and arguments that only a template
    // uses would be ignored: hence the conflicts. The values are parsed later, since an error of clap
    // would repeat a value that may be secret.
    /// A user variable of the template; may be repeated
    #[arg(long = "var", value_name = "KEY=VALUE", requires = "template", conflicts_with_all = ["name", "resume"])]
    pub(crate) variables: Vec<String>,
    /// A JSON file of user variables; may be repeated; --var overrides it
    #[arg(long = "var-file", value_name = "FILE", requires = "template", conflicts_with_all = ["name", "resume"])]
    pub(crate) variable_files: Vec<PathBuf>,
    /// The time that timestamp, isotime and strftime return in the template
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
    /// For a vagrant.box: the provider [default: that of the box's metadata]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) provider: Option<String>,
    /// For a vagrant.box: the version [default: the server counts]
    #[arg(long, value_name = "VERSION", value_parser = box_version)]
    pub(crate) box_version: Option<String>,
    /// The build the version belongs to [variable: ATLAS_BUILD_ID]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) build_id: Option<String>,
    /// The compilation the version belongs to [variable: ATLAS_COMPILE_ID]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) compile_id: Option<String>,
    /// Compute no digest and add nothing to the metadata; when in doubt, a version without a file is
    /// then not created again
    #[arg(long, conflicts_with_all = ["skip_existing", "verify"])]
    pub(crate) no_digest: bool,
    /// Push nothing when the latest version has the same id, metadata and bytes
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Read the version back, and compare it with what was sent
    #[arg(long)]
    pub(crate) verify: bool,
    /// Push a vagrant.box even if it is not an archive with a metadata.json at its top
    #[arg(long)]
    pub(crate) no_box_check: bool,
    /// Send the bytes even if an https Atlas gives a plain http address for them
    /// [variable: ATLAS_ALLOW_HTTP_UPLOAD]
    #[arg(long)]
    pub(crate) allow_http_upload: bool,
    /// Record the push, to resume it; the file holds the upload address, so only you can read it
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Finish the pushes of a receipt
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "name", "artifact_type", "paths", "id", "manifest", "template", "only", "metadata", "provider",
        "box_version", "build_id", "compile_id", "no_digest", "skip_existing", "verify", "receipt", "include", "exclude", "vcs",
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
    /// Pack only matching files of a folder; * stops at a /, ** does not; may be repeated
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Leave out matching files and folders of a folder; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Pack only the files of a folder that git tracks, and the targets of tracked links
    #[arg(long)]
    vcs: bool,
    /// 0 stores, and needs no temporary file; 9 is slow, and gives the smallest file [default: 3]
    #[arg(long, value_name = "0-9", value_parser = level)]
    compression_level: Option<Level>,
    /// Pack the same content to the same bytes, with fixed times, owners and permissions
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

fn box_version(text: &str) -> Result<String, String> {
    match is_gem_version(text) {
        true => Ok(text.to_owned()),
        false => Err("Vagrant cannot parse it: a version is like 1.2.0".to_owned()),
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
    /// The time of the build, from the manifest
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
