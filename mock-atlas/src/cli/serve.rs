//! `mock-atlas` without a command: serve until a signal comes.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mock_atlas::MockAtlas;
use serde::Serialize;

use super::signals::Stop;
use super::{EmulatorArguments, Output};

/// Port 28527 spells ATLAS on a telephone.
pub(super) const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 28527);

pub(super) async fn run(arguments: &EmulatorArguments) -> Result<(), String> {
    // Taken hold of before the address is announced: whoever reads it may stop us at once.
    let mut signals = Stop::new().map_err(|error| format!("cannot handle signals: {error}"))?;
    let atlas = arguments.start(DEFAULT).await?;
    announce(arguments.output, &atlas)
        .map_err(|error| format!("cannot write to stdout: {error}"))?;
    signals.requested().await;
    // Whoever asks a second time does not want to wait for requests under way.
    tokio::select! {
        () = atlas.stop() => {}
        () = signals.requested() => {}
    }
    Ok(())
}

#[derive(Serialize)]
struct Announcement<'a> {
    address: &'a str,
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    chaos_seed: Option<u64>,
}

fn announce(output: Output, atlas: &MockAtlas) -> io::Result<()> {
    let (address, token) = (atlas.url(), atlas.token());
    let chaos_seed = atlas.chaos_seed();
    let mut stdout = io::stdout().lock();
    match output {
        Output::Json => {
            let announcement = Announcement {
                address,
                token,
                chaos_seed,
            };
            writeln!(stdout, "{}", serde_json::to_string(&announcement)?)?;
        }
        Output::Text => {
            let version = env!("CARGO_PKG_VERSION");
            writeln!(
                stdout,
                "mock-atlas {version}: an Atlas in memory, gone when it stops.\n"
            )?;
            writeln!(
                stdout,
                "It answers at {address}. To use it, in another terminal:\n"
            )?;
            writeln!(stdout, "    export ATLAS_ADDRESS={address}")?;
            writeln!(stdout, "    export ATLAS_TOKEN={}\n", shell_word(token))?;
            if let Some(seed) = chaos_seed {
                writeln!(
                    stdout,
                    "Chaos is on; to see the same again: --chaos-seed {seed}\n"
                )?;
            }
        }
    }
    stdout.flush()
}

/// A token as a shell reads it back: quoted, if it has what a shell would take for its own.
fn shell_word(token: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if token.chars().all(is_plain) {
        token.into()
    } else {
        format!("'{}'", token.replace('\'', r"'\''")).into()
    }
}
