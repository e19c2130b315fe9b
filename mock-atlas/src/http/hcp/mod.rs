//! Contains the handlers of HCP's registry of boxes, one module for each noun, and of its tokens and operations. A
//! registry is a user or an organisation; its boxes are those of the other APIs, and an architecture here is a
//! provider there.

pub(crate) mod architectures;
pub(crate) mod boxes;
pub(crate) mod operations;
pub(crate) mod providers;
pub(crate) mod registries;
pub(crate) mod search;
pub(crate) mod token;
pub(crate) mod uploads;
pub(crate) mod versions;

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use super::extract::{PageTokens, Section};
use super::json::{HcpList, HcpListReply, HcpReply};
use crate::domain::Name;

/// Returns the reply with one object.
// Contract: boxes-hcp.success-ok
fn one(object: HcpReply<'_>) -> Response {
    Json(object).into_response()
}

/// Returns the reply with a page of a list.
fn page(elements: HcpList<'_>, pagination: PageTokens) -> Response {
    let reply = HcpListReply {
        elements,
        pagination,
    };
    Json(reply).into_response()
}

/// Returns a name. An empty text tells none, like null.
fn name(section: &Section<'_>, key: &str) -> Result<Option<Name>, ApiError> {
    let text = section.text(key)?.filter(|text| !text.is_empty());
    let name = text.map(str::parse).transpose();
    name.map_err(|error| ApiError::bad_name(&section.label(key), &error))
}

/// Returns a name. Fails when it is absent.
fn required_name(section: &Section<'_>, key: &str) -> Result<Name, ApiError> {
    section.required_text(key)?;
    let missing = || ApiError::Invalid(format!("{} must not be empty", section.label(key)));
    name(section, key)?.ok_or_else(missing)
}

/// Refuses to give an object another name, where that is not possible.
fn refuse_new_name(section: &Section<'_>, key: &str, old: &Name) -> Result<(), ApiError> {
    match name(section, key)? {
        Some(new) if new != *old => Err(ApiError::Invalid(format!(
            "{} cannot be changed: it is {old}",
            section.label(key)
        ))),
        _ => Ok(()),
    }
}
