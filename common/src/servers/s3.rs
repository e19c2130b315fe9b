//! Starts a server that speaks the API of S3 for tests: s3s-fs, which keeps objects as files.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

/// The bucket that each server has.
pub const BUCKET: &str = "atlas";

/// The credentials that a server demands.
const ACCESS_KEY: &str = "access";
const SECRET_KEY: &str = "secret-key";

/// The text before the address in the log of a server.
const ANNOUNCEMENT: &str = "server is running at http://";

/// A server with a folder of its own. Dropping it kills the server and removes the folder.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    process: Child,
    folder: TempDir,
}

impl S3Server {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// When s3s-fs is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join(BUCKET))?;
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut command = command(folder.path(), any_port);
        command.env("RUST_LOG", "info").stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let Some(address) = process.stdout.take().and_then(announced) else {
            process.kill()?;
            process.wait()?;
            return Err(io::Error::other("s3s-fs did not tell its address"));
        };
        Ok(Self {
            address,
            process,
            folder,
        })
    }

    /// Returns the address of the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the files of the server, in their order: those of objects, each of which has the name of its object,
    /// and the server's own, such as those of incomplete uploads.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = files(self.folder.path())?;
        found.sort();
        Ok(found)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the command of a server on this address. Each folder in `folder` is a bucket.
#[must_use]
pub fn command(folder: &Path, address: SocketAddr) -> Command {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = Command::new("s3s-fs");
    command.args(["--host", &host, "--port", &port]);
    command.args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]);
    command.arg(folder);
    command
}

/// Returns the variables with which a client uses the server at an address.
#[must_use]
pub fn variables(address: SocketAddr) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
    ]
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

/// Returns the address that a server announces in its log, which is read to its end.
fn announced(log: impl io::Read + Send + 'static) -> Option<SocketAddr> {
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let address = lines.find_map(|line| {
        let (_, address) = line.split_once(ANNOUNCEMENT)?;
        let mut parts = address.split(|c: char| !matches!(c, '0'..='9' | '.' | ':'));
        parts.next()?.parse().ok()
    });
    thread::spawn(move || lines.for_each(drop));
    address
}
