//! Tells where the pages are for a browser: below which path, and under which name its session is kept.

use axum::http::{HeaderMap, Uri};

use crate::http::extract::named_host;

/// A place is where the pages are for the browser that made a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The path of the public URL, without a slash at its end: a proxy takes it away from the path of each request.
    pub(super) base: String,
    /// The name of the session's cookie. Cookies do not tell ports apart, so that it differs between emulators on one
    /// host.
    pub(super) cookie: String,
}

impl Place {
    /// Returns the place for a request. Whoever names another host than that of the public URL has not come through
    /// the proxy.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap, public_url: Option<&str>) -> Self {
        let named = named_host(uri, headers);
        let public = public_url.and_then(|url| url.parse::<Uri>().ok());
        let public_host = public.as_ref().and_then(Uri::host);
        let is_public = named
            .as_ref()
            .zip(public_host)
            .is_some_and(|(named, public)| named.host().eq_ignore_ascii_case(public));
        let base = public.as_ref().filter(|_| is_public).map(Uri::path);
        let base = base.unwrap_or_default().trim_end_matches('/').to_owned();
        let site = match (public_url, &named) {
            (Some(url), _) => url,
            (None, Some(host)) => host.as_str(),
            (None, None) => "",
        };
        let of_site = blake3::hash(site.to_ascii_lowercase().as_bytes()).to_hex();
        Self {
            base,
            cookie: format!("atlas_session_{}", &of_site[..8]),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    fn place(host: &str, public_url: Option<&str>) -> Place {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        Place::of(&Uri::from_static("/"), &headers, public_url)
    }

    #[test]
    fn addresses_begin_with_the_path_of_the_public_url_for_those_who_use_it() {
        let public = Some("https://Atlas.example.com:8443/team/atlas");
        for (host, url, base) in [
            ("atlas.example.com", public, "/team/atlas"),
            ("ATLAS.example.com:1", public, "/team/atlas"),
            ("127.0.0.1:28527", public, ""),
            ("atlas.example.com", Some("https://atlas.example.com"), ""),
            ("atlas.example.com", None, ""),
        ] {
            assert_eq!(place(host, url).base, base, "{host} {url:?}");
        }
    }

    #[test]
    fn each_emulator_on_a_host_has_a_cookie_of_its_own() {
        let cookie = |host, url| place(host, url).cookie;
        assert_ne!(cookie("127.0.0.1:1", None), cookie("127.0.0.1:2", None));
        assert_eq!(cookie("Localhost:1", None), cookie("localhost:1", None));
        let (one, two) = (Some("https://a.example/one"), Some("https://a.example/two"));
        assert_ne!(cookie("a.example", one), cookie("a.example", two));
        assert_eq!(cookie("a.example", one), cookie("127.0.0.1:1", one));
    }
}
