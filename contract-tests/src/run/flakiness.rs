//! Repeats a violated clause, to tell a server that violates it from one that is unstable.
//!
//! A server that answers 500 now and then, or sends half a reply, or closes the connection, violates whatever clause
//! meets this. So a violated clause is checked again, with fresh names, and is reported as violated if it is each time,
//! whatever else differs between the attempts. If it holds once, the server is unstable, and the clause has no verdict.
//! A clause that says never is violated by one sighting, since a correct server never shows that by chance.
//!
//! A failure that any clause may meet by chance, an inconclusive check or one that may be transient, counts neither
//! way: the clause is checked again a few times. If the same request gets the same status each time, this is not
//! chance, and the clause is violated.

use std::num::NonZeroUsize;

use crate::{
    failure::{CheckFailure, Verdict, Violation},
    suite::{clause::Clause, context::Context},
};

/// A clause must be violated so often, where nobody says otherwise. Chance that spoils three requests of ten spoils a
/// clause at the same request in the same way once in about ten times; five times in a row, once in a hundred thousand.
pub(crate) const VIOLATIONS_REQUIRED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// So many inconclusive checks in a row tell a server that is away from one that is unstable.
const INCONCLUSIVE_REQUIRED: usize = 2;

/// So many transient failures are tolerated between the violations of a clause.
const MAX_TRANSIENT: usize = 3;

/// Returns the verdict of a clause, whose check must be violated so often.
///
/// # Errors
/// As the check, and [`CheckFailure::Inconclusive`] when the server is unstable.
pub(crate) async fn confirmed_verdict(
    clause: &Clause,
    context: &Context<'_>,
    violations_required: NonZeroUsize,
) -> Verdict {
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
        // Asked again, it would say the same, and seem to say otherwise.
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

/// Returns what the failures of a clause that never held come to, once they are enough.
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
            let chances = failures.len() - count;
            (count == 0 || chances >= MAX_TRANSIENT).then(|| unstable(first, Some(other)))
        }
    }
}

/// Tells whether both are inconclusive alike, or both may be transient at the same place: at the same request, but for what it carried and
/// the names of the run, which are new each time, and with the same status of its reply. What else a reply holds may
/// change from one to the next.
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

/// Whether the server answered, and not as the clause says.
fn is_violation(failure: &CheckFailure) -> bool {
    matches!(
        failure,
        CheckFailure::Violation(_) | CheckFailure::Forbidden(_)
    )
}

fn place(violation: &Violation, prefix: &str) -> (Option<u16>, Option<String>) {
    let line = violation.sent.as_ref().map(|sent| {
        let method_and_address: Vec<_> = sent.request.splitn(3, ' ').take(2).collect();
        without_names(&method_and_address.join(" "), prefix)
    });
    (violation.status, line)
}

/// The text with the names of the run cut off behind their common beginning.
fn without_names(text: &str, prefix: &str) -> String {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut parts = text.split(prefix);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + prefix + part.trim_start_matches(of_a_name)
    })
}

/// What is told when a clause broke and then held, or ended otherwise.
fn unstable(first: &CheckFailure, second: Option<&CheckFailure>) -> CheckFailure {
    let told = |failure: &CheckFailure| match failure.violation() {
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
    let second = second.map_or_else(|| "the clause holds".to_owned(), told);
    CheckFailure::Inconclusive(format!(
        "server unstable: asked again, it answers otherwise\nfirst     {}\nthen      {second}",
        told(first)
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
    fn of_what_is_marred_the_place_counts_and_the_names_do_not() {
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
    fn trouble_is_alike_when_it_is_told_alike() {
        let alike = |first, second| alike(&inconclusive(first), &inconclusive(second), "run-");
        assert!(alike("GET /run-a: refused", "GET /run-a.2: refused"));
        assert!(!alike("GET /run-a: refused", "GET /run-a: reset"));
    }

    /// Returns what failures in a row come to, of a clause that must be violated three times.
    fn come_to(failures: &[CheckFailure]) -> Option<CheckFailure> {
        let before = failures.len() - 1;
        assert_eq!(decided(&failures[..before], 3, "run-"), None, "too soon");
        decided(failures, 3, "run-")
    }

    #[test]
    fn what_breaks_each_time_is_broken_wherever_it_breaks_and_whatever_comes_between() {
        let (a, b, c) = (
            violation("GET /a"),
            violation("GET /b"),
            violation("GET /c"),
        );
        let first = Some(a.clone());
        assert_eq!(come_to(&[a.clone(), b.clone(), c.clone()]), first);
        let chances = [maybe_transient("GET /d"), inconclusive("reset")];
        let between = [&[a.clone()][..], &chances, &[b.clone(), c.clone()]].concat();
        assert_eq!(come_to(&between), first);
        assert_eq!(
            come_to(&vec![maybe_transient("GET /d"); 3]),
            Some(maybe_transient("GET /d"))
        );
    }

    #[test]
    fn what_comes_by_chance_alone_or_too_often_is_no_verdict() {
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
        let chances = vec![inconclusive("reset"); 3];
        assert!(is_unstable(
            &[&[violation("GET /a")][..], &chances].concat()
        ));
        let away = vec![inconclusive("refused"); 2];
        assert_eq!(come_to(&away), Some(inconclusive("refused")));
    }

    #[test]
    fn an_unstable_server_is_told_by_both_of_its_answers() {
        let failure = unstable(&maybe_transient("GET /a"), None);
        assert_eq!(
            failure.to_string(),
            "server unstable: asked again, it answers otherwise\n\
             first     expected something, came oops for GET /a\n\
             then      the clause holds"
        );
    }
}
