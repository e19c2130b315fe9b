//! What `-v` shows, through the redactor like everything else.

use std::io;
use std::sync::Mutex;

use atlas_uploader::base::secret::{RedactingWriter, Redactor};
use tracing_subscriber::EnvFilter;

/// `-v` is this program's own requests, `-vv` the connections below, `-vvv` everything there is. The
/// bytes of the connections are in none of them: cut anywhere, they could hide a secret from the
/// redactor.
pub(crate) fn start(verbose: u8, redactor: &Redactor) {
    let filter = match verbose {
        0 => return,
        1 => "atlas_uploader=debug",
        2 => "debug",
        _ => "trace",
    };
    let lines = RedactingWriter::new(io::stderr(), redactor.clone());
    // Only a second call could fail, and there is none.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(Mutex::new(lines))
        // It would panic where nobody reads standard error any more.
        .log_internal_errors(false)
        .try_init();
}
