//! Measures large files, and many at a time. curl uploads and downloads them; for comparison, nginx takes and
//! sends the same files from a folder in memory, or on disk beside an emulator that keeps its data there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{iter, thread};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::data;
use crate::http::{self, Connection};
use crate::peers::{self, CURL, Server, TYPE};
use crate::{Result, median, row};

const LARGE: u64 = 1 << 30;
const SMALL: u64 = 16 << 20;
const AT_ONCE: usize = 64;
const ROUNDS: usize = 5;

/// The setting of nginx that takes files.
const PEER: &str = "location / { dav_methods PUT; }";

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::tempdir_in(peers::MEMORY)?;
    let large = file(&folder, "large", LARGE)?;
    let small = file(&folder, "small", SMALL)?;
    let mut seen = Seen::default();
    for _ in 0..ROUNDS {
        seen.round(&large, &small)?;
    }
    seen.print();
    Ok(())
}

/// Compares an emulator that keeps its data on disk with nginx on the same disk. Like the emulator, nginx has
/// kept a file when an fsync of it has ended, which it does not call itself.
pub(crate) fn on_disk() -> Result<()> {
    let folder = tempfile::tempdir_in(peers::MEMORY)?;
    let large = file(&folder, "large", LARGE)?;
    let mut times = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        let kept = data::folder()?;
        let mut program = peers::program();
        program.arg("--data").arg(kept.path());
        let (server, mut connection) = peers::emulator(program)?;
        let path = upload_path(&mut connection)?;
        times[0].push(put(&large, &[path])?);
        times[1].push(get(&format!("{}{TYPE}/latest/file", server.address))?);
        drop(server);
        drop(kept);
        let disk = data::folder()?;
        let peer = Server::nginx(PEER, &disk.path().to_string_lossy())?;
        let address = format!("{}/large", peer.address);
        let sent = put(&large, std::slice::from_ref(&address))?;
        let start = Instant::now();
        File::open(peer.folder()?.join("large"))?.sync_all()?;
        times[2].push(sent + start.elapsed().as_secs_f64());
        times[3].push(sent);
        times[4].push(get(&address)?);
    }
    let [put, get, peers_put, sent, peers_get] = times.map(rate);
    for (name, own, other) in [
        ("PUT of 1 GiB, kept on disk", put, peers_put),
        ("  nginx without an fsync", put, sent),
        ("GET of 1 GiB from disk", get, peers_get),
    ] {
        let (own_rate, rate) = (format!("{own:.0} MB/s"), format!("{other:.0} MB/s"));
        row(name, own_rate, rate, own / other, "at least 0.9");
    }
    Ok(())
}

/// The measurements of all rounds: seconds, bytes of memory per stored byte, and milliseconds.
#[derive(Default)]
struct Seen {
    put: Vec<f64>,
    peers_put: Vec<f64>,
    get: Vec<f64>,
    peers_get: Vec<f64>,
    memory: Vec<f64>,
    together: Vec<f64>,
    wait: Vec<f64>,
}

impl Seen {
    /// Runs a round on new, empty servers.
    fn round(&mut self, large: &Path, small: &Path) -> Result<()> {
        let (server, mut connection) = peers::emulator(peers::program())?;
        let path = upload_path(&mut connection)?;
        let before = server.memory()?;
        self.put.push(put(large, &[path])?);
        let held = server.memory()? - before;
        self.memory.push(held as f64 / LARGE as f64);
        self.get
            .push(get(&format!("{}{TYPE}/latest/file", server.address))?);
        drop(server);
        let peer = Server::nginx(PEER, peers::MEMORY)?;
        let address = format!("{}/large", peer.address);
        self.peers_put
            .push(put(large, std::slice::from_ref(&address))?);
        self.peers_get.push(get(&address)?);
        drop(peer);
        let (server, mut connection) = peers::emulator(peers::program())?;
        let paths = iter::repeat_with(|| upload_path(&mut connection)).take(AT_ONCE);
        let paths: Vec<String> = paths.collect::<Result<_>>()?;
        let (seconds, wait) = with_another_client(&server, || put(small, &paths))?;
        self.together.push(seconds);
        self.wait.push(wait);
        Ok(())
    }

