//! The command line: arguments, logging and exit codes.

mod audit;
mod backup;
mod channel;
mod check;
mod client;
mod data;
mod exec;
mod fault;
mod gc;
mod idle_timeout;
mod journal;
mod limits;
mod manual;
mod moves;
mod print;
mod quota;
mod remote;
mod retention;
mod retry;
mod serve;
mod signals;
mod size;
mod time;
mod tls;
mod token;
mod tree;
mod webhook;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::builder::Resettable;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use mock_atlas::{Builder, Fault, MockAtlas, Seed, StartError, read_regular_text};
use tokio::runtime;
use tokio::task::spawn_blocking;
use tracing_subscriber::filter::LevelFilter;

/// An Atlas: a registry for machine images and Vagrant boxes.
///
/// Without a command, it serves until SIGINT or SIGTERM stops it. Its data is lost then, unless --data or --database
/// keeps it.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  mock-atlas\n  mock-atlas --listen 127.0.0.1:0 --token T --output json\n  mock-atlas exec -- atlas-upload push acme/web --type custom.image disk.img"
)]
struct Arguments {
    #[command(flatten)]
    emulator: EmulatorArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts an emulator on a free port, runs a command with ATLAS_ADDRESS and ATLAS_TOKEN set (with
    /// --tls also ATLAS_CAFILE), stops the emulator, and exits with the command's exit code
    Exec {
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Removes the files of --data that are no longer needed: those deleted longer ago than --grace, those
    /// that a killed process has left, and what nothing knows in the place for files. A server does the same
    /// in the background
    Gc,
    /// Checks that everything in --data is as it was stored, also while a server has it: the database, the
    /// boxes, and the bytes of each file. Exits with 0 if all is well, with 1 if something is damaged, which is
    /// named and not served from then on, and with 2 if it cannot be found out
    Check,
    /// Makes the lost database of --data anew, of the descriptions beside the files: versions and boxes that
    /// have a file, but no users, organizations and tokens. Prints the new root token, unless --token sets it
    Rebuild,
    /// Copies everything from one place for data to another that no server has used, such as from a folder to
    /// PostgreSQL, and compares both. No server may use either of them. If it fails, the new place is still unused, and
    /// the old one is as it was in any case
    Move(moves::Places),
    #[command(flatten)]
    Ask(remote::Command),
    #[command(flatten)]
    Manual(manual::Command),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "The emulator")]
struct EmulatorArguments {
    /// The address to listen on; port 0 takes any free port [default: 127.0.0.1:28527; for `exec`,
    /// 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Take uploads only on this second address, as Atlas took them on another host [default: the
    /// address of --listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    binstore_listen: Option<SocketAddr>,

    #[command(flatten)]
    tls: tls::TlsArguments,

    /// The root token, which may do everything [default: random; for commands that call a running
    /// emulator: ATLAS_TOKEN]
    #[arg(long, hide_env_values = true)]
    token: Option<String>,

    /// A seed file, JSON or TOML by its extension, with the users, organizations, tokens, artifacts,
    /// boxes and files to start with; docs/seed.example.toml shows the format. Or a folder of boxes that
    /// `atlas-upload box mirror` has written, whose files stay where they are. May be given several
    /// times
    #[arg(long, value_name = "FILE")]
    seed: Vec<PathBuf>,

    /// A fault to inject, such as upload:cut-after=1048576,times=1; may be given several times
    ///
    /// Routes: authenticate, artifact.create, artifact.show, version.create, search, download,
    /// upload, box.search, box.user, box.create, box.show, box.update, box.delete,
    /// box.version.create, box.version.show, box.version.update, box.version.delete, box.release,
    /// box.revoke, box.provider.create, box.provider.show, box.provider.update,
    /// box.provider.delete, box.upload, box.callback, box.document, box.download, hcp.token,
    /// hcp.registry, hcp.list, hcp.provider, hcp.download, hcp.operation, or * for any. Effects:
    /// latency=TIME, status=CODE, malformed, reset, no-reply, delay-reply=TIME, for files
    /// cut-after=BYTES, for uploads discard=CODE, expire[=TIME]. Settings: method=GET, after=N,
    /// every=K, times=N, probability=P, retry-after=SECONDS. One argument may hold several faults,
    /// separated by spaces. docs/emulator.md describes all of them
    #[arg(long, value_name = "ROUTE:EFFECT[,SETTING…]", value_delimiter = ' ')]
    fault: Vec<Fault>,

