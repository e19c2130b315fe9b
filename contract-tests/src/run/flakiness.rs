//! Repeats a violated clause, to tell a server that violates it from one that is unstable.
//!
//! An unstable server answers 500 now and then, sends half a reply, or closes the connection, and so violates clauses
//! at random. A violated clause is therefore checked again, under fresh names. If every attempt violates it, the clause
//! is reported as violated, even if the attempts differ otherwise. If it holds once, the server is unstable, and the
//! clause has no verdict. A single violation is enough for a clause that says "never", since a correct server never
//! violates such a clause by chance.
//!
//! An inconclusive check, or a failure that may be transient, counts neither way: the clause is checked again a few
//! times. If the same request gets the same status each time, the failure is not chance, and the clause is violated.

use std::num::NonZeroUsize;

use crate::{
    failure::{CheckFailure, CheckResult, Violation},
    suite::{clause::Clause, context::Context},
};

/// The default number of violations before a clause is reported as violated. If three of ten requests fail at random, a
/// check fails at the same request in the same way about once in ten; five times in a row, once in a hundred thousand.
pub(crate) const VIOLATIONS_REQUIRED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// The number of inconclusive checks in a row after which the server counts as unreachable, not as unstable.
const INCONCLUSIVE_REQUIRED: usize = 2;

/// The number of transient failures after which the server counts as unstable, despite violations between them.
const MAX_TRANSIENT: usize = 3;

/// Returns the verdict on a clause, which must be violated `violations_required` times to fail.
///
/// # Errors
/// Fails as the check does, and with [`CheckFailure::Inconclusive`] when the server is unstable.
pub(crate) async fn confirmed_verdict(
    clause: &Clause,
    context: &Context<'_>,
    violations_required: NonZeroUsize,
) -> CheckResult {
    let mut failures = Vec::new();
    loop {
        let failure = match (clause.check)(context).await {
            Ok(()) => {
                return failures
                    .first()
                    .map_or(Ok(()), |it| Err(unstable(it, None)));
            }
            Err(failure) => failure,
        };
        // The suite itself refused to send the request. A second attempt would be refused too, perhaps in another text,
        // and so make the server look unstable.
        if matches!(failure, CheckFailure::NotSent(_)) {
            return Err(failure);
        }
        if matches!(failure, CheckFailure::Inconclusive(_)) && context.http().is_given_up() {
            return Err(failure);
        }
        if clause.never && matches!(failure, CheckFailure::Forbidden(_)) {
            return Err(failure);
        }
        failures.push(failure);
        if let Some(failure) = decided(&failures, violations_required.get(), context.prefix()) {
            return Err(failure);
        }
    }
}

/// Returns the final failure of a clause that has not held yet, or `None` if it must be checked again.
fn decided(
    failures: &[CheckFailure],
    violations_required: usize,
    prefix: &str,
) -> Option<CheckFailure> {
    let first = failures.first()?;
    let mut violations = failures.iter().filter(|it| is_violation(it));
    let count = violations.clone().count();
    if count >= violations_required {
        return violations.next().cloned();
    }
    let other = failures.iter().find(|it| !alike(first, it, prefix));
    let enough = match first {
        CheckFailure::Inconclusive(_) => INCONCLUSIVE_REQUIRED,
        _ => violations_required,
    };
    match other {
        None => (failures.len() >= enough).then(|| first.clone()),
        Some(other) => {
            let transient = failures.len() - count;
            (count == 0 || transient >= MAX_TRANSIENT).then(|| unstable(first, Some(other)))
        }
    }
}

/// Tells whether two failures have the same kind and the same cause.
///
/// Failures that may be transient are alike if the same request got the same status; bodies and the names of the run,
/// which are new for each attempt, are not compared. Inconclusive failures are alike if their texts are.
fn alike(first: &CheckFailure, second: &CheckFailure, prefix: &str) -> bool {
    match (first, second) {
        (CheckFailure::MaybeTransient(first), CheckFailure::MaybeTransient(second)) => {
            place(first, prefix) == place(second, prefix)
        }
        (CheckFailure::Inconclusive(first), CheckFailure::Inconclusive(second)) => {
            without_names(first, prefix) == without_names(second, prefix)
        }
        (first, second) => is_violation(first) && is_violation(second),
    }
}

/// Tells whether the server gave an answer that violates the clause.
fn is_violation(failure: &CheckFailure) -> bool {
    matches!(
        failure,
        CheckFailure::Violation(_) | CheckFailure::Forbidden(_)
    )
}

/// Returns the status of the reply, and the method and address of the request.
fn place(violation: &Violation, prefix: &str) -> (Option<u16>, Option<String>) {
    let line = violation.sent.as_ref().map(|sent| {
        let method_and_address: Vec<_> = sent.request.splitn(3, ' ').take(2).collect();
        without_names(&method_and_address.join(" "), prefix)
    });
    (violation.status, line)
}

