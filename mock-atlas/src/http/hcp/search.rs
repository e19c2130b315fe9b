//! Searches the boxes of all registries.

use std::cmp::Ordering;

use axum::response::Response;

use super::page;
use crate::http::error::ApiError;
use crate::http::extract::{Asked, Children, HcpField, HcpOrder, HcpSearch, Site, whole_number};
use crate::http::json::{HcpList, HcpView};
use crate::service::{Dataset, box_lists};
use crate::storage::FoundBox;

/// The order of a search that tells none.
const MOST_DOWNLOADED: HcpOrder = HcpOrder {
    field: HcpField::Downloads,
    is_descending: true,
};

/// Handles `GET /search`.
// Contract: boxes-hcp.search
pub(crate) async fn search(
    dataset: Dataset,
    site: Site,
    HcpSearch {
        filter,
        order,
        page: cut,
    }: HcpSearch,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let mut found = box_lists::filter(&dataset, &caller, &filter).await?;
    let order = if order.is_empty() {
        vec![MOST_DOWNLOADED]
    } else {
        order
    };
    // A stable sort: boxes that are equal stay in the order of their names.
    found.sort_by(|a, b| compare(&order, a, b));
    // The fields of a found box may change at any time, so the token of an element is its place.
    let (found, tokens) = cut.cut(
        found,
        |place, _| place.to_string(),
        |_, token| usize::try_from(whole_number(token)?).ok(),
    )?;
    let view = |found| HcpView {
        found,
        site: &site,
        children: Children::Omitted,
    };
    let elements = found.iter().map(|found| view(found).index());
    Ok(page(HcpList::Index(elements.collect()), tokens))
}

fn compare(order: &[HcpOrder], a: &FoundBox, b: &FoundBox) -> Ordering {
    let (of_a, of_b) = (&a.vagrant_box, &b.vagrant_box);
    let by = |one: &HcpOrder| {
        let ordering = match one.field {
            HcpField::RegistryName => a.name.username.cmp(&b.name.username),
            HcpField::BoxName => a.name.name.cmp(&b.name.name),
            HcpField::Downloads => of_a.downloads.cmp(&of_b.downloads),
            HcpField::CreatedAt => of_a.created.cmp(&of_b.created),
            HcpField::UpdatedAt => of_a.updated.cmp(&of_b.updated),
        };
        if one.is_descending {
            ordering.reverse()
        } else {
            ordering
        }
    };
    order
        .iter()
        .map(by)
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}