    /// Inject a random fault into each request with this probability, from 0 to 1; such a fault
    /// never harms stored data
    #[arg(long, value_name = "PROBABILITY")]
    chaos: Option<f64>,

    /// The seed of the random faults: the same seed repeats the same faults [default: random, and
    /// printed]
    #[arg(long, value_name = "NUMBER")]
    chaos_seed: Option<u64>,

    /// The URL that each upload_path starts with, for an emulator behind a proxy [default: the host
    /// that each request names]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// A name by which the emulator is known, such as atlas.example.com; may be given several times. The pages
    /// and /_mock answer addresses, localhost, the host of --public-url and these; others get 421. Atlas's API
    /// answers any host
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow_host: Vec<String>,

    /// Leave out the pages for browsers
    #[arg(long)]
    no_pages: bool,

    /// The number of requests to keep for `requests`, `verify` and `lints`; 0 keeps none [default:
    /// 5000]
    #[arg(long, value_name = "REQUESTS")]
    journal: Option<usize>,

    /// The output format of the emulator's address and its replies: text for people, or one line of
    /// JSON
    #[arg(long, default_value = "text")]
    output: Output,

    /// The level of the log on stderr: off, error, warn, info (a line for each request), debug or
    /// trace
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: LevelFilter,

    /// The format of the log: lines for people, or one JSON object per line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: Output,

    #[command(flatten)]
    limits: limits::Limits,

    #[command(flatten)]
    data: data::DataArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

impl EmulatorArguments {
    fn faults(&self, mut builder: Builder) -> Builder {
        for fault in &self.fault {
            builder = builder.fault(fault.clone());
        }
        builder = given(builder, self.chaos, Builder::chaos);
        given(builder, self.chaos_seed, Builder::chaos_seed)
    }

