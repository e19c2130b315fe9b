//! Extracts the names in paths of boxes. What cannot be a name is answered with 404, since nothing can have it.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::domain::{ArtifactName, BoxNumber, Name, ProviderKey, ProviderPlace};
use crate::http::error::ApiError;
use crate::http::state::AppState;

/// The version of the API for boxes that a request uses. The first one knows no architectures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoxApi {
    V1,
    V2,
}

impl<S: Sync> FromRequestParts<S> for BoxApi {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let is_second = parts.uri.path().starts_with(Self::V2.path());
        Ok(if is_second { Self::V2 } else { Self::V1 })
    }
}

impl BoxApi {
    /// Returns the path below which the calls are.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::V1 => "/api/v1",
            Self::V2 => "/api/v2",
        }
    }
}

/// The path `…/:username` of a user or an organisation.
#[derive(Debug)]
pub(crate) struct NamespacePath(pub(crate) Name);

/// The path `…/:username/:name` of a box.
#[derive(Debug)]
pub(crate) struct BoxPath(pub(crate) ArtifactName);

/// The path of a version.
#[derive(Debug)]
pub(crate) struct BoxVersionPath {
    pub(crate) name: ArtifactName,
    pub(crate) number: BoxNumber,
}

/// The path of a provider. Without an architecture it means the default one.
#[derive(Debug)]
pub(crate) struct BoxProviderPath {
    pub(crate) name: ArtifactName,
    pub(crate) place: ProviderPlace,
}

/// The path that completes an upload.
#[derive(Debug)]
pub(crate) struct BoxUploadPath {
    pub(crate) name: ArtifactName,
    pub(crate) upload: Uuid,
}

/// The path of a provider's file: `…/:provider.box`, `…/:provider/:architecture/vagrant.box`, or the latter with
/// a digest.
#[derive(Debug)]
pub(crate) struct BoxFilePath {
    pub(crate) name: ArtifactName,
    pub(crate) place: ProviderPlace,
    /// The digest of the file.
    pub(crate) digest: Option<String>,
}

impl FromRequestParts<AppState> for NamespacePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(
            Segments::of(parts, state).await?.required("username")?,
        ))
    }
}

impl FromRequestParts<AppState> for BoxPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(Segments::of(parts, state).await?.box_name()?))
    }
}

impl FromRequestParts<AppState> for BoxVersionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = Segments::of(parts, state).await?;
        Ok(Self {
            name: segments.box_name()?,
            number: segments.required("version")?,
        })
    }
}

impl FromRequestParts<AppState> for BoxProviderPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = Segments::of(parts, state).await?;
        Ok(Self {
            name: segments.box_name()?,
            place: segments.place(segments.required("provider")?)?,
        })
    }
}

impl FromRequestParts<AppState> for BoxUploadPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = Segments::of(parts, state).await?;
        Ok(Self {
            name: segments.box_name()?,
            upload: segments.required("upload")?,
        })
    }
}

impl FromRequestParts<AppState> for BoxFilePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = Segments::of(parts, state).await?;
        let last = segments.text("provider").ok_or(ApiError::NotFound)?;
        let provider = match segments.text("architecture") {
            Some(_) => last,
            None => last.strip_suffix(".box").ok_or(ApiError::NotFound)?,
        };
        Ok(Self {
            name: segments.box_name()?,
            place: segments.place(parsed(provider)?)?,
            digest: segments.text("digest").map(str::to_owned),
        })
    }
}

/// The variable segments of a path.
struct Segments(RawPathParams);

impl Segments {
    async fn of(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let segments = RawPathParams::from_request_parts(parts, state).await;
        segments.map(Self).map_err(|_| ApiError::NotFound)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let mut segments = self.0.iter();
        segments.find_map(|(of, text)| (of == name).then_some(text))
    }

    fn required<T: FromStr>(&self, name: &str) -> Result<T, ApiError> {
        parsed(self.text(name).ok_or(ApiError::NotFound)?)
    }

    fn box_name(&self) -> Result<ArtifactName, ApiError> {
        Ok(ArtifactName {
            username: self.required("username")?,
            name: self.required("name")?,
        })
    }

    // Contract: boxes.default-meant
    fn place(&self, provider: Name) -> Result<ProviderPlace, ApiError> {
        let architecture = self.text("architecture").map(parsed).transpose()?;
        Ok(ProviderPlace {
            version: self.required("version")?,
            key: ProviderKey {
                name: provider,
                architecture,
            },
        })
    }
}

fn parsed<T: FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}
