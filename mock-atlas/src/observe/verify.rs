//! Compares the journal with expectations, and reports the differences.

use std::fmt;

use serde::Serialize;

use super::expect::{Expectation, Expectations};
use super::journal::Page;
use super::lints::lints;
use super::{Lint, Request};

/// The number of requests that a failure shows.
const SHOWN: usize = 3;

/// The largest difference of a request that a failure shows as near.
const NEAR: usize = 2;

/// The result of a comparison.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// The number of compared requests.
    requests: usize,
    /// Whether the journal is switched off, so that nothing can be compared.
    journal_is_off: bool,
    failures: Vec<Failure>,
    /// The lints, if the expectations ask for them.
    lints: Vec<Lint>,
}

/// An expectation that was not met.
#[derive(Clone, PartialEq, Eq, Serialize)]
struct Failure {
    expected: String,
    /// The difference from the expectation.
    reason: String,
    /// The last requests that matched.
    requests: Vec<Shown>,
    /// The requests that nearly matched.
    nearest: Vec<Miss>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct Shown {
    number: u64,
    id: String,
    method: String,
    path: String,
    status: Option<u16>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct Miss {
    #[serde(flatten)]
    request: Shown,
    because: Vec<String>,
}

/// Compares the requests of the journal with expectations.
pub(crate) fn verify(expectations: &Expectations, page: &Page) -> Verdict {
    let mut failures = Vec::new();
    // The request that met the previous expectation in the order.
    let mut after: Option<&Request> = None;
    for expected in &expectations.expect {
        let matching = page.requests.iter().filter(|one| expected.matches(one));
        let matching: Vec<&Request> = matching.collect();
        let counters = count(expected, &matching, page);
        let placed = counters.and_then(|()| match expectations.in_order {
            true => place(expected, &matching, after),
            false => Ok(None),
        });
        match placed {
            Ok(met) => after = met.or(after),
            Err(failure) => failures.push(failure),
        }
    }
    Verdict {
        requests: page.requests.len(),
        journal_is_off: page.is_off,
        failures,
        lints: match expectations.lint {
            true => lints(&page.requests),
            false => Vec::new(),
        },
    }
}

/// Checks the number of matching requests.
fn count(expected: &Expectation, matching: &[&Request], page: &Page) -> Result<(), Failure> {
    let came = matching.len() as u64;
    let times = |n: u64| format!("{n} {}", if n == 1 { "time" } else { "times" });
    let failure = |reason: String| Failure {
        expected: expected.to_string(),
        reason,
        requests: matching
            .iter()
            .rev()
            .take(SHOWN)
            .rev()
            .map(|one| Shown::from(*one))
            .collect(),
        nearest: Vec::new(),
    };
    if came < expected.at_least {
        return Err(Failure {
            nearest: nearest(expected, page),
            ..failure(format!("it came {}", times(came)))
        });
    }
    match expected.at_most {
        Some(most) if came > most => Err(failure(format!("it came {}", times(came)))),
        Some(_) if page.forgotten > 0 => Err(failure(format!(
            "the journal dropped {} earlier requests, so the total is unknown; --journal keeps more",
            page.forgotten
        ))),
        _ => Ok(()),
    }
}

/// Returns the request that completes an expectation, if it comes after the previous one in the
/// order.
fn place<'a>(
    expected: &Expectation,
    matching: &[&'a Request],
    after: Option<&Request>,
) -> Result<Option<&'a Request>, Failure> {
    let Some(wanted) = usize::try_from(expected.at_least)
        .unwrap_or(usize::MAX)
        .checked_sub(1)
    else {
        return Ok(None);
    };
    let is_later = |one: &&&Request| after.is_none_or(|after| one.number > after.number);
    match (matching.iter().filter(is_later).nth(wanted), after) {
        (Some(met), _) => Ok(Some(met)),
        (None, None) => Ok(None),
        (None, Some(after)) => Err(Failure {
            expected: expected.to_string(),
            reason: format!("it did not come after {}", Shown::from(after)),
            requests: matching
                .iter()
                .rev()
                .take(SHOWN)
                .rev()
                .map(|one| Shown::from(*one))
                .collect(),
            nearest: Vec::new(),
        }),
    }
}

/// Returns the requests with the smallest differences, the latest first among equal ones.
fn nearest(expected: &Expectation, page: &Page) -> Vec<Miss> {
    let differences = page
        .requests
        .iter()
        .map(|one| (one, expected.difference(one)));
    let mut near: Vec<_> = differences
        .filter(|(_, difference)| (1..=NEAR).contains(&difference.weight))
        .collect();
    near.sort_by_key(|(one, difference)| (difference.weight, std::cmp::Reverse(one.number)));
    near.truncate(SHOWN);
    near.into_iter()
        .map(|(one, difference)| Miss {
            request: Shown::from(one),
            because: difference.reasons,
        })
        .collect()
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.failures.is_empty() && self.lints.is_empty() && !self.journal_is_off
    }
}

