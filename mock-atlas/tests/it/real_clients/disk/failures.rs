//! Lets system calls of a running emulator fail.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::strace::{arguments, process};
use crate::support::program::{Program, command};
use crate::support::{FILE, Reply, http, upload_path};

const PATIENCE: Duration = Duration::from_secs(60);

/// An emulator on a folder, whose system calls can be made to fail.
struct Emulator {
    program: Program,
    url: String,
    process: Pid,
}

impl Emulator {
    async fn start(data: &Path) -> Self {
        let mut program = Program::of(command(&arguments(data), &[]));
        let url = program.json().await["address"].as_str().unwrap().to_owned();
        let process = process(data);
        Self {
            program,
            url,
            process,
        }
    }

    async fn make_artifact(&self) {
        let new = json!({"artifact": {"username": "acme", "name": "web"}});
        assert_eq!(
            self.post("/api/v1/artifacts", &new).await.unwrap().status,
            200
        );
    }

    async fn post(&self, path: &str, body: &Value) -> Option<Reply> {
        let request = http().post(format!("{}{path}", self.url));
        let reply = request.bearer_auth("ROOT").json(body).send().await.ok()?;
        Some(Reply::of(reply).await)
    }

    /// Creates a version, with this file if there is one, and returns its number. `Err` has the status of the
    /// first reply that is no success; 0 for none.
    async fn push(&self, file: Option<Vec<u8>>) -> Result<u64, u16> {
        let new = json!({"artifact_version": {"id": "x", "file": file.is_some()}});
        let reply = self.post(FILE, &new).await.ok_or(0_u16)?;
        if reply.status != 200 {
            return Err(reply.status.as_u16());
        }
        let version = reply.json();
        if let Some(file) = file {
            let put = http().put(upload_path(&version)).body(file).send().await;
            let status = put.map_or(0, |reply| reply.status().as_u16());
            if status != 200 {
                return Err(status);
            }
        }
        Ok(version["version"].as_u64().unwrap())
    }

    /// Returns the numbers that a search finds, the highest first.
    async fn found(&self) -> Vec<u64> {
        let search = http().get(format!("{}{FILE}/search", self.url));
        let reply = search.bearer_auth("ROOT").send().await.unwrap();
        let found = Reply::of(reply).await.json();
        let versions = found["versions"].as_array().unwrap();
        versions
            .iter()
            .map(|version| version["version"].as_u64().unwrap())
            .collect()
    }

    /// Makes calls fail from now on, such as `fsync,fdatasync` with `EIO`.
    async fn fail(&self, calls: &str, error: &str) -> Child {
        let id = self.process.as_raw_nonzero().to_string();
        let inject = format!("inject={calls}:error={error}");
        let mut strace = Command::new("strace");
        strace.args([
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={calls}"),
            "-e",
            &inject,
            "-p",
            &id,
        ]);
        strace
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut strace = strace.spawn().expect("strace");
        let attached = async {
            while !self.is_traced() {
                let ended = strace.try_wait().unwrap();
                assert!(
                    ended.is_none(),
                    "strace may not attach to a process: is /proc/sys/kernel/yama/ptrace_scope 0?"
                );
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, attached).await.unwrap();
        strace
    }

    /// Returns whether each thread is traced.
    fn is_traced(&self) -> bool {
        let threads = format!("/proc/{}/task", self.process.as_raw_nonzero());
        std::fs::read_dir(threads).unwrap().all(|thread| {
            let status = std::fs::read_to_string(thread.unwrap().path().join("status"));
            // A thread that has ended meanwhile needs no tracing.
            status.is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
        })
    }

    /// Waits for the end of the program, and returns its exit code and what it wrote to stderr.
    async fn ended(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let mut stderr = self.program.child.stderr.take().unwrap();
        let reading = stderr.read_to_string(&mut said);
        timeout(PATIENCE, reading).await.unwrap().unwrap();
        let ended = timeout(PATIENCE, self.program.child.wait())
            .await
            .unwrap()
            .unwrap();
        (ended.code(), said)
    }

    async fn stop(self) {
        assert_eq!(self.program.stop(Signal::TERM).await, Some(0));
    }
}

/// Ends an strace, after which calls succeed again.
async fn heal(mut strace: Child) {
    let id = Pid::from_raw(strace.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    timeout(PATIENCE, strace.wait()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_fsync_ends_the_program_and_loses_nothing_that_was_acknowledged() {
    // A version alone is written to the database, and a file of this size is first written itself.
    for file in [None, Some(vec![7; 100_000])] {
        let folder = tempfile::tempdir().unwrap();
        let emulator = Emulator::start(folder.path()).await;
        emulator.make_artifact().await;
        for number in 1..=3 {
            assert_eq!(emulator.push(file.clone()).await, Ok(number));
        }
        // The upload path is there before the disk fails.
        let new = json!({"artifact_version": {"id": "x", "file": true}});
        let version = emulator.post(FILE, &new).await.unwrap().json();
        let strace = emulator.fail("fsync,fdatasync", "EIO").await;
        let status = match &file {
            None => emulator.push(None).await.unwrap_err(),
            Some(bytes) => {
                let put = http()
                    .put(upload_path(&version))
                    .body(bytes.clone())
                    .send()
                    .await;
                put.map_or(0, |reply| reply.status().as_u16())
            }
        };
        assert!([0, 500].contains(&status), "{status}");
        let (code, said) = emulator.ended().await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("could not be brought to disk"), "{said}");
        assert!(said.contains("check the disk"), "{said}");
        drop(strace);

        let again = Emulator::start(folder.path()).await;
        assert!(again.found().await.ends_with(&[3, 2, 1]));
        // The number that was in doubt is used, or is the next.
        assert!([5, 6].contains(&again.push(file).await.unwrap()));
        again.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_and_failed_writes_refuse_changes_and_all_goes_on_when_they_are_over() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(folder.path()).await;
    emulator.make_artifact().await;
    let file = || Some(vec![7; 100_000]);
    assert_eq!(emulator.push(file()).await, Ok(1));
    for (number, error) in [(2, "ENOSPC"), (3, "EIO")] {
        let strace = emulator.fail("pwrite64", error).await;
        for file in [None, file()] {
            let status = emulator.push(file).await.unwrap_err();
            assert!([500, 503, 507].contains(&status), "{error}: {status}");
        }
        // What is there can be read.
        assert_eq!(emulator.found().await.len() as u64, number - 1);
        heal(strace).await;
        assert_eq!(emulator.push(file()).await, Ok(number), "{error}");
    }
    assert_eq!(emulator.found().await, [3, 2, 1]);
    emulator.stop().await;
}
