//! The addresses that a webhook may have.
//!
//! Only whoever runs the emulator can add a webhook, and receivers may well be in a private network, or on this machine.
//! So only those addresses are refused where no receiver can be, and where a machine in a cloud finds its own secrets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// The greatest length of a URL in bytes.
const LONGEST: usize = 2000;

/// The addresses at which machines of clouds find their secrets, beside the link-local ones.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// The reason for which a webhook cannot have a URL. It does not repeat the URL, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it is no URL: {0}")]
    Malformed(String),
    #[error("it must begin with http:// or https://")]
    Scheme,
    #[error("it must not have a user or a password: deliveries are signed instead")]
    Credentials,
    #[error("it must not have a fragment (#…), which no receiver sees")]
    Fragment,
    #[error("its address {0} is refused: it is {1}")]
    Address(IpAddr, &'static str),
}

/// Checks the URL of a webhook. Where it has a name, its addresses are checked with each connection.
///
/// # Errors
/// [`AddressError`].
pub(super) fn check_url(text: &str) -> Result<Url, AddressError> {
    if text.len() > LONGEST {
        return Err(AddressError::TooLong);
    }
    let url: Url = text
        .parse()
        .map_err(|error| AddressError::Malformed(format!("{error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(AddressError::Fragment);
    }
    if let Some(address) = literal(&url) {
        check(address)?;
    }
    Ok(url)
}

/// Returns the address of a URL that has one in place of a name. The parser has brought all forms of it to one.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_matches(['[', ']']).parse().ok()
}

/// Checks an address, also one that is hidden in another.
///
/// # Errors
/// [`AddressError::Address`].
pub(super) fn check(address: IpAddr) -> Result<(), AddressError> {
    let mut refused = refused(address);
    if let IpAddr::V6(v6) = address {
        let mut hidden = hidden(v6).into_iter();
        refused = refused.or_else(|| hidden.find_map(|v4| self::refused(v4.into())));
    }
    match refused {
        Some(why) => Err(AddressError::Address(address, why)),
        None => Ok(()),
    }
}

fn refused(address: IpAddr) -> Option<&'static str> {
    let is_metadata = match address {
        IpAddr::V4(v4) => METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => METADATA_V6.contains(&v6),
    };
    let (is_unspecified, is_link_local, is_group) = match address {
        IpAddr::V4(v4) => (
            v4.octets()[0] == 0,
            v4.is_link_local(),
            // Also 240.0.0.0/4, which nobody has, and its last one, which everybody has.
            v4.octets()[0] >= 224,
        ),
        IpAddr::V6(v6) => (
            v6.is_unspecified(),
            v6.is_unicast_link_local(),
            v6.is_multicast(),
        ),
    };
    match () {
        () if is_metadata => Some("where a cloud keeps the secrets of its machines"),
        () if is_link_local => Some("link-local, as the secrets of a cloud's machines are"),
        () if is_unspecified => Some("unspecified"),
        () if is_group => Some("no address of one receiver"),
        () => None,
    }
}

/// Returns the addresses of version 4 that an address stands for, by any of the ways of translation.
fn hidden(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    let last = v4(segments[6], segments[7]);
    match segments {
        // Loopback, and the unspecified address, are none of these.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Vec::new(),
        // Compatible, mapped and translated (RFC 4291, RFC 2765).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => {
            vec![last]
        }
        // NAT64, by its known prefix, and by those of a network's own (RFC 6052, RFC 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => vec![last],
        // A prefix of 48 bits has the address around eight bits that are zero; a longer one may be within it.
        [0x64, 0xff9b, 1, high, low, rest, ..] => {
            let [a, b] = high.to_be_bytes();
            let ([_, c], [d, _]) = (low.to_be_bytes(), rest.to_be_bytes());
            vec![last, Ipv4Addr::new(a, b, c, d)]
        }
        // 6to4.
        [0x2002, high, low, ..] => vec![v4(high, low)],
        // Teredo: the server, and the client, whose bits are inverted.
        [0x2001, 0, high, low, ..] => vec![v4(high, low), v4(!segments[6], !segments[7])],
        _ => Vec::new(),
    }
}

/// A resolver of names that gives no address which [`check`] refuses. The client connects to what it gives, so a name
/// cannot change in between.
#[derive(Debug)]
pub(super) struct CheckedResolver;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let (mut allowed, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in found {
                match check(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(error) => refused = Some(error),
                }
            }
            match (allowed.is_empty(), refused) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
                (true, Some(error)) => Err(error.to_string().into()),
                (true, None) => Err(io::Error::other("the name has no address").into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_no_receiver_are_refused_in_every_form() {
        for host in [
            "169.254.169.254",
            "169.254.0.1",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[::169.254.169.254]",
            "[::ffff:0:169.254.169.254]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b:1::169.254.169.254]",
            "[2002:a9fe:a9fe::1]",
            "[2001:0:a9fe:a9fe::1]",
            "[2001::5601:5601]",
            "[fe80::1]",
            "[febf::1]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "0.0.0.0",
            "0",
            "0.1.2.3",
            "[::]",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[ff02::1]",
            "[::ffff:0.0.0.0]",
            "[64:ff9b::100.100.100.200]",
        ] {
            let refused = check_url(&format!("http://{host}/hook"));
            assert!(
                matches!(refused, Err(AddressError::Address(..))),
                "{host}: {refused:?}"
            );
        }
    }

    #[test]
    fn addresses_of_private_networks_and_of_this_machine_are_fine() {
        for host in [
            "127.0.0.1",
            "[::1]",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "[2001:db8::1]",
            "example.com",
        ] {
            check_url(&format!("https://{host}:8443/hook?x=y")).unwrap();
        }
    }

    #[test]
    fn a_url_that_cannot_be_is_refused_and_not_repeated() {
        for (url, expected) in [
            ("ftp://canary/", AddressError::Scheme),
            ("file:///canary", AddressError::Scheme),
            ("http://canary@127.0.0.1/", AddressError::Credentials),
            ("http://amy:canary@127.0.0.1/", AddressError::Credentials),
            ("http://127.0.0.1/#canary", AddressError::Fragment),
            (
                &format!("http://a/{}", "x".repeat(2000)),
                AddressError::TooLong,
            ),
        ] {
            assert_eq!(check_url(url).unwrap_err(), expected, "{url}");
        }
        for url in ["", "canary", "http://", "http://canary canary/"] {
            let error = check_url(url).unwrap_err();
            assert!(
                matches!(error, AddressError::Malformed(_)),
                "{url}: {error}"
            );
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_resolved() {
        let name = "localhost".parse().unwrap();
        let found = CheckedResolver.resolve(name).await.unwrap();
        assert!(found.map(|address| address.ip()).all(|ip| ip.is_loopback()));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_refused_address_is_not_connected_to() {
        // The resolver of the system takes an address for a name that leads to it.
        for name in ["169.254.169.254", "::ffff:a9fe:a9fe", "fd00:ec2::254"] {
            let found = CheckedResolver.resolve(name.parse().unwrap()).await;
            let error = found.map(drop).unwrap_err();
            assert!(error.to_string().contains("is refused"), "{name}: {error}");
        }
    }
}
