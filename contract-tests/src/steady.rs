//! Whether a server that breaks a clause does so each time.
//!
//! A server that now and then answers 500, or half a reply, or hangs up, breaks whatever clause it happens to meet. So a
//! clause that breaks is put again, with names that are still fresh, and is broken only if it breaks each time at the
//! same request with the same status. Any other end, also that it holds the second time, says of the server that it is
//! unstable, and of the clause nothing.
//!
//! Trouble is no verdict anyway. It is put again only once, to tell a server that is away from one that is unstable.

use std::num::NonZeroUsize;

use crate::{
    clause::Check,
    context::Context,
    fault::{Broken, Fault, Verdict},
};

/// How often a clause must break when nobody says. Chance that spoils three requests of ten spoils a clause at the same request in the
/// same way once in about ten times; five times in a row, once in a hundred thousand.
pub(crate) const BREAKS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// How often trouble must come.
const TROUBLES: usize = 2;

/// The verdict of a check, if the server gives the same each time.
///
/// # Errors
/// As the check, and [`Fault::Trouble`] when the verdicts differ.
pub(crate) async fn steady(check: Check, context: &Context<'_>, breaks: NonZeroUsize) -> Verdict {
    let Err(first) = check(context).await else {
        return Ok(());
    };
    let again = match first {
        Fault::Broken(_) => breaks.get() - 1,
        Fault::Trouble(_) => TROUBLES - 1,
    };
    for _ in 0..again {
        let verdict = check(context).await;
        if !verdict
            .as_ref()
            .is_err_and(|fault| alike(&first, fault, context.prefix()))
        {
            return Err(unstable(&first, &verdict));
        }
    }
    Err(first)
}

/// Whether both stopped the check at the same place: at the same request, but for what it carried and the names of the
/// run, which are new each time, and with the same status of its reply. What else a reply holds may change from one to
/// the next.
fn alike(first: &Fault, second: &Fault, prefix: &str) -> bool {
    match (first, second) {
        (Fault::Broken(first), Fault::Broken(second)) => {
            place(first, prefix) == place(second, prefix)
        }
        (Fault::Trouble(first), Fault::Trouble(second)) => {
            without_names(first, prefix) == without_names(second, prefix)
        }
        _ => false,
    }
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

fn unstable(first: &Fault, second: &Verdict) -> Fault {
    let told = |fault: &Fault| match fault {
        Fault::Broken(broken) => {
            let request = broken
                .sent
                .as_ref()
                .map(|sent| format!(" for {}", sent.request));
            let request = request.unwrap_or_default();
            format!(
                "expected {}, came {}{request}",
                broken.expected, broken.came
            )
        }
        Fault::Trouble(why) => why.clone(),
    };
    let second = match second {
        Ok(()) => "the clause holds".to_owned(),
        Err(fault) => told(fault),
    };
    Fault::Trouble(format!(
        "server unstable: asked again, it answers otherwise\nfirst     {}\nthen      {second}",
        told(first)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Sent;

    fn broken(request: &str, status: u16, came: &str) -> Fault {
        Fault::Broken(Box::new(Broken {
            expected: "something".to_owned(),
            came: came.to_owned(),
            status: Some(status),
            sent: Some(Sent {
                request: request.to_owned(),
                curl: String::new(),
            }),
        }))
    }

    fn trouble(text: &str) -> Fault {
        Fault::Trouble(text.to_owned())
    }

    #[test]
    fn the_place_counts_and_the_names_do_not() {
        let first = broken("GET /acme/run-a-b?x=1", 200, "one");
        let alike = |second| alike(&first, &second, "run-");
        assert!(alike(broken("GET /acme/run-a-b.2?x=1 {}", 200, "two")));
        assert!(!alike(broken("GET /acme/run-a-b.2?x=2", 200, "one")));
        assert!(!alike(broken("GET /acme/run-a-b?x=1", 500, "one")));
        assert!(!alike(trouble("GET /acme/run-a-b?x=1")));
    }

    #[test]
    fn trouble_is_alike_when_it_is_told_alike() {
        let alike = |first, second| alike(&trouble(first), &trouble(second), "run-");
        assert!(alike("GET /run-a: refused", "GET /run-a.2: refused"));
        assert!(!alike("GET /run-a: refused", "GET /run-a: reset"));
    }

    #[test]
    fn an_unstable_server_is_told_by_both_of_its_answers() {
        let fault = unstable(&broken("GET /a", 500, "500 oops"), &Ok(()));
        assert_eq!(
            fault.to_string(),
            "server unstable: asked again, it answers otherwise\n\
             first     expected something, came 500 oops for GET /a\n\
             then      the clause holds"
        );
    }
}
