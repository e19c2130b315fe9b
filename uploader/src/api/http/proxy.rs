//! Chooses the proxy of a request by the variables that other clients also use. They are read here and not by
//! reqwest, which ignores a value that it cannot parse, and does not say which proxy failed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, StatusCode};
use url::{Position, Url};

use crate::base::error::Cause;
use crate::base::secret::REDACTED;

/// The variables that name a proxy, in the order of precedence.
const FOR_HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const FOR_HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXEMPT: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// All variables that are used; each may contain a password.
pub const PROXY_VARIABLES: [&str; 8] = {
    let ([http, http_lower, ..], [https, https_lower, all, all_lower]) = (FOR_HTTP, FOR_HTTPS);
    let [no, no_lower] = EXEMPT;
    [
        http,
        http_lower,
        https,
        https_lower,
        all,
        all_lower,
        no,
        no_lower,
    ]
};
/// The variables by which CGI is recognised: a web server that runs a program for each request sets the
/// first, and then the second may be a header that a stranger chose.
const CGI: [&str; 2] = ["REQUEST_METHOD", "HTTP_PROXY"];

const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// A cheap handle to the proxies that the environment names; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Proxies(Arc<Named>);

#[derive(Default)]
struct Named {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exempt: Vec<Exempt>,
    /// Whether no proxy is used, not even one of the system.
    none: bool,
}

/// Entries of `NO_PROXY`: hosts that are reached without a proxy, at one port or at any.
struct Exempt {
    port: Option<u16>,
    /// A matcher that intercepts every host without an entry.
    others: Matcher,
}

/// A proxy, with the variable that names it. It prints without user and password.
#[derive(Clone)]
struct Proxy {
    variable: &'static str,
    url: Url,
}

impl Proxies {
    /// Reads the variables. An empty variable counts as unset.
    ///
    /// # Errors
    /// [`Cause::Usage`] for a proxy that is not a URL, or has an unsupported scheme. The message names the
    /// variable and does not repeat the value, which may contain a password.
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
        // The matcher applies `*` only to names, not to IP addresses.
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
            exempt: Exempt::parse(&exempt),
            none: false,
        })))
    }

    /// Configures a client to use these proxies. If the environment names none, those of the system apply.
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
        let is_exempt = self.0.exempt.iter().any(|exempt| exempt.names(url));
        (!is_exempt).then_some(proxy)
    }

    /// Returns a message that names the proxy that may have refused. A proxy that only tunnels, as for https,
    /// cannot have answered.
    pub(crate) fn refusing_proxy(&self, url: &Url, status: StatusCode) -> Option<String> {
        let proxy = self.of(url)?;
        let may_answer = url.scheme() == "http" && !proxy.url.scheme().starts_with("socks");
        let may_be_its = status.is_server_error()
            || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
            || status == StatusCode::FORBIDDEN;
        (may_answer && may_be_its).then(|| format!("through the proxy {proxy}"))
    }

    /// Returns a cause that names the proxy for `url`, if there is one.
    pub(crate) fn with_proxy(&self, url: &Url, cause: Cause) -> Cause {
        let Some(proxy) = self.of(url) else {
            return cause;
        };
        let through = |detail| format!("{detail} (through the proxy {proxy})");
        match cause {
            Cause::Network {
                request,
                failure,
                detail,
            } => Cause::Network {
                request,
                failure,
                detail: through(detail),
            },
            Cause::Untrusted { request, detail } => Cause::Untrusted {
                request,
                detail: through(detail),
            },
            Cause::ProxyRefused { request, detail } => Cause::ProxyRefused {
                request,
                detail: through(detail),
            },
            other => other,
        }
    }
}

impl Exempt {
    fn parse(list: &str) -> Vec<Self> {
        let entries = list.split(',').map(str::trim);
        let (with_port, without): (Vec<_>, Vec<_>) =
            entries.partition(|entry| host_and_port(entry).is_some());
        let with_port = with_port.into_iter().filter_map(host_and_port);
        let with_port = with_port.map(|(host, port)| Self::new(host, Some(port)));
        with_port
            .chain([Self::new(&without.join(","), None)])
            .collect()
    }

    fn new(list: &str, port: Option<u16>) -> Self {
        let list = match list {
            // The matcher applies `*` only to names, not to IP addresses.
            "*" => "*,0.0.0.0/0,::/0",
            list => list,
        };
        let others = Matcher::builder().all("http://proxy").no(list.to_owned());
        let others = others.build();
        Self { port, others }
    }

