//! Expectations state what the contract demands of a reply, beyond its status and its JSON.

use serde_json::Value;

use crate::{
    failure::{CheckFailure, Verdict},
    http::exchange::Exchange,
    suite::fixtures::{Digest, KnownFile},
};

impl Exchange {
    /// Refused for what it says: the statuses whose errors a client shows to its user.
    ///
    /// # Errors
    /// The status is neither 400 nor 422.
    pub fn refused(&self) -> Verdict {
        self.require(
            matches!(self.status, 400 | 422),
            "a refusal: status 400 or 422",
        )
    }

    /// The elements of a search.
    ///
    /// # Errors
    /// The status is not 200, or the body is not `{"versions": […]}`.
    pub fn versions(&self) -> Verdict<Vec<Value>> {
        self.status_is(200)?;
        match self.json()?.get("versions") {
            Some(Value::Array(versions)) => Ok(versions.clone()),
            _ => Err(self.violation(r#"{"versions": […]}"#)),
        }
    }

    /// The body is this file, which is not shown if it is another one: it may be for few eyes.
    ///
    /// # Errors
    /// It is another one, or the status is not 200.
    pub fn is_file(&self, file: &KnownFile) -> Verdict {
        self.status_is(200)?;
        let told = |size: u64, sha256: &Digest| format!("{size} bytes of SHA-256 {sha256}");
        let expected = told(file.size, &file.sha256);
        let came = told(self.body.len() as u64, &Digest::of(&self.body));
        if came == expected {
            return Ok(());
        }
        Err(CheckFailure::Violation(self.against(expected, came)))
    }

    /// The search found exactly these versions in this order.
    ///
    /// # Errors
    /// It did not.
    pub fn found(&self, numbers: &[u64]) -> Verdict {
        let holds = self.numbers()? == numbers.iter().copied().map(Some).collect::<Vec<_>>();
        self.require(holds, format!("versions {numbers:?}"))
    }

    /// The search found exactly these versions in this order; any other is one that must never be shown.
    ///
    /// # Errors
    /// It did not.
    pub fn found_no_other(&self, numbers: &[u64]) -> Verdict {
        let is_other = |number: &Option<u64>| !number.is_some_and(|it| numbers.contains(&it));
        let others = self.numbers()?.iter().any(is_other);
        self.never(others, format!("versions {numbers:?}"))?;
        self.found(numbers)
    }

    fn numbers(&self) -> Verdict<Vec<Option<u64>>> {
        let found = self.versions()?;
        Ok(found.iter().map(|it| it["version"].as_u64()).collect())
    }
}
