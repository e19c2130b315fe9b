//! Measures the requests per second of the emulator, and of nginx and a bare axum that send the same reply as a
//! static string. wrk asks them in turns, with one thread on 32 connections.

use std::fs;

use crate::http::{self, Connection, TOKEN};
use crate::peers::{self, Server, TYPE, VERSION, WRK};
use crate::{Result, median, row};

const ROUNDS: usize = 5;

pub(crate) fn run() -> Result<()> {
    let (server, _) = peers::emulator(peers::program())?;
    let latest = format!("{TYPE}/search?version=latest");
    let numbered = format!("{TYPE}/search?version=2");
    for (name, path, body, goal) in [
        ("search for latest", latest.as_str(), None, 0.8),
        ("search by number", numbered.as_str(), None, 0.8),
        ("POST of a version", TYPE, Some(VERSION), 0.5),
    ] {
        let request = body.map_or_else(|| http::get(path), |body| http::post(path, body));
        let reply = Connection::open(&server.address)?.ask(&request)?;
        let reply = String::from_utf8(reply)?;
        let location = format!("location / {{ return 200 '{reply}'; }}");
        let nginx = Server::nginx(&location, peers::MEMORY)?;
        let axum = Server::axum(&reply)?;
        compare(name, [&server, &nginx, &axum], path, body, goal)?;
    }
    Ok(())
}

/// Compares the emulator with nginx and a bare axum, in turns, so that other load of the machine affects all.
fn compare(
    name: &str,
    servers: [&Server; 3],
    path: &str,
    body: Option<&str>,
    goal: f64,
) -> Result<()> {
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (server, rounds) in servers.into_iter().zip(&mut rounds) {
            rounds.push(round(server, path, body)?);
        }
    }
    let each = |of: fn(&Round) -> f64| {
        let middle = |rounds: &Vec<Round>| median(rounds.iter().map(of).collect());
        [&rounds[0], &rounds[1], &rounds[2]].map(middle)
    };
    let show = |name: &str, [seen, peer]: [f64; 2], goal: &str| {
        let rate = |rate| format!("{rate:.0}/s");
        row(name, rate(seen), rate(peer), seen / peer, goal);
    };
    let [seen, nginx, axum] = each(|round| round.per_second);
    let goal = format!("at least {goal}");
    show(name, [seen, nginx], &goal);
    show("  next to a bare axum", [seen, axum], "");
    show("  a bare axum next to nginx", [axum, nginx], "");
    // On a shared machine, processor time is more reliable than requests per second.
    let [seen, nginx, _] = each(|round| round.processor);
    row(
        "  processor time",
        format!("{seen:.1} us"),
        format!("{nginx:.1} us"),
        nginx / seen,
        "",
    );
    Ok(())
}

struct Round {
    per_second: f64,
    /// The processor time of a request, in microseconds.
    processor: f64,
}

fn round(server: &Server, path: &str, body: Option<&str>) -> Result<Round> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("request.lua");
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let text = format!(
        "wrk.method = '{method}'\nwrk.body = [[{body}]]\n\
         wrk.headers['X-Atlas-Token'] = '{TOKEN}'\n\
         wrk.headers['Content-Type'] = 'application/json'\n\
         done = function(summary) \
           local errors = summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout \
           print('answered', summary.requests, summary.duration, errors) end\n"
    );
    fs::write(&script, text)?;
    let before = server.processor_time()?;
    let output = WRK
        .command()
        .args(["-t1", "-c32", "-d2s", "-s"])
        .arg(&script)
        .arg(format!("{}{path}", server.address))
        .output()?;
    let taken = server.processor_time()? - before;
    let printed = String::from_utf8(output.stdout)?;
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("answered"));
    let line = line.ok_or_else(|| format!("wrk printed {printed:?}"))?;
    let numbers = line
        .split_whitespace()
        .map(str::parse)
        .collect::<std::result::Result<Vec<f64>, _>>()?;
    let [requests, microseconds, errors] = numbers[..] else {
        return Err(format!("wrk printed {line:?}").into());
    };
    if errors > 0.0 {
        return Err(format!("{errors} requests of {path} failed").into());
    }
    Ok(Round {
        per_second: requests / microseconds * 1e6,
        processor: taken.as_secs_f64() * 1e6 / requests,
    })
}
