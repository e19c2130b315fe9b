//! Reads the journal of a run.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{CreatedObject, Event, Header};
use crate::input;

/// A `Record` is the content of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The header, which names the server and the run.
    pub begin: Header,
    /// The writes in their order, each with the status of its reply, if there was one.
    pub writes: Vec<(CreatedObject, Option<u16>)>,
}

/// The reason why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("{}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// A line is not a valid event of a run.
    #[error("{}:{line}: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// The error in the line.
        reason: String,
    },
}

impl Record {
    /// Reads a journal. An incomplete last line is ignored: its request was never sent.
    ///
    /// # Errors
    /// Fails when the file cannot be read, or is not the journal of a run.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let text = input::text(path).map_err(|error| RecordError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        let invalid = |index: usize, reason: String| RecordError::Invalid {
            path: path.to_owned(),
            line: index + 1,
            reason,
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut record: Option<Self> = None;
        for (index, line) in whole.lines().enumerate() {
            let event =
                serde_json::from_str(line).map_err(|error| invalid(index, error.to_string()))?;
            let applied = apply(&mut record, event);
            applied.map_err(|reason| invalid(index, reason.to_owned()))?;
        }
        record.ok_or_else(|| invalid(0, "the file records no run".to_owned()))
    }
}

fn apply(record: &mut Option<Record>, event: Event) -> Result<(), &'static str> {
    match (event, record) {
        (Event::Begin(begin), record @ None) => {
            *record = Some(Record {
                begin,
                writes: Vec::new(),
            });
            Ok(())
        }
        (Event::Begin(_), Some(_)) => Err("a second run begins"),
        (_, None) => Err("no run has begun"),
        (Event::Write { makes, .. }, Some(record)) if record.begin.is_of_the_run(&makes) => {
            record.writes.push((makes, None));
            Ok(())
        }
        (Event::Write { .. }, Some(_)) => Err("the write does not belong to the run"),
        (Event::Reply { number, status, .. }, Some(record)) => {
            let index = usize::try_from(number).unwrap_or_default().wrapping_sub(1);
            let write = record.writes.get_mut(index);
            write.ok_or("a reply to no request")?.1 = Some(status);
            Ok(())
        }
        (Event::End, Some(_)) => Ok(()),
    }
}
