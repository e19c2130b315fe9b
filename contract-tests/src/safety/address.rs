//! Tells the origin of an address, and whether the address is on this machine.

use reqwest::Url;

/// Returns the origin of an address in canonical form: its scheme, host and port.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Tells whether the address is on this machine, by its text alone: no name is resolved.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
