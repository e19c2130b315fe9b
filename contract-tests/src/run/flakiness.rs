//! Whether a server breaks a clause, or is only unstable.
//!
//! A server that now and then answers 500, or half a reply, or hangs up, breaks whatever clause it happens to meet. So a
//! clause that breaks is put again, with names that are still fresh, and is broken if it breaks each time, whatever else
//! differs from one time to the next. If it holds once, the server is unstable, and of the clause nothing is said. A
//! clause that says never is broken by one sighting of what must never be: no chance makes a correct server show that.
//!
//! What any clause may meet by chance, trouble or a marred reply, counts neither for the clause nor against it: it is put
//! again a few times. Marred each time, at the same request with the same status, it is no chance, and breaks the clause.

use std::num::NonZeroUsize;

use crate::{
    failure::{Broken, Fault, Verdict},
    suite::{clause::Clause, context::Context},
};

/// How often a clause must break when nobody says. Chance that spoils three requests of ten spoils a clause at the same
/// request in the same way once in about ten times; five times in a row, once in a hundred thousand.
pub(crate) const BREAKS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// How often trouble must come, to tell a server that is away from one that is unstable.
const TROUBLES: usize = 2;

/// How often what comes by chance may come between the times that a clause breaks.
const MOST_CHANCES: usize = 3;

/// The verdict of a clause's check, which must break so often.
///
/// # Errors
/// As the check, and [`Fault::Trouble`] when the server is unstable.
pub(crate) async fn steady(
    clause: &Clause,
    context: &Context<'_>,
    breaks: NonZeroUsize,
) -> Verdict {
    let mut faults = Vec::new();
    loop {
        let fault = match (clause.check)(context).await {
            Ok(()) => return faults.first().map_or(Ok(()), |it| Err(unstable(it, None))),
            Err(fault) => fault,
        };
        // Asked again, it would say the same, and seem to say otherwise.
        if matches!(fault, Fault::Withheld(_)) {
            return Err(fault);
        }
        if matches!(fault, Fault::Trouble(_)) && context.http().is_given_up() {
            return Err(fault);
        }
        if clause.never && matches!(fault, Fault::Forbidden(_)) {
            return Err(fault);
        }
        faults.push(fault);
        if let Some(fault) = decided(&faults, breaks.get(), context.prefix()) {
            return Err(fault);
        }
    }
}

/// What the faults of a clause that never held come to, once they do.
fn decided(faults: &[Fault], breaks: usize, prefix: &str) -> Option<Fault> {
    let first = faults.first()?;
    let mut broken = faults.iter().filter(|it| is_break(it));
    let count = broken.clone().count();
    if count >= breaks {
        return broken.next().cloned();
    }
    let other = faults.iter().find(|it| !alike(first, it, prefix));
    let enough = match first {
        Fault::Trouble(_) => TROUBLES,
        _ => breaks,
    };
    match other {
        None => (faults.len() >= enough).then(|| first.clone()),
        Some(other) => {
            let chances = faults.len() - count;
            (count == 0 || chances >= MOST_CHANCES).then(|| unstable(first, Some(other)))
        }
    }
}

/// Whether both are the same trouble, or both marred at the same place: at the same request, but for what it carried and
/// the names of the run, which are new each time, and with the same status of its reply. What else a reply holds may
/// change from one to the next.
fn alike(first: &Fault, second: &Fault, prefix: &str) -> bool {
    match (first, second) {
        (Fault::Marred(first), Fault::Marred(second)) => {
            place(first, prefix) == place(second, prefix)
        }
        (Fault::Trouble(first), Fault::Trouble(second)) => {
            without_names(first, prefix) == without_names(second, prefix)
        }
        (first, second) => is_break(first) && is_break(second),
    }
}

/// Whether the server answered, and not as the clause says.
fn is_break(fault: &Fault) -> bool {
    matches!(fault, Fault::Broken(_) | Fault::Forbidden(_))
}

