//! Runs the program: it reads arguments and settings, runs one subcommand, and returns its exit code.
//!
//! `args` defines the arguments, `commands` implements the subcommands, `app` holds the state that they
//! share, `output` writes to both streams, `hints` explains errors, and `signals` stops the program.

mod app;
mod args;
mod commands;
mod hints;
mod output;
mod signals;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::base::secret::Redactor;
use atlas_uploader::config::{Config, Flags, TOKEN_VARIABLE};
use atlas_uploader::pull::extract::wait_for_cleanup;
use atlas_uploader::{Cause, Error, Phase};
use clap::Parser as _;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use app::{App, Failure, configuration};
use args::{Args, Command, OutputFormat, legacy_usage};
use commands::packer::plugin::Role;
use commands::{boxes, config, manual, packer, terraform};
use output::console::Console;
use output::logging;

/// The longest wait for unfinished work when the program ends, such as a file that is being packed.
const GRACE: Duration = Duration::from_secs(1);
/// The longest wait until unpacked files are removed; a second signal ends it.
const TIDYING: Duration = Duration::from_secs(60);
/// The worker's stack in bytes, which is as large as a main thread's usually is.
const STACK: usize = 8 * 1024 * 1024;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let redactor = Redactor::new();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    for secret in secrets(&arguments, std::env::var_os(TOKEN_VARIABLE)) {
        redactor.add(&secret);
    }
    let console = Console::new(redactor);
    if let Some(role) = Role::of(&arguments) {
        return role.play(&console);
    }
    if terraform::plugin::is_named(&arguments) {
        return terraform::plugin::play(&console);
    }
    let texts: Vec<_> = arguments
        .iter()
        .skip(1)
        .map(|text| text.to_string_lossy().into_owned())
        .collect();
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(message) => {
            let code = console.usage(&message);
            if let Some(hint) = legacy_usage::hint(&texts) {
                console.line(&format!("\nhint: {hint}"));
            }
            return code;
        }
    };
    let console = Arc::new(console.showing(&args.global));
    logging::start(args.global.verbose, console.redactor());
    let receipt = args.command.receipt_file().cloned();
    let receipt = receipt.map(|receipt| (args.command.how_to_resume(&receipt), receipt));
    let runtime = signals::stop_at_the_second().and_then(|()| Runtime::new());
    match runtime {
        Ok(runtime) => {
            let code = work(&runtime, args, &console);
            let code = code.unwrap_or_else(|| stopped(receipt, &console));
            wait_for_cleanup(TIDYING);
            runtime.shutdown_timeout(GRACE);
            console.end();
            code
        }
        Err(error) => {
            console.error(&error.to_string(), &[]);
            ExitCode::Other
        }
    }
}

/// Runs the command on a thread of its own, so that a signal is noticed even while something blocks,
/// such as a pipe without a writer. Returns `None` when a signal came first.
fn work(runtime: &Runtime, args: Args, console: &Arc<Console>) -> Option<ExitCode> {
    let entered = runtime.enter();
    // The handlers are installed before the work begins.
    let signal = signals::listen();
    drop(entered);
    let (stop, mut stopping) = oneshot::channel::<()>();
    let (done, mut ended) = oneshot::channel();
    let (handle, own) = (runtime.handle().clone(), Arc::clone(console));
    let worker = std::thread::Builder::new().stack_size(STACK);
    let spawned = worker.spawn(move || {
        let code = handle.block_on(async {
            tokio::select! {
                code = run(args, &own) => Some(code),
                _ = &mut stopping => None,
            }
        });
        // After a signal, the receiver may be gone.
        let _ = done.send(code);
    });
    if let Err(error) = spawned {
        console.error(&error.to_string(), &[]);
        return Some(ExitCode::Other);
    }
    runtime.block_on(async {
        tokio::select! {
            // The sender is dropped without a code only when the worker panicked, which prints its own
            // message.
            code = &mut ended => code.unwrap_or(Some(ExitCode::Other)),
            () = signal => {
                // The work is cancelled, and its temporary files are removed unless that takes too long.
                let _ = stop.send(());
                let _ = tokio::time::timeout(GRACE, ended).await;
                None
            }
        }
    })
}

