//! Reads the proxies between the suite and a server from the variables that other clients use, too. reqwest chooses the
//! proxy; since it ignores a variable that it does not understand, this module refuses such a variable, and names the
//! proxy that was chosen.

use std::{ffi::OsString, sync::Arc};

use axum::http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Url};

const NAMES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];
const EXEMPT: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// The variable that a web server sets for a CGI program. When it is set, a stranger may have chosen `HTTP_PROXY`, and
/// reqwest uses no proxy.
const CGI: &str = "REQUEST_METHOD";

/// A variable for a proxy whose value is not a proxy. The value is not repeated, since it may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the variable {0} names no proxy: give it an address such as http://proxy.example.com:3128 (http, https, socks4, \
     socks4a, socks5 or socks5h), or unset it"
)]
pub struct NoProxy(&'static str);

/// The proxies that the environment names, if any are used; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Proxies(Option<Arc<Matcher>>);

impl Proxies {
    /// Reads the environment variables of this process.
    ///
    /// # Errors
    /// Fails when the value of a variable is not a proxy.
    pub(crate) fn of_environment() -> Result<Self, NoProxy> {
        let are_used = are_used(|name| std::env::var_os(name))?;
        Ok(Self(are_used.then(|| Arc::new(Matcher::from_env()))))
    }

    /// Makes a client use these proxies only.
    pub(crate) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        match self.0 {
            Some(_) => builder,
            None => builder.no_proxy(),
        }
    }

    /// Returns the proxy of an address, without a user or a password.
    pub(crate) fn of(&self, url: &Url) -> Option<String> {
        let proxy = self.0.as_ref()?.intercept(&url.as_str().parse().ok()?)?;
        let (scheme, host) = (proxy.uri().scheme_str()?, proxy.uri().authority()?);
        Some(format!("{scheme}://{host}"))
    }

    /// Returns a note that names the proxy of an address, to be appended to an error message.
    pub(super) fn note(&self, url: &Url) -> String {
        let proxy = self.of(url);
        proxy.map_or_else(String::new, |it| format!(" (through the proxy {it})"))
    }
}

/// Tells whether the variables allow proxies to be used. An empty variable counts as unset.
///
/// # Errors
/// Fails when the value of a variable is not a proxy.
fn are_used(variable: impl Fn(&str) -> Option<OsString>) -> Result<bool, NoProxy> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let exempt = EXEMPT.iter().find_map(|name| set(name)).unwrap_or_default();
    // reqwest matches this wildcard against names, but not against addresses.
    let exempts_all = exempt
        .to_string_lossy()
        .split(',')
        .any(|it| it.trim() == "*");
    if exempts_all || set(CGI).is_some() {
        return Ok(false);
    }
    let wrong = NAMES
        .iter()
        .find(|name| set(name).is_some_and(|value| !is_proxy(&value)));
    wrong.map_or(Ok(true), |name| Err(NoProxy(name)))
}

/// Tells whether reqwest understands a value, and the value has a host and a valid port, if any.
fn is_proxy(value: &OsString) -> bool {
    let understood = value.to_str().and_then(|value| {
        let matcher = Matcher::builder().all(value).build();
        matcher.intercept(&Uri::from_static("http://a.test"))
    });
    let address = understood.map(|proxy| Url::parse(&proxy.uri().to_string()));
    address.is_some_and(|url| url.is_ok_and(|url| url.has_host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(variables: &[(&str, &str)]) -> Result<bool, NoProxy> {
        are_used(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_refused_by_its_name() {
        for value in [
            "u:hunter2@host:99999",
            "http://u:hunter2@",
            "u:hunter2@ proxy",
            "ftp://u:hunter2@p.test",
            "socks://u:hunter2@p.test",
            "http://u:hunter2@p.test:port",
            "://hunter2",
        ] {
            let refused = used(&[("https_proxy", value)]);
            assert_eq!(refused, Err(NoProxy("https_proxy")), "{value}");
        }
        let words = NoProxy("ALL_PROXY").to_string();
        assert!(words.contains("the variable ALL_PROXY"), "{words}");
        for value in ["", "p.test:3128", "http://u:p@[::1]:8", "socks5h://p.test"] {
            assert_eq!(used(&[("ALL_PROXY", value)]), Ok(true), "{value}");
        }
    }

    #[test]
    fn where_no_proxy_is_used_none_is_wrong() {
        let wrong = ("HTTP_PROXY", "://");
        for reason in [("NO_PROXY", "a.test, *"), ("REQUEST_METHOD", "GET")] {
            assert_eq!(used(&[wrong, reason]), Ok(false));
        }
        assert!(used(&[wrong, ("no_proxy", "a.test")]).is_err());
    }
}
