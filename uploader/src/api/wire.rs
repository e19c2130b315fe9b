//! Defines the JSON of the API. Requests have the genuine client's keys in its order; replies are read
//! leniently.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of `POST /artifacts`.
#[derive(Debug, Serialize)]
pub struct CreateArtifact<'a> {
    /// The artifact to create.
    pub artifact: NewArtifact<'a>,
}

/// An artifact to create.
#[derive(Debug, Serialize)]
pub struct NewArtifact<'a> {
    /// The user or organisation.
    pub username: &'a str,
    /// The name within it.
    pub name: &'a str,
}

/// The body of `POST /artifacts/U/N/TYPE`.
#[derive(Debug, Serialize)]
pub struct CreateVersion<'a> {
    /// The version to create.
    pub artifact_version: NewVersion<'a>,
}

/// A version to create, with its keys in the order of the recorded requests.
#[derive(Debug, Clone, Serialize)]
pub struct NewVersion<'a> {
    /// The build to which the version belongs; 0 for none.
    pub build_id: u64,
    /// The compilation to which the version belongs; 0 for none.
    pub compile_id: u64,
    /// Whether the version has a file, whose bytes follow.
    pub file: bool,
    /// The identifier of the version outside Atlas, such as `us-east-1:ami-1`.
    pub id: &'a str,
    /// The metadata: texts by key.
    pub metadata: &'a BTreeMap<String, String>,
}

/// The reply of `GET /authenticate`. The emulator's and the documented reply name the user; those of some
/// stand-ins do not.
#[derive(Debug, Default, Deserialize)]
pub struct Authenticated {
    /// The user who owns the token.
    #[serde(default)]
    pub user: Option<User>,
}

/// The user who owns a token.
#[derive(Debug, Deserialize)]
pub struct User {
    /// The name before the slash in a slug.
    pub username: String,
}

/// The reply that describes an artifact.
#[derive(Debug, Deserialize)]
pub struct ArtifactReply {
    /// The artifact.
    pub artifact: Artifact,
}

/// An artifact in a reply of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Artifact {
    /// The user or organisation.
    pub username: String,
    /// The name within it.
    pub name: String,
    /// `user/name`.
    #[serde(default)]
    pub tag: Option<String>,
}

/// The reply of a search.
#[derive(Debug, Deserialize)]
pub struct SearchReply {
    /// The versions that match, newest first.
    pub versions: Vec<Version>,
}

/// The reply that describes a version that was just created.
#[derive(Debug, Deserialize)]
pub struct CreatedVersion {
    /// The version number, unique within the artifact and type.
    pub version: u64,
    /// The URL for the upload of the bytes. It is a secret, because it authorises the upload by itself.
    #[serde(default)]
    pub upload_path: Option<String>,
    /// The secret part of `upload_path`.
    #[serde(default)]
    pub upload_token: Option<String>,
}

/// A version in the reply of a search, with its keys in the recorded order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The user or organisation.
    pub username: String,
    /// The artifact's name.
    pub name: String,
    /// `user/name`.
    pub tag: String,
    /// `user/name/type/version`.
    pub slug: String,
    /// The type of the version.
    pub artifact_type: String,
    /// The identifier of the version outside Atlas.
    #[serde(default)]
    pub id: Option<String>,
    /// The version number, counted within the artifact and type.
    pub version: u64,
    /// The metadata: texts by key.
    #[serde(default, deserialize_with = "absent_or_null")]
    pub metadata: Metadata,
    /// Whether the version has a file.
    #[serde(default)]
    pub file: bool,
}

/// The metadata of a version in the server's own order, which is by length and then by byte, not
/// alphabetical.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(pub Vec<(String, String)>);

impl Metadata {
    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

/// Converts a JSON scalar to text as Packer does; null becomes the empty text.
pub fn scalar_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn absent_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Metadata, D::Error> {
    Ok(Option::<Metadata>::deserialize(deserializer)?.unwrap_or_default())
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            entries.push((key, scalar_text(value)));
        }
        Ok(Metadata(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request body that Packer 1.2.5 sent for an AMI.
    const GENUINE: &str = r#"{"artifact_version":{"build_id":0,"compile_id":0,"file":false,"id":"us-east-1:ami-fa0bcaf0d16ad4d29","metadata":{"created_at":"1795352171","region.us-east-1":"ami-fa0bcaf0d16ad4d29"}}}"#;

    #[test]
    fn the_body_of_a_version_is_the_genuine_clients_byte_for_byte() {
        let ami = "ami-fa0bcaf0d16ad4d29";
        let metadata = BTreeMap::from(
            [("region.us-east-1", ami), ("created_at", "1795352171")]
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let body = CreateVersion {
            artifact_version: NewVersion {
                build_id: 0,
                compile_id: 0,
                file: false,
                id: &format!("us-east-1:{ami}"),
                metadata: &metadata,
            },
        };
        assert_eq!(serde_json::to_string(&body).unwrap(), GENUINE);
    }

    #[test]
    fn a_version_is_printed_as_the_server_wrote_it() {
        let reply = r#"{"username":"u","name":"n","tag":"u/n","slug":"u/n/t/2","artifact_type":"t","id":"i","version":2,"metadata":{"zz":"1","aaa":"","region.x":"ami-1"},"file":true}"#;
        let version: Version = serde_json::from_str(reply).unwrap();
        assert_eq!(version.metadata.get("region.x"), Some("ami-1"));
        assert_eq!(serde_json::to_string(&version).unwrap(), reply);
    }

    #[test]
    fn metadata_may_be_absent_or_null_or_hold_numbers() {
        for (metadata, entries) in [
            ("", 0),
            (r#","metadata":null"#, 0),
            (r#","metadata":{"n":3,"b":true,"x":null}"#, 3),
        ] {
            let reply = format!(
                r#"{{"username":"u","name":"n","tag":"u/n","slug":"s","artifact_type":"t","version":1{metadata}}}"#
            );
            let version: Version = serde_json::from_str(&reply).unwrap();
            assert_eq!(version.metadata.0.len(), entries);
        }
        assert_eq!(scalar_text(Value::from(3)), "3");
        assert_eq!(scalar_text(Value::Null), "");
    }
}
