//! The format of a seed. The doc comments are the descriptions in `docs/seed.schema.json`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::domain::{
    ArtifactName, BoxNumber, BoxStatus, ChecksumKind, Name, Role, Scope, TimestampError,
    required_timestamp,
};
use crate::faults::Fault;

/// The content of an emulator: users, organizations, permissions, artifacts, boxes, versions and files.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(title = "A seed of mock-atlas")
)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Document {
    /// The location of this schema, for an editor; the emulator ignores it.
    #[serde(rename = "$schema")]
    pub(crate) _schema: Option<String>,
    /// The users. Each user may do everything below the user's own name.
    pub(crate) users: Vec<User>,
    /// The organizations. They share one namespace with the users.
    pub(crate) organizations: Vec<Organization>,
    /// The artifacts, with their versions. An artifact may belong to a name that is neither a user nor
    /// an organization: then only the root token reaches the artifact, unless it is public.
    pub(crate) artifacts: Vec<Artifact>,
    /// The Vagrant boxes, with their versions and providers. A box may belong to any name, like an artifact.
    pub(crate) boxes: Vec<VagrantBox>,
    /// The faults, such as `upload:cut-after=1048576,times=1`: see docs/emulator.md.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub(crate) faults: Vec<Fault>,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) username: Name,
    /// The password with which the user logs in; a login makes a new token.
    pub(crate) password: Option<Password>,
    /// The code of the second factor, if a login needs one; it stays the same.
    pub(crate) two_factor: Option<Password>,
    #[serde(default)]
    pub(crate) tokens: Vec<Token>,
}

/// A token of a user.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with the key `token`")]
pub(crate) struct Token {
    /// The token itself: one or more visible ASCII characters. No two tokens may be the same.
    pub(crate) token: TokenValue,
    /// The description that a list of tokens shows.
    #[serde(default)]
    pub(crate) description: String,
    /// A limit on the token, `ROLE`, `ROLE:USERNAME` or `ROLE:USERNAME/NAME`, where the role is `read`, `write`
    /// or `admin`. Without one, the token may do everything that the user may do.
    #[serde(default)]
    pub(crate) scope: Scope,
    /// The time of RFC 3339 from which the token is void. Without one, the token has no end.
    pub(crate) expires_at: Option<TokenEnd>,
}

/// The end of a token.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("format" = "date-time"))
)]
#[serde(try_from = "String")]
pub(crate) struct TokenEnd(pub(crate) SystemTime);

impl TryFrom<String> for TokenEnd {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        required_timestamp(&text).map(Self)
    }
}

/// An organization.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Organization {
    pub(crate) name: Name,
    #[serde(default)]
    pub(crate) members: Vec<Member>,
}

/// A member of an organization.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    /// A user that is declared under `users`, or exists already.
    pub(crate) username: Name,
    pub(crate) role: Role,
}

/// An artifact.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Artifact {
    /// The full name, `username/name`.
    pub(crate) name: ArtifactName,
    /// Whether everyone may read the artifact, even without a token.
    #[serde(default)]
    pub(crate) public: bool,
    /// The versions, numbered from 1 for each type in this order.
    #[serde(default)]
    pub(crate) versions: Vec<Version>,
}

/// A version of an artifact.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    /// The artifact type, such as `amazon.image`.
    #[serde(rename = "type")]
    pub(crate) artifact_type: Name,
    /// The client's own id of the artifact, such as `us-east-1:ami-1`.
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    /// The id of the build that made the version; 0 for none.
    #[serde(default)]
    pub(crate) build_id: u64,
    /// The file of the version; absent for a version without a file.
    pub(crate) file: Option<File>,
}

/// A Vagrant box.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct VagrantBox {
    /// The full name, `username/name`. An artifact of this name gets the box.
    pub(crate) name: ArtifactName,
    /// Whether only callers with a role in the namespace may read the box. Where this is absent, a new
    /// box is private, and an artifact that gets a box stays as it is.
    pub(crate) private: Option<bool>,
    /// The description in one line.
    #[serde(default)]
    pub(crate) short_description: String,
    /// The description in Markdown.
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) versions: Vec<BoxVersion>,
}

/// A version of a box.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxVersion {
    /// The version number, as RubyGems reads it: `1.2.0`.
    pub(crate) version: BoxNumber,
    /// The status; Vagrant sees active versions alone.
    #[serde(default = "active")]
    pub(crate) status: BoxStatus,
    /// The description in Markdown.
    #[serde(default)]
    pub(crate) description: String,
    /// The providers, one for each provider and architecture. An active version has at least one.
    #[serde(default)]
    pub(crate) providers: Vec<BoxProvider>,
}

fn active() -> BoxStatus {
    BoxStatus::Active
}

/// A provider of a box's version.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxProvider {
    /// The name of the provider, such as `virtualbox`.
    pub(crate) name: Name,
    /// The architecture, such as `amd64`; `unknown` if it is absent.
    pub(crate) architecture: Option<Name>,
    /// Whether this architecture is the default of the providers of this name; the first one is, if
    /// none says so.
    #[serde(default)]
    pub(crate) default_architecture: bool,
    /// The file of the box.
    pub(crate) file: Option<File>,
    /// The URL of the file on another server, instead of `file`.
    pub(crate) url: Option<String>,
    /// The type of the checksum.
    pub(crate) checksum_type: Option<ChecksumKind>,
    /// The checksum that Vagrant is told, right or wrong. Where it is absent, Vagrant is told the SHA-256
    /// of `file`.
    pub(crate) checksum: Option<String>,
}

/// The bytes of a file.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum File {
    /// The path of a file on disk, relative to the folder of the seed file.
    Path(PathBuf),
    /// The content as text, in UTF-8.
    Text(String),
    /// The content in Base64.
    Base64(Base64),
}

/// Bytes in Base64, with padding.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("contentEncoding" = "base64"))
)]
#[serde(try_from = "String")]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = STANDARD.decode(text);
        bytes
            .map(Self)
            .map_err(|error| format!("the text is not Base64: {error}"))
    }
}

/// A password.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub(crate) struct Password(pub(crate) String);

/// Hides the password.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A token that a header can carry.
#[derive(Clone, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = "^[!-~]+$"))
)]
#[serde(try_from = "String")]
pub(crate) struct TokenValue(String);

impl TokenValue {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hides the token.
impl fmt::Debug for TokenValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenValue")
    }
}

/// An error for a text that a header cannot carry as a token. The error does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token must consist of one or more visible ASCII characters")]
pub(crate) struct TokenError;

impl TryFrom<String> for TokenValue {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError);
        }
        Ok(Self(text))
    }
}
