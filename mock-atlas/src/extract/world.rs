//! The world in which a request is answered.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::atlas::Atlas;
use crate::world::World;

impl FromRequestParts<Atlas> for World {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, atlas: &Atlas) -> Result<Self, Infallible> {
        Ok(of_request(parts, atlas))
    }
}

/// The same world for all that is extracted from one request: who asks and what they ask for must
/// not come from different ones.
pub(super) fn of_request(parts: &mut Parts, atlas: &Atlas) -> World {
    parts
        .extensions
        .get_or_insert_with(|| atlas.world())
        .clone()
}
