//! Tokens of users, and quotas of owners.

use askama::Template;
use axum::response::Response;
use uuid::Uuid;

use super::note::{Note, status, unknown};
use crate::domain::{Name, timestamp};
use crate::http::admin::{quotas as quota_calls, tokens as token_calls};
use crate::http::error::ApiError;
use crate::http::extract::{OwnerPath, RequireRoot};
use crate::http::web::form::{Fields, RootForm};
use crate::http::web::page::{Frame, PageError, render_with};
use crate::http::web::shown::{Shown, size};
use crate::http::web::visitor::{RootVisitor, Visitor};
use crate::service::{Dataset, accounts, quotas};

const PAGE: &str = "/_mock/control/access";

/// The greatest number of tokens on the page.
const ROWS: usize = 500;

#[derive(Template)]
#[template(path = "control/access.html")]
struct AccessPage {
    frame: Frame,
    note: Option<Note>,
    tokens: Vec<TokenRow>,
    more_tokens: usize,
    quotas: Vec<QuotaRow>,
}

struct TokenRow {
    id: Uuid,
    username: String,
    description: Shown,
    scope: String,
    created: String,
    expires: String,
    last_use: String,
}

struct QuotaRow {
    owner: String,
    used: String,
    limit: String,
}

/// Handles `GET /_mock/control/access`.
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
    let tokens = visitor.page(accounts::tokens(dataset).await)?;
    let quotas = visitor.page(quotas::list(dataset).await)?;
    // The last that were made come first.
    let rows = tokens.iter().rev().take(ROWS).map(|token| TokenRow {
        id: token.id,
        username: token.account.username.as_str().to_owned(),
        description: Shown::new(&token.description),
        scope: token.account.scope().to_string(),
        created: timestamp(token.created),
        expires: token.expires.map_or_else(String::new, timestamp),
        last_use: token.last_use.get().map_or_else(String::new, timestamp),
    });
    let quotas = quotas.into_iter().map(|(owner, quota)| QuotaRow {
        owner: owner.as_str().to_owned(),
        used: size(quota.used),
        limit: size(quota.limit),
    });
    Ok(render_with(
        status(note.as_ref()),
        &AccessPage {
            frame: Frame::new("Tokens and quotas", visitor),
            note,
            tokens: rows.collect(),
            more_tokens: tokens.len().saturating_sub(ROWS),
            quotas: quotas.collect(),
        },
    ))
}

/// Handles `POST /_mock/control/access`: makes or revokes a token, and sets or removes a quota.
pub(crate) async fn change(
    dataset: Dataset,
    RootForm(RootVisitor(visitor), fields): RootForm,
) -> Result<Response, PageError> {
    match Note::of(act(&dataset, &fields).await) {
        // A reload of the page does not do it again.
        None => Ok(visitor.redirect(PAGE)),
        note => page(&dataset, &visitor, note).await,
    }
}

/// Acts as a form says, and returns what is shown once.
async fn act(dataset: &Dataset, fields: &Fields) -> Result<Option<Note>, ApiError> {
    match fields.get("action") {
        "make" => {
            let (token, value) = token_calls::make(dataset, &fields.params()?).await?;
            let text = format!(
                "The token of {} is shown this once:",
                token.account.username
            );
            return Ok(Some(Note::made(text, Some(value))));
        }
        "revoke" => {
            let id = fields.get("id").parse().map_err(|_| ApiError::NotFound)?;
            accounts::revoke_token(dataset, id).await?;
        }
        "set-quota" => {
            let owner = OwnerPath(owner(fields)?);
            let params = fields.params()?;
            quota_calls::set(dataset.clone(), RequireRoot, owner, params)
                .await
                .map(drop)?;
        }
        "remove-quota" => quotas::remove(dataset, &owner(fields)?).await?,
        other => return Err(unknown(other)),
    }
    Ok(None)
}

fn owner(fields: &Fields) -> Result<Name, ApiError> {
    let owner = fields.get("owner").trim().parse();
    owner.map_err(|error| ApiError::bad_name("owner", &error))
}
