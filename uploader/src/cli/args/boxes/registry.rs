//! Defines the arguments of the subcommands of `atlas-upload box` that call a registry of published boxes.

use std::num::NonZero;
use std::path::PathBuf;

use atlas_uploader::base::slug::ArtifactName;
use atlas_uploader::boxes::ChecksumKind;
use atlas_uploader::boxes::service::Api;
use clap::ValueEnum;
use url::Url;

/// How the registry is called.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServiceArgs {
    /// The API that the server speaks: v1, v2 or hcp [default: the server is asked]
    #[arg(long, value_name = "API")]
    pub(crate) api: Option<Api>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BoxPublishArgs {
    /// The box, created if it does not exist
    #[arg(value_name = "USER/NAME", required_unless_present = "resume")]
    pub(crate) name: Option<ArtifactName>,
    /// The version, created if it does not exist
    #[arg(value_name = "VERSION", required_unless_present = "resume")]
    pub(crate) version: Option<String>,
    /// The provider, which the box's own metadata must name too
    #[arg(value_name = "PROVIDER", required_unless_present = "resume")]
    pub(crate) provider: Option<String>,
    /// The file
    #[arg(value_name = "FILE", required_unless_present_any = ["url", "resume"])]
    pub(crate) file: Option<PathBuf>,
    /// Upload nothing, and let the registry point to this address
    #[arg(long, value_name = "URL", conflicts_with = "file", value_parser = file_url)]
    pub(crate) url: Option<Url>,
    /// The architecture, such as amd64 [default: that of the box's metadata, else unknown]
    #[arg(long, value_name = "NAME")]
    pub(crate) architecture: Option<String>,
    /// Make this the architecture for hosts whose own is unknown
    #[arg(long)]
    pub(crate) default_architecture: bool,
    /// Do not make this the architecture for hosts whose own is unknown
    #[arg(long, conflicts_with = "default_architecture")]
    pub(crate) no_default_architecture: bool,
    /// The description of the box, in Markdown
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The description of the box, in one line
    #[arg(long, value_name = "TEXT")]
    pub(crate) short_description: Option<String>,
    /// The description of the version, in Markdown
    #[arg(long, value_name = "TEXT")]
    pub(crate) version_description: Option<String>,
    /// The checksum that the file must have [default: its SHA-256 is computed and told]
    #[arg(long, value_name = "HEX")]
    pub(crate) checksum: Option<String>,
    /// The algorithm of the checksum
    #[arg(
        long,
        value_name = "KIND",
        requires = "checksum",
        default_value = "sha256"
    )]
    pub(crate) checksum_type: ChecksumName,
    /// Release the version
    #[arg(long)]
    pub(crate) release: bool,
    /// Let only members see the box
    #[arg(long)]
    pub(crate) private: bool,
    /// Let everybody see the box
    #[arg(long, conflicts_with = "private")]
    pub(crate) no_private: bool,
    /// Send the bytes through the registry, and not directly to its store; over 5 GiB, that is always so
    #[arg(long)]
    pub(crate) no_direct_upload: bool,
    /// Replace another file that is published there
    #[arg(long)]
    pub(crate) replace: bool,
    /// Publish a file even if Vagrant could not use it
    #[arg(long)]
    pub(crate) no_box_check: bool,
    /// Send the bytes even if an https registry gives a plain http address for them
    /// [variable: ATLAS_ALLOW_HTTP_UPLOAD]
    #[arg(long)]
    pub(crate) allow_http_upload: bool,
    /// Record the progress, to resume it; the file holds the upload address, so only you can read it
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Finish the publication of a receipt
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "name", "version", "provider", "file", "url", "architecture", "default_architecture",
        "no_default_architecture", "description", "short_description", "version_description",
        "checksum", "release", "private", "no_private", "no_direct_upload", "replace",
        "no_box_check", "receipt", "api",
    ])]
    pub(crate) resume: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

impl BoxPublishArgs {
    /// Returns the path of the receipt, for a new publication or a resumed one.
    pub(crate) fn receipt_file(&self) -> Option<&PathBuf> {
        self.receipt.as_ref().or(self.resume.as_ref())
    }
}

/// The name of a checksum's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChecksumName {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl From<ChecksumName> for ChecksumKind {
    fn from(name: ChecksumName) -> Self {
        match name {
            ChecksumName::Md5 => Self::Md5,
            ChecksumName::Sha1 => Self::Sha1,
            ChecksumName::Sha256 => Self::Sha256,
            ChecksumName::Sha384 => Self::Sha384,
            ChecksumName::Sha512 => Self::Sha512,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct BoxShowArgs {
    /// The box
    #[arg(value_name = "USER/NAME")]
    pub(crate) name: ArtifactName,
    /// Show only this version
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BoxSearchArgs {
    /// The words to search for
    #[arg(value_name = "QUERY")]
    pub(crate) query: Option<String>,
    /// Only boxes with this provider
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Only boxes with this architecture
    #[arg(long, value_name = "NAME")]
    pub(crate) architecture: Option<String>,
    /// The field to sort by [default: the server's, which is downloads]
    #[arg(long, value_name = "FIELD")]
    pub(crate) sort: Option<SortField>,
    /// The order of the sort [default: the server's, which is desc]
    #[arg(long, value_name = "ORDER")]
    pub(crate) order: Option<SortOrder>,
    /// The number of boxes on a page
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
    /// The page
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) page: NonZero<u32>,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortField {
    Downloads,
    Created,
    Updated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortOrder {
    Asc,
    Desc,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BoxDownloadArgs {
    /// The box
    #[arg(value_name = "USER/NAME")]
    pub(crate) name: ArtifactName,
    /// The version [default: the newest that was released]
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// The provider [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// The architecture [default: the provider's default]
    #[arg(long, value_name = "NAME")]
    pub(crate) architecture: Option<String>,
    /// The target, a regular file. The default, USER-NAME-VERSION-PROVIDER-ARCHITECTURE.box, is never
    /// overwritten
    #[arg(short = 'o', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BoxVersionArgs {
    /// The box
    #[arg(value_name = "USER/NAME")]
    pub(crate) name: ArtifactName,
    /// The version
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BoxDeleteArgs {
    /// The box
    #[arg(value_name = "USER/NAME")]
    pub(crate) name: ArtifactName,
    /// Delete this version, or files of it
    #[arg(value_name = "VERSION", required_unless_present = "all_versions")]
    pub(crate) version: Option<String>,
    /// Delete only the files of this provider
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,
    /// Delete only the file of this architecture
    #[arg(long, value_name = "NAME", requires = "provider")]
    pub(crate) architecture: Option<String>,
    /// Delete the box with all its versions
    #[arg(long, conflicts_with = "version")]
    pub(crate) all_versions: bool,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

/// Parses the address of a file.
pub(super) fn file_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| "the address must be like https://files.example.com/web.box".to_owned())
}
