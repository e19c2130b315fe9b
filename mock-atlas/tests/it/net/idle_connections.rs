//! Tests the program with thousands of idle connections, and with clients that do not read.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Body, Client};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::support::program::{Program, SERVE};
use crate::support::{FILE, http, program, upload_path};

const IDLE: usize = 10_000;

/// The number of file descriptors that each of the two processes needs.
const DESCRIPTORS: u64 = IDLE as u64 + 1000;

const MIB: usize = 1024 * 1024;

/// Raises this process's limit of file descriptors.
fn raise_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    assert!(
        maximum.is_none_or(|maximum| maximum >= DESCRIPTORS),
        "this test holds {IDLE} connections, for which a process must be let have {DESCRIPTORS} \
         descriptors, not {maximum:?}: raise the limit, as root with `ulimit -H -n {DESCRIPTORS}`"
    );
    if current.is_some_and(|current| current < DESCRIPTORS) {
        let current = Some(DESCRIPTORS);
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    }
}

/// Starts an emulator in a process of its own, after the shell command `limit`.
fn limited(limit: &str, arguments: &[&str]) -> Program {
    let program = program();
    let program = program.as_std().get_program();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{limit} && exec \"$0\" \"$@\"")])
        .arg(program)
        .args(SERVE)
        .args(["--token", "ROOT"])
        .args(arguments)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Program::of(shell)
}

/// Another client, which sends requests meanwhile.
struct Other {
    http: Client,
    address: String,
}

impl Other {
    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.address));
        let request = request.header("X-Atlas-Token", "ROOT").json(&body);
        let reply = request.send().await.unwrap().error_for_status().unwrap();
        reply.json().await.unwrap()
    }

    async fn push(&self, bytes: impl Into<Body>) {
        let version = json!({"artifact_version": {"file": true}});
        let version = self.post(FILE, version).await;
        let put = self.http.put(upload_path(&version)).body(bytes);
        assert_eq!(put.send().await.unwrap().status(), 200);
    }

    async fn latest(&self) -> String {
        let request = self.http.get(format!("{}{FILE}/latest/file", self.address));
        let request = request.header("X-Atlas-Token", "ROOT");
        request.send().await.unwrap().text().await.unwrap()
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: ROOT\r\n\r\n").into_bytes()
}

/// Sends a request on a connection, and reads the beginning of the reply.
async fn ask(stream: &mut tokio::net::TcpStream, path: &str) {
    stream.write_all(&get(path)).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
}

fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.peek(&mut [0]);
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test]
async fn clients_that_do_not_read_keep_the_descriptors_no_longer_than_the_body_timeout() {
    let mut program = limited("ulimit -n 64", &["--body-timeout", "1"]);
    let address = program.json().await["address"].as_str().unwrap().to_owned();
    let host = address.strip_prefix("http://").unwrap().to_owned();
    let other = Other {
        http: http(),
        address,
    };
    let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
    other.post("/api/v1/artifacts", artifact).await;
    other.push(vec![7; 32 * MIB]).await;
    let mut unread = Vec::new();
    for _ in 0..70 {
        let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
        let request = get(&format!("{FILE}/1/file"));
        stream.write_all(&request).await.unwrap();
        unread.push(stream);
    }
    // The new client's connection is accepted after all of them.
    let last = Other {
        http: http(),
        ..other
    };
    let asked = timeout(Duration::from_secs(60), last.push("bytes"));
    asked.await.expect("descriptors become free");
    drop(unread);
    let mut stderr = program.child.stderr.take().unwrap();
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    let mut log = String::new();
    stderr.read_to_string(&mut log).await.unwrap();
    assert_eq!(
        log.matches("cannot accept a connection").count(),
        1,
        "{log}"
    );
}

#[tokio::test]
async fn neither_idle_connections_nor_a_slow_reader_keep_others_waiting() {
    raise_descriptors();
    // The program has a low soft limit, which it raises itself.
    let mut program = limited("ulimit -S -n 256", &[]);
    let address = program.json().await["address"].as_str().unwrap().to_owned();
    let host = address.strip_prefix("http://").unwrap().to_owned();
    let http = http();
    let other = Other { http, address };
    let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
    other.post("/api/v1/artifacts", artifact).await;
    other.push(vec![7; 64 * MIB]).await;
    let mut slow = tokio::net::TcpStream::connect(&host).await.unwrap();
    ask(&mut slow, &format!("{FILE}/1/file")).await;
    let connect = move || {
        let connect = |_| TcpStream::connect(&host).unwrap();
        Vec::from_iter((0..IDLE).map(connect))
    };
    let mut idle = spawn_blocking(connect).await.unwrap();

    // Connections are accepted in order, so all idle ones are open while these requests are answered.
    let others = async {
        for _ in 0..20 {
            other.push("bytes").await;
            assert_eq!(other.latest().await, "bytes");
        }
    };
    timeout(Duration::from_secs(10), others).await.unwrap();
    assert!(idle.iter().all(is_open));
    let mut last = tokio::net::TcpStream::from_std(idle.pop().unwrap()).unwrap();
    ask(&mut last, &format!("{FILE}/search")).await;
    let mut rest = vec![0; 64 * MIB];
    slow.read_exact(&mut rest).await.unwrap();
    assert!(rest.ends_with(&[7; MIB]));
}
