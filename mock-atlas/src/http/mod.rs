//! Serves the API over HTTP: routes, handlers, their arguments and their replies.
//!
//! - `router`: the route table
//! - `middleware`: wraps each handler; `context`: carries facts of a request from the handler to it
//! - `extract`: validated parts of a request, as arguments of handlers
//! - `api_v1`: the handlers of Atlas's API; `boxes`: those for Vagrant boxes, in both versions of the API;
//!   `hcp`: those of HCP's registry of boxes; `admin`: those of the emulator's own API, below `/_mock`
//! - `json`: the JSON of replies; `error`: the statuses and bodies of errors; `error_format`: the bodies that errors
//!   have below the paths of HCP
//! - `openapi`: the description of all endpoints for programs
//! - `web`: the pages for people; `hosts`: the names by which pages and `/_mock` are known
//! - `state`: the state that all handlers share

mod admin;
mod api_v1;
mod boxes;
mod context;
mod error;
mod error_format;
mod extract;
mod hcp;
pub(crate) mod hosts;
pub(crate) mod json;
mod middleware;
mod openapi;
pub(crate) mod router;
pub(crate) mod state;
mod web;
