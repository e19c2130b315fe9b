//! Tests emulators that run on threads of their own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::time::Duration;

use mock_atlas::{Builder, MockAtlas};
use reqwest::Client;
use tokio::time::{sleep, timeout};

fn on_three() -> Builder {
    MockAtlas::builder().threads(NonZeroUsize::new(3).unwrap())
}

/// Returns the number of this process's threads that belong to emulators.
fn threads() -> usize {
    let names = fs::read_dir("/proc/self/task").unwrap();
    // Reading the name fails for a thread that has ended meanwhile.
    let names = names.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "mock-atlas").count()
}

async fn are_left(count: usize) {
    let left = async {
        while threads() != count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), left).await.unwrap();
}

/// Sends a request on a new connection and blocks this thread until the reply.
fn health(atlas: &MockAtlas) -> TcpStream {
    let mut stream = TcpStream::connect(atlas.url().trim_start_matches("http://")).unwrap();
    let request = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

/// Runs all checks in one test, since they count the threads of the process.
#[tokio::test]
async fn threads_of_its_own_answer_and_are_gone_with_it() {
    each_answers_while_the_test_blocks_and_none_is_left_behind().await;
    a_fault_ends_a_connection_there_too().await;
    are_left(0).await;
}

async fn each_answers_while_the_test_blocks_and_none_is_left_behind() {
    let atlas = on_three().start().await.unwrap();
    are_left(3).await;
    // Each thread has two connections, which are open when the emulator stops.
    let open: Vec<_> = (0..6).map(|_| health(&atlas)).collect();
    atlas.stop().await;
    are_left(0).await;
    for mut stream in open {
        // The connection was closed after the whole reply.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"}"), "{rest:?}");
    }
    let dropped = on_three().start().await.unwrap();
    let mut stream = health(&dropped);
    drop(dropped);
    are_left(0).await;
    // The connection may be closed or reset.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

async fn a_fault_ends_a_connection_there_too() {
    let fault = "artifact.show:reset,times=1".parse().unwrap();
    let atlas = on_three()
        .public_artifact("acme/web")
        .fault(fault)
        .start()
        .await
        .unwrap();
    let url = format!("{}/api/v1/artifacts/acme/web", atlas.url());
    assert!(Client::new().get(&url).send().await.is_err());
    assert_eq!(Client::new().get(&url).send().await.unwrap().status(), 200);
}
