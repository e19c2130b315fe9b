//! A policy states how a run behaves towards the server: where it may write, how fast it sends requests, which
//! certificates it trusts.

use std::{fmt, str::FromStr, time::Duration};

use reqwest::Url;

use crate::safety::{
    address::{is_loopback, origin},
    journal::place::Place,
    pace::Rate,
    trust::Trust,
};

/// The variable that allows the tests to write to a server that is not on this machine.
pub(crate) const ALLOW_WRITES: &str = "ATLAS_CONTRACT_ALLOW_WRITES";

/// The variable that names further origins for uploads, separated by commas.
pub(crate) const ALLOW_UPLOAD_ORIGIN: &str = "ATLAS_CONTRACT_ALLOW_UPLOAD_ORIGIN";

/// The servers that a run may write to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// The run may write only to a server on this machine.
    #[default]
    Loopback,
    /// The run may write to any server: the caller allowed it.
    Anywhere,
    /// The run may not write: it sends only GET requests.
    ReadOnly,
}

/// An origin that files may be uploaded to, besides the server's own: `https://HOST` or `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOrigin(String);

/// The error of a text that is not an origin. It repeats no part that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    /// The text contains an `@`. It is not repeated: a password may contain a comma, so its end is unknown.
    #[error("an origin has no user and no password: https://HOST or http://HOST:PORT")]
    User,
    /// The text is an address with more than an origin, or no address.
    #[error("{0:?} is no origin: https://HOST or http://HOST:PORT, with nothing behind it")]
    Other(String),
}

impl UploadOrigin {
    /// Parses a list of origins, separated by commas. An empty text, as from an empty variable, yields an empty list.
    ///
    /// # Errors
    /// Fails when an element is not an origin.
    pub fn list(text: &str) -> Result<Vec<Self>, InvalidOrigin> {
        if text.contains('@') {
            return Err(InvalidOrigin::User);
        }
        let named = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        named.map(Self::of).collect()
    }

    fn of(text: &str) -> Result<Self, InvalidOrigin> {
        let origin = Url::parse(text).ok().filter(is_bare).map(|it| origin(&it));
        let wrong = || InvalidOrigin::Other(without_path(text));
        origin.map(Self).ok_or_else(wrong)
    }
}

/// Cuts off the path of an address and everything after it: knowledge of an upload path suffices to upload.
fn without_path(text: &str) -> String {
    let host = text.find("://").map_or(0, |at| at + 3);
    let path = text
        .match_indices(['/', '?', '#'])
        .find(|(at, _)| *at >= host);
    match path {
        Some((at, _)) => format!("{}…", text.split_at(at + 1).0),
        None => text.to_owned(),
    }
}

