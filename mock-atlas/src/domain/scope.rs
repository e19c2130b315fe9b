//! The scope of a token: a limit on what its user may do with it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::{ArtifactName, Name, Role};

/// A limit on a token: the highest role that it gives, and where. Its text is `ROLE`, `ROLE:USERNAME` or
/// `ROLE:USERNAME/NAME`, such as `write:acme/web`.
///
/// A scope never adds to the rights of the token's user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(
        with = "String",
        extend("pattern" = "^(read|write|admin)(:[A-Za-z0-9._-]{1,50}(/[A-Za-z0-9._-]{1,50})?)?$")
    )
)]
#[serde(try_from = "String")]
pub(crate) struct Scope {
    role: Role,
    place: Place,
}

/// The places where a token can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Everywhere,
    Namespace(Name),
    /// One artifact or box.
    Artifact(ArtifactName),
}

/// The target of a request, which a scope covers or not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// A namespace as a whole, such as the list of its boxes.
    Namespace(&'a Name),
    /// An artifact or a box.
    Artifact(&'a ArtifactName),
}

impl Scope {
    /// The scope of a token that may do everything that its user may do.
    pub(crate) const FULL: Self = Self {
        role: Role::Admin,
        place: Place::Everywhere,
    };

    /// Returns the part of a role in a target that the scope allows; `None` if it allows nothing.
    pub(crate) fn limit(&self, role: Role, target: Target<'_>) -> Option<Role> {
        self.place.covers(target).then(|| role.min(self.role))
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::FULL
    }
}

impl Place {
    fn covers(&self, target: Target<'_>) -> bool {
        match (self, target) {
            (Self::Everywhere, _) => true,
            (Self::Namespace(place), _) => place == target.namespace(),
            (Self::Artifact(place), Target::Artifact(artifact)) => place == artifact,
            (Self::Artifact(_), Target::Namespace(_)) => false,
        }
    }
}

impl<'a> Target<'a> {
    /// Returns the namespace that the target is, or lies in.
    pub(crate) fn namespace(self) -> &'a Name {
        match self {
            Self::Namespace(name) => name,
            Self::Artifact(artifact) => &artifact.username,
        }
    }
}

impl<'a> From<&'a Name> for Target<'a> {
    fn from(namespace: &'a Name) -> Self {
        Self::Namespace(namespace)
    }
}

impl<'a> From<&'a ArtifactName> for Target<'a> {
    fn from(artifact: &'a ArtifactName) -> Self {
        Self::Artifact(artifact)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let (role, place) = match text.split_once(':') {
            Some((role, place)) => (role, Some(place)),
            None => (text, None),
        };
        let invalid = || ScopeError(text.chars().take(160).collect());
        let place = match place {
            None => Place::Everywhere,
            Some(place) if place.contains('/') => {
                Place::Artifact(place.parse().map_err(|_| invalid())?)
            }
            Some(place) => Place::Namespace(place.parse().map_err(|_| invalid())?),
        };
        let role = Role::from_text(role).ok_or_else(invalid)?;
        Ok(Self { role, place })
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role.text())?;
        match &self.place {
            Place::Everywhere => Ok(()),
            Place::Namespace(name) => write!(f, ":{name}"),
            Place::Artifact(artifact) => write!(f, ":{artifact}"),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An error that names a text which is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no scope: expected read, write or admin, alone or with :USERNAME or :USERNAME/NAME, \
     such as write:acme/web"
)]
pub(crate) struct ScopeError(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(scope: &str, role: Role, target: &str) -> Option<Role> {
        let scope: Scope = scope.parse().unwrap();
        match target.contains('/') {
            true => scope.limit(role, (&target.parse::<ArtifactName>().unwrap()).into()),
            false => scope.limit(role, (&target.parse::<Name>().unwrap()).into()),
        }
    }

    #[test]
    fn a_scope_takes_from_a_role_and_never_adds_to_it() {
        assert_eq!(limit("admin", Role::Read, "acme/web"), Some(Role::Read));
        assert_eq!(limit("read", Role::Admin, "acme/web"), Some(Role::Read));
        assert_eq!(limit("write", Role::Admin, "acme"), Some(Role::Write));
    }

    #[test]
    fn a_scope_covers_its_namespace_or_its_artifact_alone() {
        let allowed = |scope, target| limit(scope, Role::Admin, target).is_some();
        for target in ["acme", "acme/web", "acme/db"] {
            assert!(allowed("admin:acme", target), "{target}");
            assert!(!allowed("admin:amy", target), "{target}");
            let is_web = target == "acme/web";
            assert_eq!(allowed("admin:acme/web", target), is_web, "{target}");
        }
    }

    #[test]
    fn a_scope_is_written_as_it_was_read_and_other_texts_are_named() {
        for text in ["read", "write:acme", "admin:acme/web"] {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
        }
        for text in [
            "",
            "Read",
            "owner",
            "read:",
            "read:a/",
            "read:/a",
            "read:a/b/c",
            "read:a b",
            ":a",
        ] {
            let error = text.parse::<Scope>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
