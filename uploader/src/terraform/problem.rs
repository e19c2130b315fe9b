//! Defines what Terraform shows as errors and warnings.

use super::protocol::{AttributePath, Diagnostic, Severity, Step};
use crate::base::error::Error;
use crate::base::secret::Redactor;

/// An error or a warning, with the attribute that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    severity: Severity,
    summary: String,
    detail: String,
    attribute: Option<&'static str>,
    is_missing: bool,
}

impl Problem {
    pub(super) fn new(summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: String::new(),
            attribute: None,
            is_missing: false,
        }
    }

    pub(super) fn warning(summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::new(summary)
        }
    }

    /// Returns the problem of an error, with its hint below.
    pub(super) fn of(error: &Error) -> Self {
        Self::new(error.to_string()).with_detail(error.hint().unwrap_or_default())
    }

    pub(super) fn with_detail(self, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { detail, ..self }
    }

    pub(super) fn at(self, attribute: &'static str) -> Self {
        let attribute = Some(attribute);
        Self { attribute, ..self }
    }

    /// Marks a problem that says: what was asked for is not on the server.
    pub(super) fn missing(self) -> Self {
        let is_missing = true;
        Self { is_missing, ..self }
    }

    /// Returns whether it is marked by [`missing`](Self::missing).
    pub(super) fn is_missing(&self) -> bool {
        self.is_missing
    }

    /// Returns the message. All that Terraform shows passes here, without secrets.
    pub(super) fn message(self, redactor: &Redactor) -> Diagnostic {
        Diagnostic {
            severity: self.severity.into(),
            summary: redactor.redact(&self.summary),
            detail: redactor.redact(&self.detail),
            attribute: self.attribute.map(path),
        }
    }
}

/// Returns the path of an attribute.
pub(super) fn path(attribute: &str) -> AttributePath {
    let attribute_name = attribute.to_owned();
    AttributePath {
        steps: vec![Step { attribute_name }],
    }
}
