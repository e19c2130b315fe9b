//! These options protect a server from a run: they limit writes, speed and the places where files may go.

use std::{convert::Infallible, ffi::OsString, path::PathBuf};

use atlas_contract_tests::{
    safety::{
        journal::place::Place,
        pace::Rate,
        policy::{Access, Policy, Timeout, UploadOrigin, is_yes},
        trust::Trust,
    },
    suite::fixtures::{self, Fixtures},
};

use super::print::note;

#[derive(clap::Args)]
pub(super) struct Safety {
    /// Allows writes to a server that is not on this machine.
    #[arg(
        long,
        env = "ATLAS_CONTRACT_ALLOW_WRITES",
        value_parser = |word: &str| Ok::<_, Infallible>(is_yes(word)),
        hide_env_values = true
    )]
    allow_writes: bool,
    /// Allows uploads to this origin, https://HOST or http://HOST:PORT, if the server names an address there; may be
    /// given several times, or with several origins separated by commas. The server's own origin is always allowed.
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "ATLAS_CONTRACT_ALLOW_UPLOAD_ORIGIN",
        hide_env_values = true
    )]
    // Origins are parsed later: the error of clap would repeat an invalid one, which may contain a password.
    allow_upload_origin: Vec<String>,
    /// Sends only GET, and checks only the clauses that need no writes.
    #[arg(long)]
    read_only: bool,
    /// A file that describes existing artifacts, which a run that only reads checks: TOML, or JSON by its extension.
    #[arg(long, value_name = "FILE", requires = "read_only")]
    fixtures: Option<PathBuf>,
    /// Shows every request that the run would send, and contacts no server.
    #[arg(long, conflicts_with_all = ["json", "junit", "html"])]
    pub(super) plan: bool,
    /// The file of the journal, which lists what the run makes. It must not exist yet; in a folder, a new file is made
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

/// The options of the connection to the server.
#[derive(clap::Args)]
pub(super) struct Connection {
    /// The time without progress after which a request fails. If the server answers nothing for three times as long,
    /// the run sends no more requests.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "ATLAS_CONTRACT_TIMEOUT",
        hide_env_values = true,
        default_value_t
    )]
    timeout: Timeout,
    /// The largest number of requests per second [default: 10, and no limit on this machine].
    #[arg(long, value_name = "RATE")]
    pace: Option<Rate>,
    /// CA certificates (PEM) to trust besides the system's [variable: ATLAS_CAFILE].
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A folder of such files [variable: ATLAS_CAPATH].
    #[arg(long, value_name = "FOLDER")]
    ca_path: Option<PathBuf>,
    /// A client certificate (PEM) [variable: ATLAS_CLIENT_CERT].
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// The key (PEM) of the client certificate, if it is in another file [variable: ATLAS_CLIENT_KEY].
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// Accepts any server certificate, even an attacker's [variable: ATLAS_TLS_NOVERIFY].
    #[arg(long)]
    insecure: bool,
}

impl Safety {
    /// Returns the place of the journal: the option, the user's state folder, or the current folder.
    fn journal(&self) -> Place {
        // An empty variable counts as unset.
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

    /// Returns the policy of the run, and the fixtures.
    ///
    /// # Errors
    /// Fails when the file of fixtures cannot be used, or when an origin is invalid.
    pub(super) fn policy(self) -> Result<(Policy, Fixtures), String> {
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
