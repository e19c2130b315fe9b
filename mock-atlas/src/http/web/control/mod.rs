//! The control room: everything that the emulator's own API can do, for the root token, and nothing else. Its forms
//! have the parameters of the API, and go through the same functions.
//!
//! - `requests`: the journal, with lints and expectations; `request`: one request; `live`: requests as they come in
//! - `faults`: faults and chaos; `data`: seed, snapshot, restore, reset and deletions
//! - `access`: tokens and quotas; `webhooks`: webhooks and their deliveries; `audit`: who changed what
//! - `metrics`: plots; `note`: what became of a form

mod access;
mod audit;
mod data;
mod faults;
mod live;
mod metrics;
mod note;
mod request;
mod requests;
mod webhooks;

pub(crate) use access::{change as change_access, show as access};
pub(crate) use audit::show as audit;
pub(crate) use data::{change as change_data, restore, show as data};
pub(crate) use faults::{change as change_faults, show as faults};
pub(crate) use live::send as live;
pub(crate) use metrics::show as metrics;
pub(crate) use request::show as request;
pub(crate) use requests::show as requests;
pub(crate) use webhooks::{change as change_webhooks, show as webhooks};
