//! Drives Debian's Chromium by the DevTools protocol, over a pair of pipes.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::real_clients::{LIMIT, until};

/// The command that starts Chromium. It reads from descriptor 3 and writes to 4, which are the pipes of this process.
const COMMAND: &str = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --hide-scrollbars --no-proxy-server \
    --remote-debugging-pipe --user-data-dir=\"$1\" --host-resolver-rules='MAP evil.example 127.0.0.1' \
    3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// A page in a Chromium of its own, which ends with it.
pub(super) struct Page {
    pipes: Mutex<Pipes>,
    session: Option<String>,
    _child: Child,
    _profile: TempDir,
}

struct Pipes {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last: u64,
}

impl Page {
    /// Starts Chromium, and opens an empty page. What it downloads goes into `downloads`.
    pub(super) async fn start(downloads: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh");
        let child = child.args(["-c", COMMAND, "sh"]).arg(profile.path());
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.kill_on_drop(true).spawn().unwrap();
        let mut page = Self {
            pipes: Mutex::new(Pipes {
                to: child.stdin.take().unwrap(),
                from: BufReader::new(child.stdout.take().unwrap()),
                last: 0,
            }),
            session: None,
            _child: child,
            _profile: profile,
        };
        let target = page
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", attach).await;
        page.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        let allow = json!({"behavior": "allow", "downloadPath": downloads});
        page.call("Page.setDownloadBehavior", allow).await;
        page
    }

    /// Makes a call of the protocol, and returns its result.
    async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Makes a call of the protocol, and returns the whole answer. Events are dropped.
    async fn answer(&self, method: &str, params: Value) -> Value {
        let mut pipes = self.pipes.lock().await;
        let pipes = &mut *pipes;
        pipes.last += 1;
        let mut call = json!({"id": pipes.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        pipes
            .to
            .write_all(format!("{call}\0").as_bytes())
            .await
            .unwrap();
        let answer = async {
            loop {
                let mut message = Vec::new();
                let read = pipes.from.read_until(0, &mut message).await.unwrap();
                assert!(read > 0, "Chromium ended during {method}");
                let message: Value = serde_json::from_slice(&message[..read - 1]).unwrap();
                if message["id"] == pipes.last {
                    return message;
                }
            }
        };
        timeout(LIMIT, answer).await.expect(method)
    }

    /// Opens an address, and waits until it is there.
    pub(super) async fn open(&self, url: &str) {
        let went = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(went["errorText"].is_null(), "{url}: {went}");
        let is_there = "document.readyState === 'complete' && location.href !== 'about:blank'";
        self.until(is_there).await;
    }

    /// Evaluates an expression, and returns its value; `null` if the page went away meanwhile or the expression fails.
    pub(super) async fn eval(&self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.answer("Runtime.evaluate", params).await;
        answer["result"]["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(super) async fn until(&self, expression: &str) {
        until(expression, async || self.eval(expression).await == true).await;
    }

    /// Returns the text that people see.
    pub(super) async fn text(&self) -> String {
        let text = self.eval("document.body.innerText").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until people see a text.
    pub(super) async fn until_text(&self, text: &str) {
        until(text, async || self.text().await.contains(text)).await;
    }

    /// Types a text into the field that a selector finds, once it is there.
    pub(super) async fn fill(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        let filled = format!(
            "(() => {{ const it = document.querySelector({selector}); if (it) it.value = {text}; return !!it; }})()"
        );
        self.until(&filled).await;
    }

    /// Clicks on what a selector finds, once it is there.
    pub(super) async fn click(&self, selector: &str) {
        let selector = json!(selector);
        // The click goes away with the page, so the answer is given before.
        let click = format!(
            "(() => {{ const it = document.querySelector({selector}); if (it) setTimeout(() => it.click()); return !!it; }})()"
        );
        self.until(&click).await;
    }

    /// Sets the size of the window, and whether its owner likes it dark.
    pub(super) async fn look(&self, (width, height): (u32, u32), scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// Returns a picture of the window, in PNG.
    pub(super) async fn picture(&self) -> Vec<u8> {
        use base64::Engine;
        let picture = self
            .call("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let data = picture["data"].as_str().unwrap();
        base64::engine::general_purpose::STANDARD
            .decode(data)
            .unwrap()
    }
}