impl From<&Request> for Shown {
    fn from(request: &Request) -> Self {
        Self {
            number: request.number,
            id: request.id.clone(),
            method: request.method.clone(),
            path: request.path.clone(),
            status: request.status,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {}", self.number, self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, " {status}")?,
            None => write!(f, " (broke off)")?,
        }
        write!(f, " [{}]", self.id)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.journal_is_off {
            return f.write_str(
                "the journal is off, so no request was recorded; switch it on with --journal",
            );
        }
        let (failed, requests) = (self.failures.len() + self.lints.len(), self.requests);
        if failed == 0 {
            return write!(f, "as expected, {requests} requests were compared");
        }
        write!(
            f,
            "{failed} not as expected, {requests} requests were compared"
        )?;
        for failure in &self.failures {
            write!(
                f,
                "\n\n  expected: {}\n  but {}",
                failure.expected, failure.reason
            )?;
            for request in &failure.requests {
                write!(f, "\n    {request}")?;
            }
            if !failure.nearest.is_empty() {
                write!(f, "\n  nearest:")?;
            }
            for Miss { request, because } in &failure.nearest {
                write!(f, "\n    {request}: {}", because.join(", "))?;
            }
        }
        for lint in &self.lints {
            write!(f, "\n\n  {lint}")?;
        }
        Ok(())
    }
}

/// An error that lists each unmet expectation, with the matching requests and those that nearly
/// matched.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unmet(pub(crate) Verdict);

/// Shows the same text as `Display`, since a test that unwraps the error prints this.
impl fmt::Debug for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "/api/v1/artifacts/acme/web/x";

    /// Creates the requests of a push whose lookup failed.
    fn push() -> Page {
        let mut lookup = Request::example(1, "GET", "/api/v1/artifacts/acme/web");
        lookup.status = Some(404);
        let artifact = Request::example(2, "POST", "/api/v1/artifacts");
        let mut version = Request::example(3, "POST", VERSION);
        version.fields = vec![
            "artifact_version".to_owned(),
            "artifact_version.id".to_owned(),
        ];
        let mut broken = Request::example(4, "PUT", "/_binstore/{hidden}");
        broken.status = None;
        let upload = Request::example(5, "PUT", "/_binstore/{hidden}");
        let requests = [lookup, artifact, version, broken, upload];
        Page {
            requests: requests.into(),
            forgotten: 0,
            is_off: false,
        }
    }

    fn expectations(texts: &[&str]) -> Expectations {
        let all = Expectations::new();
        texts
            .iter()
            .fold(all, |all, text| all.expect(text).unwrap())
    }

    fn verdict(texts: &[&str]) -> Verdict {
        verify(&expectations(texts), &push())
    }

    #[test]
    fn what_happened_as_often_as_expected_is_good() {
        for text in [
            "GET /api/v1/artifacts/acme/web 404 exactly 1",
            "* /api/v1/artifacts/{username}/{name}",
            "POST /api/v1/artifacts/acme/{name}/x with artifact_version.id",
            "PUT /_binstore/{upload} exactly 2",
            "PUT /_binstore/{upload} 200 exactly 1",
            "PUT /_binstore/{upload} at least 1 at most 2",
            "DELETE /api/v1/artifacts exactly 0",
        ] {
            let verdict = verdict(&[text]);
            assert!(verdict.is_good(), "{verdict}");
        }
    }

    #[test]
    fn what_did_not_is_told_with_what_came_and_what_nearly_did() {
        let verdict = verdict(&[
            "POST /api/v1/artifacts/acme/other/x",
            "POST /api/v1/artifacts/acme/web/x 422 with artifact_version.file",
            "PUT /_binstore/{upload} exactly 1",
            "GET /api/v1/artifacts at most 3",
            "DELETE /nowhere/at/all/or/anywhere",
        ]);
        insta::assert_snapshot!(verdict);
    }

    #[test]
    fn an_order_may_have_others_in_between() {
        let good = expectations(&[
            "* /api/v1/artifacts/{username}/{name}",
            "POST /api/v1/artifacts/acme/web/x",
            "DELETE /api/v1/artifacts exactly 0",
            "PUT /_binstore/{upload} at least 2",
        ]);
        let verdict = verify(&good.in_order(), &push());
        assert!(verdict.is_good(), "{verdict}");
    }

    #[test]
    fn a_wrong_order_names_what_it_came_before() {
        let wrong = expectations(&[
            "POST /api/v1/artifacts/acme/web/x",
            "POST /api/v1/artifacts",
            "PUT /_binstore/{upload}",
        ]);
        assert!(verify(&wrong, &push()).is_good());
        insta::assert_snapshot!(verify(&wrong.in_order(), &push()));
    }

    #[test]
    fn one_request_does_not_meet_two_expectations_in_order() {
        let twice = expectations(&["POST /api/v1/artifacts", "POST /api/v1/artifacts"]);
        assert!(!verify(&twice.in_order(), &push()).is_good());
    }

    #[test]
    fn nobody_knows_how_often_what_was_forgotten_came() {
        let page = Page {
            forgotten: 7,
            ..push()
        };
        let verdict = verify(&expectations(&["POST /api/v1/artifacts exactly 1"]), &page);
        assert!(
            verdict.to_string().contains("dropped 7 earlier"),
            "{verdict}"
        );
        let off = Page {
            is_off: true,
            ..push()
        };
        let at_least = expectations(&["POST /api/v1/artifacts"]);
        assert!(!verify(&at_least, &off).is_good());
        assert!(verify(&at_least, &page).is_good());
    }
}