/// Reports that a signal stopped the program, with the command that finishes the work of its receipt, if there is one.
fn stopped(receipt: Option<(String, PathBuf)>, console: &Console) -> ExitCode {
    match receipt.filter(|(_, receipt)| receipt.exists()) {
        Some((how, _)) => console.error("stopped", &[format!("finish the push with: {how}")]),
        None => console.error("stopped", &[]),
    }
    ExitCode::Interrupted
}

async fn run(args: Args, console: &Arc<Console>) -> ExitCode {
    let Args { global, command } = args;
    // These commands need no settings, and must not fail for invalid ones.
    let command = match command {
        Command::Completions { shell } => {
            return ended(manual::completions(shell, console), console);
        }
        Command::Man { folder } => return ended(manual::pages(&folder, console), console),
        Command::Packer { command } => return ended(packer::run(command, console).await, console),
        Command::Terraform { command } => {
            return ended(terraform::run(command, console).await, console);
        }
        command => command,
    };
    let flags = Flags {
        allow_http_upload: command.allows_http_upload(),
        ..global.clone().into_flags()
    };
    let config = match Config::resolve(flags, |name| std::env::var_os(name)) {
        Ok(config) => config,
        Err(error) => {
            console.error(&configuration(&error).to_string(), &[]);
            return ExitCode::Usage;
        }
    };
    warn_of_no_verification(&config, &command, console);
    if let Err(error) = check_output(global.output, &command) {
        return ended(Err(error), console);
    }
    let command = match command {
        Command::Box { command } => return boxes::run(command, &config, &global, console).await,
        command => command,
    };
    match command {
        Command::Config => config::show(&config, &global, console)
            .map(|()| ExitCode::Success)
            .map_err(Failure::from),
        command => match App::open(&config, global.time_limits(), global.output, console) {
            Ok(app) => app.run(command).await,
            Err(error) => Err(error.into()),
        },
    }
    .unwrap_or_else(|Failure { error, config: own }| {
        let config = own.as_deref().unwrap_or(&config);
        console.error(&error.to_string(), &hints::hints(&error, config));
        ExitCode::from(&error)
    })
}

fn ended(result: Result<(), Error>, console: &Console) -> ExitCode {
    let code = result
        .as_ref()
        .err()
        .map_or(ExitCode::Success, ExitCode::from);
    if let Err(error) = result {
        let advice: Vec<_> = error.hint().map(str::to_owned).into_iter().collect();
        console.error(&error.to_string(), &advice);
    }
    code
}

/// Fails for `--output tfvars` without a search, and for `--name` without `--output tfvars`.
fn check_output(output: OutputFormat, command: &Command) -> Result<(), Error> {
    let reason = match (output, command) {
        (OutputFormat::Tfvars, Command::Search(_)) => return Ok(()),
        (OutputFormat::Tfvars, _) => "--output tfvars is only for search",
        (_, Command::Search(args)) if args.variable.is_some() => "--name needs --output tfvars",
        _ => return Ok(()),
    };
    let cause = Cause::Usage(reason.to_owned());
    Err(Error::new(Phase::Configure, cause))
}

fn warn_of_no_verification(config: &Config, command: &Command, console: &Console) {
    if config.insecure.value && !matches!(command, Command::Config) {
        console.warn(&format!(
            "server certificates are not verified, because of {}: anyone in between can read the token and change the bytes. Give a private CA with --ca-file instead.",
            config.insecure.origin
        ));
    }
}

/// Returns the tokens in the variable and in the unparsed arguments, since clap's errors about the
/// arguments must not repeat them.
fn secrets(arguments: &[OsString], variable: Option<OsString>) -> Vec<String> {
    let mut found: Vec<String> = variable
        .and_then(|token| token.into_string().ok())
        .into_iter()
        .collect();
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        // HashiCorp's old program had flags with one dash.
        let flag = argument
            .strip_prefix("--")
            .or_else(|| argument.strip_prefix('-'));
        match flag.and_then(|flag| flag.strip_prefix("token")) {
            Some("") => found.extend(arguments.next().map(str::to_owned)),
            Some(rest) => found.extend(rest.strip_prefix('=').map(str::to_owned)),
            None => {}
        }
    }
    found
}
