//! Tests that a thousand emulators in one process leave nothing behind. The test has a process of its own, since
//! it counts the file descriptors, threads and memory of the whole process, and raises its limit of file
//! descriptors.

#![allow(
    clippy::unwrap_used,
    reason = "what does not go well here is a failure"
)]

use std::fs;
use std::time::{Duration, Instant};

use mock_atlas::MockAtlas;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::sleep;

const EMULATORS: usize = 1000;

/// The resources of the process that emulators use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    tasks: usize,
    descriptors: usize,
    threads: usize,
}

impl Taken {
    fn now() -> Self {
        let entries = |folder: &str| fs::read_dir(folder).unwrap().count();
        Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }

    /// Waits until the process uses exactly these resources again.
    async fn is_back(self) {
        let start = Instant::now();
        while Self::now() != self {
            let now = Self::now();
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{now:?}, not {self:?}"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Returns the resident memory of the process, in bytes.
fn memory() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

/// Sends a request, and returns the open connection.
async fn ask(atlas: &MockAtlas) -> TcpStream {
    let mut stream = TcpStream::connect(atlas.url().trim_start_matches("http://"))
        .await
        .unwrap();
    let request = format!(
        "GET /api/v1/token HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: {}\r\n\r\n",
        atlas.token()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 15];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK");
    stream
}

/// Runs a thousand emulators at a time, each with a connection, and returns the memory that they took.
async fn thousand() -> usize {
    let before = memory();
    let mut alive = Vec::new();
    for _ in 0..EMULATORS {
        let atlas = MockAtlas::start().await.unwrap();
        let stream = ask(&atlas).await;
        alive.push((atlas, stream));
    }
    let taken = memory().saturating_sub(before);
    let (emulators, streams): (Vec<_>, Vec<_>) = alive.into_iter().unzip();
    drop(emulators);
    for mut stream in streams {
        // The read ends in any case, since the emulator has closed the connection.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_emulators_leave_no_task_no_socket_no_thread_and_no_memory_behind() {
    // Each emulator needs three sockets.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();

    let before = Taken::now();
    let taken = thousand().await;
    before.is_back().await;
    // The allocator reuses freed memory for the next emulators, so only leaks add up.
    let kept = memory();
    for _ in 0..3 {
        thousand().await;
        before.is_back().await;
    }
    let leaked = memory().saturating_sub(kept);
    assert!(leaked < taken / 4, "{leaked} bytes of {taken} stay");
}
