//! This module decides which server a cleanup contacts. A forged journal must not send the token to a server that the
//! caller does not know.

use reqwest::Url;

use crate::safety::address::{is_loopback, origin};

/// The reason why a cleanup sends nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The journal names no http or https address.
    #[error("it names {0:?} as its server, which is not an http or https address")]
    Invalid(String),
    /// The caller names one server, and the journal another.
    #[error(
        "it is of a run on {journal}, and --atlas-url (ATLAS_CONTRACT_URL) names {given}: nothing was sent; if the \
         server has moved to {given}, say --allow-journal-url"
    )]
    Another {
        /// The origin that the caller names.
        given: String,
        /// The origin that the journal names.
        journal: String,
    },
    /// The caller names no server, and the journal's is not on this machine.
    #[error(
        "it is of a run on {0}, which is not on this machine: nothing was sent; name the server that the token is for \
         with --atlas-url (ATLAS_CONTRACT_URL), or trust the journal with --allow-journal-url"
    )]
    Unnamed(String),
}

/// Returns the address of the server to clean: the given one, or else the journal's.
///
/// Without `allowed`, both must have the same origin; if no address is given, the journal's must be on this machine.
///
/// # Errors
/// Fails when the journal names another or a remote server without `allowed`, or names no server.
pub fn address(given: Option<&str>, journal: &str, allowed: bool) -> Result<String, AddressError> {
    let named = Url::parse(journal)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| AddressError::Invalid(journal.to_owned()))?;
    let Some(given) = given else {
        return if allowed || is_loopback(&named) {
            Ok(journal.to_owned())
        } else {
            Err(AddressError::Unnamed(origin(&named)))
        };
    };
    match Url::parse(given) {
        // Only the origin of an address is shown, since an address may contain a password.
        Ok(url) if !allowed && url.origin() != named.origin() => Err(AddressError::Another {
            given: origin(&url),
            journal: origin(&named),
        }),
        // An invalid address is reported where it is used.
        _ => Ok(given.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "https://atlas.test";

    fn refusal(given: Option<&str>, journal: &str) -> String {
        let refused = address(given, journal, false).unwrap_err();
        refused.to_string()
    }

    #[test]
    fn the_given_server_is_taken_if_the_journal_names_the_same_or_there_is_leave() {
        let same = "https://atlas.test:443/api/v1/";
        let moved = "https://new.test/atlas";
        for (given, allowed) in [(HOME, false), (same, false), (moved, true)] {
            let address = address(Some(given), HOME, allowed);
            assert_eq!(address, Ok(given.to_owned()));
        }
    }

    #[test]
    fn any_other_origin_is_another_server_and_both_are_named() {
        for (journal, named) in [
            ("https://other.test", "https://other.test"),
            ("http://atlas.test", "http://atlas.test"),
            ("https://atlas.test:8443", "https://atlas.test:8443"),
            (
                "https://atlas.test.evil.test",
                "https://atlas.test.evil.test",
            ),
            ("https://atlas.test:pass@evil.test", "https://evil.test"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ] {
            let refused = refusal(Some(HOME), journal);
            for part in [HOME, &format!("{named},"), "--allow-journal-url"] {
                assert!(refused.contains(part), "{part}: {refused}");
            }
            assert!(!refused.contains("pass@"), "{refused}");
        }
    }

    #[test]
    fn without_a_given_server_a_journal_needs_leave_unless_it_names_this_machine() {
        for local in [
            "http://127.0.0.1:8500",
            "http://localhost",
            "https://[::1]:1",
        ] {
            assert_eq!(address(None, local, false), Ok(local.to_owned()));
        }
        for journal in [HOME, "http://localhost.test", "http://10.0.0.1"] {
            let refused = refusal(None, journal);
            assert!(refused.contains("--allow-journal-url"), "{refused}");
            assert_eq!(address(None, journal, true), Ok(journal.to_owned()));
        }
    }

    #[test]
    fn a_journal_that_names_no_server_is_refused_whatever_is_allowed() {
        for journal in ["", "atlas.test", "file:///etc/passwd"] {
            for given in [None, Some(HOME)] {
                let refused = address(given, journal, true);
                assert_eq!(refused, Err(AddressError::Invalid(journal.to_owned())));
            }
        }
    }
}
