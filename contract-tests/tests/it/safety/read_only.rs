//! A read-only run writes nothing, and judges artifacts that the operator named.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use atlas_contract_tests::{
    self_test::proxy::{Interceptor, PassThrough, Proxy, Reply, ReplyInterceptor, Request},
    suite::{clauses, fixtures::Digest},
};
use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{
    program::{Output, run},
    proxy,
};

const BYTES: &[u8] = b"the bytes of the file";

/// A server with artifacts, and the file of fixtures that describes them.
struct Installation {
    proxy: Proxy,
    folder: tempfile::TempDir,
    before: usize,
}

impl Installation {
    async fn start(wrong: impl Interceptor) -> Self {
        let proxy = proxy(wrong).await;
        for name in ["web", "public"] {
            plant(&proxy, name).await;
        }
        for (name, private) in [("closed", true), ("open", false)] {
            plant_box(&proxy, name, private).await;
        }
        let fixtures = format!(
            "[[artifacts]]\nname = \"acme/web\"\ntype = \"archive\"\nvisibility = \"private\"\n{0}\n\
             [[artifacts]]\nname = \"acme/public\"\ntype = \"archive\"\nvisibility = \"public\"\n{0}\
             [[boxes]]\nname = \"acme/closed\"\nvisibility = \"private\"\n{1}\
             [[boxes]]\nname = \"acme/open\"\nvisibility = \"public\"\n{1}",
            versions(),
            box_version()
        );
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("there.toml"), fixtures).unwrap();
        let before = proxy.seen().len();
        Self {
            proxy,
            folder,
            before,
        }
    }

    fn fixtures(&self) -> PathBuf {
        self.folder.path().join("there.toml")
    }

    async fn run(&self, more: &[&str]) -> Output {
        let (settings, fixtures) = (self.proxy.settings(), self.fixtures());
        let other = settings.other_token.as_deref().unwrap();
        let args = [
            &["run", "--read-only", "--atlas-url", &settings.url][..],
            &["--token", &settings.token, "--other-token", other],
            &["--fixtures", fixtures.to_str().unwrap()],
            more,
        ];
        run(&args.concat()).await
    }

    fn sent(&self) -> Vec<Request> {
        self.proxy.seen().split_off(self.before)
    }
}

/// Returns the entries of the versions, which are the same for both artifacts.
fn versions() -> String {
    format!(
        "[[artifacts.versions]]\nversion = 2\nmetadata = {{ os = \"linux\" }}\n\
         [[artifacts.versions]]\nversion = 4\nfile = {{ size = {}, sha256 = \"{}\" }}\n",
        BYTES.len(),
        Digest::of(BYTES)
    )
}

/// Returns the entry of a box's version, which is the same for both boxes.
fn box_version() -> String {
    format!(
        "version = \"1.0.0\"\nprovider = \"virtualbox\"\narchitecture = \"amd64\"\n\
         file = {{ size = {}, sha256 = \"{}\" }}\n",
        BYTES.len(),
        Digest::of(BYTES)
    )
}

async fn plant_box(proxy: &Proxy, name: &str, private: bool) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |method: Method, path: &str, body: Value| {
        let request = client.request(method, format!("{}/api/v2{path}", proxy.url));
        let request = request.bearer_auth(proxy.settings().token);
        let request = if body.is_null() {
            request
        } else {
            request.body(body.to_string())
        };
        let reply = request.send().await.unwrap();
        serde_json::from_slice::<Value>(&reply.bytes().await.unwrap()).unwrap()
    };
    let fields =
        json!({"username": "acme", "name": name, "description": "d", "is_private": private});
    send(Method::POST, "/boxes", json!({"box": fields})).await;
    let of_box = format!("/box/acme/{name}");
    let version = json!({"version": {"version": "1.0.0"}});
    send(Method::POST, &format!("{of_box}/versions"), version).await;
    let provider = json!({"provider": {"name": "virtualbox", "architecture": "amd64"}});
    let path = format!("{of_box}/version/1.0.0");
    send(Method::POST, &format!("{path}/providers"), provider).await;
    let upload = format!("{path}/provider/virtualbox/amd64/upload");
    let upload = send(Method::GET, &upload, Value::Null).await;
    let address = upload["upload_path"].as_str().unwrap();
    let put = client.put(address).body(BYTES).send().await.unwrap();
    assert!(put.status().is_success());
    send(Method::PUT, &format!("{path}/release"), Value::Null).await;
}

