//! Opens what a disk may hold, and checks it against what clients were told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use mock_atlas::MockAtlas;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::recording;
use super::workload::{Fact, bytes};
use crate::support::FILE;

/// Returns what is wrong with the folder of an emulator, if it should hold these facts.
pub(super) async fn problem(folder: &Path, facts: &[Fact]) -> Result<(), String> {
    let opened = MockAtlas::builder().token("ROOT").data(folder).router();
    let atlas = Atlas(opened.map_err(|error| format!("it cannot be opened: {error}"))?);
    let found = atlas.found().await?;
    for (number, id) in &found {
        if id.ends_with("-file") {
            let path = format!("{FILE}/{number}/file");
            check(atlas.get(&path).await? == bytes(id), || {
                format!("version {number} is not whole")
            })?;
        }
    }
    for name in recording::boxes() {
        // One without a file, or no box at all, is no file that is half there.
        let file = atlas.box_file(&name).await.ok();
        let is_whole = file.is_none_or(|file| file == bytes(&name));
        check(is_whole, || {
            format!("the file of the box {name} is not whole")
        })?;
    }
    let awaited = atlas.awaited().await?;
    let deleting: BTreeSet<u64> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Deleting(number) => Some(*number),
            _ => None,
        })
        .collect();
    let known: BTreeSet<u64> = found.keys().chain(&awaited).copied().collect();
    check(known.len() == found.len() + awaited.len(), || {
        "a version is stored and awaited".to_owned()
    })?;
    for number in 1..=known.last().copied().unwrap_or(0) {
        let is_known = known.contains(&number) || deleting.contains(&number);
        check(is_known, || {
            format!("there is no version {number} among {known:?}")
        })?;
    }
    for fact in facts {
        let holds = match fact {
            Fact::Artifact => atlas.get("/api/v1/artifacts/acme/web").await.is_ok(),
            Fact::Created(number, id) => {
                deleting.contains(number)
                    || awaited.contains(number)
                    || found.get(number) == Some(id)
            }
            Fact::Stored(number) => deleting.contains(number) || found.contains_key(number),
            Fact::Deleting(_) => true,
            Fact::Deleted(number) => !known.contains(number),
            Fact::Released(name) => atlas.box_file(name).await? == bytes(name),
        };
        check(holds, || format!("{fact:?} does not hold"))?;
    }
    atlas.goes_on(facts, known.last().copied()).await
}

fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    match holds {
        true => Ok(()),
        false => Err(problem()),
    }
}

/// An emulator in this process.
struct Atlas(Router);

impl Atlas {
    /// Returns the visible versions: their numbers and ids.
    async fn found(&self) -> Result<BTreeMap<u64, String>, String> {
        let found = match self.get(&format!("{FILE}/search")).await {
            // The artifact is not there yet.
            Err(refused) if refused.contains(": 404 ") => return Ok(BTreeMap::new()),
            reply => json(&reply?)?,
        };
        let versions = found["versions"].as_array().ok_or("no list of versions")?;
        let numbered = versions.iter().map(|version| {
            let (number, id) = (version["version"].as_u64(), version["id"].as_str());
            Some((number?, id?.to_owned()))
        });
        let all: BTreeMap<_, _> = numbered
            .collect::<Option<_>>()
            .ok_or("a version without number")?;
        check(all.len() == versions.len(), || {
            "a number is given twice".to_owned()
        })?;
        Ok(all)
    }

    /// Returns the numbers of the versions whose file has not come.
    async fn awaited(&self) -> Result<BTreeSet<u64>, String> {
        let listed = json(&self.get("/_mock/orphans").await?)?;
        let orphans = listed["orphans"].as_array().ok_or("no list of orphans")?;
        let slugs = orphans.iter().filter_map(|orphan| orphan["slug"].as_str());
        let numbers = slugs.filter_map(|slug| slug.strip_prefix("acme/web/custom.image/"));
        Ok(numbers.filter_map(|number| number.parse().ok()).collect())
    }

    async fn box_file(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = format!("/api/v2/box/acme/{name}/version/1.0.0/provider/virtualbox/amd64");
        let provider = json(&self.get(&path).await?)?;
        let url = provider["download_url"].as_str().unwrap_or_default();
        let place = url.find("/acme/").ok_or(format!("{name} has no file"))?;
        self.get(&url[place..]).await
    }

    /// Checks that the next version gets a number that no version had.
    async fn goes_on(&self, facts: &[Fact], last: Option<u64>) -> Result<(), String> {
        if !facts.contains(&Fact::Artifact) {
            return Ok(());
        }
        let given = facts.iter().filter_map(|fact| match fact {
            Fact::Created(number, _) => Some(*number),
            _ => None,
        });
        let highest = given.chain(last).max().unwrap_or(0);
        let new = json!({"artifact_version": {"id": "next", "file": false}});
        let made = json(&self.ask(Method::POST, FILE, new.to_string()).await?)?;
        let is_next = made["version"].as_u64() > Some(highest);
        check(is_next, || {
            format!("after {highest} comes {}", made["version"])
        })
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        self.ask(Method::GET, path, String::new()).await
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Result<Vec<u8>, String> {
        let asked = format!("{method} {path}");
        let request = Request::builder().method(method).uri(path);
        let request = request
            .header("host", "localhost")
            .header("x-atlas-token", "ROOT");
        let request = request
            .body(Body::from(body))
            .map_err(|error| error.to_string())?;
        let Ok(reply) = self.0.clone().oneshot(request).await;
        let status = reply.status();
        let body = to_bytes(reply.into_body(), usize::MAX).await;
        let body = body.map_err(|error| format!("{asked}: {error}"))?;
        let said = || format!("{asked}: {status} {}", String::from_utf8_lossy(&body));
        check(status.is_success(), said)?;
        Ok(body.into())
    }
}

fn json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}
