//! Defines the program's arguments. The library, not clap, resolves environment variables: an empty
//! variable counts as unset, and `--help` must never show a token.

pub(super) mod boxes;
mod help;
pub(super) mod legacy_usage;
pub(super) mod mirror;
pub(super) mod push;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use atlas_common::manual::Shell;
use atlas_uploader::api::retry::RetryPolicy;
use atlas_uploader::base::slug::{ArtifactName, ArtifactType};
use atlas_uploader::boxes::publish;
use atlas_uploader::config::Flags;
use atlas_uploader::push::pack::COMPRESSORS;
use atlas_uploader::push::resume;
use atlas_uploader::show::tfvars::VariableName;
use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use boxes::BoxCommand;
use mirror::MirrorArgs;
use push::PushArgs;

/// Pushes artifacts to any Atlas, as Packer's atlas post-processor did, and fetches them back.
#[derive(Debug, Parser)]
#[command(name = "atlas-upload", version, long_version = long_version(), after_help = help::VARIABLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Returns the version, and in a second line what this build compresses with.
fn long_version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("{version}\ncompression: {COMPRESSORS}")
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The Atlas' address, with or without /api/v1 [variable: ATLAS_ADDRESS]
    #[arg(long, global = true, value_name = "URL")]
    atlas_url: Option<String>,
    /// The access token; others can see flags, so prefer the variable [variable: ATLAS_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
    /// CA certificates (PEM) to trust besides the system's [variable: ATLAS_CAFILE]
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A folder of files with CA certificates (PEM) [variable: ATLAS_CAPATH]
    #[arg(long, global = true, value_name = "FOLDER")]
    ca_path: Option<PathBuf>,
    /// A client certificate (PEM) to present to the server [variable: ATLAS_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// The client certificate's private key (PEM), unless it is in the same file [variable: ATLAS_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// Trust every server without verifying its certificate [variable: ATLAS_TLS_NOVERIFY]
    #[arg(long, global = true)]
    insecure: bool,
    /// How often a request is repeated after a temporary failure
    #[arg(long, global = true, value_name = "N", default_value_t = 5)]
    pub(crate) retries: u32,
    /// How long after its first failure a request may be repeated
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) retry_time: u64,
    /// The longest wait for a reply, or for more bytes of a download; an upload may stall for twice as
    /// long
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// The format of standard output
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
    /// How progress is shown on standard error
    #[arg(long, global = true, value_name = "STYLE", default_value = "auto")]
    pub(crate) progress: ProgressStyle,
    /// Show only warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log to standard error; twice: the connections too; three times: everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The timeout of a request, and the policy for retries.
#[derive(Clone, Copy)]
pub(crate) struct TimeLimits {
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Duration,
}

impl GlobalArgs {
    pub(crate) fn time_limits(&self) -> TimeLimits {
        let retry = RetryPolicy {
            attempts: self.retries.saturating_add(1),
            time: Duration::from_secs(self.retry_time),
            ..RetryPolicy::default()
        };
        let timeout = Duration::from_secs(self.timeout);
        TimeLimits { retry, timeout }
    }

    /// Returns whether a flag selects an Atlas or its token.
    pub(crate) fn name_an_atlas(&self) -> bool {
        self.token.is_some() || self.atlas_url.is_some()
    }

    pub(crate) fn into_flags(self) -> Flags {
        Flags {
            atlas_url: self.atlas_url,
            token: self.token,
            ca_file: self.ca_file,
            ca_path: self.ca_path,
            client_cert: self.client_cert,
            client_key: self.client_key,
            insecure: self.insecure,
            ..Flags::default()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For search: the only version that matches, as a variable of Terraform
    Tfvars,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// A bar on a terminal, lines elsewhere
    Auto,
    /// A bar with rate and time left
    Bar,
    /// A line every few seconds
    Plain,
    /// One JSON object a line, for programs
    Json,
    /// Messages, but no progress
    None,
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Tfvars => "tfvars",
        })
    }
}

