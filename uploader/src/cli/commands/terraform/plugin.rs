//! Runs the program as Terraform starts it, under the name of a provider.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::terraform::server::{CLIENT_CERTIFICATE, COOKIE, Plugin};

use crate::cli::output::console::Console;
use crate::cli::output::logging;
use crate::cli::signals;

/// The beginning of the name of a provider's program.
const NAME: &str = "terraform-provider-";
/// The beginning of the provider's first line of log, which `doctor` looks for.
pub(super) const STARTED: &str = "atlas-upload as a provider of Terraform: ";
/// The log level of `-v`, which shows the program's own requests; Terraform keeps it to itself unless `TF_LOG` is set.
const VERBOSE: u8 = 1;

/// Returns whether the program has the name of a provider.
pub(in crate::cli) fn is_named(arguments: &[OsString]) -> bool {
    let program = arguments.first().map(Path::new);
    let name = program.and_then(Path::file_name).and_then(OsStr::to_str);
    name.is_some_and(|name| name.starts_with(NAME))
}

/// Serves Terraform.
pub(in crate::cli) fn play(console: &Console) -> ExitCode {
    let (name, value) = COOKIE;
    if std::env::var_os(name).as_deref() != Some(OsStr::new(value)) {
        console.error(
            "this program is a provider, which Terraform starts by itself",
            &["use it in a configuration as the provider atlas; under the name atlas-upload, it is a separate program".to_owned()],
        );
        return ExitCode::Other;
    }
    logging::start(VERBOSE, console.redactor());
    let program = std::env::current_exe().unwrap_or_default();
    tracing::debug!(target: "atlas_uploader", "{STARTED}{}", program.display());
    match serve(console) {
        Ok(()) => ExitCode::Success,
        Err(error) => {
            console.error(&error.to_string(), &[]);
            ExitCode::Other
        }
    }
}

fn serve(console: &Console) -> std::io::Result<()> {
    signals::leave_to_parent()?;
    let certificate = std::env::var(CLIENT_CERTIFICATE).ok();
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(async {
        let plugin = Plugin::listen(certificate.as_deref().filter(|text| !text.is_empty()));
        let plugin = plugin.await.map_err(std::io::Error::other)?;
        let handshake = plugin.handshake()?;
        console.out(&handshake).map_err(std::io::Error::other)?;
        plugin.serve(console.redactor().clone()).await
    });
    // Files that are still being packed are abandoned.
    runtime.shutdown_background();
    served
}
