//! Tests redirects: a GET follows them, and the token stays on its own origin; a write does not follow them.

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::pull::{Pull, Target, pull};
use atlas_uploader::{Cause, Error, push};
use serde_json::json;

use crate::support::server::{Reply, Server};
use crate::support::{client, gzip, push_of, push_without_file};

const TOKEN: &str = "canary-token";

async fn pull_one(server: &Server) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    let wanted = Pull {
        name: "acme/web".parse().unwrap(),
        artifact_type: "custom.image".parse().unwrap(),
        version: Some(1),
    };
    pull(
        &client(server.url(), TOKEN),
        &wanted,
        Target::File(file.clone()),
    )
    .await?;
    Ok(std::fs::read(file).unwrap())
}

fn bytes(content: &[u8]) -> Reply {
    Reply::Status(200, Vec::new(), content.to_vec())
}

#[tokio::test]
async fn the_token_does_not_follow_to_another_origin() {
    for status in [301, 302, 303, 307, 308] {
        let store = Server::start(|_, _| bytes(b"the file")).await;
        let elsewhere = format!("{}/store/1?signature=s", store.url());
        let atlas = Server::of_files(move |_, _| Reply::redirect(status, &elsewhere)).await;
        assert_eq!(pull_one(&atlas).await.unwrap(), b"the file");
        assert_eq!(atlas.downloads()[0].header("x-atlas-token"), Some(TOKEN));
        let there = store.requests();
        assert_eq!(there[0].line(), "GET /store/1?signature=s");
        assert!(!format!("{there:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn the_token_goes_along_on_its_own_origin_and_relative_places_are_understood() {
    let atlas = Server::of_files(|_, request| match request.target.as_str() {
        "/moved/file" => bytes(b"the file"),
        _ => Reply::redirect(302, "/moved/file"),
    })
    .await;
    assert_eq!(pull_one(&atlas).await.unwrap(), b"the file");
    assert_eq!(atlas.downloads()[1].header("x-atlas-token"), Some(TOKEN));
}

#[tokio::test]
async fn a_token_left_behind_is_not_taken_up_again_on_the_way_back() {
    let back = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let home = std::sync::Arc::clone(&back);
    let stranger = Server::start(move |_, _| {
        Reply::redirect(302, &format!("{}/chosen/by/stranger", home.get().unwrap()))
    })
    .await;
    let away = stranger.url().to_owned();
    let atlas = Server::of_files(move |_, request| match request.target.as_str() {
        "/chosen/by/stranger" => bytes(b"x"),
        _ => Reply::redirect(302, &away),
    })
    .await;
    back.set(atlas.url().to_owned()).unwrap();
    pull_one(&atlas).await.unwrap();
    assert_eq!(atlas.downloads()[1].line(), "GET /chosen/by/stranger");
    assert_eq!(atlas.downloads()[1].header("x-atlas-token"), None);
}

#[tokio::test]
async fn a_ring_of_redirects_ends() {
    let atlas = Server::of_files(|_, _| Reply::redirect(302, "/again")).await;
    let error = pull_one(&atlas).await.unwrap_err();
    assert!(
        error.to_string().ends_with("more than 10 redirects"),
        "{error}"
    );
    assert_eq!(atlas.downloads().len(), 11);
}

#[tokio::test]
async fn a_redirect_to_what_is_no_web_address_is_told_with_request_and_place() {
    for (place, shown) in [
        ("ftp://u:hunter2@x.test/a?b=c", "ftp://x.test/…"),
        ("file:///etc/passwd", "file:///…"),
    ] {
        let atlas = Server::of_files(move |_, _| Reply::redirect(302, place)).await;
        let text = pull_one(&atlas).await.unwrap_err().to_string();
        let told = format!("/file: redirected to {shown}, which is not an http or https address");
        assert!(text.ends_with(&told), "{text}");
        assert!(
            text.contains(&format!("GET {}/api/v1/", atlas.url())),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_redirected_post_is_an_error_that_says_so() {
    let other = Server::start(|_, _| Reply::json(200, json!({}))).await;
    let place = format!("{}/secure?q=1", other.url());
    let atlas = Server::start(move |_, request| match request.method.as_str() {
        "POST" => Reply::redirect(301, &place),
        _ => Reply::json(
            200,
            json!({"artifact": {"username": "acme", "name": "web"}}),
        ),
    })
    .await;
    let error = push(&client(atlas.url(), TOKEN), &push_without_file("i"))
        .await
        .unwrap_err();
    assert!(matches!(
        error.cause(),
        Cause::Redirected { status: 301, .. }
    ));
    let text = error.to_string();
    let place = format!(
        "a write does not follow redirects; the server points to {}/secure",
        other.url()
    );
    assert!(text.ends_with(&place), "{text}");
    assert_eq!(ExitCode::from(&error), ExitCode::Refused);
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_redirected_put_is_an_error_and_the_bytes_go_nowhere_else() {
    let other = Server::start(|_, _| Reply::json(200, json!({}))).await;
    let place = format!("{}/elsewhere", other.url());
    let atlas = Server::start(move |url, request| match request.method.as_str() {
        "PUT" => Reply::redirect(307, &place),
        "POST" => Reply::json(
            200,
            json!({"version": 1, "upload_path": format!("{url}/u")}),
        ),
        _ => Reply::json(
            200,
            json!({"artifact": {"username": "acme", "name": "web"}}),
        ),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.gz");
    std::fs::write(&path, gzip(b"x")).unwrap();
    let error = push(&client(atlas.url(), TOKEN), &push_of(&path))
        .await
        .unwrap_err();
    assert!(
        matches!(error.cause(), Cause::Redirected { status: 307, .. }),
        "{error}"
    );
    assert!(other.requests().is_empty());
}
