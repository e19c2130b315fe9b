//! Measures how long an emulator takes to start, and how many requests it answers in a second, with a journal and
//! without. Client and emulator share the machine, so the figures include the client's cost.
//!
//!     cargo run --release -p mock-atlas --example bench_emulator

#![allow(clippy::print_stdout, reason = "the example prints its results")]

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use mock_atlas::MockAtlas;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const STARTS: usize = 500;
const ROUNDS: usize = 15;
const CONNECTIONS: usize = 16;
const REQUESTS_EACH: usize = 2000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    starts().await?;
    requests().await
}

async fn starts() -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let atlas = MockAtlas::start().await?;
        times.push(start.elapsed());
        atlas.stop().await;
    }
    let first = times[0];
    times.sort_unstable();
    let slow = times[STARTS * 99 / 100];
    println!(
        "start: {:?}, the first {first:?}, 99 % within {slow:?}",
        median(&times)
    );
    Ok(())
}

/// Compares emulators with a journal and without, in turns, so that other load of the machine affects both.
async fn requests() -> Result<(), Box<dyn Error>> {
    let kept = MockAtlas::builder().start().await?;
    let none = MockAtlas::builder().journal(0).start().await?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.push(round(&kept).await?);
        without.push(round(&none).await?);
    }
    for (name, mut times) in [("with a journal", with), ("without", without)] {
        times.sort_unstable();
        let per_second = |time: Duration| (CONNECTIONS * REQUESTS_EACH) as f64 / time.as_secs_f64();
        println!(
            "{name}: {:.0} requests a second, in the best round {:.0}",
            per_second(median(&times)),
            per_second(times[0])
        );
    }
    Ok(())
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

/// Returns the time of `REQUESTS_EACH` cheap requests on each of `CONNECTIONS` kept connections.
async fn round(atlas: &MockAtlas) -> io::Result<Duration> {
    let host = atlas.url().trim_start_matches("http://");
    let request = format!(
        "GET /api/v1/token HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: {}\r\n\r\n",
        atlas.token()
    );
    let connect = (0..CONNECTIONS).map(|_| TcpStream::connect(host));
    let connections = try_join_all(connect).await?;
    let start = Instant::now();
    let ask = connections
        .into_iter()
        .map(|connection| tokio::spawn(ask(connection, request.clone())));
    try_join_all(ask)
        .await?
        .into_iter()
        .collect::<io::Result<()>>()?;
    Ok(start.elapsed())
}

async fn ask(mut connection: TcpStream, request: String) -> io::Result<()> {
    // All replies have the length of the first, which arrives in one piece.
    let mut reply = vec![0; 4096];
    connection.write_all(request.as_bytes()).await?;
    let len = connection.read(&mut reply).await?;
    for _ in 1..REQUESTS_EACH {
        connection.write_all(request.as_bytes()).await?;
        connection.read_exact(&mut reply[..len]).await?;
    }
    assert!(reply.starts_with(b"HTTP/1.1 200 OK"));
    Ok(())
}