    /// Starts an emulator, at the address `default` unless `--listen` names another.
    async fn start(&self, default: SocketAddr) -> Result<MockAtlas, String> {
        let mut builder = MockAtlas::builder()
            .listen(self.listen.unwrap_or(default))
            .threads(threads());
        builder = given(builder, self.binstore_listen, Builder::binstore_listen);
        builder = self.tls.apply(builder).await?;
        builder = given(builder, self.token.clone(), Builder::token);
        for file in self.seed.clone() {
            // Reading all files may take long, so it runs on a blocking thread.
            let most = self.limits.max_file_bytes();
            let read = spawn_blocking(move || match most {
                Some(bytes) => Seed::read_at_most(file, bytes),
                None => Seed::read(file),
            });
            let seed = read.await.map_err(|error| error.to_string())?;
            builder = builder.seed(seed.map_err(|error| error.to_string())?);
        }
        builder = self.faults(builder);
        builder = given(builder, self.public_url.clone(), Builder::public_url);
        for name in self.allow_host.clone() {
            builder = builder.allow_host(name);
        }
        builder = switched(builder, self.no_pages, Builder::no_pages);
        builder = self.limits.set(builder);
        builder = self.data.set(builder);
        builder = given(builder, self.journal, Builder::journal);
        builder.start().await.map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &StartError) -> String {
        match error {
            StartError::Listen {
                address,
                error: cause,
            } if cause.kind() == io::ErrorKind::AddrInUse => {
                let flag = if self.binstore_listen == Some(*address) {
                    "--binstore-listen"
                } else {
                    "--listen"
                };
                format!(
                    "{error}. Is another emulator running already? {flag} 127.0.0.1:0 takes a free port."
                )
            }
            other => other.to_string(),
        }
    }
}

/// Applies a setting to the builder, if it was given.
fn given<T>(builder: Builder, value: Option<T>, set: fn(Builder, T) -> Builder) -> Builder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

/// Applies a switch to the builder, if it is on.
fn switched(builder: Builder, is_on: bool, set: fn(Builder) -> Builder) -> Builder {
    match is_on {
        true => set(builder),
        false => builder,
    }
}

/// Runs the program. Exit codes: 0 after a stop by a signal, 1 when the emulator cannot run, 2 for
/// wrong arguments. `exec` exits with the code of its command, or with 126 or 127 when the command
/// cannot be run.
pub(crate) fn run() -> ExitCode {
    match start(&arguments()) {
        Ok(code) => code,
        Err(message) => {
            complain(&message);
            ExitCode::FAILURE
        }
    }
}

/// Returns the command line. Each option of the emulator is accepted after a subcommand as well,
/// and has an environment variable named after it.
fn command() -> clap::Command {
    Arguments::command().mut_args(|argument| {
        let flag = argument.get_long().unwrap_or_default();
        let variable = format!("MOCK_ATLAS_{}", flag.to_uppercase().replace('-', "_"));
        argument.global(true).env(variable)
    })
}

/// Parses the arguments. Empty environment variables, which CI systems may set, count as not set.
fn arguments() -> Arguments {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command().mut_args(|argument| {
        if argument.get_env().is_some_and(is_empty) {
            argument.env(Resettable::Reset)
        } else {
            argument
        }
    });
    Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// The largest body in bytes that a running emulator accepts, unless it is streamed.
const MOST_SENT: u64 = 8 * 1024 * 1024;

/// Reads a regular text file of at most `most` bytes.
async fn read(file: &Path, most: u64) -> Result<String, String> {
    let path = file.to_owned();
    let text = spawn_blocking(move || read_regular_text(&path, most)).await;
    let text = text.map_err(io::Error::from).and_then(|read| read);
    text.map_err(|error| format!("{}: {error}", file.display()))
}

/// Writes a message to stderr. Ignores an error, since it could not be reported anywhere.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "mock-atlas: {message}");
}

fn start_log(arguments: &EmulatorArguments) {
    let log = tracing_subscriber::fmt()
        .with_max_level(arguments.log)
        .with_writer(io::stderr);
    match arguments.log_format {
        Output::Text => log.init(),
        // Each line has the fields of its request, the id included, beside the time and the level.
        // The list of spans would repeat them.
        Output::Json => log.json().flatten_event(true).with_span_list(false).init(),
    }
}

/// Returns the number of threads: one less than the processors, since the clients on the same
/// machine need one. With two processors, a second thread makes a search a fifth slower, since each
/// thread works on data in the other's cache. The maximum keeps many emulators on a large machine
/// from starting too many threads.
fn threads() -> NonZeroUsize {
    const MOST: usize = 8;
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new((processors - 1).min(MOST)).unwrap_or(NonZeroUsize::MIN)
}

fn start(arguments: &Arguments) -> Result<ExitCode, String> {
    start_log(&arguments.emulator);
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    let code = match &arguments.command {
        None => runtime
            .block_on(serve::run(&arguments.emulator))
            .map(|()| ExitCode::SUCCESS),
        Some(Command::Exec { command }) => {
            runtime.block_on(exec::run(&arguments.emulator, command))
        }
        Some(Command::Check) => Ok(runtime.block_on(check::run(&arguments.emulator))),
        Some(Command::Rebuild) => runtime.block_on(check::rebuild(&arguments.emulator)),
        Some(Command::Move(places)) => runtime
            .block_on(moves::run(places, &arguments.emulator))
            .map(|()| ExitCode::SUCCESS),
        Some(Command::Gc) => runtime
            .block_on(gc::run(&arguments.emulator))
            .map(|()| ExitCode::SUCCESS),
        Some(Command::Ask(command)) => {
            let done = runtime.block_on(remote::run(command, &arguments.emulator));
            done.map(|()| ExitCode::SUCCESS)
        }
        Some(Command::Manual(command)) => manual::run(command).map(|()| ExitCode::SUCCESS),
    };
    // Exits without waiting for blocking tasks that still read files or resolve addresses.
    runtime.shutdown_background();
    code
}
