//! Fixtures are artifacts and boxes that, according to the operator, are on the server, so that a run can judge it by reading
//! alone. They are listed in a small TOML or JSON file.

use std::{
    collections::{BTreeMap, HashSet},
    fmt, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    input,
    suite::{names::is_name, precondition::Precondition},
};

/// The fixtures of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixtures {
    /// The artifacts.
    #[serde(default)]
    pub artifacts: Vec<Fixture>,
    /// The boxes.
    #[serde(default)]
    pub boxes: Vec<BoxFixture>,
}

/// A box: one provider of one of its active versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BoxEntry")]
pub struct BoxFixture {
    /// The user or organisation.
    pub user: String,
    /// The box's name, without the user.
    pub name: String,
    /// The visibility of the box, if it is known.
    pub visibility: Option<Visibility>,
    /// The active version.
    pub version: String,
    /// The provider.
    pub provider: String,
    /// The architecture, if it is known.
    pub architecture: Option<String>,
    /// The file of the provider, if it is known.
    pub file: Option<KnownFile>,
}

impl BoxFixture {
    /// Tells whether the box meets a precondition.
    pub(crate) fn meets(&self, precondition: Precondition) -> bool {
        match precondition {
            Precondition::Box => true,
            Precondition::PublicBox => self.visibility == Some(Visibility::Public),
            Precondition::PrivateBox => self.visibility == Some(Visibility::Private),
            Precondition::BoxFile => self.file.is_some(),
            _ => false,
        }
    }
}

/// A fixture: the versions of one type in an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "FixtureEntry")]
pub struct Fixture {
    /// The user or organisation.
    pub user: String,
    /// The artifact's name, without the user.
    pub name: String,
    /// The artifact type.
    pub kind: String,
    /// The visibility of the artifact, if it is known.
    pub visibility: Option<Visibility>,
    /// The known versions: any number of them.
    pub versions: Vec<KnownVersion>,
}

/// The visibility of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody sees the artifact, even without a token.
    Public,
    /// A caller without a token and the second user do not see the artifact.
    Private,
}

/// A version that is known to exist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownVersion {
    /// The number.
    pub version: u64,
    /// The known part of its metadata.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// The file, if it is known.
    pub file: Option<KnownFile>,
}

/// The size and the digest of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFile {
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 of the bytes, in lower-case hexadecimal digits.
    pub sha256: Digest,
}

/// A SHA-256 in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl Digest {
    /// Returns the SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digits = Sha256::digest(bytes);
        Self(digits.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The reason why a file of fixtures cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FixturesError {
    /// The file cannot be read.
    #[error("--fixtures: {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// The content of the file is invalid.
    #[error("--fixtures: {}:{line}: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// The error in the line.
        reason: String,
    },
}

/// A box in the format of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoxEntry {
    name: Slug,
    visibility: Option<Visibility>,
    version: String,
    provider: String,
    architecture: Option<String>,
    file: Option<KnownFile>,
}

/// A fixture in the format of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FixtureEntry {
    name: Slug,
    #[serde(rename = "type")]
    kind: Kind,
    visibility: Option<Visibility>,
    #[serde(default)]
    versions: Vec<KnownVersion>,
}

/// An artifact as `USER/NAME`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Slug(String, String);

/// An artifact type.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Kind(String);

/// Reads the fixtures in a file: JSON if its extension says so, or else TOML.
///
/// # Errors
/// Fails when the file cannot be read, or its content is invalid; the error names the line.
pub fn read(path: &Path) -> Result<Fixtures, FixturesError> {
    let text = input::text(path).map_err(|error| FixturesError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let parsed = if path.extension().is_some_and(|it| it == "json") {
        from_json(&text)
    } else {
        from_toml(&text)
    };
    parsed.map_err(|(line, reason)| FixturesError::Invalid {
        path: path.to_owned(),
        line,
        reason,
    })
}

fn from_json(text: &str) -> Result<Fixtures, (usize, String)> {
    serde_json::from_str(text).map_err(|error| (error.line(), error.to_string()))
}

fn from_toml(text: &str) -> Result<Fixtures, (usize, String)> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        (line, error.message().to_owned())
    })
}

impl TryFrom<FixtureEntry> for Fixture {
    type Error = String;

