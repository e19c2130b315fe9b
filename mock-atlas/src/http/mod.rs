//! HTTP: routes, handlers, what they extract of a request, and what they answer.
//!
//! - `router`: the route table
//! - `middleware`: what happens around each handler; `context`: what handlers tell it of a request
//! - `extract`: validated parts of a request, as arguments of handlers
//! - `api_v1`: the handlers of Atlas's API; `admin`: those of the emulator's own, below `/_mock`
//! - `json`: the JSON of replies; `error`: the statuses and bodies of errors
//! - `state`: what all handlers share

mod admin;
mod api_v1;
mod context;
mod error;
mod extract;
mod json;
mod middleware;
pub(crate) mod router;
pub(crate) mod state;
