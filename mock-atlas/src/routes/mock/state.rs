//! The state as a whole.

use axum::extract::State;
use axum::http::StatusCode;

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::extract::{Root, Text};
use crate::seed::Seed;
use crate::world::World;

/// `POST /_mock/reset`: back to the state after the start.
pub(crate) async fn reset(State(atlas): State<Atlas>, _: Root) -> StatusCode {
    atlas.reset();
    StatusCode::NO_CONTENT
}

/// `POST /_mock/seed`: adds all of a seed in JSON, or nothing.
pub(crate) async fn seed(
    State(atlas): State<Atlas>,
    world: World,
    _: Root,
    Text(text): Text,
) -> Result<StatusCode, ApiError> {
    // On a thread that may block: a large one takes a while to read and to plant.
    let planted = tokio::task::spawn_blocking(move || -> Result<(), ApiError> {
        let seed = Seed::from_json(&text)?;
        seed.plant(&world, atlas.limits())?;
        world.store().count_in(atlas.memory());
        atlas.change_with(&world, || {
            for fault in seed.faults() {
                atlas.faults().add(fault.clone());
            }
        });
        Ok(())
    });
    planted.await??;
    Ok(StatusCode::NO_CONTENT)
}