    fn names(&self, url: &Url) -> bool {
        let is_port = self.port.is_none() || self.port == url.port_or_known_default();
        let address = url.as_str().parse();
        is_port && address.is_ok_and(|address| self.others.intercept(&address).is_none())
    }
}

/// Splits an entry such as `localhost:8080` or `[::1]:8080` into host and port; `::1` has no port.
fn host_and_port(entry: &str) -> Option<(&str, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = address.or((!host.contains(':')).then_some(host))?;
    Some((host, port.parse().ok()?))
}

/// Returns whether a text without a scheme can name a proxy: `direct` and `3128` are values of other
/// programs' settings.
fn is_host(text: &str) -> bool {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let host = host.split('/').next().unwrap_or_default();
    host == "localhost"
        || host.contains('.')
        || host_and_port(host).is_some()
        || host.starts_with('[')
}

/// Returns the value of a proxy variable as it may be shown.
pub fn shown_proxy(variable: &'static str, value: &OsStr) -> String {
    if EXEMPT.contains(&variable) {
        return value.to_string_lossy().into_owned();
    }
    match Proxy::parse((variable, value.to_owned())) {
        Ok(Proxy { url, .. }) => {
            let has_user = !url.username().is_empty() || url.password().is_some();
            let user = match has_user {
                true => format!("{REDACTED}@"),
                false => String::new(),
            };
            format!("{}://{user}{}", url.scheme(), host(&url))
        }
        Err(_) => format!("{REDACTED}, which is not a proxy's address"),
    }
}

fn host(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

impl Proxy {
    fn parse((variable, value): (&'static str, OsString)) -> Result<Self, Cause> {
        let url = value.to_str().and_then(|text| {
            // Other clients also accept an address without a scheme, such as `proxy.example.com:3128`.
            let url = match text.contains("://") {
                true => Url::parse(text),
                false if is_host(text) => Url::parse(&format!("http://{text}")),
                false => return None,
            };
            let url = url.ok()?;
            let known = SCHEMES.contains(&url.scheme()) && url.has_host();
            known.then_some(url)
        });
        let url = url.ok_or_else(|| {
            Cause::Usage(format!(
                "the variable {variable} does not hold a proxy's address: set it to one such as http://proxy.example.com:3128 (http, https, socks4, socks4a, socks5 or socks5h), or unset it"
            ))
        })?;
        Ok(Self { variable, url })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.scheme();
        let host = host(&self.url);
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
    fn a_value_is_shown_without_what_may_be_secret_in_it() {
        for (value, shown) in [
            ("http://proxy.test:3128", "http://proxy.test:3128"),
            ("http://u:p@ss@proxy.test", "http://[REDACTED]@proxy.test"),
            ("u:pass@proxy.test", "http://[REDACTED]@proxy.test"),
            ("http://proxy.test/?token=pass", "http://proxy.test"),
            ("u:pass", "[REDACTED], which is not a proxy's address"),
        ] {
            assert_eq!(shown_proxy("http_proxy", OsStr::new(value)), shown);
        }
        let list = OsStr::new("localhost,.test");
        assert_eq!(shown_proxy("NO_PROXY", list), "localhost,.test");
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
            ("localhost:7004", "http://localhost:7004/", true),
            ("a.test, localhost:7004", "http://localhost:7005/", false),
            ("x.test:80", "http://x.test/", true),
            ("[::1]:7", "http://[::1]:7/", true),
            ("::1", "http://[::1]:7/", true),
            ("*:7", "http://127.0.0.1:7/", true),
            ("*:7", "http://127.0.0.1:8/", false),
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
            "direct",
            "none",
            "/hunter2",
            "/hunter2.test:3128",
            "3128",
            "u:hunter2",
            "?token=hunter2",
        ] {
            let Err(refused) = proxies(&[("https_proxy", value)]) else {
                panic!("{value} is taken");
            };
            let words = refused.to_string();
            assert!(words.contains("the variable https_proxy"), "{words}");
            assert!(!words.contains("hunter2"), "{words}");
        }
        for (value, proxy) in [
            ("localhost", "http://localhost"),
            ("proxy:3128", "http://proxy:3128"),
            ("u:hunter2@proxy.test/", "http://proxy.test"),
            ("[::1]", "http://[::1]"),
        ] {
            let found = chosen(&[("http_proxy", value)], "http://x.test/").unwrap();
            assert!(found.starts_with(&format!("{proxy} of")), "{found}");
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