impl fmt::Display for ProgressStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Bar => "bar",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::None => "none",
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a version of an artifact, and upload its file
    #[command(after_help = help::PUSH)]
    Push(Box<PushArgs>),
    /// List the versions that match
    #[command(after_help = help::SEARCH)]
    Search(SearchArgs),
    /// Show the latest version of each type, with its metadata
    #[command(after_help = help::SHOW)]
    Show(ShowArgs),
    /// Fetch the file of a version
    #[command(after_help = help::PULL)]
    Pull(PullArgs),
    /// Copy all versions of artifacts into a tree of files; a second run continues and fetches what is new
    #[command(after_help = help::MIRROR)]
    Mirror(MirrorArgs),
    /// Publish Vagrant boxes, and copy them from HCP Vagrant or another registry into a tree of files
    #[command(after_help = help::BOX)]
    Box {
        #[command(subcommand)]
        command: BoxCommand,
    },
    /// Verify the token, and print its owner
    #[command(after_help = help::WHOAMI)]
    Whoami,
    /// Print every setting, and where it came from
    #[command(after_help = help::CONFIG)]
    Config,
    /// Use this program as Packer's post-processor atlas
    #[command(after_help = help::PACKER)]
    Packer {
        #[command(subcommand)]
        command: PackerCommand,
    },
    /// Use this program as Terraform's provider atlas
    #[command(after_help = help::TERRAFORM)]
    Terraform {
        #[command(subcommand)]
        command: TerraformCommand,
    },
    /// Print a script that completes arguments in a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write the manual's pages into a folder
    #[command(after_help = help::MAN)]
    Man {
        /// The folder, created if it does not exist
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackerCommand {
    /// Put the plugin where Packer finds it
    #[command(after_help = help::PACKER_INSTALL)]
    Install {
        /// The folder to install into, instead of the one where the installed Packer looks
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Remove what `install` installed
    Uninstall {
        /// The folder to remove the plugin from
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Check whether the installed Packer finds the plugin
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TerraformCommand {
    /// Put the provider where Terraform finds it
    #[command(after_help = help::TERRAFORM_INSTALL)]
    Install(TerraformPlace),
    /// Remove what `install` installed
    Uninstall(TerraformPlace),
    /// Check whether the installed Terraform finds the provider
    Doctor,
}

/// A place from which Terraform takes providers; your own folder of plugins unless given.
#[derive(Debug, clap::Args)]
pub(crate) struct TerraformPlace {
    /// A mirror of providers, as packed archives
    #[arg(long, value_name = "FOLDER", conflicts_with = "dir")]
    pub(crate) mirror: Option<PathBuf>,
    /// A folder for the program alone, for dev_overrides
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
}

impl Command {
    /// Returns whether a flag allows uploads to a plain http address that an https Atlas gives.
    pub(crate) fn allows_http_upload(&self) -> bool {
        match self {
            Self::Push(args) => args.allow_http_upload,
            Self::Box {
                command: BoxCommand::Publish(args),
            } => args.allow_http_upload,
            _ => false,
        }
    }

    /// Returns the path of the receipt, if the command has one.
    pub(crate) fn receipt_file(&self) -> Option<&PathBuf> {
        match self {
            Self::Push(args) => args.receipt_file(),
            Self::Box {
                command: BoxCommand::Publish(args),
            } => args.receipt_file(),
            _ => None,
        }
    }

    /// Returns the command that finishes the work of a receipt.
    pub(crate) fn how_to_resume(&self, receipt: &Path) -> String {
        match self {
            Self::Box { .. } => publish::receipt::command(receipt),
            _ => resume::command(receipt),
        }
    }
}

/// Which artifact, and which of its types.
#[derive(Debug, clap::Args)]
pub(crate) struct ArtifactArgs {
    /// The artifact
    #[arg(value_name = "USER/NAME")]
    pub(crate) name: ArtifactName,
    /// The artifact's type, such as amazon.image
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) artifact_type: ArtifactType,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) artifact: ArtifactArgs,
    /// A number, latest, any, or the name of a channel, if the server has channels as mock-atlas does
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// A number, latest or any
    #[arg(long, value_name = "BUILD")]
    pub(crate) build: Option<String>,
    /// Metadata that a version must have, with this value or any; may be repeated
    #[arg(short, long = "metadata", value_name = "KEY[=VALUE]", value_parser = key_and_maybe_value)]
    pub(crate) metadata: Vec<(String, Option<String>)>,
    /// With --output tfvars: the variable's name [default: atlas_artifact]
    #[arg(long = "name", value_name = "VARIABLE")]
    pub(crate) variable: Option<VariableName>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The artifact
    #[arg(value_name = "USER/NAME")]
    pub(crate) name: ArtifactName,
    /// Show only this type; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<ArtifactType>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PullArgs {
    #[command(flatten)]
    pub(crate) artifact: ArtifactArgs,
    /// A number, latest: the newest version that has a file, or the name of a channel, if the server
    /// has channels as mock-atlas does
    #[arg(long, value_name = "VERSION", default_value = "latest", value_parser = version_choice)]
    pub(crate) version: VersionChoice,
    /// The target; - is standard output. The default, USER-NAME-TYPE-VERSION, is never overwritten
    #[arg(short = 'o', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Unpack the gzip-compressed tar into this folder; nothing in it is overwritten
    #[arg(long, value_name = "FOLDER", conflicts_with = "file")]
    pub(crate) extract: Option<PathBuf>,
}

/// The version that a user chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VersionChoice {
    /// The newest version with a file.
    Latest,
    Number(u64),
    /// The version that a channel of the server points at.
    Channel(String),
}

fn version_choice(text: &str) -> Result<VersionChoice, String> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let starts_as_word = text.starts_with(|c: char| c.is_ascii_lowercase());
    match text {
        "latest" => Ok(VersionChoice::Latest),
        word if starts_as_word && word != "any" && word.bytes().all(allowed) => {
            Ok(VersionChoice::Channel(word.to_owned()))
        }
        number => number.parse().map(VersionChoice::Number).map_err(|_| {
            "neither a number, nor `latest`, nor the name of a channel, like production".to_owned()
        }),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match key_and_maybe_value(text)? {
        (key, Some(value)) => Ok((key, value)),
        _ => Err("metadata must be KEY=VALUE".to_owned()),
    }
}

fn key_and_maybe_value(text: &str) -> Result<(String, Option<String>), String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    if key.is_empty() {
        return Err("the key is missing".to_owned());
    }
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_value_may_hold_an_equals_sign_or_nothing() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(key_and_value("k=a=b"), pair("k", "a=b"));
        assert_eq!(key_and_value("k="), pair("k", ""));
        assert!(key_and_value("k").is_err());
        assert!(key_and_value("=v").is_err());
        assert_eq!(key_and_maybe_value("k"), Ok(("k".to_owned(), None)));
    }
}
