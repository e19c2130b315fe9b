//! Starts the servers that tests need.
//!
//! - `postgres` starts a server of PostgreSQL (feature `postgres-server`).
//! - `s3` starts a server that speaks the API of S3 (feature `s3-server`).

#[cfg(feature = "postgres-server")]
pub mod postgres;
#[cfg(feature = "s3-server")]
pub mod s3;
