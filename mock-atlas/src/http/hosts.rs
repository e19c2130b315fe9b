//! Checks the host that a request names. A web page can give this emulator's address a name of its own (DNS
//! rebinding) and then reads what the browser of whoever looks at it can reach. A browser always tells the name.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

/// The names by which an emulator is known, in lower case, besides addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    /// Adds a name.
    pub(crate) fn add(&mut self, name: &str) {
        self.0.push(name.to_ascii_lowercase());
    }

    /// Returns whether the emulator is known by the host that a request names, or the request names none, as no
    /// browser does.
    pub(crate) fn know(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        if let Some(authority) = uri.authority() {
            return self.knows(authority.host());
        }
        let mut named = headers.get_all(header::HOST).iter();
        named.all(|value| {
            let authority = Authority::try_from(value.as_bytes());
            authority.is_ok_and(|authority| self.knows(authority.host()))
        })
    }

    fn knows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        host == "localhost"
            || host.parse::<Ipv4Addr>().is_ok()
            || inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
            || self.0.contains(&host)
    }
}

/// Returns whether a text is the name of a host: labels of letters, digits, dashes and underscores, without a port.
pub(crate) fn is_host_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(is_plain);
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(host: Option<&str>) -> bool {
        let mut hosts = Hosts::default();
        hosts.add("Atlas.example.com");
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(header::HOST, host.parse().unwrap());
        }
        hosts.know(&Uri::from_static("/"), &headers)
    }

    #[test]
    fn addresses_and_names_that_were_told_are_known() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:28527",
            "192.0.2.7:80",
            "[::1]:28527",
            "localhost",
            "LocalHost:1",
            "localhost.:1",
            "atlas.example.com",
            "ATLAS.example.com:8443",
        ] {
            assert!(known(Some(host)), "{host}");
        }
        assert!(known(None), "no browser");
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "atlas.example.com.evil.example",
            "x.atlas.example.com",
            "[evil]",
            "",
            "a b",
            "127.0.0.1@evil.example",
        ] {
            assert!(!known(Some(host)), "{host}");
        }
    }

    #[test]
    fn the_target_of_a_request_counts_before_its_host() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost".parse().unwrap());
        let hosts = Hosts::default();
        assert!(!hosts.know(&Uri::from_static("http://evil.example/"), &headers));
    }

    #[test]
    fn a_name_is_told_without_port_and_scheme() {
        for good in ["atlas", "mock-atlas", "a_b.example.com"] {
            assert!(is_host_name(good), "{good}");
        }
        for bad in [
            "",
            "a:1",
            "http://a",
            "a/b",
            "a..b",
            "*.example.com",
            "[::1]",
        ] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
