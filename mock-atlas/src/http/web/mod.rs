//! The pages for people. They are rendered here, show nothing that the API would not tell the same caller, and work
//! without a script; a little script adds what moves.
//!
//! - `browse`: what this Atlas holds: users, artifacts, versions and boxes; `control`: the control room
//! - `sign_in`: sessions; `description`: the description of the API; `assets`: the style sheet and the script
//! - `visitor`: who looks at a page; `place`: where the pages are for this browser
//! - `form`: what the forms of pages send, guarded against forgery
//! - `page`: the frame of all pages, with the headers that protect them; `shown`: texts of strangers, and sizes
//! - `negotiated`: pages at addresses that programs read, too; `accept`: what a client prefers

mod accept;
mod assets;
pub(crate) mod browse;
pub(crate) mod control;
mod description;
mod form;
mod negotiated;
mod page;
mod place;
mod shown;
mod sign_in;
mod visitor;

pub(crate) use assets::send as asset;
pub(crate) use description::show as description;
pub(crate) use negotiated::Negotiated;
pub(crate) use sign_in::{show as show_sign_in, sign_in, sign_out};