/// Tells whether an address consists of its origin alone.
fn is_bare(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

/// The longest time without progress after which a request is given up: whole seconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout(Duration);

/// The error of a text that is not a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time to wait is a number of seconds from 1 to 86400")]
pub struct InvalidTimeout;

impl Timeout {
    pub(crate) fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

impl FromStr for Timeout {
    type Err = InvalidTimeout;

    /// Parses a number of seconds. An empty text, as from an empty variable, yields the default.
    fn from_str(text: &str) -> Result<Self, InvalidTimeout> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let seconds = text.parse().map_err(|_| InvalidTimeout)?;
        // The bounds also ensure that multiples of the timeout can be represented.
        if (1..=86_400).contains(&seconds) {
            Ok(Self(Duration::from_secs(seconds)))
        } else {
            Err(InvalidTimeout)
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_secs().fmt(out)
    }
}

/// A `Policy` states how a run behaves towards the server.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The servers that the run may write to.
    pub access: Access,
    /// The longest time without progress after which a request is given up.
    pub timeout: Timeout,
    /// The limit on the rate of requests. By default a server on this machine has none, and any other has a gentle one.
    pub rate: Option<Rate>,
    /// The certificates for TLS, for the API, uploads and downloads alike.
    pub trust: Trust,
    /// The place for the journal of what the run makes, if one is kept.
    pub journal: Option<Place>,
    /// The origins that files may be uploaded to, besides the server's own. A server can name any address for an
    /// upload.
    pub upload_origins: Vec<UploadOrigin>,
}

impl Policy {
    /// Returns the reason why nothing may be written to this address, or `None` if it may be; `home` is the server's
    /// origin. Only an upload can go to another origin, since the server chooses its address.
    pub(crate) fn refusal(&self, url: &Url, home: &str) -> Option<String> {
        let origin = origin(url);
        let known = self.upload_origins.iter().any(|it| it.0 == origin);
        let foreign = origin != home && !known;
        let away = self.access == Access::Loopback && !is_loopback(url);
        match (self.access, foreign, away) {
            (Access::ReadOnly, ..) => Some("nothing may be written to this server".to_owned()),
            (_, true, away) => Some(format!(
                "it would leave for {origin}, which is not the server's origin: say --allow-upload-origin {origin}{} \
                 if files may go there",
                if away { " and --allow-writes" } else { "" }
            )),
            (_, false, true) => {
                Some("it is not on this machine, and would need --allow-writes".to_owned())
            }
            (_, false, false) => None,
        }
    }

    /// Returns the origins that files may be uploaded to, the server's own first.
    pub fn upload_places(&self, home: &str) -> Vec<String> {
        let others = self.upload_origins.iter().map(|it| it.0.clone());
        std::iter::once(home.to_owned()).chain(others).collect()
    }
}

/// Tells whether a variable enables something: its value is neither empty nor a word for no.
pub fn is_yes(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    !matches!(&*value, "" | "0" | "f" | "false" | "n" | "no" | "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_told_apart_by_scheme_host_and_port_and_anything_more_is_none() {
        let list = |text| UploadOrigin::list(text);
        let same = "HTTPS://Bin.test, https://bin.test:443/,";
        let named = vec![UploadOrigin("https://bin.test".to_owned()); 2];
        assert_eq!(list(same), Ok(named));
        assert_eq!(list(""), Ok(Vec::new()));
        for (text, shown) in [
            ("bin.test", "bin.test"),
            ("bin.test/secret", "bin.test/…"),
            ("ftp://bin.test", "ftp://bin.test"),
            ("https://bin.test/secret", "https://bin.test/…"),
            ("https://bin.test?a=secret", "https://bin.test?…"),
        ] {
            assert_eq!(list(text), Err(InvalidOrigin::Other(shown.to_owned())));
        }
        for text in [
            "https://user@bin.test",
            "https://bin.test,http://u:a,b@bin.test",
        ] {
            assert_eq!(list(text), Err(InvalidOrigin::User));
        }
    }

    #[test]
    fn nothing_is_written_to_an_origin_that_nobody_named() {
        let policy = |access, named: &str| Policy {
            access,
            upload_origins: UploadOrigin::list(named).unwrap(),
            ..Policy::default()
        };
        let refusal = |policy: Policy, url: &str| {
            let refusal = policy.refusal(&Url::parse(url).unwrap(), "https://a.test");
            refusal.unwrap_or_default()
        };
        let anywhere = |url: &str| refusal(policy(Access::Anywhere, ""), url);
        assert_eq!(anywhere("https://a.test:443/path"), "");
        for foreign in [
            "https://a.test:8443",
            "http://a.test",
            "https://bin.test",
            "http://127.0.0.1:1",
        ] {
            let path = format!("{foreign}/path");
            let said = anywhere(&path);
            let advice = format!("--allow-upload-origin {foreign} if");
            assert!(said.contains(&advice), "{said}");
            assert_eq!(refusal(policy(Access::Anywhere, foreign), &path), "");
        }
        let loopback = |named| refusal(policy(Access::Loopback, named), "https://bin.test/path");
        let both = "--allow-upload-origin https://bin.test and --allow-writes";
        assert!(loopback("").contains(both), "{}", loopback(""));
        assert!(loopback("https://bin.test").ends_with("would need --allow-writes"));
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds_and_nothing_is_the_usual_one() {
        for text in ["0", "-1", "soon", "1.5", "86401", " "] {
            assert_eq!(text.parse::<Timeout>(), Err(InvalidTimeout), "{text}");
        }
        assert_eq!("".parse(), Ok(Timeout::default()));
        let two: Timeout = "2".parse().unwrap();
        assert_eq!(two.duration(), Duration::from_secs(2));
    }
}