fn place(broken: &Broken, prefix: &str) -> (Option<u16>, Option<String>) {
    let line = broken.sent.as_ref().map(|sent| {
        let method_and_address: Vec<_> = sent.request.splitn(3, ' ').take(2).collect();
        without_names(&method_and_address.join(" "), prefix)
    });
    (broken.status, line)
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
fn unstable(first: &Fault, second: Option<&Fault>) -> Fault {
    let told = |fault: &Fault| match fault.broken() {
        Some(Broken {
            expected,
            came,
            sent,
            ..
        }) => {
            let request = sent.as_ref().map(|sent| format!(" for {}", sent.request));
            let request = request.unwrap_or_default();
            format!("expected {expected}, came {came}{request}")
        }
        None => fault.to_string(),
    };
    let second = second.map_or_else(|| "the clause holds".to_owned(), told);
    Fault::Trouble(format!(
        "server unstable: asked again, it answers otherwise\nfirst     {}\nthen      {second}",
        told(first)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Sent;

    fn reply(request: &str, status: u16, came: &str) -> Box<Broken> {
        Box::new(Broken {
            expected: "something".to_owned(),
            came: came.to_owned(),
            status: Some(status),
            sent: Some(Sent {
                request: request.to_owned(),
                curl: String::new(),
            }),
        })
    }

    fn broken(request: &str) -> Fault {
        Fault::Broken(reply(request, 200, "this"))
    }

    fn marred(request: &str) -> Fault {
        Fault::Marred(reply(request, 500, "oops"))
    }

    fn trouble(text: &str) -> Fault {
        Fault::Trouble(text.to_owned())
    }

    #[test]
    fn of_what_is_marred_the_place_counts_and_the_names_do_not() {
        let first = marred("GET /acme/run-a-b?x=1");
        let alike = |second| alike(&first, &second, "run-");
        let other_status = Fault::Marred(reply("GET /acme/run-a-b?x=1", 501, "oops"));
        let other_words = Fault::Marred(reply("GET /acme/run-a-b.2?x=1 {}", 500, "two"));
        assert!(alike(other_words));
        assert!(!alike(marred("GET /acme/run-a-b.2?x=2")));
        assert!(!alike(other_status));
        assert!(!alike(trouble("GET /acme/run-a-b?x=1")));
    }

    #[test]
    fn trouble_is_alike_when_it_is_told_alike() {
        let alike = |first, second| alike(&trouble(first), &trouble(second), "run-");
        assert!(alike("GET /run-a: refused", "GET /run-a.2: refused"));
        assert!(!alike("GET /run-a: refused", "GET /run-a: reset"));
    }

    /// What faults one after the other come to, of a clause that must break three times.
    fn come_to(faults: &[Fault]) -> Option<Fault> {
        let before = faults.len() - 1;
        assert_eq!(decided(&faults[..before], 3, "run-"), None, "too soon");
        decided(faults, 3, "run-")
    }

    #[test]
    fn what_breaks_each_time_is_broken_wherever_it_breaks_and_whatever_comes_between() {
        let (a, b, c) = (broken("GET /a"), broken("GET /b"), broken("GET /c"));
        let first = Some(a.clone());
        assert_eq!(come_to(&[a.clone(), b.clone(), c.clone()]), first);
        let chances = [marred("GET /d"), trouble("reset")];
        let between = [&[a.clone()][..], &chances, &[b.clone(), c.clone()]].concat();
        assert_eq!(come_to(&between), first);
        assert_eq!(come_to(&vec![marred("GET /d"); 3]), Some(marred("GET /d")));
    }

    #[test]
    fn what_comes_by_chance_alone_or_too_often_is_no_verdict() {
        let is_unstable = |faults: &[Fault]| match come_to(faults) {
            Some(Fault::Trouble(text)) => text.starts_with("server unstable: "),
            _ => false,
        };
        assert!(is_unstable(&[marred("GET /a"), marred("GET /b")]));
        assert!(is_unstable(&[marred("GET /a"), trouble("reset")]));
        let chances = vec![trouble("reset"); 3];
        assert!(is_unstable(&[&[broken("GET /a")][..], &chances].concat()));
        let away = vec![trouble("refused"); 2];
        assert_eq!(come_to(&away), Some(trouble("refused")));
    }

    #[test]
    fn an_unstable_server_is_told_by_both_of_its_answers() {
        let fault = unstable(&marred("GET /a"), None);
        assert_eq!(
            fault.to_string(),
            "server unstable: asked again, it answers otherwise\n\
             first     expected something, came oops for GET /a\n\
             then      the clause holds"
        );
    }
}
