//! The error of a seed, with the place of the mistake.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::storage::BackendError;

/// A mistake in a seed, with its file, its place and its reason. The emulator has added nothing of
/// the seed.
///
/// The message never contains a token or a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedError {
    file: Option<PathBuf>,
    place: Place,
    reason: String,
    /// The failure of the storage, which is no mistake in the seed.
    failure: Option<BackendError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Whole,
    Line(usize, usize),
    Path(String),
}

impl SeedError {
    /// Creates an error about the seed as a whole.
    pub(super) fn whole(reason: impl fmt::Display) -> Self {
        Self::new(Place::Whole, reason)
    }

    /// Creates the error of a seed that the storage could not take.
    pub(super) fn failed(failure: BackendError) -> Self {
        Self {
            failure: Some(failure.clone()),
            ..Self::whole(failure)
        }
    }

    /// Returns the failure of the storage; `None` for a mistake in the seed.
    pub(crate) fn failure(&self) -> Option<&BackendError> {
        self.failure.as_ref()
    }

    /// Creates an error about a value, named by its path, such as `organizations[0].members[1]`.
    pub(super) fn at(path: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::new(Place::Path(path.into()), reason)
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let position = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&position).unwrap_or(&message);
        Self::new(Place::Line(line, column), without_value(message))
    }

    pub(super) fn toml(error: &toml::de::Error, text: &str) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        let place = before.map_or(Place::Whole, |before| {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            Place::Line(line, column)
        });
        Self::new(place, without_value(error.message()))
    }

    pub(super) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    fn new(place: Place, reason: impl fmt::Display) -> Self {
        Self {
            file: None,
            place,
            reason: reason.to_string(),
            failure: None,
        }
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, &self.place) {
            (None, Place::Whole) => {}
            (None, Place::Line(line, column)) => write!(f, "line {line}, column {column}: ")?,
            (None, Place::Path(path)) => write!(f, "{path}: ")?,
            (Some(file), Place::Whole) => write!(f, "{}: ", file.display())?,
            (Some(file), Place::Line(line, column)) => {
                write!(f, "{}:{line}:{column}: ", file.display())?;
            }
            (Some(file), Place::Path(path)) => write!(f, "{}: {path}: ", file.display())?,
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for SeedError {}

/// Returns a message of serde without the value that it repeats, since the value may be a misplaced
/// secret: `invalid type: string "…", expected …`.
fn without_value(message: &str) -> String {
    let parts = message
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.rsplit_once(", expected "));
    match parts {
        Some((found, expected)) => {
            let kind = found.split(['"', '`']).next().unwrap_or_default();
            format!("expected {expected}, found {}", kind.trim_end())
        }
        None => message.to_owned(),
    }
}
