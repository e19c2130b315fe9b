//! Starts an emulator with the boxes that a recorded run presupposes, and plays the run.

use mock_atlas::{MockAtlas, User};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::comparison::{Learned, path_of};
use super::wire::{Reply, Wire, recording, target_of, vagrant_box};

/// The token and the client secret of the user `acme`.
const TOKEN: &str = "token-of-acme";
/// The password of the user `u`, in the recordings too.
const PASSWORD: &str = "p";

/// The steps of a recording, each with its lines, in their order.
pub(super) fn steps(lines: &str) -> Vec<(String, Vec<Value>)> {
    let mut steps: Vec<(String, Vec<Value>)> = Vec::new();
    for line in recording(lines) {
        let step = line["step"].as_str().unwrap();
        match steps.last_mut() {
            Some((last, lines)) if last == step => lines.push(line),
            _ => steps.push((step.to_owned(), vec![line])),
        }
    }
    steps
}

/// Asserts that each of these names belongs to a step, so that none is left out for a reason that no longer holds.
pub(super) fn assert_are_steps(names: &[(&str, &str)], steps: &[(String, Vec<Value>)]) {
    for (name, why) in names {
        assert!(steps.iter().any(|(step, _)| step == name), "{name}: {why}");
    }
}

/// An emulator, and a client that replays recorded requests.
pub(super) struct Scene {
    pub(super) atlas: MockAtlas,
    wire: Wire,
    http: Client,
    learned: Learned,
    /// Recorded statuses that this server answers with another one.
    statuses: Vec<(u64, u64)>,
}

impl Scene {
    pub(super) async fn start() -> Self {
        Self::of(User::new("u").password(PASSWORD)).await
    }

    /// Starts an emulator whose user `u` logs in with a second factor.
    pub(super) async fn with_two_factor() -> Self {
        Self::of(User::new("u").password(PASSWORD).two_factor("123456")).await
    }

    async fn of(user: User) -> Self {
        let acme = User::new("acme").token(TOKEN);
        let builder = MockAtlas::builder().user(acme).user(user);
        let atlas = builder.start().await.unwrap();
        let address = atlas.url().strip_prefix("http://").unwrap().to_owned();
        let placeholders = [
            ("HCP_TOKEN", TOKEN),
            ("TOKEN", TOKEN),
            ("CLIENT_ID", "acme"),
            ("CLIENT_SECRET", TOKEN),
            ("PASSWORD", PASSWORD),
            ("UUID", "8a0ff6b1-5a0b-4a3f-9c61-0b7f6a1f7c55"),
        ];
        let placeholders = placeholders.map(|(name, value)| (name, value.to_owned()));
        Self {
            atlas,
            wire: Wire {
                address,
                placeholders: placeholders.into(),
            },
            http: Client::builder().no_proxy().build().unwrap(),
            learned: Learned::default(),
            statuses: Vec::new(),
        }
    }

    /// Sends another value in place of a placeholder.
    pub(super) fn sending(mut self, placeholder: &str, value: &str) -> Self {
        let mut all = self.wire.placeholders.iter_mut();
        let found = all.find(|(name, _)| *name == placeholder);
        value.clone_into(&mut found.unwrap().1);
        self
    }

    /// Expects another status than the recorded one.
    pub(super) fn expecting(mut self, recorded: u64, status: u64) -> Self {
        self.statuses.retain(|(of, _)| *of != recorded);
        self.statuses.push((recorded, status));
        self
    }

    /// Makes the server fail from now on.
    pub(super) fn failing(self, fault: &str) -> Self {
        self.atlas.add_fault(fault.parse().unwrap());
        self
    }

    /// Makes the boxes `acme/multi` and `acme/old` that the stand-in had, with files of this size.
    pub(super) async fn with_boxes(self, size: usize) -> Self {
        let multi = [
            ("virtualbox", "amd64"),
            ("virtualbox", "arm64"),
            ("libvirt", "amd64"),
        ];
        self.make_box("multi").await;
        self.publish("multi", "1.0.0", &multi, size).await;
        self.publish("multi", "1.1.0", &multi, size).await;
        self.make_box("old").await;
        let old = [("virtualbox", "unknown")];
        self.publish("old", "0.1.0", &old, size).await;
        self
    }

    pub(super) async fn make_box(&self, name: &str) {
        let of_box = json!({"name": name, "description": "d", "is_private": false});
        self.make_box_with(of_box).await;
    }

    pub(super) async fn make_box_with(&self, mut of_box: Value) {
        of_box["username"] = json!("acme");
        self.api(Method::POST, "boxes", &json!({ "box": of_box }))
            .await;
    }

