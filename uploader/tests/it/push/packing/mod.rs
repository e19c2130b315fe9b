//! These tests make the payload of a push.

mod archive;
mod options;
