//! Expectations check a reply against the contract, beyond its status and its JSON.

use serde_json::Value;

use crate::{
    failure::{CheckFailure, CheckResult},
    http::exchange::Exchange,
    suite::fixtures::{Digest, KnownFile},
};

impl Exchange {
    /// Requires that the request was refused for its content, with a status whose errors a client shows to its user.
    ///
    /// # Errors
    /// Fails when the status is neither 400 nor 422.
    pub fn refused(&self) -> CheckResult {
        self.require(
            matches!(self.status, 400 | 422),
            "a refusal: status 400 or 422",
        )
    }

    /// Returns the elements that a search found.
    ///
    /// # Errors
    /// Fails when the status is not 200, or the body is not `{"versions": […]}`.
    pub fn versions(&self) -> CheckResult<Vec<Value>> {
        self.status_is(200)?;
        match self.json()?.get("versions") {
            Some(Value::Array(versions)) => Ok(versions.clone()),
            _ => Err(self.violation(r#"{"versions": […]}"#)),
        }
    }

    /// Requires that the body is this file. Another body is not shown, since it may be confidential.
    ///
    /// # Errors
    /// Fails when the body is another one, or the status is not 200.
    pub fn is_file(&self, file: &KnownFile) -> CheckResult {
        self.status_is(200)?;
        let describe = |size: u64, sha256: &Digest| format!("{size} bytes of SHA-256 {sha256}");
        let expected = describe(file.size, &file.sha256);
        let came = describe(self.body.len() as u64, &Digest::of(&self.body));
        if came == expected {
            return Ok(());
        }
        Err(CheckFailure::Violation(self.violation_of(expected, came)))
    }

    /// Requires that the search found exactly these versions in this order.
    ///
    /// # Errors
    /// Fails when the search found other versions.
    pub fn found(&self, numbers: &[u64]) -> CheckResult {
        let holds = self.numbers()? == numbers.iter().copied().map(Some).collect::<Vec<_>>();
        self.require(holds, format!("versions {numbers:?}"))
    }

    /// Requires that the search found exactly these versions in this order. Any other version is forbidden.
    ///
    /// # Errors
    /// Fails when the search found other versions.
    pub fn found_no_other(&self, numbers: &[u64]) -> CheckResult {
        let is_other = |number: &Option<u64>| !number.is_some_and(|it| numbers.contains(&it));
        let others = self.numbers()?.iter().any(is_other);
        self.never(others, format!("versions {numbers:?}"))?;
        self.found(numbers)
    }

    fn numbers(&self) -> CheckResult<Vec<Option<u64>>> {
        let found = self.versions()?;
        Ok(found.iter().map(|it| it["version"].as_u64()).collect())
    }
}
