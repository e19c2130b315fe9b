//! `/_mock/reset` and `/_mock/seed` change the state as a whole.

use axum::extract::State;
use axum::http::StatusCode;
use tokio::task::spawn_blocking;

use crate::http::error::ApiError;
use crate::http::extract::{Root, Text};
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::service::seed::Seed;

/// `POST /_mock/reset`: back to the state after the start.
pub(crate) async fn reset(State(state): State<AppState>, _: Root) -> Result<StatusCode, ApiError> {
    let reset_faults = || state.faults().reset();
    state.datasets().reset(reset_faults).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /_mock/seed`: adds all of a seed in JSON, or nothing.
pub(crate) async fn seed(
    State(state): State<AppState>,
    dataset: Dataset,
    _: Root,
    Text(text): Text,
) -> Result<StatusCode, ApiError> {
    // On a thread that may block: a large one takes a while to read.
    let seed = spawn_blocking(move || Seed::from_json(&text)).await??;
    seed.plant(&dataset, state.limits()).await?;
    state.datasets().charge(&dataset).await?;
    state.datasets().if_current(&dataset, || {
        for fault in seed.faults() {
            state.faults().add(fault.clone());
        }
    });
    Ok(StatusCode::NO_CONTENT)
}
