//! Measures what the emulator costs, compared with other programs. Runs all parts, or those named:
//!
//!     cargo bench -p mock-atlas
//!     cargo bench -p mock-atlas -- requests instructions
//!
//! `docs/benchmarks.md` explains each figure and lists measured ones.
//!
//! - `requests`: requests per second, next to nginx; `instructions`: instructions per request
//! - `files`: large files and many at once, next to nginx
//! - `growth`: the time of a request with a thousand and with a million versions, and the memory
//! - `boxes`: the same for Vagrant boxes, ten and a thousand
//! - `data`: an emulator that keeps its data in a folder, next to the bare `engine`; `postgres`: one that keeps it
//!   in PostgreSQL
//! - `start`: the start of the program, and of a thousand emulators in one process
//! - `fixed`: a bare axum; `peers`: the programs to compare with; `http`: a minimal client

#![allow(clippy::print_stdout, reason = "the benchmark prints its results")]

mod boxes;
mod data;
mod engine;
mod files;
mod fixed;
mod growth;
mod http;
mod instructions;
mod peers;
mod requests;
mod start;

use std::error::Error;
use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A part of the benchmark: its name, the programs that it needs, and its function.
type Part = (&'static str, &'static [peers::Program], fn() -> Result<()>);

const PARTS: [Part; 9] = [
    ("growth", &[], growth::run),
    ("boxes", &[], boxes::run),
    ("start", &[], start::run),
    ("data", &[], data::run),
    ("postgres", &[], data::shared),
    ("instructions", &[peers::VALGRIND], instructions::run),
    ("requests", &[peers::NGINX, peers::WRK], requests::run),
    ("files", &[peers::NGINX, peers::CURL], files::run),
    (
        "files-on-disk",
        &[peers::NGINX, peers::CURL],
        files::on_disk,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without this flag, cargo runs the target as a test.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    if let [flag, reply, ..] = &arguments[..]
        && flag == fixed::FLAG
    {
        return exit_code(fixed::serve(reply));
    }
    let wanted: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| *argument != "--bench")
        .collect();
    exit_code(run(&wanted))
}

fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut causes = vec![error.to_string()];
            let mut cause = error.source();
            while let Some(next) = cause {
                causes.push(next.to_string());
                cause = next.source();
            }
            println!("error: {}", causes.join(": "));
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &[&str]) -> Result<()> {
    let names = PARTS.map(|(name, ..)| name);
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(name)) {
        return Err(format!(
            "there is no part {unknown:?}: there are {}",
            names.join(", ")
        )
        .into());
    }
    let is_wanted = |part: &&Part| wanted.is_empty() || wanted.contains(&part.0);
    let parts: Vec<&Part> = PARTS.iter().filter(is_wanted).collect();
    // All programs are checked before the first part runs, which takes minutes.
    parts
        .iter()
        .flat_map(|(_, programs, _)| *programs)
        .try_for_each(peers::Program::check)?;
    println!("load before: {}", load()?);
    for (name, _, run) in parts {
        println!("\n{name}");
        run()?;
    }
    println!("\nload after: {}", load()?);
    Ok(())
}

/// Returns the load averages of the last 1, 5 and 15 minutes, and the number of cores.
fn load() -> Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let last: Vec<&str> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{} on {cores} cores", last.join(" ")))
}

/// Prints a line of the table: the measurement, the value to compare with, their ratio, and the goal.
fn row(what: &str, seen: String, peer: String, ratio: f64, goal: &str) {
    println!("  {what:<34} {seen:>16} {peer:>16} {ratio:>8.2}  {goal}");
}

/// Returns the median.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
