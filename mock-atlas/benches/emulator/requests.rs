//! How many requests are answered in a second: by the emulator, and by nginx with the same reply as a
//! static string. wrk asks both in turns, with one thread on 32 connections.

use std::fs;

use crate::http::{self, TOKEN};
use crate::peers::{self, Server, TYPE, VERSION, WRK};
use crate::{Result, median, row};

const ROUNDS: usize = 5;

pub(crate) fn run() -> Result<()> {
    let (server, mut connection) = peers::emulator(peers::program())?;
    let latest = format!("{TYPE}/search?version=latest");
    let numbered = format!("{TYPE}/search?version=2");
    for (name, path, body, goal) in [
        ("search for latest", latest.as_str(), None, 0.8),
        ("search by number", numbered.as_str(), None, 0.8),
        ("POST of a version", TYPE, Some(VERSION), 0.5),
    ] {
        let request = body.map_or_else(|| http::get(path), |body| http::post(path, body));
        let reply = String::from_utf8(connection.ask(&request)?)?;
        let peer = Server::nginx(&format!("location / {{ return 200 '{reply}'; }}"))?;
        compare(name, &server, &peer, path, body, goal)?;
    }
    Ok(())
}

/// In turns, so that what else the machine does meets both.
fn compare(
    name: &str,
    server: &Server,
    peer: &Server,
    path: &str,
    body: Option<&str>,
    goal: f64,
) -> Result<()> {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(round(server, path, body)?);
        others.push(round(peer, path, body)?);
    }
    let middle = |rounds: &[Round], of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let [seen, other] = [&own, &others].map(|rounds| middle(rounds, |round| round.per_second));
    let goal = format!("at least {goal}");
    row(
        name,
        format!("{seen:.0}/s"),
        format!("{other:.0}/s"),
        seen / other,
        &goal,
    );
    // Of a machine that others use too, this tells more.
    let [seen, other] = [&own, &others].map(|rounds| middle(rounds, |round| round.processor));
    row(
        "  processor time",
        format!("{seen:.1} us"),
        format!("{other:.1} us"),
        other / seen,
        "",
    );
    Ok(())
}

struct Round {
    per_second: f64,
    /// Microseconds a request.
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
