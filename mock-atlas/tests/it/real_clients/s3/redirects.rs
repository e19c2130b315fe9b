//! Downloads that lead to the bucket, with `--redirect-downloads`.

use std::collections::BTreeMap;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use rustix::process::Signal;
use serde_json::Value;

use super::{Home, Server, TOKEN, first_file};

const BYTES: &str = "0123456789";

/// An emulator that redirects downloads, and that shows all it can in its log.
async fn start(home: &Home) -> Server {
    let mut server = home
        .start(&["--redirect-downloads", "--log", "trace"])
        .await;
    let http = Client::builder().no_proxy().redirect(Policy::none());
    server.http = http.build().unwrap();
    server
}

/// Sends a GET with headers.
async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut get = server.request(Method::GET, path);
    for (name, value) in headers {
        get = get.header(*name, *value);
    }
    get.send().await.unwrap()
}

fn target(reply: &Response) -> Url {
    assert_eq!(reply.status(), 302);
    reply.headers()["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_file_is_at_a_signed_url_without_a_token() {
    let home = Home::new();
    let server = start(&home).await;
    server.push(BYTES).await;
    let reply = get(&server, &first_file(), &[]).await;
    assert_eq!(reply.headers()["cache-control"], "no-store");
    let url = target(&reply);
    assert_eq!(url.socket_addrs(|| None).unwrap(), [home.store.address()]);
    let query: BTreeMap<_, _> = url.query_pairs().collect();
    assert_eq!(query["X-Amz-Expires"], "900");
    assert_eq!(query["X-Amz-SignedHeaders"], "host");
    let whole = server.http.get(url.clone()).send().await.unwrap();
    assert_eq!(whole.text().await.unwrap(), BYTES);
    let part = server.http.get(url.clone()).header("Range", "bytes=2-4");
    let part = part.send().await.unwrap();
    assert_eq!(
        (part.status().as_u16(), &*part.text().await.unwrap()),
        (206, "234")
    );

    let mut other = url.clone();
    let name = url.path().replace(char::is_numeric, "0");
    other.set_path(&name);
    for refused in [server.http.get(other), server.http.put(url)] {
        assert_eq!(refused.send().await.unwrap().status(), 403);
    }
    let anonymous = server.http.get(format!("{}{}", server.url, first_file()));
    assert_eq!(anonymous.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn what_needs_no_bytes_or_another_file_is_answered_here() {
    let home = Home::new();
    let server = start(&home).await;
    server.push(BYTES).await;
    let path = first_file();
    let head = server.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"10".parse().unwrap())
    );
    let tag = head.headers()["etag"].to_str().unwrap().to_owned();
    let latest = path.replace("/1/", "/latest/");
    for (path, headers, status) in [
        (&path, vec![("If-None-Match", &*tag)], 304),
        (&path, vec![("Range", "bytes=10-")], 416),
        (&format!("{path}?redirect=false"), vec![], 200),
        (
            &format!("{path}?redirect=false"),
            vec![("Range", "bytes=2-4")],
            206,
        ),
        (
            &latest,
            vec![("Range", "bytes=2-4"), ("If-Range", "\"before\"")],
            200,
        ),
        (&latest, vec![("Range", "bytes=2-4")], 302),
        (
            &path,
            vec![("Range", "bytes=2-4"), ("If-Range", "\"of-the-store\"")],
            302,
        ),
    ] {
        let reply = get(&server, path, &headers).await;
        assert_eq!(reply.status(), status, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn a_box_is_at_a_signed_url_unless_the_client_has_it_whole() {
    let home = Home::new();
    let server = start(&home).await;
    let file = server.publish_box().await;
    let reply = get(&server, &file, &[]).await;
    let to = target(&reply);
    let file = to.path().to_owned() + "?" + to.query().unwrap_or_default();
    let count = async || {
        server
            .get("/api/v2/box/acme/debian")
            .await
            .json::<Value>()
            .await
            .unwrap()["downloads"]
            .clone()
    };
    let before = count().await.as_u64().unwrap();
    let whole = get(&server, &file, &[]).await;
    let bytes = server.http.get(target(&whole)).send().await.unwrap();
    assert_eq!(bytes.text().await.unwrap(), "a box");
    let rest = get(&server, &file, &[("Range", "bytes=2-")]).await;
    assert_eq!(rest.status(), 302);
    assert_eq!(count().await, before + 1);
    // Vagrant asks for what follows a whole file, and the bucket would refuse that.
    let whole = get(&server, &file, &[("Range", "bytes=5-")]).await;
    assert_eq!(whole.status(), 200);
}

#[tokio::test]
async fn no_signature_is_in_the_log_or_the_journal() {
    let home = Home::new();
    let server = start(&home).await;
    server.push(BYTES).await;
    let url = target(&get(&server, &first_file(), &[]).await);
    let pairs: BTreeMap<_, _> = url.query_pairs().collect();
    let signature = pairs["X-Amz-Signature"].clone().into_owned();
    // A client may bring the query back here.
    let path = format!("{}?{}", first_file(), url.query().unwrap());
    get(&server, &path, &[]).await;
    let journal = server.get("/_mock/requests").await.text().await.unwrap();
    assert!(journal.contains("X-Amz-Expires") && !journal.contains(&signature));
    assert_eq!(server.program.stop(Signal::TERM).await, Some(0));
    let log = std::fs::read_to_string(home.log()).unwrap();
    assert!(
        log.contains("answered") && !log.contains(&signature),
        "{log}"
    );
}

#[tokio::test]
async fn an_export_gets_the_files_from_the_emulator_itself() {
    let home = Home::new();
    let server = start(&home).await;
    server.push(BYTES).await;
    let tree = home.folder.path().join("tree");
    let arguments = ["export", tree.to_str().unwrap()];
    let mut export = home.command(home.store.address(), &arguments);
    let export = export
        .env("ATLAS_ADDRESS", &server.url)
        .env("ATLAS_TOKEN", TOKEN);
    let output = export.output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let file = tree.join(first_file().trim_start_matches('/'));
    assert_eq!(std::fs::read_to_string(file).unwrap(), BYTES);
}
