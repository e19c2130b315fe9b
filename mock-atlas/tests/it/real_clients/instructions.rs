//! Guards the number of instructions that a request takes. Times differ from run to run and from machine to machine;
//! counts by callgrind hardly do.
//!
//! The counted program is the one that tests build, without optimisation. `cargo bench -p mock-atlas -- instructions`
//! counts those of a released program.

use reqwest::{Client, RequestBuilder};
use rustix::process::Signal;
use serde_json::json;
use tokio::process::Command;

use crate::support::program::{Program, SERVE};
use crate::support::{FILE, http, program};

/// The number of requests of the shorter run. The difference to the longer run is the cost of the requests alone.
const FEWER: u64 = 10;
const MORE: u64 = 60;

const TOKEN: &str = "instructions-0123456789";

/// A running emulator, whose instructions are counted.
struct Counted {
    program: Program,
    address: String,
    counts: tempfile::NamedTempFile,
}

impl Counted {
    async fn start() -> Self {
        let counts = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("valgrind");
        let emulator = program();
        command
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", counts.path().display()))
            .arg(emulator.as_std().get_program())
            .args(SERVE)
            .args(["--token", TOKEN])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true);
        let mut program = Program::of(command);
        let address = program.json().await["address"].as_str().unwrap().to_owned();
        let counted = Self {
            program,
            address,
            counts,
        };
        let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
        let artifacts = |address: &str| http().post(format!("{address}/api/v1/artifacts"));
        counted
            .ask(1, |address| artifacts(address).json(&artifact))
            .await;
        counted.ask(1, |address| post(&http(), address)).await;
        counted
    }

    /// Makes a request so many times, on one connection.
    async fn ask(&self, times: u64, request: impl Fn(&str) -> RequestBuilder) {
        for _ in 0..times {
            let reply = request(&self.address).header("X-Atlas-Token", TOKEN);
            let reply = reply.send().await.unwrap().error_for_status().unwrap();
            reply.bytes().await.unwrap();
        }
    }

    /// Returns the number of instructions.
    async fn stop(self) -> u64 {
        assert_eq!(self.program.stop(Signal::TERM).await, Some(0));
        let counts = std::fs::read_to_string(self.counts.path()).unwrap();
        let sum = counts
            .lines()
            .find_map(|line| line.strip_prefix("summary: "));
        sum.unwrap().trim().parse().unwrap()
    }
}

/// Returns the number of instructions of one request.
async fn each(request: impl Fn(&str) -> RequestBuilder) -> u64 {
    let mut sums = [0; 2];
    for (sum, times) in sums.iter_mut().zip([FEWER, MORE]) {
        let counted = Counted::start().await;
        counted.ask(times, &request).await;
        *sum = counted.stop().await;
    }
    (sums[1] - sums[0]) / (MORE - FEWER)
}

/// Returns a request that creates a version.
fn post(http: &Client, address: &str) -> RequestBuilder {
    let metadata = json!({"arch": "amd64", "region.us-east-1": "ami-8a2f11c0"});
    let version = json!({"id": "us-east-1:ami-8a2f11c0", "file": false, "metadata": metadata});
    let body = json!({"artifact_version": version});
    http.post(format!("{address}{FILE}")).json(&body)
}

/// Checks that a request takes no more instructions than `most`. The counts of several runs differ by one in a hundred;
/// `most` is a seventh above them, so that a new compiler does not fail the test, and one more layer around each
/// request does.
fn assert_at_most(most: u64, taken: u64, request: &str) {
    assert!(
        taken <= most,
        "{request} takes {taken} instructions, and {most} are allowed: look for the change that added them"
    );
}

#[tokio::test]
async fn a_search_takes_no_more_instructions_than_it_did() {
    let http = http();
    let latest = |address: &str| http.get(format!("{address}{FILE}/search?version=latest"));
    assert_at_most(330_000, each(latest).await, "a search");
}

#[tokio::test]
async fn a_post_takes_no_more_instructions_than_it_did() {
    let http = http();
    let taken = each(|address| post(&http, address)).await;
    assert_at_most(700_000, taken, "a POST of a version");
}