async fn plant(proxy: &Proxy, name: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |path: &str, body: Value| {
        let request = client.post(format!("{}/api/v1{path}", proxy.url));
        let request = request.header("X-Atlas-Token", proxy.settings().token);
        let reply = request.body(body.to_string()).send().await.unwrap();
        serde_json::from_slice::<Value>(&reply.bytes().await.unwrap()).unwrap()
    };
    post(
        "/artifacts",
        json!({"artifact": {"username": "acme", "name": name}}),
    )
    .await;
    let mut upload = Value::Null;
    for version in [
        json!({"id": "a", "file": false, "metadata": {"os": "bsd", "arch": "amd64"}}),
        json!({"id": "b", "file": false, "metadata": {"os": "linux", "arch": "amd64"}}),
        json!({"id": "c", "file": false, "metadata": {"os": "linux", "arch": "arm64"}}),
        json!({"id": "d", "file": true, "metadata": {"os": "plan9"}}),
    ] {
        let path = format!("/artifacts/acme/{name}/archive");
        upload = post(&path, json!({"artifact_version": version})).await;
    }
    let path = upload["upload_path"].as_str().unwrap();
    let put = client.put(path).body(BYTES).send().await.unwrap();
    assert!(put.status().is_success());
}

fn reads(request: &Request) -> bool {
    matches!(request.method, Method::GET | Method::HEAD)
}

#[tokio::test]
async fn what_needs_no_writing_is_asked_and_nothing_else_is_sent() {
    let installation = Installation::start(PassThrough).await;
    let output = installation.run(&["--strict"]).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let readable = clauses::all()
        .filter(|it| it.preconditions.is_some())
        .count();
    let writing = clauses::all().count() - readable;
    let summary = format!(
        "{readable} ran: {readable} pass, 0 fail, 0 difference, 0 error; not run: {writing} disabled"
    );
    assert!(output.stdout.contains(&summary), "{}", output.stdout);
    assert!(readable >= 35, "{readable}");
    let disabled = output.stdout.matches("\n            writes\n").count();
    assert_eq!(disabled, writing);
    let sent = installation.sent();
    assert!(sent.len() > 100 && sent.iter().all(reads));
    assert!(
        !output.stdout.contains("atlas-contract cleanup"),
        "{}",
        output.stdout
    );
}

#[tokio::test]
async fn without_a_file_only_what_needs_no_artifact_is_asked() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    let args = [
        "run",
        "--read-only",
        "--atlas-url",
        &settings.url,
        "--token",
    ];
    let output = run(&[&args[..], &[&settings.token]].concat()).await;
    assert_eq!(output.code, 0, "{}", output.stdout);
    assert!(output.stdout.starts_with("pass        auth.base-path"));
    let named = "needs an artifact with two versions of a type in --fixtures";
    assert!(output.stdout.contains(named), "{}", output.stdout);
}

/// Asserts that a read-only run reports a violation of this clause when `spoil` changes the server's replies.
async fn is_found(clause: &str, spoil: impl Fn(&Request, &mut Reply) + Send + Sync + 'static) {
    let planted = std::sync::Arc::new(AtomicBool::new(false));
    let spoils = planted.clone();
    let installation = Installation::start(ReplyInterceptor(
        move |request: &Request, reply: &mut Reply| {
            if spoils.load(Ordering::Relaxed) {
                spoil(request, reply);
            }
        },
    ))
    .await;
    planted.store(true, Ordering::Relaxed);
    let output = installation.run(&["--strict", "--filter", clause]).await;
    let line = format!("fail        {clause} ");
    assert_eq!(
        output.code, 1,
        "{clause}: {}{}",
        output.stdout, output.stderr
    );
    assert!(output.stdout.contains(&line), "{clause}: {}", output.stdout);
}

