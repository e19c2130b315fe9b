//! Measures the requests for Vagrant boxes with ten and with a thousand boxes of fifty versions each, and
//! the memory of a version. The requests are made in this process, without sockets.

use serde_json::{Value, json};

use crate::growth::{Atlas, TIMES, compared};
use crate::peers::memory_of;
use crate::{Result, median, row};

const FEW: u64 = 10;
const MANY: u64 = 1_000;
const VERSIONS: u64 = 50;

/// The name of a box that both emulators have, with [`VERSIONS`] versions.
const WEB: &str = "/api/v2/box/acme/web-7";

pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(boxes())
}

async fn boxes() -> Result<()> {
    let (few, many) = (Atlas::new().await?, Atlas::new().await?);
    publish_all(&few, 0..FEW).await?;
    publish_all(&many, 0..FEW).await?;
    let before = memory_of("self")?;
    publish_all(&many, FEW..MANY).await?;
    let taken = memory_of("self")?.saturating_sub(before);
    let each = taken as f64 / ((MANY - FEW) * VERSIONS) as f64;
    row(
        "memory of a version of a box",
        format!("{each:.0} B"),
        "4096 B".to_owned(),
        each / 4096.0,
        "at most 1",
    );
    let place = "of a thousand boxes";
    for (name, path) in [
        ("a box", WEB),
        ("box add", "/api/v2/vagrant/acme/web-7"),
        ("box add, old", "/acme/web-7"),
    ] {
        let mut times = (Vec::new(), Vec::new());
        for _ in 0..TIMES / 10 {
            times.0.push(few.get(path).await?);
            times.1.push(many.get(path).await?);
        }
        compared(name, place, times);
    }
    // These look at all boxes, and the last one shows all of them.
    for (name, path, most) in [
        ("a search", "/api/v2/search?q=web-7", 10.0),
        ("a page", "/api/v2/search?limit=10&sort=updated", 10.0),
        ("a user", "/api/v2/user/acme", 100.0),
    ] {
        let mut times = Vec::new();
        for _ in 0..TIMES / 10 {
            times.push(many.get(path).await? / 1e3);
        }
        let time = median(times);
        row(
            &format!("{name}, {place}"),
            format!("{time:.2} ms"),
            format!("{most} ms"),
            time / most,
            "at most 1",
        );
    }
    let mut times = (Vec::new(), Vec::new());
    for number in VERSIONS..VERSIONS + TIMES as u64 / 10 {
        times.0.push(few.publish("web-7", number).await?);
        times.1.push(many.publish("web-7", number).await?);
    }
    compared("to publish", place, times);
    Ok(())
}

async fn publish_all(atlas: &Atlas, boxes: std::ops::Range<u64>) -> Result<()> {
    for number in boxes {
        let name = format!("web-{number}");
        atlas.create_box(&name).await?;
        for version in 0..VERSIONS {
            atlas.publish(&name, version).await?;
        }
    }
    Ok(())
}

impl Atlas {
    async fn get(&self, path: &str) -> Result<f64> {
        Ok(self.ask("GET", path, String::new()).await?.1)
    }

    async fn create_box(&self, name: &str) -> Result<()> {
        let new = json!({"box": {
            "username": "acme",
            "name": name,
            "short_description": "Debian with a web server",
            "is_private": false,
        }});
        self.ask("POST", "/api/v2/boxes", new.to_string()).await?;
        Ok(())
    }

    /// Publishes a version as `vagrant cloud publish` does, and returns the time of the five requests in
    /// microseconds.
    async fn publish(&self, name: &str, number: u64) -> Result<f64> {
        let versions = format!("/api/v2/box/acme/{name}/version");
        let version = format!("{versions}/1.{number}.0");
        let provider = format!("{version}/provider/virtualbox/amd64");
        let mut all = 0.0;
        for (method, path, body) in [
            (
                "POST",
                format!("{versions}s"),
                json!({"version": {"version": format!("1.{number}.0"), "description": "as every night"}}),
            ),
            (
                "POST",
                format!("{version}/providers"),
                json!({"provider": {"name": "virtualbox", "architecture": "amd64"}}),
            ),
        ] {
            all += self.ask(method, &path, body.to_string()).await?.1;
        }
        let path = format!("{provider}/upload");
        let (reply, time) = self.ask("GET", &path, String::new()).await?;
        let reply: Value = serde_json::from_slice(&reply)?;
        let upload = reply["upload_path"].as_str().unwrap_or_default();
        let upload = upload.trim_start_matches("http://x");
        let (_, put) = self.ask("PUT", upload, format!("{name} {number}")).await?;
        let path = format!("{version}/release");
        let (_, released) = self.ask("PUT", &path, String::new()).await?;
        Ok(all + time + put + released)
    }
}
