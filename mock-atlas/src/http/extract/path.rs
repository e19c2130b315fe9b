//! Extracts the names in a path, so that handlers see valid names only.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::domain::{ArtifactName, ChannelNameError, Name};
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::storage::ChannelPlace;

/// The path `…/:username`. An invalid name is answered with 404, since nobody can have it.
#[derive(Debug)]
pub(crate) struct OwnerPath(pub(crate) Name);

impl FromRequestParts<AppState> for OwnerPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = segments(parts, state).await?;
        let [username] = texts(&segments)?;
        let name = username.parse().map_err(|_| ApiError::NotFound)?;
        Ok(Self(name))
    }
}

/// The path `…/:username/:name`. An invalid name is answered with 404, since nothing can have it.
#[derive(Debug)]
pub(crate) struct ArtifactPath(pub(crate) ArtifactName);

impl FromRequestParts<AppState> for ArtifactPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = segments(parts, state).await?;
        let [username, name] = texts(&segments)?;
        Ok(Self(artifact_name(username, name)?))
    }
}

/// The path `…/:username/:name/:type`. An invalid type is an error that says why, since any valid type comes
/// to exist by being used.
#[derive(Debug)]
pub(crate) struct TypePath {
    pub(crate) artifact: ArtifactName,
    pub(crate) artifact_type: Name,
}

impl FromRequestParts<AppState> for TypePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = segments(parts, state).await?;
        let [username, name, artifact_type] = texts(&segments)?;
        Ok(Self {
            artifact: artifact_name(username, name)?,
            artifact_type: parse_type(artifact_type)?,
        })
    }
}

/// The path `…/:username/:name/:type/:version`. The version is any text.
#[derive(Debug)]
pub(crate) struct VersionPath {
    pub(crate) artifact: ArtifactName,
    pub(crate) artifact_type: Name,
    pub(crate) version: String,
}

impl FromRequestParts<AppState> for VersionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = segments(parts, state).await?;
        let [username, name, artifact_type, version] = texts(&segments)?;
        Ok(Self {
            artifact: artifact_name(username, name)?,
            artifact_type: parse_type(artifact_type)?,
            version: version.to_owned(),
        })
    }
}

/// The path `…/:username/:name/:type/:channel`. An invalid channel is an error that says why, as an invalid type is.
#[derive(Debug)]
pub(crate) struct ChannelPath(pub(crate) ChannelPlace);

impl FromRequestParts<AppState> for ChannelPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = segments(parts, state).await?;
        let [username, name, artifact_type, channel] = texts(&segments)?;
        let invalid = |error: ChannelNameError| ApiError::Invalid(format!("channel {error}"));
        Ok(Self(ChannelPlace {
            artifact: artifact_name(username, name)?,
            artifact_type: parse_type(artifact_type)?,
            name: channel.parse().map_err(invalid)?,
        }))
    }
}

async fn segments(parts: &mut Parts, state: &AppState) -> Result<RawPathParams, ApiError> {
    // This fails only for a segment that is no UTF-8, and no name is.
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::NotFound)
}

/// Returns the texts of the route's `N` parameters.
fn texts<const N: usize>(segments: &RawPathParams) -> Result<[&str; N], ApiError> {
    let mut found = segments.iter();
    let mut texts = [""; N];
    for text in &mut texts {
        (_, *text) = found.next().ok_or(ApiError::NotFound)?;
    }
    match found.next() {
        None => Ok(texts),
        Some(_) => Err(ApiError::NotFound),
    }
}

// Contract: silent.names-in-paths
fn artifact_name(username: &str, name: &str) -> Result<ArtifactName, ApiError> {
    let parse = |text: &str| text.parse::<Name>().map_err(|_| ApiError::NotFound);
    Ok(ArtifactName {
        username: parse(username)?,
        name: parse(name)?,
    })
}

// Contract: artifacts.any-type, artifacts.recommended-types, silent.names-in-paths
fn parse_type(text: &str) -> Result<Name, ApiError> {
    text.parse()
        .map_err(|error| ApiError::bad_name("artifact_type", &error))
}