fn first_only(reply: &mut Reply) {
    reply.change(|body| {
        let versions = body["versions"].as_array_mut();
        versions.into_iter().for_each(|it| it.truncate(1));
    });
}

#[tokio::test]
async fn a_server_that_is_wrong_is_found_by_reading_alone() {
    let is_search = |request: &Request| request.is(Method::GET, "/search");
    is_found("search.newest-first", move |request, reply| {
        if is_search(request) {
            reply.change(|body| {
                let versions = body["versions"].as_array_mut();
                versions.into_iter().for_each(|it| it.reverse());
            });
        }
    })
    .await;
    is_found("search.keys-and", move |request, reply| {
        if is_search(request) && request.target.contains("metadata.2") {
            first_only(reply);
        }
    })
    .await;
    is_found("search.element-fields", move |request, reply| {
        if is_search(request) {
            reply.replace("\"artifact_type\"", "\"kind\"");
        }
    })
    .await;
    is_found("metadata.order", move |request, reply| {
        if is_search(request) {
            reply.replace("{\"os\":\"bsd\",\"arch\":", "{\"arch\":\"bsd\",\"os\":");
        }
    })
    .await;
    is_found("errors.none-on-success", move |request, reply| {
        if is_search(request) {
            reply.change(|body| body["errors"] = json!([]));
        }
    })
    .await;
    is_found("errors.envelope", |_, reply| {
        if reply.status == 404 {
            reply.replace("false", "true");
        }
    })
    .await;
    is_found("versions.slug", move |request, reply| {
        if is_search(request) {
            reply.replace("archive/3\"", "archive/03\"");
        }
    })
    .await;
    is_found("download.numbered", |request, reply| {
        if request.is(Method::GET, "/4/file") {
            reply.body.push(b'x');
        }
    })
    .await;
    is_found("download.latest", |request, reply| {
        if request.is(Method::GET, "/latest/file") {
            reply.body.reverse();
        }
    })
    .await;
    is_found("boxes.read", |request, reply| {
        if request.path().starts_with("/api/v2/box/") {
            reply.replace("\"acme/closed\"", "\"closed\"");
        }
    })
    .await;
    is_found("boxes.download-range-at-end", |request, reply| {
        if request.headers.contains_key("Range") {
            reply.status = 416;
            reply
                .headers
                .insert("Content-Range", "bytes */21".parse().unwrap());
        }
    })
    .await;
    is_found("boxes-add.head", |request, reply| {
        if request.method == Method::HEAD {
            reply.status = 404;
        }
    })
    .await;
    is_found("auth.no-token-reads", |request, reply| {
        if !request.headers.contains_key("X-Atlas-Token") {
            reply.status = 200;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_as_the_file_says_is_told_before_any_verdict() {
    let installation = Installation::start(PassThrough).await;
    let text = fs::read_to_string(installation.fixtures()).unwrap();
    for (from, to, named) in [
        ("acme/web", "acme/no-such", "acme/no-such/archive"),
        ("version = 2", "version = 9", "version 9 is not among"),
        (
            "\"linux\"",
            "\"beos\"",
            "version 2 has other metadata at os",
        ),
        ("version = 4", "version = 3", "version 3 has no file"),
        (
            "visibility = \"private\"",
            "visibility = \"secret\"",
            "there.toml:4: ",
        ),
        ("size = ", "sise = ", "there.toml:"),
        ("acme/open", "acme/no-such", "acme/no-such: "),
        (
            "1.0.0",
            "9.0.0",
            "version 9.0.0 is not among the active ones",
        ),
        ("amd64", "arm64", "version 1.0.0 has no such provider"),
    ] {
        fs::write(installation.fixtures(), text.replace(from, to)).unwrap();
        let output = installation.run(&[]).await;
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{named}");
        assert!(
            output.stderr.starts_with("error: --fixtures: "),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains(named), "{named}: {}", output.stderr);
    }
    assert!(installation.sent().iter().all(reads));
}
