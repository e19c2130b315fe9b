//! Normalises the address of an Atlas.
//!
//! Evidence: Packer's documentation gives the default as `https://atlas.hashicorp.com/api/v1`, while
//! HashiCorp's client took the address without `/api/v1` and added it, so that the documented value got it
//! twice. Published templates also end the address with a slash. Here all spellings lead to the same address.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The documented default address. The service there was switched off in 2018.
pub const DEFAULT_ATLAS_URL: &str = "https://atlas.hashicorp.com/api/v1";

const DEFAULT_HOST: &str = "atlas.hashicorp.com";
const API_PATH: &str = "/api/v1";
/// The second version of the API of Vagrant boxes.
const BOX_API_PATH: &str = "/api/v2";

/// The base URL of an API: `scheme://host[:port][/prefix]/api/v1`, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtlasUrl(Url);

impl AtlasUrl {
    /// Returns whether this is the address of the service that was switched off, in any spelling.
    pub fn is_default(&self) -> bool {
        self.0.host_str() == Some(DEFAULT_HOST)
    }

    /// Returns the origin (scheme, host and port) to which the token of this Atlas may be sent.
    pub fn origin(&self) -> url::Origin {
        self.0.origin()
    }

    /// Returns the address without the path of the API.
    pub fn root(&self) -> Url {
        let mut url = self.0.clone();
        url.set_path(prefix(self.0.path()));
        url
    }

    /// Returns the URL of an endpoint below the base. Each segment is escaped.
    pub fn endpoint<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url
    }
}

impl FromStr for AtlasUrl {
    type Err = AtlasUrlError;

    fn from_str(text: &str) -> Result<Self, AtlasUrlError> {
        let mut url = Url::parse(text).map_err(|_| AtlasUrlError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AtlasUrlError::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AtlasUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AtlasUrlError::Query);
        }
        let path = format!("{}{API_PATH}", prefix(url.path()));
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl fmt::Display for AtlasUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The reason why an address was refused. No message repeats the address, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AtlasUrlError {
    /// The address is not an absolute http or https URL.
    #[error("the Atlas URL must be absolute, as in https://atlas.example.com")]
    NotAUrl,
    /// The address contains a user or a password, which would get into logs.
    #[error("the Atlas URL must not hold a user or a password")]
    Credentials,
    /// The address contains a query or a fragment, which the URLs of endpoints could not keep.
    #[error("the Atlas URL must not hold a query or a fragment")]
    Query,
}

/// Returns the part of a path before the API's path. The API's path may be there twice: the original client
/// doubled it in the documented default, so people may have written it down. It may be that of the API of Vagrant
/// boxes, whose second version has the same server.
fn prefix(path: &str) -> &str {
    let mut prefix = path.trim_end_matches('/');
    let apis = [API_PATH, BOX_API_PATH];
    while let Some(shorter) = apis.iter().find_map(|api| prefix.strip_suffix(api)) {
        prefix = shorter.trim_end_matches('/');
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        text.parse::<AtlasUrl>().unwrap().to_string()
    }

    #[test]
    fn every_spelling_of_an_address_is_the_same() {
        for spelling in [
            "http://atlas.test:8080",
            "http://atlas.test:8080/",
            "http://atlas.test:8080/api/v1",
            "http://atlas.test:8080/api/v1/",
            "http://atlas.test:8080/api/v2",
            "http://atlas.test:8080//",
            "http://ATLAS.test:8080/api/v1/api/v1",
        ] {
            assert_eq!(normal(spelling), "http://atlas.test:8080/api/v1");
        }
    }

    #[test]
    fn a_path_prefix_is_kept() {
        assert_eq!(
            normal("https://x.test/atlas"),
            "https://x.test/atlas/api/v1"
        );
        assert_eq!(
            normal("https://x.test/atlas/api/v1/"),
            "https://x.test/atlas/api/v1"
        );
    }

    #[test]
    fn the_default_is_known_by_any_spelling() {
        assert_eq!(normal(DEFAULT_ATLAS_URL), DEFAULT_ATLAS_URL);
        for spelling in [DEFAULT_ATLAS_URL, "https://Atlas.HashiCorp.com/"] {
            assert!(spelling.parse::<AtlasUrl>().unwrap().is_default());
        }
        assert!(
            !"https://atlas.test"
                .parse::<AtlasUrl>()
                .unwrap()
                .is_default()
        );
    }

    #[test]
    fn segments_of_an_endpoint_are_escaped() {
        let url: AtlasUrl = "http://x.test/p".parse().unwrap();
        assert_eq!(
            url.endpoint(["artifacts", "a?b", "c d"]).as_str(),
            "http://x.test/p/api/v1/artifacts/a%3Fb/c%20d"
        );
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_repeating_it() {
        for (bad, why) in [
            ("atlas.test", AtlasUrlError::NotAUrl),
            ("ftp://atlas.test", AtlasUrlError::NotAUrl),
            ("https://u:hunter2@atlas.test", AtlasUrlError::Credentials),
            ("https://atlas.test/?a=b", AtlasUrlError::Query),
        ] {
            let refused = bad.parse::<AtlasUrl>().unwrap_err();
            assert_eq!(refused, why);
            assert!(!refused.to_string().contains("hunter2"));
        }
    }
}
