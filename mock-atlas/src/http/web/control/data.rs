//! Shows what this Atlas holds as a whole, and changes it: counts, orphans, seed, snapshot, restore, reset and
//! deletions.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use futures_util::TryStreamExt;
use multer::{Constraints, Multipart, SizeLimit};

use super::note::{Note, status, unknown};
use crate::domain::{ArtifactName, Name, timestamp};
use crate::http::admin::{snapshot, state as whole};
use crate::http::error::ApiError;
use crate::http::extract::{RequireRoot, Text};
use crate::http::state::AppState;
use crate::http::web::form::{FORM_TOKEN, Fields, RootForm, check_form_token, check_origin};
use crate::http::web::page::{Frame, PageError, render_with};
use crate::http::web::shown::size;
use crate::http::web::visitor::{RootVisitor, Visitor};
use crate::service::{Dataset, artifacts, versions};

const PAGE: &str = "/_mock/control/data";

/// The greatest number of orphans on the page.
const ROWS: usize = 200;

#[derive(Template)]
#[template(path = "control/data.html")]
struct DataPage {
    frame: Frame,
    note: Option<Note>,
    totals: Vec<(&'static str, String)>,
    orphans: Vec<OrphanRow>,
    more_orphans: usize,
    seed: String,
}

struct OrphanRow {
    slug: String,
    artifact: String,
    since: String,
    received: String,
}

/// Handles `GET /_mock/control/data`.
pub(crate) async fn show(
    dataset: Dataset,
    RootVisitor(visitor): RootVisitor,
) -> Result<Response, PageError> {
    page(&dataset, &visitor, None, "").await
}

async fn page(
    dataset: &Dataset,
    visitor: &Visitor,
    note: Option<Note>,
    seed: &str,
) -> Result<Response, PageError> {
    let totals = visitor.page(dataset.totals().await)?;
    let mut counts = vec![
        ("Artifacts", totals.artifacts.to_string()),
        ("Versions", totals.versions.to_string()),
        ("Boxes", totals.boxes.to_string()),
        ("Versions of boxes", totals.box_versions.to_string()),
        ("Files in memory", size(totals.memory_bytes)),
        ("Files on disk", size(totals.disk_bytes)),
        ("Damaged files", totals.damaged_files.to_string()),
        ("Pending deliveries", totals.pending_deliveries.to_string()),
    ];
    counts.extend(
        dataset
            .free_space()
            .await
            .map(|free| ("Free on the disk", size(free))),
    );
    let orphans = visitor.page(versions::orphans(dataset).await)?;
    let rows = orphans.iter().take(ROWS).map(|orphan| OrphanRow {
        slug: orphan.slug(),
        artifact: orphan.artifact.to_string(),
        since: timestamp(orphan.since),
        received: match orphan.announced {
            Some(announced) => format!("{} of {}", size(orphan.received), size(announced)),
            None => size(orphan.received),
        },
    });
    Ok(render_with(
        status(note.as_ref()),
        &DataPage {
            frame: Frame::new("Data", visitor),
            note,
            totals: counts,
            orphans: rows.collect(),
            more_orphans: orphans.len().saturating_sub(ROWS),
            seed: seed.to_owned(),
        },
    ))
}

/// Handles `POST /_mock/control/data`: adds a seed, sends a snapshot, resets, or deletes an artifact or a version.
pub(crate) async fn change(
    State(state): State<AppState>,
    dataset: Dataset,
    RootForm(RootVisitor(visitor), fields): RootForm,
) -> Result<Response, PageError> {
    if fields.get("action") == "snapshot" {
        let made = snapshot::create(dataset, RequireRoot, Body::empty()).await;
        return made.map(attached).map_err(visitor.failed());
    }
    match act(&state, &dataset, &fields).await {
        Ok(page) => Ok(visitor.redirect(&page)),
        Err(error) => {
            let note = Some(Note::wrong(&error));
            page(&dataset, &visitor, note, fields.get("seed")).await
        }
    }
}

/// Acts as a form says, and returns the page that is shown then.
async fn act(state: &AppState, dataset: &Dataset, fields: &Fields) -> Result<String, ApiError> {
    let state = State(state.clone());
    match fields.get("action") {
        "reset" => whole::reset(state, RequireRoot).await.map(drop)?,
        "seed" => {
            let text = Text(fields.get("seed").to_owned());
            whole::seed(state, dataset.clone(), RequireRoot, text)
                .await
                .map(drop)?;
        }
        "clear-requests" => {
            state.observer().journal().clear();
            return Ok("/_mock/".to_owned());
        }
        "delete-artifact" => {
            let artifact = artifact(fields)?;
            artifacts::delete(dataset, &artifact).await?;
            return Ok(format!("/{}", artifact.username.as_str()));
        }
        "delete-version" => {
            let artifact = artifact(fields)?;
            let of: Name = fields.get("type").parse().map_err(|_| ApiError::NotFound)?;
            let number = fields
                .get("version")
                .parse()
                .map_err(|_| ApiError::NotFound)?;
            versions::delete(dataset, &artifact, &of, number).await?;
            return Ok(format!("/{artifact}"));
        }
        other => return Err(unknown(other)),
    }
    Ok(PAGE.to_owned())
}

fn artifact(fields: &Fields) -> Result<ArtifactName, ApiError> {
    fields
        .get("artifact")
        .parse()
        .map_err(|_| ApiError::NotFound)
}

/// Has a browser keep a reply as a file.
fn attached(mut snapshot: Response) -> Response {
    let name = HeaderValue::from_static("attachment; filename=\"mock-atlas.tar\"");
    snapshot
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, name);
    snapshot
}