    fn try_from(entry: FixtureEntry) -> Result<Self, String> {
        let FixtureEntry {
            name: Slug(user, name),
            kind: Kind(kind),
            visibility,
            versions,
        } = entry;
        let mut numbers = HashSet::new();
        match versions.iter().find(|it| !numbers.insert(it.version)) {
            Some(twice) => Err(format!(
                "version {} of {user}/{name} is listed twice",
                twice.version
            )),
            None => Ok(Self {
                user,
                name,
                kind,
                visibility,
                versions,
            }),
        }
    }
}

impl TryFrom<BoxEntry> for BoxFixture {
    type Error = String;

    fn try_from(entry: BoxEntry) -> Result<Self, String> {
        let Slug(user, name) = entry.name;
        for part in [&entry.version, &entry.provider] {
            if !is_name(part) {
                return Err(format!("{part:?} is no version and no provider of a box"));
            }
        }
        Ok(Self {
            user,
            name,
            visibility: entry.visibility,
            version: entry.version,
            provider: entry.provider,
            architecture: entry.architecture,
            file: entry.file,
        })
    }
}

impl TryFrom<String> for Slug {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('/') {
            Some((user, name)) if is_name(user) && is_name(name) => {
                Ok(Self(user.to_owned(), name.to_owned()))
            }
            _ => Err(format!("the artifact {text:?} must be USER/NAME")),
        }
    }
}

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_name(&text) {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is no artifact type"))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if text.len() == 64 && text.chars().all(digits) {
            return Ok(Self(text));
        }
        Err(format!(
            "{text:?} is no SHA-256: 64 lower-case hexadecimal digits"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn complaint(name: &str, text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let error = read(&path).unwrap_err().to_string();
        let place = format!("--fixtures: {}:", path.display());
        error.strip_prefix(&place).unwrap_or(&error).to_owned()
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "[[artifacts]]\nname = \"acme/web\"\ntype = \"custom.image\"\nvisibility = \"private\"\n\
                    [[artifacts.versions]]\nversion = 2\nmetadata = { os = \"linux\" }\n";
        let json = r#"{"artifacts": [{"name": "acme/web", "type": "custom.image", "visibility": "private",
            "versions": [{"version": 2, "metadata": {"os": "linux"}}]}]}"#;
        let fixtures = from_toml(toml).unwrap();
        assert_eq!(fixtures, from_json(json).unwrap());
        let fixtures = fixtures.artifacts;
        assert_eq!(
            (fixtures[0].user.as_str(), fixtures[0].name.as_str()),
            ("acme", "web")
        );
        assert_eq!(fixtures[0].versions[0].version, 2);
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fixtures.example.toml");
        let fixtures = read(Path::new(example)).unwrap();
        assert_eq!((fixtures.artifacts.len(), fixtures.boxes.len()), (2, 1));
        assert!(fixtures.artifacts[0].versions[1].file.is_some());
        assert!(fixtures.boxes[0].meets(Precondition::BoxFile));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let said = complaint(
            "f.toml",
            "[[artifacts]]\nname = \"acme/web\"\ntyp = \"x\"\n",
        );
        assert!(said.starts_with("3: ") && said.contains("typ"), "{said}");
        let said = complaint("f.toml", "\n[[artifacts]]\nname = \"web\"\ntype = \"x\"\n");
        assert_eq!(said, "3: the artifact \"web\" must be USER/NAME");
        let said = complaint(
            "f.json",
            "{\"artifacts\": [\n{\"name\": \"a/b\", \"type\": \"a b\"}\n]}",
        );
        assert!(said.starts_with("2: \"a b\" is no artifact type"), "{said}");
        let file = "file = { size = 1, sha256 = \"AB\" }";
        let head = "[[artifacts]]\nname = \"a/b\"\ntype = \"x\"\n";
        let said = complaint(
            "f.toml",
            &format!("{head}[[artifacts.versions]]\nversion = 1\n{file}\n"),
        );
        assert!(said.starts_with("6: \"AB\" is no SHA-256"), "{said}");
        let twice = "[[artifacts.versions]]\nversion = 1\n".repeat(2);
        let said = complaint("f.toml", &format!("{head}{twice}"));
        assert!(said.ends_with("version 1 of a/b is listed twice"), "{said}");
    }
}
