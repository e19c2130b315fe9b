//! Counts the instructions that a request takes, with callgrind. Other load of the machine makes no difference to
//! the count.

use std::fs;
use std::process::Stdio;

use crate::Result;
use crate::http::{self, Connection};
use crate::peers::{self, TYPE, VALGRIND, VERSION};

/// The number of requests of the shorter run. The difference to the longer run is the cost of the requests alone.
const FEWER: usize = 100;
const MORE: usize = 600;

pub(crate) fn run() -> Result<()> {
    let kinds = [
        (
            "search for latest",
            http::get(&format!("{TYPE}/search?version=latest")),
        ),
        (
            "search by number",
            http::get(&format!("{TYPE}/search?version=2")),
        ),
        (
            "search by metadata",
            http::get(&format!(
                "{TYPE}/search?version=any&metadata.1.key=arch&metadata.1.value=amd64"
            )),
        ),
        ("POST of a version", http::post(TYPE, VERSION)),
    ];
    // The start and other costs that occur once are in both runs.
    for (name, request) in kinds {
        let taken = count(&request, MORE)?.saturating_sub(count(&request, FEWER)?);
        let each = taken as f64 / (MORE - FEWER) as f64;
        println!("  {name:<34} {each:>16.0} instructions a request");
    }
    Ok(())
}

/// Returns the number of instructions of a run in which a request is made `times` times.
fn count(request: &str, times: usize) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let counts = folder.path().join("counts");
    let mut command = VALGRIND.command();
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(peers::program().get_program())
        .stderr(Stdio::null());
    let (mut server, mut connection) = peers::emulator(command)?;
    ask(&mut connection, request, times)?;
    drop(connection);
    server.stop();
    let counts = fs::read_to_string(&counts)?;
    let sum = counts
        .lines()
        .find_map(|line| line.strip_prefix("summary: "));
    Ok(sum.ok_or("callgrind wrote no sum")?.trim().parse()?)
}

fn ask(connection: &mut Connection, request: &str, times: usize) -> Result<()> {
    for _ in 0..times {
        connection.ask(request)?;
    }
    Ok(())
}
