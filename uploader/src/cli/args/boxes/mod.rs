//! Defines the arguments of `atlas-upload box`. `registry` holds those of the subcommands that call a registry of
//! published boxes.

pub(crate) mod registry;

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;

use atlas_uploader::boxes::source;
use clap::Subcommand;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use url::Url;

use super::help;
use registry::{
    BoxDeleteArgs, BoxDownloadArgs, BoxPublishArgs, BoxSearchArgs, BoxShowArgs, BoxVersionArgs,
};

#[derive(Debug, Subcommand)]
pub(crate) enum BoxCommand {
    /// Upload the file of a box, as `vagrant cloud publish` does
    #[command(after_help = help::BOX_PUBLISH)]
    Publish(Box<BoxPublishArgs>),
    /// Show a box with its versions and files
    #[command(after_help = help::BOX_SHOW)]
    Show(BoxShowArgs),
    /// List the boxes that match
    #[command(after_help = help::BOX_SEARCH)]
    Search(BoxSearchArgs),
    /// Download the file of a box, and verify it
    #[command(after_help = help::BOX_DOWNLOAD)]
    Download(BoxDownloadArgs),
    /// Release a version, so that users get it
    #[command(after_help = help::BOX_RELEASE)]
    Release(BoxVersionArgs),
    /// Withdraw a version that was released
    #[command(after_help = help::BOX_REVOKE)]
    Revoke(BoxVersionArgs),
    /// Delete a box, a version, or files of a version
    #[command(after_help = help::BOX_DELETE)]
    Delete(BoxDeleteArgs),
    /// Copy boxes with all their versions; a second run continues and fetches what is new
    #[command(after_help = help::BOX_MIRROR)]
    Mirror(Box<BoxMirrorArgs>),
    /// Rewrite the catalogs of a tree
    Catalog {
        /// The tree's folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The base of the files' addresses [default: unchanged]
        #[arg(long, value_name = "URL", value_parser = base_url)]
        base_url: Option<Url>,
    },
    /// Verify every file of a tree, without a network
    Check {
        /// The tree's folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct BoxMirrorArgs {
    /// An organisation, for all its boxes, or one box; a local source needs neither
    #[arg(value_name = "ORG|ORG/BOX")]
    pub(crate) wanted: Vec<String>,
    /// The tree's folder, created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// A registry, a catalog, or Vagrant's own folder ~/.vagrant.d/boxes
    #[arg(long, value_name = "URL|PATH", default_value = source::HCP, value_parser = OsStringValueParser::new().try_map(source_of))]
    pub(crate) from: String,
    /// Only this provider; may be a pattern, and repeated
    #[arg(long = "provider", value_name = "PATTERN")]
    pub(crate) providers: Vec<String>,
    /// Only this architecture; may be a pattern, and repeated
    #[arg(long = "architecture", value_name = "PATTERN")]
    pub(crate) architectures: Vec<String>,
    /// Only this version; may be a pattern, and repeated
    #[arg(long = "version", value_name = "PATTERN")]
    pub(crate) versions: Vec<String>,
    /// Copy only the N newest versions that match
    #[arg(long, value_name = "N")]
    pub(crate) newest: Option<NonZero<usize>>,
    /// Also copy unreleased and revoked versions
    #[arg(long)]
    pub(crate) include_unreleased: bool,
    /// Also copy files that their owners host themselves
    #[arg(long)]
    pub(crate) external: bool,
    /// Record the addresses of files, and copy no file
    #[arg(long, conflicts_with = "external")]
    pub(crate) no_files: bool,
    /// Only print what would be copied, and how long the registry's limit makes that take
    #[arg(long)]
    pub(crate) plan: bool,
    /// The number of files fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// The base of the files' addresses in catalogs [default: the tree's folder on this machine]
    #[arg(long, value_name = "URL", value_parser = base_url)]
    pub(crate) base_url: Option<Url>,
}

/// Parses an address or a path; a path that is not UTF-8 becomes a `file:` address.
fn source_of(text: OsString) -> Result<String, String> {
    text.into_string().or_else(|path| {
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        let url = Url::from_file_path(path);
        url.map(String::from)
            .map_err(|()| "it is neither an address nor a path".to_owned())
    })
}

fn base_url(text: &str) -> Result<Url, String> {
    let fit = |url: &Url| {
        let is_bare = url.query().is_none() && url.fragment().is_none();
        let is_for_all = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https" | "file") && is_bare && is_for_all
    };
    let url = Url::parse(text).ok().filter(fit);
    url.ok_or_else(|| {
        "the address must be like https://boxes.example.com/, without password or query, since all users see it"
            .to_owned()
    })
}
