//! Defines `App`, which the subcommands that call an Atlas share: settings, client and console.

use std::sync::Arc;

use atlas_uploader::config::{Config, ConfigError, TOKEN_VARIABLE};
use atlas_uploader::{Cause, Client, ClientOptions, Error, Phase};

use super::args::{OutputFormat, TimeLimits};
use super::hints;
use super::output::console::Console;

/// An error, with the settings in force if they are not the program's own.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) config: Option<Box<Config>>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let config = None;
        Self { error, config }
    }
}

/// The state that every subcommand needs.
pub(super) struct App<'a> {
    pub(super) config: &'a Config,
    pub(super) time_limits: TimeLimits,
    pub(super) output: OutputFormat,
    pub(super) client: Client,
    pub(super) console: &'a Arc<Console>,
}

impl<'a> App<'a> {
    pub(super) fn open(
        config: &'a Config,
        time_limits: TimeLimits,
        output: OutputFormat,
        console: &'a Arc<Console>,
    ) -> Result<Self, Error> {
        let client = Client::new(ClientOptions {
            token: config.token.as_ref().map(|token| token.value.clone()),
            trust: config.trust(),
            allow_http_upload: config.allow_http_upload.value,
            redactor: console.redactor().clone(),
            reporter: console.clone(),
            retry: time_limits.retry,
            api_timeout: time_limits.timeout,
            // At the end of an upload, the server may need time to process a large file.
            stall_timeout: time_limits.timeout.saturating_mul(2),
            ..ClientOptions::new(config.atlas_url.value.clone())
        })?;
        Ok(Self {
            config,
            time_limits,
            output,
            client,
            console,
        })
    }

    pub(super) fn need_token(&self) -> Result<(), Error> {
        if self.config.token.is_some() {
            return Ok(());
        }
        let reason = format!("no token: give --token, or set {TOKEN_VARIABLE}");
        let error = Error::new(Phase::Configure, Cause::Usage(reason));
        Err(match self.config.atlas_url.value.is_default() {
            true => error.with_hint(hints::about_the_default()),
            false => error,
        })
    }

    /// Prints one line on stdout: the text for people, or the value as JSON for programs.
    pub(super) fn answer(&self, text: &str, value: &impl serde::Serialize) -> Result<(), Error> {
        match self.output {
            OutputFormat::Text => self.console.out(text),
            OutputFormat::Json | OutputFormat::Tfvars => self.console.out(&json(value)?),
        }
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(Phase::Save, Cause::Internal(error.to_string())))
}

pub(super) fn configuration(error: &ConfigError) -> Error {
    Error::new(Phase::Configure, Cause::Usage(error.to_string()))
}
