//! Tests the API of Atlas, path by path.

mod artifacts;
mod authenticate;
mod bad_requests;
mod download;
mod search;
mod unserved;
mod upload;
mod upload_listener;
mod versions;