    /// Makes and releases a version whose providers have files of this size.
    pub(super) async fn publish(
        &self,
        name: &str,
        version: &str,
        providers: &[(&str, &str)],
        size: usize,
    ) {
        self.make_version(name, version).await;
        for (provider, architecture) in providers {
            let body = json!({"name": provider, "architecture": architecture});
            self.make_provider(name, version, &body).await;
            self.upload(name, version, (provider, architecture), size)
                .await;
        }
        self.release(name, version).await;
    }

    pub(super) async fn release(&self, name: &str, version: &str) {
        let release = format!("box/acme/{name}/version/{version}/release");
        self.api(Method::PUT, &release, &Value::Null).await;
    }

    pub(super) async fn make_version(&self, name: &str, version: &str) {
        let body = json!({"version": {"version": version}});
        let versions = format!("box/acme/{name}/versions");
        self.api(Method::POST, &versions, &body).await;
    }

    pub(super) async fn make_provider(&self, name: &str, version: &str, provider: &Value) {
        let providers = format!("box/acme/{name}/version/{version}/providers");
        let body = json!({ "provider": provider });
        self.api(Method::POST, &providers, &body).await;
    }

    pub(super) async fn upload(
        &self,
        name: &str,
        version: &str,
        (provider, architecture): (&str, &str),
        size: usize,
    ) {
        let path =
            format!("box/acme/{name}/version/{version}/provider/{provider}/{architecture}/upload");
        let upload = self.api(Method::GET, &path, &Value::Null).await;
        let to = upload["upload_path"].as_str().unwrap();
        let sent = self.http.put(to).body(vagrant_box(provider, size)).send();
        assert_eq!(sent.await.unwrap().status(), 200);
    }

    /// Calls the API, version 2, as the user `acme`, and returns the reply to a success.
    pub(super) async fn api(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v2/{path}", self.atlas.url());
        let mut request = self.http.request(method, &url).bearer_auth(TOKEN);
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let reply = request.send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Plays the recorded requests of a step, and compares the replies.
    pub(super) async fn play(&mut self, step: &str, lines: &[Value]) {
        for line in lines {
            self.play_line(step, line).await;
        }
    }

    /// Plays a recorded request that this server refuses, and asserts that an error has these words.
    pub(super) async fn play_refused(&mut self, step: &str, line: &Value, words: &str) {
        let errors = self.play_line(step, line).await.json()["errors"].to_string();
        assert!(errors.contains(words), "{step}: {errors}");
    }

    async fn play_line(&mut self, step: &str, line: &Value) -> Reply {
        let (request, answered) = (&line["request"], &line["answered"]);
        if let Some(token) = self.learned.value("HCP_TOKEN") {
            token.clone_into(&mut self.wire.placeholders[0].1);
        }
        let target = self.wire.filled(&self.learned.target(target_of(request)));
        let mut reply = self.wire.replay(request, &target).await;
        let recorded = answered["status"].as_u64().unwrap();
        if reply.status == 302 && recorded != 302 {
            // Both clients that download follow redirects, with the same headers while the host is the same.
            let location = reply.header("location").unwrap();
            let location = path_of(location).unwrap().to_owned();
            reply = self.wire.replay(request, &location).await;
        }
        let place = format!("{step}: {} {target}", request["method"].as_str().unwrap());
        let expected = self.statuses.iter().find(|(of, _)| *of == recorded);
        let expected = expected.map_or(recorded, |(_, status)| *status);
        let shown = String::from_utf8_lossy(&reply.body[..reply.body.len().min(2000)]);
        assert_eq!(reply.status, expected, "{place}\n{shown}");
        assert_media_type(request, &reply, &place);
        let is_as_recorded = (expected < 300) == (recorded < 300);
        if answered["body"].is_object() && is_as_recorded {
            let body = reply.json();
            self.learned.compare(&body, &answered["body"], &place);
        }
        if let (Some(size), 200 | 206) = (answered["bytes"].as_u64(), reply.status) {
            assert_eq!(reply.body.len() as u64, size, "{place}");
        }
        let range = answered["content_range"].as_str();
        let range = range.filter(|_| reply.status == 206);
        assert_eq!(reply.header("content-range"), range, "{place}");
        if let Some(location) = answered["location"].as_str() {
            assert_eq!(reply.header("location"), Some(location), "{place}");
        }
        reply
    }
}

/// Asserts that a client that accepts only JSON is told that it gets JSON. Vagrant asks so for a file, too, to learn
/// from the answer that it is none.
fn assert_media_type(request: &Value, reply: &Reply, place: &str) {
    if target_of(request).ends_with(".box") {
        return;
    }
    let mut headers = request["headers"].as_array().unwrap().iter();
    let is_asked = headers.any(|header| header[0] == "Accept" && header[1] == "application/json");
    let is_found = reply.header("content-type");
    let is_found = is_found.is_some_and(|it| it.starts_with("application/json"));
    assert!(
        !is_asked || reply.status == 204 || is_found,
        "{place}\n{}",
        reply.head
    );
}
