//! Starts the log that `-v` requests, which passes the redactor.

use std::io;
use std::sync::Mutex;

use atlas_uploader::base::secret::{RedactingWriter, Redactor};
use tracing_subscriber::EnvFilter;

/// Starts the log: `-v` shows the program's own requests, `-vv` also the connections, `-vvv` everything.
/// No level shows the bytes of connections: they may be split anywhere, which could hide a secret from
/// the redactor.
pub(crate) fn start(verbose: u8, redactor: &Redactor) {
    let filter = match verbose {
        0 => return,
        1 => "atlas_uploader=debug",
        2 => "debug",
        _ => "trace",
    };
    let lines = RedactingWriter::new(io::stderr(), redactor.clone());
    // Only a second call would fail.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(Mutex::new(lines))
        // An internal error would panic when nobody reads stderr any more.
        .log_internal_errors(false)
        .try_init();
}
