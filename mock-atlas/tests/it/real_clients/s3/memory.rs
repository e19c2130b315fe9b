//! Files pass through an emulator in little memory, however large they are.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use reqwest::Body;

use super::{Home, first_file};

const MIB: usize = 1024 * 1024;

/// The size of the file.
const FILE_MIB: usize = 256;

/// The most memory that the file may take, above that of an emulator that has just started.
const MOST_MIB: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_goes_up_and_down_in_bounded_memory() {
    let home = Home::new();
    let server = home.start(&[]).await;
    let before = server.program.kib("VmRSS:");
    let chunk = Bytes::from(vec![7; MIB]);
    let chunks = std::iter::repeat_n(chunk, FILE_MIB).map(Ok::<_, io::Error>);
    server.push(Body::wrap_stream(stream::iter(chunks))).await;
    let mut reply = server.get(&first_file()).await;
    let mut received = 0;
    while let Some(chunk) = reply.chunk().await.unwrap() {
        received += chunk.len();
    }
    assert_eq!(received, FILE_MIB * MIB);
    let taken = server.program.kib("VmHWM:") - before;
    assert!(taken < MOST_MIB * 1024, "{taken} KiB");
}
