//! Chooses the proxy of a request, by the variables that other clients heed too. They are read here and
//! not by reqwest, which passes over a value that it cannot read and does not say which proxy failed.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::ClientBuilder;
use url::{Position, Url};

use crate::error::Cause;

/// These variables name a proxy; the first that is set goes over the others.
const FOR_HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const FOR_HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXEMPT: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// A web server that runs a program for each request (CGI) sets the first variable, and then the second may
/// be a header that a stranger chose.
const CGI: [&str; 2] = ["REQUEST_METHOD", "HTTP_PROXY"];

const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The handle leads to the proxies that the environment names; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Proxies(Arc<Named>);

#[derive(Default)]
struct Named {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// The matcher takes what `NO_PROXY` does not name; it is there where a proxy is.
    exempt: Option<Matcher>,
    /// It says whether no proxy is used, not even one of the system.
    none: bool,
}

/// A proxy has the variable that names it. It prints without user and password.
#[derive(Clone)]
struct Proxy {
    variable: &'static str,
    url: Url,
}

impl Proxies {
    /// Reads the variables. An empty one is unset, as everywhere.
    ///
    /// # Errors
    /// [`Cause::Usage`] for a proxy that is no URL, or of a kind that is not spoken. It names the
    /// variable and does not repeat the value, which may hold a password.
    pub(crate) fn of_environment(
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Cause> {
        let [cgi, header] = CGI;
        let is_cgi = variable(cgi).is_some();
        let set = |name| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.filter(|_| !is_cgi || name != header)
        };
        let first = |names: &[&'static str]| {
            let mut names = names.iter();
            names.find_map(|name| set(name).map(|value| (*name, value)))
        };
        let exempt = first(&EXEMPT).map(|(_, list)| list.to_string_lossy().into_owned());
        let exempt = exempt.unwrap_or_default();
        // The matcher takes `*` for names alone, and not for addresses.
        let all = exempt.split(',').any(|entry| entry.trim() == "*");
        if all {
            return Ok(Self(Arc::new(Named {
                none: true,
                ..Named::default()
            })));
        }
        let proxy = |names| first(names).map(Proxy::parse).transpose();
        Ok(Self(Arc::new(Named {
            http: proxy(&FOR_HTTP)?,
            https: proxy(&FOR_HTTPS)?,
            exempt: Some(Matcher::builder().all("http://proxy").no(exempt).build()),
            none: false,
        })))
    }

    /// Lets a client use them. Where the environment names none, the system may.
    pub(crate) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        if self.0.none {
            return builder.no_proxy();
        }
        if self.0.http.is_none() && self.0.https.is_none() {
            return builder;
        }
        let own = self.clone();
        let choose = move |url: &Url| own.of(url).map(|proxy| proxy.url.clone());
        builder.proxy(reqwest::Proxy::custom(choose))
    }

    fn of(&self, url: &Url) -> Option<&Proxy> {
        let proxy = match url.scheme() {
            "https" => self.0.https.as_ref(),
            _ => self.0.http.as_ref(),
        }?;
        let exempt = self.0.exempt.as_ref()?;
        exempt.intercept(&url.as_str().parse().ok()?)?;
        Some(proxy)
    }

    /// Returns the cause of a request that failed, with the proxy that was to bring it to the address.
    pub(crate) fn tell(&self, url: &Url, cause: Cause) -> Cause {
        let Some(proxy) = self.of(url) else {
            return cause;
        };
        let through = |detail| format!("{detail} (through the proxy {proxy})");
        match cause {
            Cause::Network {
                request,
                reach,
                detail,
            } => Cause::Network {
                request,
                reach,
                detail: through(detail),
            },
            Cause::Untrusted { request, detail } => Cause::Untrusted {
                request,
                detail: through(detail),
            },
            other => other,
        }
    }
}

impl Proxy {
    fn parse((variable, value): (&'static str, OsString)) -> Result<Self, Cause> {
        let url = value.to_str().and_then(|text| {
            // As other clients take `proxy.example.com:3128`.
            let url = match text.contains("://") {
                true => Url::parse(text),
                false => Url::parse(&format!("http://{text}")),
            };
            let url = url.ok()?;
            let known = SCHEMES.contains(&url.scheme()) && url.has_host();
            known.then_some(url)
        });
        let url = url.ok_or_else(|| {
            Cause::Usage(format!(
                "the variable {variable} names no proxy: give it an address such as http://proxy.example.com:3128 (http, https, socks4, socks4a, socks5 or socks5h), or unset it"
            ))
        })?;
        Ok(Self { variable, url })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.scheme();
        let host = &self.url[Position::BeforeHost..Position::AfterPort];
        write!(f, "{scheme}://{host} of the variable {}", self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, Cause> {
        Proxies::of_environment(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let url = Url::parse(url).unwrap();
        let proxies = proxies(variables).unwrap();
        proxies.of(&url).map(ToString::to_string)
    }

    #[test]
    fn a_proxy_is_that_of_the_scheme_or_of_all() {
        let all = ("all_proxy", "socks5h://u:p@c.test:1080");
        let set = [("HTTP_PROXY", ""), ("http_proxy", "a.test:1"), all];
        for (url, proxy) in [
            (
                "http://x.test/",
                "http://a.test:1 of the variable http_proxy",
            ),
            (
                "https://x.test/",
                "socks5h://c.test:1080 of the variable all_proxy",
            ),
        ] {
            assert_eq!(chosen(&set, url).as_deref(), Some(proxy));
        }
        let upper = [
            ("https_proxy", "b.test"),
            ("HTTPS_PROXY", "https://[::1]:8"),
        ];
        let proxy = "https://[::1]:8 of the variable HTTPS_PROXY";
        assert_eq!(chosen(&upper, "https://x.test/").as_deref(), Some(proxy));
        assert_eq!(chosen(&upper, "http://x.test/"), None);
    }

    #[test]
    fn what_is_exempt_goes_past_the_proxy_by_name_or_by_address() {
        for (list, url, exempt) in [
            ("*", "http://127.0.0.1/", true),
            ("a.test, *", "http://[::1]/", true),
            ("*", "http://x.test/", true),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            (".x.test", "http://a.x.test/", true),
            ("x.test", "http://notx.test/", false),
            ("", "http://127.0.0.1/", false),
        ] {
            let set = [("HTTP_PROXY", "p.test"), ("no_proxy", list)];
            assert_eq!(chosen(&set, url).is_none(), exempt, "{list} {url}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_refused_by_the_name_of_its_variable() {
        for value in [
            "http://u:hunter2@",
            "u:hunter2@ proxy",
            "ftp://u:hunter2@p.test",
            "socks://u:hunter2@p.test",
            "http://u:hunter2@p.test:port",
            "://hunter2",
        ] {
            let Err(refused) = proxies(&[("https_proxy", value)]) else {
                panic!("{value} is taken");
            };
            let words = refused.to_string();
            assert!(words.contains("the variable https_proxy"), "{words}");
            assert!(!words.contains("hunter2"), "{words}");
        }
        let cgi = [
            ("HTTP_PROXY", "://"),
            ("HTTPS_PROXY", "b.test"),
            ("REQUEST_METHOD", "GET"),
        ];
        assert_eq!(chosen(&cgi, "http://x.test/"), None);
        assert!(chosen(&cgi, "https://x.test/").is_some());
        let none = [("HTTP_PROXY", "://"), ("NO_PROXY", "*")];
        assert_eq!(chosen(&none, "http://x.test/"), None);
    }
}
