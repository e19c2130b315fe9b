//! Runs the programs of the benchmark: the emulator, those that it is compared with, and the load generators.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Result;
use crate::fixed;
use crate::http::{self, Connection, TOKEN};

/// A program of the system, and its Debian package.
pub(crate) struct Program {
    name: &'static str,
    package: &'static str,
}

pub(crate) const NGINX: Program = Program::of("nginx", "nginx-light");
pub(crate) const WRK: Program = Program::of("wrk", "wrk");
pub(crate) const CURL: Program = Program::of("curl", "curl");
pub(crate) const VALGRIND: Program = Program::of("valgrind", "valgrind");

impl Program {
    const fn of(name: &'static str, package: &'static str) -> Self {
        Self { name, package }
    }

    pub(crate) fn command(&self) -> Command {
        Command::new(self.name)
    }

    /// Fails when the program cannot be run, with the package to install.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { name, package } = self;
        let asked = self
            .command()
            .arg("-h")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match asked {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "{name} cannot be run: {error}. Debian has it in the package {package}: apt-get install {package}"
            )
            .into()),
        }
    }
}

/// A folder in memory.
pub(crate) const MEMORY: &str = "/dev/shm";

/// A running server, which is stopped when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    folder: Option<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    /// Starts the emulator with further arguments.
    pub(crate) fn emulator(before: Command, arguments: &[&str]) -> Result<Self> {
        let mut command = before;
        command
            .args([
                "--listen",
                "127.0.0.1:0",
                "--token",
                TOKEN,
                "--output",
                "json",
            ])
            .args(arguments);
        Self::announced(command)
    }

    /// Starts a bare axum that gives this reply.
    pub(crate) fn axum(reply: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([fixed::FLAG, reply, "--bench"]);
        Self::announced(command)
    }

    /// Starts a server that prints its address as JSON.
    fn announced(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let announced: Value = serde_json::from_str(&line)?;
        let address = announced["address"]
            .as_str()
            .ok_or("the server announced no address")?;
        Ok(Self {
            address: address.to_owned(),
            child,
            folder: None,
        })
    }

    /// Starts nginx with one worker and these locations, on files in a new folder of this one.
    pub(crate) fn nginx(locations: &str, folder: &str) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let path = folder.path().display();
        let config = format!(
            "daemon off; master_process on; worker_processes 1; pid {path}/pid; user root;
             error_log {path}/error.log;
             events {{ worker_connections 1024; }}
             http {{
               access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
               keepalive_requests 1000000000; client_max_body_size 0;
               client_body_temp_path {path}/body; default_type application/json;
               server {{ listen 127.0.0.1:{port}; root {path}; {locations} }}
             }}"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config)?;
        let child = NGINX
            .command()
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()?;
        let address = format!("127.0.0.1:{port}");
        let server = Self {
            child,
            address: format!("http://{address}"),
            folder: Some(folder),
        };
        wait_for("nginx to listen", || TcpStream::connect(&address).is_ok())?;
        Ok(server)
    }

    /// Returns the folder of nginx, which has the files that were sent to it.
    pub(crate) fn folder(&self) -> Result<&Path> {
        Ok(self
            .folder
            .as_ref()
            .ok_or("this server has no folder")?
            .path())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the processor time that the server and its workers have used so far.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let id = self.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let mut sum = ticks(id)?;
        for child in children.split_whitespace() {
            sum += ticks(child.parse()?)?;
        }
        // The kernel shows these times in hundredths of a second, whatever its own clock.
        Ok(Duration::from_millis(sum * 10))
    }

    /// Returns the resident memory of the server, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        memory_of(&self.id().to_string())
    }

    /// Stops the server with SIGTERM and waits for its end.
    pub(crate) fn stop(&mut self) {
        self.end(rustix::process::Signal::TERM);
    }

    /// Sends a signal that ends the server, and waits for its end.
    pub(crate) fn end(&mut self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).ok();
        let id = id.and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            // The signal fails if the server has already ended.
            let _ = rustix::process::kill_process(id, signal);
        }
        let _ = self.child.wait();
    }
}

/// Starts an emulator with an artifact of three versions, each with three keys of metadata.
pub(crate) fn emulator(before: Command) -> Result<(Server, Connection)> {
    let server = Server::emulator(before, &[])?;
    let mut connection = Connection::open(&server.address)?;
    let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
    connection.ask(&http::post("/api/v1/artifacts", &artifact.to_string()))?;
    for _ in 0..3 {
        connection.ask(&http::post(TYPE, VERSION))?;
    }
    Ok((server, connection))
}

/// The path of the artifact's versions.
pub(crate) const TYPE: &str = "/api/v1/artifacts/acme/web/amazon.image";

/// The body of a request that creates a version.
pub(crate) const VERSION: &str = r#"{"artifact_version":{"id":"us-east-1:ami-8a2f11c0","file":false,"metadata":{"arch":"amd64","created_at":"1795352171","region.us-east-1":"ami-8a2f11c0"}}}"#;

/// Returns a command of the emulator's program.
pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mock-atlas"))
}

/// Returns the resident memory of a process, in bytes; `self` is this process.
pub(crate) fn memory_of(process: &str) -> Result<u64> {
    let status = fs::read_to_string(Path::new("/proc").join(process).join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes
        .ok_or("the kernel does not tell VmRSS")?
        .parse::<u64>()?
        * 1024)
}

fn ticks(process: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the name, in brackets, which may contain any character.
    let (_, rest) = stat.rsplit_once(')').ok_or("a process without a name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let (user, system) = (fields[11].parse::<u64>()?, fields[12].parse::<u64>()?);
    Ok(user + system)
}

pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > Duration::from_secs(30) {
            return Err(format!("waited too long for {what}").into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
