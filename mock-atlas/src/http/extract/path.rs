//! Parses the names in a path. Handlers see good names only.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::domain::{ArtifactName, Name};
use crate::http::error::ApiError;
use crate::http::state::AppState;

/// `…/:username/:name`. What cannot be a name names nothing: 404.
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

/// `…/:username/:name/:type`. What cannot be an artifact type is an error that says why, since a
/// type comes to be by being used.
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

/// `…/:username/:name/:type/:version`. The version is whatever stands there.
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

async fn segments(parts: &mut Parts, state: &AppState) -> Result<RawPathParams, ApiError> {
    // The only way to fail here is a segment that is no UTF-8, which nothing can be named.
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::NotFound)
}

/// The texts of as many segments as the route leaves open.
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
