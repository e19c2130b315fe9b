//! Tests the emulator's replies over HTTP.

mod admin;
mod api_v1;
mod arbitrary_requests;
mod boxes;
mod hcp;
mod logs;
mod request_cost;
mod web;