    fn print(self) {
        // The time that the system needs for fresh memory can change threefold between rounds, and only adds to
        // the rest, so the best round counts.
        let put_rate = rate(self.put);
        for (name, own, other) in [
            ("PUT of 1 GiB", put_rate, rate(self.peers_put)),
            ("GET of 1 GiB", rate(self.get), rate(self.peers_get)),
        ] {
            row(
                name,
                format!("{own:.0} MB/s"),
                format!("{other:.0} MB/s"),
                own / other,
                "at least 1",
            );
        }
        let held = median(self.memory);
        row(
            "memory a byte stored",
            format!("{held:.3} B"),
            "1 B".to_owned(),
            held,
            "at most 1.05",
        );
        let together = rate(self.together);
        row(
            "64 PUTs of 16 MiB at once",
            format!("{together:.0} MB/s"),
            format!("{put_rate:.0} MB/s"),
            together / put_rate,
            "at least 0.9 of one PUT",
        );
        let wait = median(self.wait);
        row(
            "  p99 of another client's wait",
            format!("{wait:.1} ms"),
            "50 ms".to_owned(),
            wait / 50.0,
            "at most 1",
        );
    }
}

/// Returns the megabytes per second of the best round.
fn rate(seconds: Vec<f64>) -> f64 {
    LARGE as f64 / best(seconds) / 1e6
}

fn best(seconds: Vec<f64>) -> f64 {
    seconds.into_iter().fold(f64::INFINITY, f64::min)
}

/// Creates a file of random bytes, and returns its path.
fn file(folder: &TempDir, name: &str, len: u64) -> Result<PathBuf> {
    let path = folder.path().join(name);
    let mut file = File::create(&path)?;
    let mut random = fastrand::Rng::with_seed(len);
    let mut part = vec![0; 1 << 20];
    for _ in 0..len >> 20 {
        random.fill(&mut part);
        file.write_all(&part)?;
    }
    Ok(path)
}

fn upload_path(connection: &mut Connection) -> Result<String> {
    let version = json!({"artifact_version": {"id": "disk", "file": true}});
    let request = http::post(TYPE, &version.to_string());
    let host = connection.address()?;
    let request = request.replace("Host: x", &format!("Host: {host}"));
    let reply: Value = serde_json::from_slice(&connection.ask(&request)?)?;
    Ok(reply["upload_path"]
        .as_str()
        .ok_or("there is no upload_path")?
        .to_owned())
}

/// Sends a file to all addresses at once, and returns the time in seconds.
fn put(file: &Path, addresses: &[String]) -> Result<f64> {
    let mut command = CURL.command();
    command.args([
        "-sS",
        "--fail",
        "-Z",
        "--parallel-immediate",
        "--parallel-max",
    ]);
    command.arg(addresses.len().to_string());
    for address in addresses {
        command
            .args(["-o", "/dev/null", "-T"])
            .arg(file)
            .arg(address);
    }
    // Without it, curl asks first whether it may, and waits for an answer.
    command.args(["-H", "Expect:"]);
    timed(command)
}

fn get(address: &str) -> Result<f64> {
    let mut command = CURL.command();
    let token = format!("X-Atlas-Token: {}", http::TOKEN);
    command.args(["-sS", "--fail", "-o", "/dev/null", "-H", &token, address]);
    timed(command)
}

fn timed(mut command: std::process::Command) -> Result<f64> {
    let start = Instant::now();
    // `output` hides the meter, which curl always shows for several files at once.
    let output = command.output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} ended with {}: {stderr}", output.status).into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Returns the result of `work`, and the 99th percentile of the milliseconds that another client's requests took
/// meanwhile.
fn with_another_client(server: &Server, work: impl FnOnce() -> Result<f64>) -> Result<(f64, f64)> {
    let is_over = AtomicBool::new(false);
    let mut connection = Connection::open(&server.address)?;
    let request = http::get(&format!("{TYPE}/search?version=2"));
    thread::scope(|scope| {
        let asking = scope.spawn(|| -> Result<Vec<f64>> {
            let mut waits = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let start = Instant::now();
                connection.ask(&request)?;
                waits.push(start.elapsed().as_secs_f64() * 1e3);
                thread::sleep(Duration::from_millis(1));
            }
            Ok(waits)
        });
        let worked = work();
        is_over.store(true, Ordering::Relaxed);
        let mut waits = asking.join().map_err(|_| "the other client broke")??;
        waits.sort_by(f64::total_cmp);
        Ok((worked?, waits[waits.len() * 99 / 100]))
    })
}