/// Returns the text with each name of the run shortened to the prefix.
fn without_names(text: &str, prefix: &str) -> String {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut parts = text.split(prefix);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + prefix + part.trim_start_matches(in_name)
    })
}

/// Returns the failure of a clause that was violated first, and then held or failed in another way.
fn unstable(first: &CheckFailure, second: Option<&CheckFailure>) -> CheckFailure {
    let describe = |failure: &CheckFailure| match failure.violation() {
        Some(Violation {
            expected,
            came,
            sent,
            ..
        }) => {
            let request = sent.as_ref().map(|sent| format!(" for {}", sent.request));
            let request = request.unwrap_or_default();
            format!("expected {expected}, came {came}{request}")
        }
        None => failure.to_string(),
    };
    let second = second.map_or_else(|| "the clause holds".to_owned(), describe);
    CheckFailure::Inconclusive(format!(
        "server unstable: a repeated check had another result\nfirst     {}\nthen      {second}",
        describe(first)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Sent;

    fn reply(request: &str, status: u16, came: &str) -> Box<Violation> {
        Box::new(Violation {
            expected: "something".to_owned(),
            came: came.to_owned(),
            status: Some(status),
            sent: Some(Sent {
                request: request.to_owned(),
                curl: String::new(),
            }),
        })
    }

    fn violation(request: &str) -> CheckFailure {
        CheckFailure::Violation(reply(request, 200, "this"))
    }

    fn maybe_transient(request: &str) -> CheckFailure {
        CheckFailure::MaybeTransient(reply(request, 500, "oops"))
    }

    fn inconclusive(text: &str) -> CheckFailure {
        CheckFailure::Inconclusive(text.to_owned())
    }

    #[test]
    fn transient_failures_are_alike_by_request_and_status_whatever_the_names() {
        let first = maybe_transient("GET /acme/run-a-b?x=1");
        let alike = |second| alike(&first, &second, "run-");
        let other_status =
            CheckFailure::MaybeTransient(reply("GET /acme/run-a-b?x=1", 501, "oops"));
        let other_words =
            CheckFailure::MaybeTransient(reply("GET /acme/run-a-b.2?x=1 {}", 500, "two"));
        assert!(alike(other_words));
        assert!(!alike(maybe_transient("GET /acme/run-a-b.2?x=2")));
        assert!(!alike(other_status));
        assert!(!alike(inconclusive("GET /acme/run-a-b?x=1")));
    }

    #[test]
    fn inconclusive_checks_are_alike_if_their_texts_are() {
        let alike = |first, second| alike(&inconclusive(first), &inconclusive(second), "run-");
        assert!(alike("GET /run-a: refused", "GET /run-a.2: refused"));
        assert!(!alike("GET /run-a: refused", "GET /run-a: reset"));
    }

    /// Returns the final failure after these failures in a row, where three violations are required.
    fn come_to(failures: &[CheckFailure]) -> Option<CheckFailure> {
        let before = failures.len() - 1;
        assert_eq!(decided(&failures[..before], 3, "run-"), None, "too soon");
        decided(failures, 3, "run-")
    }

    #[test]
    fn a_clause_that_never_holds_is_violated_whatever_comes_between() {
        let (a, b, c) = (
            violation("GET /a"),
            violation("GET /b"),
            violation("GET /c"),
        );
        let first = Some(a.clone());
        assert_eq!(come_to(&[a.clone(), b.clone(), c.clone()]), first);
        let transient = [maybe_transient("GET /d"), inconclusive("reset")];
        let between = [&[a.clone()][..], &transient, &[b.clone(), c.clone()]].concat();
        assert_eq!(come_to(&between), first);
        assert_eq!(
            come_to(&vec![maybe_transient("GET /d"); 3]),
            Some(maybe_transient("GET /d"))
        );
    }

    #[test]
    fn transient_failures_alone_or_too_many_of_them_give_no_verdict() {
        let is_unstable = |failures: &[CheckFailure]| match come_to(failures) {
            Some(CheckFailure::Inconclusive(text)) => text.starts_with("server unstable: "),
            _ => false,
        };
        assert!(is_unstable(&[
            maybe_transient("GET /a"),
            maybe_transient("GET /b")
        ]));
        assert!(is_unstable(&[
            maybe_transient("GET /a"),
            inconclusive("reset")
        ]));
        let transient = vec![inconclusive("reset"); 3];
        assert!(is_unstable(
            &[&[violation("GET /a")][..], &transient].concat()
        ));
        let away = vec![inconclusive("refused"); 2];
        assert_eq!(come_to(&away), Some(inconclusive("refused")));
    }

    #[test]
    fn the_message_about_an_unstable_server_shows_both_of_its_answers() {
        let failure = unstable(&maybe_transient("GET /a"), None);
        assert_eq!(
            failure.to_string(),
            "server unstable: a repeated check had another result\n\
             first     expected something, came oops for GET /a\n\
             then      the clause holds"
        );
    }
}
