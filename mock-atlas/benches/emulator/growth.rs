//! Measures whether a request takes longer when more is stored, and the memory of a version. The requests are made
//! in this process, without sockets, whose cost would hide a difference.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use mock_atlas::{Builder, MockAtlas};
use serde_json::json;
use tokio::task::spawn_blocking;
use tower::ServiceExt;

use crate::http::TOKEN;
use crate::peers::memory_of;
use crate::{Result, median, row};

pub(crate) const FEW: u64 = 1_000;
pub(crate) const MANY: u64 = 1_000_000;

/// The number of requests that the journal keeps.
const JOURNAL: u64 = 5_000;

/// The number of times that each request is made for its median.
pub(crate) const TIMES: usize = 2_001;

pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        versions().await?;
        artifacts().await
    })
}

async fn versions() -> Result<()> {
    let (few, many) = (Atlas::of(FEW, 0).await?, Atlas::of(FEW, 0).await?);
    let before = memory_of("self")?;
    for number in FEW + 1..=MANY {
        many.push(number).await?;
    }
    let taken = memory_of("self")?.saturating_sub(before);
    let each = taken as f64 / (MANY - FEW) as f64;
    row(
        "memory of a version of a million",
        format!("{each:.0} B"),
        "1024 B".to_owned(),
        each / 1024.0,
        "at most 1",
    );
    compare("of a million versions", (&few, FEW), (&many, MANY)).await
}

async fn artifacts() -> Result<()> {
    let (few, many) = (Atlas::of(3, FEW).await?, Atlas::of(3, MANY).await?);
    compare("of a million artifacts", (&few, 3), (&many, 3)).await
}

/// Compares each kind of request between an emulator with few and one with many, in turns, so that other load of
/// the machine affects both.
pub(crate) async fn compare(where_to: &str, few: (&Atlas, u64), many: (&Atlas, u64)) -> Result<()> {
    let metadata = |key: &str, value: &str| {
        format!("{TYPE}/search?version=any&metadata.1.key={key}&metadata.1.value={value}")
    };
    let latest = format!("{TYPE}/search?version=latest");
    let middle = |versions: u64| format!("{TYPE}/search?version={}", versions.div_ceil(2));
    // The oldest version, which a scan would find last.
    let (hit, miss) = (
        metadata("created_at", "1795352172"),
        metadata("created_at", "never"),
    );
    for (name, path_of_few, path_of_many, found) in [
        ("latest", &latest, &latest, 1),
        ("by number", &middle(few.1), &middle(many.1), 1),
        ("metadata, hit", &hit, &hit, 1),
        ("metadata, miss", &miss, &miss, 0),
    ] {
        let mut times = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            times.0.push(few.0.search(path_of_few, found).await?);
            times.1.push(many.0.search(path_of_many, found).await?);
        }
        compared(name, where_to, times);
    }
    let mut times = (Vec::new(), Vec::new());
    for number in 1..=TIMES as u64 {
        times.0.push(few.0.push(few.1 + number).await?);
        times.1.push(many.0.push(many.1 + number).await?);
    }
    compared("POST", where_to, times);
    Ok(())
}

pub(crate) fn compared(name: &str, where_to: &str, (few, many): (Vec<f64>, Vec<f64>)) {
    let (few, many) = (median(few), median(many));
    row(
        &format!("{name}, {where_to}"),
        format!("{many:.1} us"),
        format!("{few:.1} us"),
        many / few,
        "at most 1.5",
    );
}

/// Returns the metadata of a version: a key with few values, one with many, and one with a value for each version.
pub(crate) fn metadata(number: u64) -> BTreeMap<&'static str, String> {
    let arch = if number.is_multiple_of(2) {
        "amd64"
    } else {
        "arm64"
    };
    BTreeMap::from([
        ("arch", arch.to_owned()),
        ("commit", format!("{:012x}", number / 100)),
        ("created_at", (1_795_352_171 + number).to_string()),
    ])
}

pub(crate) struct Atlas(Router);

pub(crate) const TYPE: &str = "/api/v1/artifacts/acme/web/amazon.image";

impl Atlas {
    /// Creates an empty emulator.
    pub(crate) async fn new() -> Result<Self> {
        Self::of_builder(MockAtlas::builder()).await
    }

    /// Creates an emulator with these settings.
    pub(crate) async fn of_builder(builder: Builder) -> Result<Self> {
        // Opening a database blocks.
        let router = spawn_blocking(move || builder.token(TOKEN).router()).await??;
        let atlas = Self(router);
        // A full journal drops a request for each new one, which takes time too.
        for _ in 0..JOURNAL {
            atlas.ask("GET", "/api/v1/token", String::new()).await?;
        }
        Ok(atlas)
    }

    /// Creates an emulator with these numbers of versions of one artifact, and of further artifacts.
    async fn of(versions: u64, artifacts: u64) -> Result<Self> {
        let atlas = Self::new().await?;
        atlas.create_web().await?;
        for number in 1..=versions {
            atlas.push(number).await?;
        }
        for number in 0..artifacts {
            atlas.create(number).await?;
        }
        Ok(atlas)
    }

    /// Creates the artifact that has all versions.
    pub(crate) async fn create_web(&self) -> Result<()> {
        self.create_artifact("web").await
    }

    pub(crate) async fn create(&self, number: u64) -> Result<()> {
        self.create_artifact(&format!("web-{number}")).await
    }

    async fn create_artifact(&self, name: &str) -> Result<()> {
        let artifact = json!({"artifact": {"username": "acme", "name": name}});
        self.ask("POST", "/api/v1/artifacts", artifact.to_string())
            .await?;
        Ok(())
    }

    /// Makes a search, checks the number of versions found, and returns the time in microseconds.
    pub(crate) async fn search(&self, path: &str, found: usize) -> Result<f64> {
        let (reply, time) = self.ask("GET", path, String::new()).await?;
        let reply: serde_json::Value = serde_json::from_slice(&reply)?;
        let versions = reply["versions"].as_array().map(Vec::len);
        if versions == Some(found) {
            Ok(time)
        } else {
            Err(format!("{path} found {versions:?}").into())
        }
    }

    /// Creates a version, and returns the time in microseconds.
    pub(crate) async fn push(&self, number: u64) -> Result<f64> {
        let version = json!({"artifact_version": {
            "id": format!("us-east-1:ami-{number:08x}"),
            "file": false,
            "metadata": metadata(number),
        }});
        Ok(self.ask("POST", TYPE, version.to_string()).await?.1)
    }

    /// Makes a request, and returns the body of the reply and the time in microseconds.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<(Vec<u8>, f64)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "x")
            .header("x-atlas-token", TOKEN)
            .body(Body::from(body))?;
        let start = Instant::now();
        let reply = self.0.clone().oneshot(request).await?;
        let status = reply.status();
        let body = to_bytes(reply.into_body(), usize::MAX).await?;
        let time = start.elapsed().as_secs_f64() * 1e6;
        if !status.is_success() {
            return Err(format!("{method} {path} was answered with {status}").into());
        }
        Ok((body.into(), time))
    }
}
