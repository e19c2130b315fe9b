//! `mock-atlas` without a command serves until a signal comes.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mock_atlas::MockAtlas;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::signals::Stop;
use super::tls::CaFile;
use super::{EmulatorArguments, Output};

/// The default address. Port 28527 spells ATLAS on a telephone.
pub(super) const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 28527);

pub(super) async fn run(arguments: &EmulatorArguments) -> Result<(), String> {
    // The handlers are installed before the address is announced, since its reader may stop the
    // program at once.
    let mut signals = Stop::new().map_err(|error| format!("cannot handle signals: {error}"))?;
    raise_descriptors();
    let start = async {
        let atlas = arguments.start(DEFAULT).await?;
        let ca = arguments.tls.ca_file(&atlas).await?;
        Ok::<_, String>((atlas, ca))
    };
    let (atlas, ca) = tokio::select! {
        started = start => started?,
        // Reading a large seed may take a while, so a signal ends the start as well.
        () = signals.requested() => return Ok(()),
    };
    announce(arguments, &atlas, ca.as_ref())
        .map_err(|error| format!("cannot write to stdout: {error}"))?;
    tokio::select! {
        () = signals.requested() => {}
        reason = atlas.failed() => return Err(disk_failed(&reason)),
    }
    // A second signal ends the program without waiting for requests under way.
    tokio::select! {
        () = atlas.stop() => {}
        () = signals.requested() => {}
    }
    Ok(())
}

/// Returns the message for an emulator whose disk has failed.
pub(super) fn disk_failed(reason: &str) -> String {
    format!(
        "{reason}. What was not acknowledged may be lost, and nothing more is written: check the disk \
         and its file system, then start again"
    )
}

/// Raises the limit of open files to the maximum, to allow as many connections as possible. The
/// lower default exists for programs that iterate over all descriptors.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, maximum }) {
        tracing::debug!(%error, "cannot raise the limit of open files, which limits the number of connections");
    }
}

#[derive(Serialize)]
struct Announcement<'a> {
    address: &'a str,
    /// The root token; `None` if one is kept, of which only the hash is known.
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binstore_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chaos_seed: Option<u64>,
}

fn announce(
    arguments: &EmulatorArguments,
    atlas: &MockAtlas,
    ca: Option<&CaFile>,
) -> io::Result<()> {
    let announcement = Announcement {
        address: atlas.url(),
        token: Some(atlas.token()).filter(|token| !token.is_empty()),
        data: arguments.data.folder().or_else(|| atlas.database()),
        binstore_address: atlas.binstore_url(),
        ca_file: ca.map(|ca| ca.path().to_string_lossy()),
        chaos_seed: atlas.chaos_seed(),
    };
    let mut stdout = io::stdout().lock();
    match arguments.output {
        Output::Json => writeln!(stdout, "{}", serde_json::to_string(&announcement)?)?,
        Output::Text => announcement.write_text(&mut stdout)?,
    }
    stdout.flush()
}

impl Announcement<'_> {
    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let (version, address) = (env!("CARGO_PKG_VERSION"), self.address);
        match &self.data {
            None => writeln!(
                out,
                "mock-atlas {version}: an Atlas in memory, whose data is lost when it stops.\n"
            )?,
            Some(folder) => writeln!(
                out,
                "mock-atlas {version}: an Atlas that keeps its data in {folder}.\n"
            )?,
        }
        writeln!(
            out,
            "Its address is {address}. To use it in another terminal:\n"
        )?;
        writeln!(out, "    export ATLAS_ADDRESS={address}")?;
        match self.token {
            Some(token) => writeln!(out, "    export ATLAS_TOKEN={}", shell_word(token))?,
            None => writeln!(
                out,
                "    export ATLAS_TOKEN=…    # as the first start printed it"
            )?,
        }
        if let Some(file) = &self.ca_file {
            writeln!(out, "    export ATLAS_CAFILE={}", shell_word(file))?;
        }
        writeln!(out)?;
        if let Some(address) = self.binstore_address {
            writeln!(out, "Uploads go to {address}.\n")?;
        }
        if let Some(seed) = self.chaos_seed {
            writeln!(
                out,
                "Faults are random; to repeat the same faults: --chaos-seed {seed}\n"
            )?;
        }
        Ok(())
    }
}

/// Returns a text quoted for a shell, if it has special characters.
fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if text.chars().all(is_plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''")).into()
    }
}
