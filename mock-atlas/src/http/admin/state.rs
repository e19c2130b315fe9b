//! Resets the state (`/_mock/reset`), and adds a seed to it (`/_mock/seed`).

use axum::extract::State;
use axum::http::StatusCode;
use tokio::task::spawn_blocking;

use crate::http::error::ApiError;
use crate::http::extract::{RequireRoot, Text};
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::service::seed::Seed;

/// Handles `POST /_mock/reset`: goes back to the state after the start.
pub(crate) async fn reset(
    State(state): State<AppState>,
    _: RequireRoot,
) -> Result<StatusCode, ApiError> {
    let reset_faults = || state.faults().reset();
    state.datasets().reset(reset_faults).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Handles `POST /_mock/seed`: adds a seed in JSON, or nothing if it has a mistake.
pub(crate) async fn seed(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    Text(text): Text,
) -> Result<StatusCode, ApiError> {
    state.datasets().check_replaceable()?;
    // A large seed takes a while to parse, which must not block the runtime.
    let seed = spawn_blocking(move || Seed::from_json(&text)).await??;
    seed.apply(&dataset, state.limits()).await?;
    state.datasets().charge(&dataset).await?;
    state.datasets().if_current(&dataset, || {
        for fault in seed.faults() {
            state.faults().add(fault.clone());
        }
    });
    Ok(StatusCode::NO_CONTENT)
}
