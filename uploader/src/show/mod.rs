//! Finds the latest version of each type of an artifact. The API does not list types, so each type is
//! searched for.

pub mod tfvars;

use futures_util::{StreamExt as _, stream};

use crate::api::wire::Version;
use crate::api::{Client, SearchQuery};
use crate::base::error::Error;
use crate::base::slug::{ArtifactName, ArtifactType};

/// The types that HashiCorp's documentation recommended, including the older names of Amazon's.
const RECOMMENDED: [&str; 16] = [
    "amazon.image",
    "amazon.ami",
    "aws.ami",
    "azure.image",
    "digitalocean.image",
    "docker.image",
    "googlecompute.image",
    "openstack.image",
    "parallels.image",
    "qemu.image",
    "virtualbox.image",
    "vmware.image",
    "custom.image",
    "application.archive",
    "archive",
    "vagrant.box",
];

/// The number of concurrent searches: enough to be quick, without burdening a small server.
const AT_ONCE: usize = 4;

/// Returns the types that an artifact is likely to have.
pub fn recommended_types() -> Vec<ArtifactType> {
    let parsed = RECOMMENDED.iter().map(|name| name.parse());
    parsed.filter_map(Result::ok).collect()
}

/// Returns the latest version of each of these types, in their order. A type without a version is left out.
///
/// # Errors
/// [`Phase::Search`](crate::base::error::Phase::Search). A 404 counts as an error only if every type is
/// answered with it: a server may answer so for a type that it does not know.
pub async fn latest_versions(
    client: &Client,
    name: &ArtifactName,
    types: &[ArtifactType],
) -> Result<Vec<Version>, Error> {
    let query = SearchQuery {
        version: Some("latest".to_owned()),
        ..SearchQuery::default()
    };
    let searches = types.iter().map(|kind| client.search(name, kind, &query));
    let mut answers = stream::iter(searches).buffered(AT_ONCE);
    let (mut found, mut hidden, mut known) = (Vec::new(), None, false);
    // The first other failure ends the loop, so that no more searches are sent to a server that cannot be
    // reached.
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(versions) => {
                known = true;
                found.extend(versions.into_iter().max_by_key(|version| version.version));
            }
            Err(error) if error.status() == Some(404) => hidden = hidden.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match hidden {
        Some(error) if !known => Err(error),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recommended_type_is_one() {
        assert_eq!(recommended_types().len(), RECOMMENDED.len());
    }
}
