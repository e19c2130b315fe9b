//! The only way out: both streams pass the redactor, and neither can panic when nobody reads.

use std::io::{self, Stderr, Stdout, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use atlas_uploader::exit_code::ExitCode;
use atlas_uploader::reporter::{Event, Reporter};
use atlas_uploader::secret::{RedactingWriter, Redactor};
use atlas_uploader::{Cause, Error, Phase};

pub(crate) struct Console {
    redactor: Redactor,
    out: Mutex<RedactingWriter<Stdout>>,
    err: Mutex<RedactingWriter<Stderr>>,
}

impl Console {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            out: Mutex::new(RedactingWriter::new(io::stdout(), redactor.clone())),
            err: Mutex::new(RedactingWriter::new(io::stderr(), redactor.clone())),
            redactor,
        }
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A result. That nobody reads on is no failure: `atlas-upload search … | head -1`.
    pub(crate) fn out(&self, text: &str) -> Result<(), Error> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
                Phase::Save,
                Cause::file(Path::new("(standard output)"), error),
            )),
            _ => Ok(()),
        }
    }

    /// A word about what happens. It is lost when standard error is.
    pub(crate) fn say(&self, text: &str) {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(err, "{text}").and_then(|()| err.flush());
    }

    pub(crate) fn error(&self, text: &str, hints: &[String]) {
        self.say(&format!("error: {text}"));
        for hint in hints {
            self.say(&format!("hint: {hint}"));
        }
    }

    /// What clap has to say: help and version are results, anything else is a complaint.
    pub(crate) fn usage(&self, message: &clap::Error) -> ExitCode {
        let text = message.to_string();
        let text = text.trim_end();
        if message.use_stderr() {
            self.say(text);
            return ExitCode::Usage;
        }
        match self.out(text) {
            Ok(()) => ExitCode::Success,
            Err(error) => ExitCode::from(&error),
        }
    }
}

impl Reporter for Console {
    fn report(&self, event: Event<'_>) {
        match event {
            Event::CreatingArtifact(name) => self.say(&format!("Creating artifact: {name}")),
            Event::Uploading { bytes } => self.say(&format!("Uploading artifact ({bytes} bytes)")),
            Event::AlreadyThere { slug } => self.say(&format!("{slug} is there, and whole")),
            Event::Unchanged { slug } => self.say(&format!("Nothing new: {slug} is the same")),
            Event::ReceiptNotKept { error } => self.say(&format!("warning: {error}")),
            Event::Downloading { slug } => self.say(&format!("Downloading artifact: {slug}")),
            Event::Retrying {
                attempt,
                delay,
                cause,
            } => self.say(&format!(
                "Attempt {attempt} failed, trying again in {} ms: {cause}",
                delay.as_millis()
            )),
            _ => {}
        }
    }
}
