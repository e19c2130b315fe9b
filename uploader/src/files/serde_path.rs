//! Writes and reads paths as JSON. A path in UTF-8, as nearly all are, is a string; any other path is an
//! object with the system's encoding: `{"Unix": [bytes]}`, or `{"Windows": [16-bit units]}`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path as it is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Spelled {
    Text(String),
    Raw(OsString),
}

impl From<Spelled> for PathBuf {
    fn from(spelled: Spelled) -> Self {
        match spelled {
            Spelled::Text(text) => text.into(),
            Spelled::Raw(raw) => raw.into(),
        }
    }
}

/// A path as it is written.
#[derive(Serialize)]
#[serde(untagged)]
enum Spelling<'a> {
    Text(&'a str),
    Raw(&'a OsStr),
}

impl<'a> From<&'a Path> for Spelling<'a> {
    fn from(path: &'a Path) -> Self {
        path.to_str()
            .map_or_else(|| Self::Raw(path.as_os_str()), Self::Text)
    }
}

/// Writes and reads a list of paths.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(paths.iter().map(|path| Spelling::from(path.as_path())))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let spelled = Vec::<Spelled>::deserialize(from)?;
        Ok(spelled.into_iter().map(PathBuf::from).collect())
    }
}

/// Writes and reads one path.
pub(crate) mod one {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        Spelling::from(path).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Spelled::deserialize(from).map(PathBuf::from)
    }
}

/// Writes a path, or null.
pub(crate) fn serialize_option<S: Serializer>(
    path: &Option<PathBuf>,
    to: S,
) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Spelling::from).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "list")]
        paths: Vec<PathBuf>,
    }

    #[cfg(unix)]
    #[test]
    fn any_path_comes_back_and_one_in_utf8_is_a_string() {
        use std::os::unix::ffi::OsStrExt as _;
        let paths = vec![
            PathBuf::from("/a/\u{e9}"),
            OsStr::from_bytes(b"/a/\xe9").into(),
        ];
        let holder = Holder { paths };
        let text = serde_json::to_string(&holder).unwrap();
        assert_eq!(text, r#"{"paths":["/a/é",{"Unix":[47,97,47,233]}]}"#);
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), holder);
    }
}
