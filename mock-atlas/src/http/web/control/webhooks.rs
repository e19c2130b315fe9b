//! Webhooks, and the deliveries to them.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::note::{Note, status, unknown};
use crate::domain::{DeliveryQuery, timestamp};
use crate::http::admin::webhooks as calls;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::web::form::{Fields, RootForm};
use crate::http::web::page::{Frame, PageError, render_with};
use crate::http::web::shown::Shown;
use crate::http::web::visitor::{RootVisitor, Visitor};
use crate::service::{Dataset, webhooks};

const PAGE: &str = "/_mock/control/webhooks";

#[derive(Template)]
#[template(path = "control/webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    note: Option<Note>,
    webhooks: Vec<WebhookRow>,
    deliveries: Vec<DeliveryRow>,
}

struct WebhookRow {
    id: Uuid,
    url: Shown,
    events: String,
    on: String,
    created: String,
}

struct DeliveryRow {
    number: u64,
    url: Shown,
    event: &'static str,
    time: String,
    state: &'static str,
    attempts: u64,
    outcome: Shown,
}

/// Handles `GET /_mock/control/webhooks`.
pub(crate) async fn show(
    dataset: Dataset,
    RootVisitor(visitor): RootVisitor,
) -> Result<Response, PageError> {
    page(&dataset, &visitor, None).await
}

async fn page(
    dataset: &Dataset,
    visitor: &Visitor,
    note: Option<Note>,
) -> Result<Response, PageError> {
    let all = visitor.page(webhooks::list(dataset).await)?;
    let last = webhooks::deliveries(dataset, DeliveryQuery::default()).await;
    let deliveries = visitor.page(last)?.into_iter().map(|delivery| {
        let webhook = all.iter().find(|webhook| webhook.id == delivery.webhook);
        let status = delivery.status.map(|status| status.to_string());
        DeliveryRow {
            number: delivery.number,
            url: Shown::beginning(webhook.map_or("", |webhook| &webhook.url)),
            event: delivery.event.kind.name(),
            time: timestamp(delivery.event.time),
            state: delivery.state.name(),
            attempts: delivery.attempts,
            outcome: Shown::beginning(&delivery.error.or(status).unwrap_or_default()),
        }
    });
    let deliveries = deliveries.collect();
    let rows = all.iter().map(|webhook| WebhookRow {
        id: webhook.id,
        url: Shown::new(&webhook.url),
        events: webhook.events.names().join(", "),
        on: webhook
            .on
            .clone()
            .map_or_else(|| "everything".to_owned(), String::from),
        created: timestamp(webhook.created),
    });
    Ok(render_with(
        status(note.as_ref()),
        &WebhooksPage {
            frame: Frame::new("Webhooks", visitor),
            note,
            webhooks: rows.collect(),
            deliveries,
        },
    ))
}

/// Handles `POST /_mock/control/webhooks`: adds, removes or tests a webhook, and delivers again.
pub(crate) async fn change(
    State(state): State<AppState>,
    dataset: Dataset,
    RootForm(RootVisitor(visitor), fields): RootForm,
) -> Result<Response, PageError> {
    match Note::of(act(&state, &dataset, &fields).await) {
        // A reload of the page does not do it again.
        None => Ok(visitor.redirect(PAGE)),
        note => page(&dataset, &visitor, note).await,
    }
}

/// Acts as a form says, and returns what is shown once.
async fn act(
    state: &AppState,
    dataset: &Dataset,
    fields: &Fields,
) -> Result<Option<Note>, ApiError> {
    let id =
        || -> Result<Uuid, ApiError> { fields.get("id").parse().map_err(|_| ApiError::NotFound) };
    let now = state.clock().now();
    match fields.get("action") {
        "add" => {
            let (webhook, is_new) = calls::make(state, dataset, &fields.params()?).await?;
            let secret = webhook.secret.reveal().to_owned();
            let text = "The secret of the webhook is shown this once:".to_owned();
            return Ok(is_new.then(|| Note::made(text, Some(secret))));
        }
        "remove" => webhooks::remove(dataset, id()?).await?,
        "test" => webhooks::test(dataset, id()?, now).await.map(drop)?,
        "redeliver" => {
            let number = fields
                .get("number")
                .parse()
                .map_err(|_| ApiError::NotFound)?;
            webhooks::deliver_again(dataset, number, now).await?;
        }
        other => return Err(unknown(other)),
    }
    Ok(None)
}
