//! The JSON of the API: what is sent has the genuine client's keys in its order, what is received
//! is read leniently.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of `POST /artifacts`.
#[derive(Debug, Serialize)]
pub struct CreateArtifact<'a> {
    /// The artifact to make.
    pub artifact: NewArtifact<'a>,
}

/// An artifact to be made.
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
    /// The version to make.
    pub artifact_version: NewVersion<'a>,
}

/// A version to be made, with its keys in the order of the recorded requests.
#[derive(Debug, Clone, Serialize)]
pub struct NewVersion<'a> {
    /// The build it belongs to; 0 is none.
    pub build_id: u64,
    /// The compilation it belongs to; 0 is none.
    pub compile_id: u64,
    /// Whether bytes follow.
    pub file: bool,
    /// What the version is called outside Atlas, such as `us-east-1:ami-1`.
    pub id: &'a str,
    /// Free text by key.
    pub metadata: &'a BTreeMap<String, String>,
}

/// The reply of `GET /authenticate`; the emulator's and the documented one name the user, some
/// stand-ins do not.
#[derive(Debug, Default, Deserialize)]
pub struct Authenticated {
    /// Whose token it is.
    #[serde(default)]
    pub user: Option<User>,
}

/// Who a token belongs to.
#[derive(Debug, Deserialize)]
pub struct User {
    /// The name that stands before the slash in a slug.
    pub username: String,
}

/// The reply that describes an artifact.
#[derive(Debug, Deserialize)]
pub struct ArtifactReply {
    /// The artifact.
    pub artifact: Artifact,
}

/// An artifact as the server knows it.
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
    /// What matched, newest first.
    pub versions: Vec<Version>,
}

/// The reply that describes a version just made.
#[derive(Debug, Deserialize)]
pub struct CreatedVersion {
    /// Its number, unique for artifact and type.
    pub version: u64,
    /// Where the bytes go. Who knows it may write: a secret.
    #[serde(default)]
    pub upload_path: Option<String>,
    /// The secret part of the above.
    #[serde(default)]
    pub upload_token: Option<String>,
}

/// A version as a search shows it, with its keys in the recorded order.
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
    /// Its type.
    pub artifact_type: String,
    /// What it is called outside Atlas.
    #[serde(default)]
    pub id: Option<String>,
    /// Its number, counted by artifact and type.
    pub version: u64,
    /// Free text by key.
    #[serde(default, deserialize_with = "absent_or_null")]
    pub metadata: Metadata,
    /// Whether it has bytes.
    #[serde(default)]
    pub file: bool,
}

/// Metadata in the server's own order, which is by length and then by byte, not alphabetical.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(pub Vec<(String, String)>);

impl Metadata {
    /// The value of a key.
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

/// A JSON scalar as the text Packer would make of it; null is the empty text.
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

    /// The body that Packer 1.2.5 sent for an AMI.
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
