//! The URL of a store: `file:///folder` or `s3://bucket/prefix`.

use std::path::PathBuf;

/// The place of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A folder, which may be on a network file system.
    Folder(PathBuf),
    S3(Bucket),
}

/// A part of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// The beginning of all names, without slashes at its ends; may be empty.
    pub(crate) prefix: String,
}

/// The reason for which a URL is that of no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no place for files: give file:///folder or s3://bucket/prefix, and the credentials of S3 in \
     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)]
pub(crate) struct LocationError(String);

impl std::str::FromStr for Location {
    type Err = LocationError;

    fn from_str(url: &str) -> Result<Self, LocationError> {
        let error = || LocationError(without_credentials(url));
        let (scheme, rest) = url.split_once("://").ok_or_else(error)?;
        match scheme {
            "file" if rest.starts_with('/') && !rest.contains('%') => {
                Ok(Self::Folder(PathBuf::from(rest)))
            }
            "s3" => Bucket::parse(rest).map(Self::S3).ok_or_else(error),
            _ => Err(error()),
        }
    }
}

impl Location {
    /// Returns the folder for bytes under way: that of the files, or the system's for temporary files.
    pub(crate) fn scratch(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.clone(),
            Self::S3(_) => std::env::temp_dir(),
        }
    }
}

impl Bucket {
    fn parse(text: &str) -> Option<Self> {
        let (name, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(is_name);
        let is_good = is_part(name) && (prefix.is_empty() || prefix.split('/').all(is_part));
        is_good.then(|| Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

/// Shows the bucket as a URL.
impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}", self.name)?;
        match self.prefix.as_str() {
            "" => Ok(()),
            prefix => write!(f, "/{prefix}"),
        }
    }
}

/// Returns a URL without what stands before an `@`, where some write a password.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        (None, Some((_, rest))) => format!("…@{rest}"),
        (_, None) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_folder_or_a_bucket() {
        let parsed = |url: &str| url.parse::<Location>().unwrap();
        assert_eq!(
            parsed("file:///srv/atlas"),
            Location::Folder("/srv/atlas".into())
        );
        for (url, prefix, shown) in [
            ("s3://images", "", "s3://images"),
            ("s3://images/", "", "s3://images"),
            ("s3://images/a/b/", "a/b", "s3://images/a/b"),
        ] {
            let Location::S3(bucket) = parsed(url) else {
                panic!("{url}");
            };
            assert_eq!((&*bucket.name, &*bucket.prefix), ("images", prefix));
            assert_eq!(bucket.to_string(), shown);
        }
    }

    #[test]
    fn another_text_is_refused_without_its_password() {
        for url in [
            "",
            "/srv/atlas",
            "file://srv",
            "file:///a%20b",
            "s3://",
            "s3:///prefix",
            "s3://a//b/",
            "s3://a/../b",
            "s3://a/b?c",
            "http://localhost/a",
        ] {
            assert!(url.parse::<Location>().is_err(), "{url}");
        }
        let error = "s3://key:secret@images".parse::<Location>().unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with("\"s3://…@images\""), "{shown}");
    }
}
