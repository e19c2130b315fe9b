//! Starts a server of PostgreSQL for tests, which ends with the process that has started it, however that ends.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The folder in which Debian has the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The longest wait until a server takes connections.
const START: Duration = Duration::from_secs(60);

/// Runs a server as long as the pipe to it is open. It takes the commands below, and answers each with a line; at
/// the end of the pipe it ends the server and removes its folder.
const KEEPER: &str = r#"
folder=$1; shift
server=
start() { "$@" >>"$folder/log" 2>&1 & server=$!; }
stop() { [ -z "$server" ] || { all CONT; kill -"$1" "$server"; wait "$server"; server=; }; }
all() { kill -"$1" "$server" $(pgrep -P "$server"); }
while read -r command; do
    case $command in
        start) start "$@" ;;
        stop) stop INT ;;
        kill) all KILL; stop KILL ;;
        pause) all STOP ;;
        continue) all CONT ;;
    esac
    echo done
done
stop QUIT
rm -rf "$folder"
"#;

/// The port of a server that has only a Unix socket, whose name contains it.
const PORT: u16 = 5432;

/// A server of PostgreSQL on a Unix socket. Its user `postgres` needs no password.
#[derive(Debug)]
pub struct PostgresServer {
    folder: PathBuf,
    port: u16,
    keeper: Mutex<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    process: Child,
    commands: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl PostgresServer {
    /// Starts a server on a Unix socket alone.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        Self::start_with(PORT, &["listen_addresses="], &[])
    }