/// Handles `POST /_mock/control/restore`: a form with an archive, which is read as it comes. The proof that the form
/// is one of the session comes before the archive.
pub(crate) async fn restore(
    State(state): State<AppState>,
    dataset: Dataset,
    RootVisitor(visitor): RootVisitor,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, PageError> {
    check_origin(&visitor, (&headers, &uri), state.public_url())?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let boundary = multer::parse_boundary(kind.unwrap_or_default());
    let boundary = boundary.map_err(malformed).map_err(visitor.failed())?;
    let small = SizeLimit::new().for_field(FORM_TOKEN, 1024);
    let limits = Constraints::new().size_limit(small);
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, limits);
    let proof = text(&mut form, FORM_TOKEN)
        .await
        .map_err(visitor.failed())?;
    check_form_token(&visitor, &proof)?;
    match archive(&state, &dataset, &mut form).await {
        Ok(()) => Ok(visitor.redirect(PAGE)),
        Err(error) => page(&dataset, &visitor, Some(Note::wrong(&error)), "").await,
    }
}

fn malformed(error: multer::Error) -> ApiError {
    ApiError::Malformed(format!("The form cannot be read: {error}."))
}

/// Reads the next field of a form, which must have this name.
async fn text(form: &mut Multipart<'static>, name: &str) -> Result<String, ApiError> {
    let field = form.next_field().await.map_err(malformed)?;
    let Some(field) = field.filter(|field| field.name() == Some(name)) else {
        return Err(ApiError::Malformed(format!(
            "The form does not begin with {name}."
        )));
    };
    let bytes = field.bytes().await.map_err(malformed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Restores the archive of the next field.
async fn archive(
    state: &AppState,
    dataset: &Dataset,
    form: &mut Multipart<'static>,
) -> Result<(), ApiError> {
    let field = form.next_field().await.map_err(malformed)?;
    let Some(field) = field else {
        return Err(ApiError::Invalid("The form has no archive.".to_owned()));
    };
    let body = Body::from_stream(field.map_err(std::io::Error::other));
    snapshot::restore(State(state.clone()), dataset.clone(), RequireRoot, body)
        .await
        .map(drop)
}
