//! Adds, lists, tests and removes webhooks (`/_mock/webhooks`), and lists and repeats the deliveries to them
//! (`/_mock/deliveries`).

use std::fmt::Display;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::domain::{EventKinds, Webhook, WebhookPlace, WebhookSecret};
use crate::http::error::ApiError;
use crate::http::extract::{DeliveriesPage, Params, RequireRoot, Section};
use crate::http::json::{
    DeliveriesReply, DeliveryElement, NewDeliveryReply, NewWebhookReply, WebhookElement,
    WebhooksReply,
};
use crate::http::state::AppState;
use crate::service::webhooks::{self, NewWebhook};
use crate::service::{Dataset, ServiceError};

/// Handles `POST /_mock/webhooks`.
pub(crate) async fn add(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    params: Params,
) -> Result<Response, ApiError> {
    let (webhook, has_new_secret) = make(&state, &dataset, &params).await?;
    let reply = NewWebhookReply {
        secret: has_new_secret.then(|| webhook.secret.reveal()),
        about: WebhookElement::from(&webhook),
    };
    Ok(Json(reply).into_response())
}

/// Adds the webhook that parameters describe, and returns it, and whether its secret was made here.
pub(crate) async fn make(
    state: &AppState,
    dataset: &Dataset,
    params: &Params,
) -> Result<(Webhook, bool), ApiError> {
    let section = params.section("webhook")?;
    let new = new_webhook(&section)?;
    let is_told = new.secret.is_some();
    let added = webhooks::add(dataset, new, state.clock().now()).await;
    let webhook = added.map_err(|error| match error {
        ServiceError::Webhook(reason) => ApiError::Invalid(format!("webhook[url]: {reason}")),
        other => other.into(),
    })?;
    Ok((webhook, !is_told))
}

fn new_webhook(section: &Section<'_>) -> Result<NewWebhook, ApiError> {
    let invalid = |key: &str, reason: &dyn Display| {
        ApiError::Invalid(format!("{}: {reason}", section.label(key)))
    };
    let mut events = EventKinds::none();
    for name in section.texts("events")? {
        let with = events.with(name);
        events = with.map_err(|error| invalid("events", &error))?;
    }
    let on = section.text("on")?.map(str::parse::<WebhookPlace>);
    let secret = section.text("secret")?.map(str::parse::<WebhookSecret>);
    Ok(NewWebhook {
        url: section.required_text("url")?.to_owned(),
        events,
        on: on.transpose().map_err(|error| invalid("on", &error))?,
        secret: secret
            .transpose()
            .map_err(|error| invalid("secret", &error))?,
    })
}

/// Handles `GET /_mock/webhooks`.
pub(crate) async fn list(dataset: Dataset, _: RequireRoot) -> Result<Response, ApiError> {
    let all = webhooks::list(&dataset).await?;
    let webhooks = all.iter().map(WebhookElement::from).collect();
    Ok(Json(WebhooksReply { webhooks }).into_response())
}

/// Handles `DELETE /_mock/webhooks/:id`.
pub(crate) async fn remove(
    dataset: Dataset,
    _: RequireRoot,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id.map_err(|_| ApiError::NotFound)?;
    webhooks::remove(&dataset, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Handles `POST /_mock/webhooks/:id/test`.
pub(crate) async fn test(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(id) = id.map_err(|_| ApiError::NotFound)?;
    let delivery = webhooks::test(&dataset, id, state.clock().now()).await?;
    Ok(Json(NewDeliveryReply { delivery }).into_response())
}

/// Handles `GET /_mock/deliveries`.
pub(crate) async fn deliveries(
    dataset: Dataset,
    _: RequireRoot,
    DeliveriesPage(query): DeliveriesPage,
) -> Result<Response, ApiError> {
    let found = webhooks::deliveries(&dataset, query).await?;
    let deliveries = found.iter().map(DeliveryElement::from).collect();
    Ok(Json(DeliveriesReply { deliveries }).into_response())
}

/// Handles `POST /_mock/deliveries/:id/redeliver`.
pub(crate) async fn redeliver(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    number: Result<Path<u64>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(number) = number.map_err(|_| ApiError::NotFound)?;
    webhooks::deliver_again(&dataset, number, state.clock().now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
