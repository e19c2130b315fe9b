//! `/_mock/reset` and `/_mock/seed` change the state as a whole.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::error::ApiError;
use crate::http::extract::{Root, Text};
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::service::seed::Seed;

/// `POST /_mock/reset`: back to the state after the start.
pub(crate) async fn reset(State(state): State<AppState>, _: Root) -> StatusCode {
    state.reset();
    StatusCode::NO_CONTENT
}

/// `POST /_mock/seed`: adds all of a seed in JSON, or nothing.
pub(crate) async fn seed(
    State(state): State<AppState>,
    dataset: Dataset,
    _: Root,
    Text(text): Text,
) -> Result<StatusCode, ApiError> {
    // On a thread that may block: a large one takes a while to read and to plant.
    let planted = tokio::task::spawn_blocking(move || -> Result<(), ApiError> {
        let seed = Seed::from_json(&text)?;
        seed.plant(&dataset, state.limits())?;
        dataset.catalog().charge(state.memory());
        state.if_current(&dataset, || {
            for fault in seed.faults() {
                state.faults().add(fault.clone());
            }
        });
        Ok(())
    });
    planted.await??;
    Ok(StatusCode::NO_CONTENT)
}
