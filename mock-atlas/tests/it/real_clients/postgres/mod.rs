//! Tests emulators that share a database of PostgreSQL, which must be installed: Debian's packages `postgresql` and
//! `pgbouncer`.
//!
//! - `replicas`: several emulators on one database; `start`: how they start, and their root token
//! - `outages`: a database that is lost, hangs, or comes back
//! - `connections`: TLS, and a pooler in between; `backups`: the way from other homes to a database, and back;
//!   `moves`: the same without an archive
//! - `webhooks`: deliveries by several emulators

mod backups;
mod connections;
mod moves;
mod outages;
mod replicas;
mod start;
mod webhooks;

use atlas_common::servers::postgres::PostgresServer;
use mock_atlas::Builder;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program::Program;
use crate::support::{Fixture, Reply};

/// A database of its own, and a folder of files, for the emulators of one test.
struct Shared {
    url: String,
    files: TempDir,
}

impl Shared {
    /// Makes a database on the server that all tests share.
    fn new() -> Self {
        Self::on(PostgresServer::shared().unwrap())
    }

    fn on(server: &PostgresServer) -> Self {
        Self {
            url: server.new_url().unwrap(),
            files: tempfile::tempdir().unwrap(),
        }
    }

    fn name(&self) -> &str {
        self.url.rsplit_once('/').unwrap().1
    }

    fn blobs(&self) -> String {
        format!("file://{}", self.files.path().display())
    }

    fn builder(&self, builder: Builder) -> Builder {
        builder.database(&self.url).blobs(self.blobs())
    }

    /// Starts an emulator in this process.
    async fn start(&self) -> Fixture {
        Fixture::with(|builder| self.builder(builder)).await
    }

    /// Starts an emulator as a program, and returns what it announces.
    async fn program(&self, arguments: &[&str]) -> (Program, Value) {
        let blobs = self.blobs();
        let arguments = [&["--blobs", &blobs], arguments].concat();
        let variables = [("MOCK_ATLAS_DATABASE", self.url.as_str())];
        let mut program = Program::serve(&arguments, &variables);
        let announced = program.json().await;
        (program, announced)
    }
}

async fn get(fixture: &Fixture, path: &str, token: &str) -> Reply {
    let asked = fixture.anonymous(Method::GET, path).bearer_auth(token);
    Reply::of(asked.send().await.unwrap()).await
}

fn new_version() -> Value {
    json!({"artifact_version": {"id": "x", "metadata": {"os": "debian"}}})
}
