//! Determines which API a server speaks: v2 of Vagrant Cloud's API is preferred, then v1, then HCP's.

use serde_json::{Map, Value};
use url::Url;

use super::Api;
use crate::base::error::Cause;
use crate::base::slug::ArtifactName;
use crate::boxes::credentials::{Audience, is_hcp, is_vagrant_cloud};
use crate::boxes::registry::{RegistryClient, RegistryOptions};
use crate::boxes::source::hcp::Hcp;
use crate::boxes::source::vagrant_cloud::VagrantCloud;
use crate::boxes::source::{Source, join_segments};

type Object = Map<String, Value>;

pub(super) async fn connect(
    options: RegistryOptions,
    address: &Url,
    api: Option<Api>,
    name: Option<&ArtifactName>,
) -> Result<(Source, Api), Cause> {
    let http = RegistryClient::new(options, address, Audience::VagrantCloud)?;
    let known = || {
        let of_host = is_hcp(address).then_some(Api::Hcp);
        of_host.or_else(|| is_vagrant_cloud(address).then_some(Api::V2))
    };
    let told = api.or_else(known);
    let mut refusal = None;
    for api in [Api::V2, Api::V1] {
        if told.is_some_and(|told| told != api) {
            continue;
        }
        let cloud = VagrantCloud::at(http.clone(), address, api.name());
        match authenticate(&cloud).await {
            Ok(true) => return Ok((Source::VagrantCloud(cloud), api)),
            Ok(false) if told == Some(api) => {
                return Err(nothing(address, &format!("API {api}")));
            }
            Ok(false) => {}
            Err(cause) if told == Some(api) => return Err(cause),
            Err(cause) => refusal = Some(unless_final(cause)?),
        }
    }
    let hcp = Hcp {
        http: http.for_audience(Audience::Hcp),
        base: address.clone(),
    };
    if told == Some(Api::Hcp) || is_answering(&hcp, name).await? {
        return Ok((Source::Hcp(hcp), Api::Hcp));
    }
    Err(refusal.unwrap_or_else(|| nothing(address, "API v2, v1 or hcp")))
}

/// Verifies the token with a server of Vagrant Cloud; returns whether the server speaks this version of the API. Without
/// a token, the refusal of a server shows that it does.
async fn authenticate(cloud: &VagrantCloud) -> Result<bool, Cause> {
    let url = join_segments(&cloud.base, ["authenticate"]);
    match cloud.http.json::<Option<Object>>(&url).await {
        Ok(_) => Ok(true),
        Err(Cause::Status { status: 404, .. } | Cause::Reply { .. }) => Ok(false),
        Err(Cause::Status {
            status: 401 | 403,
            messages,
            ..
        }) if !messages.is_empty() && !cloud.http.has_credentials() => Ok(true),
        Err(cause) => Err(cause),
    }
}

/// Returns whether a server answers as HCP does: with the box, with a search, or with a refusal in words.
async fn is_answering(hcp: &Hcp, name: Option<&ArtifactName>) -> Result<bool, Cause> {
    let url = match name {
        Some(name) => hcp.url(&["registry", name.user(), "box", name.name()]),
        None => hcp.url(&["search"]),
    };
    match hcp.http.json::<Object>(&url).await {
        Ok(reply) => Ok(reply.contains_key("box") || reply.contains_key("boxes")),
        Err(Cause::Status {
            status: 404,
            messages,
            ..
        }) => Ok(!messages.is_empty()),
        Err(Cause::Reply { .. } | Cause::Page { .. }) => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Returns a refusal after which another API may still answer.
fn unless_final(cause: Cause) -> Result<Cause, Cause> {
    match cause {
        // The server knows the API, and does not accept the token.
        Cause::Status {
            status: 401,
            ref messages,
            ..
        } if !messages.is_empty() => Err(cause),
        Cause::Status {
            status: 400..=499 | 501,
            ..
        }
        | Cause::TokenNotSent { .. }
        | Cause::Page { .. } => Ok(cause),
        cause => Err(cause),
    }
}

fn nothing(address: &Url, tried: &str) -> Cause {
    Cause::Missing(format!(
        "no registry of Vagrant boxes answers at {address} with the {tried}; check the address, or name the API with --api"
    ))
}
