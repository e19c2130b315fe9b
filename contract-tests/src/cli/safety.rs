//! The options that keep a server safe from a run.

use std::{convert::Infallible, ffi::OsString, path::PathBuf};

use atlas_contract_tests::{
    safety::{
        journal::place::Place,
        pace::Rate,
        policy::{Access, Policy, Timeout, UploadOrigin, is_yes},
        trust::Trust,
    },
    suite::fixtures::{self, Fixture},
};

use super::print::note;

#[derive(clap::Args)]
pub(super) struct Safety {
    /// Lets the run write to a server that is not on this machine.
    #[arg(
        long,
        env = "ATLAS_CONTRACT_ALLOW_WRITES",
        value_parser = |word: &str| Ok::<_, Infallible>(is_yes(word)),
        hide_env_values = true
    )]
    allow_writes: bool,
    /// Lets files go to this origin, https://HOST or http://HOST:PORT, where the server names an address there for them;
    /// may be given several times, or several with commas. Without it they go to the server's own origin alone.
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "ATLAS_CONTRACT_ALLOW_UPLOAD_ORIGIN",
        hide_env_values = true
    )]
    // They are read later: clap would repeat one that is none, with a password that may be in it.
    allow_upload_origin: Vec<String>,
    /// Sends nothing but GET, and asks only what needs no writing.
    #[arg(long)]
    read_only: bool,
    /// Artifacts that are there, to judge by reading alone: TOML, or JSON by its extension.
    #[arg(long, value_name = "FILE", requires = "read_only")]
    fixtures: Option<PathBuf>,
    /// Shows every request that the run would send, and contacts nobody.
    #[arg(long, conflicts_with_all = ["json", "junit", "html"])]
    pub(super) plan: bool,
    /// Keeps the journal of what the run makes in this file, which must not be there yet, or in a new file of this folder
    /// [default: $XDG_STATE_HOME/atlas-contract, or else ~/.local/state/atlas-contract].
    #[arg(
        long,
        value_name = "FILE",
        env = "ATLAS_CONTRACT_JOURNAL",
        hide_env_values = true
    )]
    journal: Option<OsString>,
    #[command(flatten)]
    connection: Connection,
}

/// How the server is reached.
#[derive(clap::Args)]
pub(super) struct Connection {
    /// How long nothing may move before a request is given up; a server that answers nothing for three times as long is
    /// not asked any more.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "ATLAS_CONTRACT_TIMEOUT",
        hide_env_values = true,
        default_value_t
    )]
    timeout: Timeout,
    /// Requests per second, at most [default: 10, and no limit on this machine].
    #[arg(long, value_name = "RATE")]
    pace: Option<Rate>,
    /// CA certificates (PEM) to believe besides the system's [variable: ATLAS_CAFILE].
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A folder of such files [variable: ATLAS_CAPATH].
    #[arg(long, value_name = "FOLDER")]
    ca_path: Option<PathBuf>,
    /// A certificate (PEM) to show to the server [variable: ATLAS_CLIENT_CERT].
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// Its key (PEM), where it is not in the same file [variable: ATLAS_CLIENT_KEY].
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// Believe any server, even one in between [variable: ATLAS_TLS_NOVERIFY].
    #[arg(long)]
    insecure: bool,
}

impl Safety {
    /// Returns the place of the journal.
    fn journal(&self) -> Place {
        // A variable that is set to nothing tells nothing.
        let named = self.journal.as_ref().filter(|path| !path.is_empty());
        if let Some(path) = named {
            return Place::Named(path.into());
        }
        Place::of_user(|name| std::env::var_os(name)).unwrap_or_else(|| {
            if !self.read_only && !self.plan {
                note(
                    "note: the journal is kept in the current folder, since neither XDG_STATE_HOME nor HOME names one \
                     (--journal)",
                );
            }
            Place::Named(PathBuf::from("."))
        })
    }

    /// # Errors
    /// The file of artifacts cannot be used, or what is to name an origin names none.
    pub(super) fn policy(self) -> Result<(Policy, Vec<Fixture>), String> {
        let journal = self.journal();
        let fixtures = self.fixtures.as_deref().map(fixtures::read).transpose();
        let fixtures = fixtures.map_err(|error| error.to_string())?;
        let origins = self.allow_upload_origin.iter();
        let origins = origins.map(|text| UploadOrigin::list(text));
        let origins = origins.collect::<Result<Vec<_>, _>>();
        let origins = origins.map_err(|error| format!("--allow-upload-origin: {error}"))?;
        let access = match (self.read_only, self.allow_writes) {
            (true, _) => Access::ReadOnly,
            (false, true) => Access::Anywhere,
            (false, false) => Access::Loopback,
        };
        let policy = Policy {
            access,
            journal: Some(journal),
            upload_origins: origins.concat(),
            ..self.connection.policy()
        };
        Ok((policy, fixtures.unwrap_or_default()))
    }
}

impl Connection {
    pub(super) fn policy(self) -> Policy {
        let flags = Trust {
            ca_file: self.ca_file,
            ca_path: self.ca_path,
            client_cert: self.client_cert,
            client_key: self.client_key,
            insecure: self.insecure,
        };
        Policy {
            timeout: self.timeout,
            rate: self.pace,
            trust: flags.or(Trust::from_variables(|name| std::env::var(name).ok())),
            ..Policy::default()
        }
    }
}
