//! What the emulator costs, next to what others need for the same. All of it, or some parts:
//!
//!     cargo bench -p mock-atlas
//!     cargo bench -p mock-atlas -- requests instructions
//!
//! `docs/benchmarks.md` says what each figure means, and which were seen.
//!
//! - `requests`: how many in a second, next to nginx; `instructions`: what one takes
//! - `files`: large ones and many at once, next to nginx
//! - `growth`: whether a million is slower than a thousand, and what it takes of memory
//! - `start`: the program, and a thousand emulators in one process
//! - `fixed`: a bare axum; `peers`: the programs that are compared with; `http`: the least of a client

#![allow(clippy::print_stdout, reason = "it is there to print")]

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

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A part: its name, the programs that it needs, and what it does.
type Part = (&'static str, &'static [peers::Program], fn() -> Result<()>);

const PARTS: [Part; 5] = [
    ("growth", &[], growth::run),
    ("start", &[], start::run),
    ("instructions", &[peers::VALGRIND], instructions::run),
    ("requests", &[peers::NGINX, peers::WRK], requests::run),
    ("files", &[peers::NGINX, peers::CURL], files::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without it, somebody runs all targets as tests.
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
            println!("error: {error}");
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
    // Before the first minute is spent.
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

/// How many processes wanted to run in the last 1, 5 and 15 minutes, and how many there is room for.
fn load() -> Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let last: Vec<&str> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{} on {cores} cores", last.join(" ")))
}

/// One line of the table: what was seen, what it is held against, their ratio, and the goal.
fn row(what: &str, seen: String, peer: String, ratio: f64, goal: &str) {
    println!("  {what:<34} {seen:>16} {peer:>16} {ratio:>8.2}  {goal}");
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