    /// Starts a server that also listens on a port of 127.0.0.1, with these settings besides its own, such
    /// as `ssl=on`, and with files in its folder. A setting names a file by its bare name.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub fn start_on(port: u16, settings: &[&str], files: &[(&str, &str)]) -> io::Result<Self> {
        let listen = ["listen_addresses=127.0.0.1"];
        Self::start_with(port, &[&listen, settings].concat(), files)
    }

    fn start_with(port: u16, settings: &[&str], files: &[(&str, &str)]) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("atlas-postgres-")
            .tempdir()?;
        let folder = folder.keep();
        let programs = programs()?;
        let data = folder.join("data");
        let mut initialise = unprivileged(&folder)?;
        initialise
            .arg(programs.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--no-sync"])
            // An order of texts unlike that of their bytes, as databases often have.
            .args([
                "--encoding=UTF8",
                "--locale-provider=icu",
                "--icu-locale=en-US",
            ])
            .args(["--no-locale", "--pgdata"])
            .arg(&data);
        check(initialise.output()?)?;
        for (name, content) in files {
            write_private(&data.join(name), content)?;
        }
        give_away(&folder)?;
        let port_setting = format!("port={port}");
        let settings = [&[port_setting.as_str()], settings].concat();
        let keeper = Keeper::new(&folder, &programs.join("postgres"), &settings)?;
        let server = Self {
            folder,
            port,
            keeper: Mutex::new(keeper),
        };
        server.resume()?;
        Ok(server)
    }

    /// Returns the server that all tests of this process share.
    ///
    /// # Errors
    /// When it could not be started.
    pub fn shared() -> io::Result<&'static Self> {
        static SHARED: OnceLock<Result<PostgresServer, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| Self::start().map_err(|error| error.to_string()));
        started
            .as_ref()
            .map_err(|error| io::Error::other(error.clone()))
    }

    /// Makes a database, and returns its name.
    ///
    /// # Errors
    /// When the server does not.
    pub fn new_database(&self) -> io::Result<String> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(name)
    }

    /// Makes a database, and returns its URL.
    ///
    /// # Errors
    /// When the server does not.
    pub fn new_url(&self) -> io::Result<String> {
        Ok(self.url(&self.new_database()?))
    }

    /// Returns the URL of a database.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{database}", self.port)
    }

    /// Returns the folder with the server's socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs statements in a database, and returns what they give: a line for each row.
    ///
    /// # Errors
    /// When one of them fails.
    pub fn run(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--username=postgres", "--host"])
            .arg(&self.folder)
            .args(["--port", &self.port.to_string()])
            .args(["--dbname", database, "--command", sql]);
        Ok(check(psql.output()?)?.trim().to_owned())
    }

    /// Stops the server: connections are closed, and what was committed stays.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn stop(&self) -> io::Result<()> {
        self.keeper().tell("stop")
    }

    /// Kills all processes of the server at once.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(&self) -> io::Result<()> {
        self.keeper().tell("kill")
    }

    /// Halts all processes of the server.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn pause(&self) -> io::Result<()> {
        self.keeper().tell("pause")
    }

    /// Lets the processes of a halted server go on.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn go_on(&self) -> io::Result<()> {
        self.keeper().tell("continue")
    }

    /// Starts the server that was stopped or killed, and returns once it takes connections.
    ///
    /// # Errors
    /// When it does not.
    pub fn resume(&self) -> io::Result<()> {
        self.keeper().tell("start")?;
        let end = Instant::now() + START;
        loop {
            match self.run("postgres", "SELECT 1") {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > end => {
                    let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    return Err(io::Error::other(format!("{error}\n{log}")));
                }
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    fn new(folder: &Path, postgres: &Path, settings: &[&str]) -> io::Result<Self> {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(folder);
        let mut server = unprivileged(folder)?;
        server.arg(postgres).arg("-D").arg(folder.join("data"));
        server.arg("-k").arg(folder);
        let own = ["fsync=off", "max_connections=300", "shared_buffers=32MB"];
        for setting in own.iter().chain(settings) {
            server.args(["-c", setting]);
        }
        keeper.arg(server.get_program()).args(server.get_args());
        let mut process = keeper
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A signal to the tests' group must not end it before it has ended the server.
            .process_group(0)
            .spawn()?;
        let lost = || io::Error::other("a pipe is missing");
        let replies = process.stdout.take().ok_or_else(lost)?;
        Ok(Self {
            commands: process.stdin.take(),
            replies: BufReader::new(replies),
            process,
        })
    }

    fn tell(&mut self, command: &str) -> io::Result<()> {
        let ended = || io::Error::other("the server's keeper has ended");
        writeln!(self.commands.as_mut().ok_or_else(ended)?, "{command}")?;
        match self.replies.read_line(&mut String::new())? {
            0 => Err(ended()),
            _ => Ok(()),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.process.wait();
    }
}

/// Returns the folder with the programs of the newest version.
fn programs() -> io::Result<PathBuf> {
    let missing = |error| io::Error::other(format!("install postgresql: {VERSIONS}: {error}"));
    let versions = fs::read_dir(VERSIONS).map_err(missing)?;
    let numbered = versions.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        Some((name.parse::<u32>().ok()?, name))
    });
    let (_, newest) = numbered
        .max()
        .ok_or_else(|| missing(io::ErrorKind::NotFound.into()))?;
    Ok(Path::new(VERSIONS).join(newest).join("bin"))
}

fn is_root() -> io::Result<bool> {
    Ok(check(Command::new("id").arg("-u").output()?)?.trim() == "0")
}

/// Returns a command to which the program to run is added as an argument: PostgreSQL refuses to run as root.
fn unprivileged(folder: &Path) -> io::Result<Command> {
    let mut command = Command::new("env");
    if is_root()? {
        give_away(folder)?;
        command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    Ok(command)
}

/// Gives a folder to the user of the server.
fn give_away(folder: &Path) -> io::Result<()> {
    if is_root()? {
        let mut chown = Command::new("chown");
        check(
            chown
                .args(["-R", "postgres:postgres"])
                .arg(folder)
                .output()?,
        )?;
    }
    Ok(())
}

fn write_private(file: &Path, content: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(content.as_bytes())
}

/// Returns what a program has written, if it has succeeded.
fn check(output: Output) -> io::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(errors.trim().to_owned()))
}
