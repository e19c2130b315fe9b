//! Tests of the pages of artifacts and boxes.

use serde_json::json;

use super::*;
use crate::support::upload_path;

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}gnp.exe";

#[tokio::test]
async fn everybody_sees_what_the_api_would_tell_them() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "secret").await;
    fixture.make_artifact("rival", "own").await;
    let anybody = Browser::new(&fixture);
    let rival = Browser::signed_in(&fixture, "RIVAL").await;
    let root = Browser::signed_in(&fixture, "ROOT").await;
    let sees = async |browser: &Browser<'_>| {
        let page = browser.page("/").await;
        ["acme/public", "acme/secret", "rival/own"].map(|name| page.contains(name))
    };
    assert_eq!(sees(&anybody).await, [true, false, false]);
    assert_eq!(sees(&rival).await, [true, false, true]);
    assert_eq!(sees(&root).await, [true, true, true]);
    for (browser, path, status) in [
        (&anybody, "/acme/secret", 404),
        (&rival, "/acme/secret", 404),
        (&rival, "/rival/own", 200),
        (&rival, "/rival", 200),
        (&anybody, "/nobody", 404),
        (&anybody, "/a%20b", 404),
        (&anybody, "/acme/a%20b", 404),
        (&root, "/acme/secret", 200),
        (&root, "/acme/secret?type=none", 404),
        (&root, "/acme/secret?type=%3Cb%3E", 404),
    ] {
        assert_eq!(browser.open(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn empty_pages_say_what_to_do_first() {
    let fixture = Fixture::new().await;
    let root = Browser::signed_in(&fixture, "ROOT").await;
    let page = root.page("/acme/public").await;
    assert!(
        page.contains("atlas-upload push acme/public --type custom.image FILE"),
        "{page}"
    );
    assert!(page.contains(fixture.atlas.url()));
    let rival = Browser::signed_in(&fixture, "RIVAL").await;
    let page = rival.page("/rival").await;
    assert!(
        page.contains("atlas-upload push rival/NAME --type custom.image FILE"),
        "{page}"
    );
}

#[tokio::test]
async fn a_search_finds_a_part_of_a_name() {
    let fixture = Fixture::new().await;
    let browser = Browser::new(&fixture);
    assert!(
        browser
            .page("/?q=E%2FPUB")
            .await
            .contains("href=\"/acme/public\"")
    );
    let page = browser.page("/?q=%3Cb%3E%25").await;
    assert!(
        !page.contains("<b>") && page.contains("&#60;b&#62;%"),
        "{page}"
    );
}

#[tokio::test]
async fn long_lists_have_pages() {
    let fixture = Fixture::new().await;
    for number in 0..120 {
        fixture
            .make_artifact("acme", &format!("web-{number}"))
            .await;
    }
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let (mut path, mut found) = ("/?q=web-".to_owned(), Vec::new());
    loop {
        let page = browser.page(&path).await;
        let rows = page.match_indices("<th scope=\"row\"><a href=\"/acme/");
        let rows: Vec<_> = rows
            .map(|(at, start)| {
                page[at + start.len()..]
                    .split('"')
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert!(rows.len() <= 50);
        found.extend(rows);
        let Some((_, next)) = page.split_once("rel=\"next\" href=\"") else {
            break;
        };
        path = next.split('"').next().unwrap().replace("&#38;", "&");
    }
    let all: Vec<_> = (0..120)
        .rev()
        .map(|number| format!("web-{number}"))
        .collect();
    assert_eq!(found, all);
}

#[tokio::test]
async fn versions_have_pages_and_each_has_lines_to_copy() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for _ in 0..60 {
        fixture
            .make_version(json!({"id": "x", "metadata": {"os": "linux"}}))
            .await;
    }
    fixture.push(b"bytes").await;
    let awaited = fixture.make_version(json!({"id": "y", "file": true})).await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let first = browser.page("/acme/web?type=custom.image").await;
    assert!(
        first.contains("version=61\"") && first.contains("version=12\""),
        "{first}"
    );
    assert!(!first.contains("version=11\"") && !first.contains("version=62\""));
    assert!(first.contains("acme/web/custom.image/62"), "it is awaited");
    let second = browser.page("/acme/web?type=custom.image&highest=11").await;
    assert!(second.contains("version=11\"") && second.contains("version=1\""));
    assert_eq!(
        fixture.put(&upload_path(&awaited), b"late").await.status,
        200
    );
    let page = browser.page("/acme/web?type=custom.image&version=61").await;
    for line in [
        "atlas-upload pull acme/web --type custom.image --version 61",
        "/api/v1/artifacts/acme/web/custom.image/61/file",
        "data &quot;atlas_artifact&quot; &quot;web&quot;",
        "value = data.atlas_artifact.web.id",
        "export ATLAS_TOKEN=…",
        "post-processor &quot;atlas&quot;",
        "5 bytes",
    ] {
        let line = line.replace("&quot;", "&#34;");
        assert!(page.contains(&line), "{line}: {page}");
    }
    for missing in ["63", "0", "x", "18446744073709551616"] {
        let path = format!("/acme/web?type=custom.image&version={missing}");
        assert_eq!(browser.open(&path).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn a_file_is_kept_and_not_shown_by_the_browser() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"<script>").await;
    let path = "/_mock/pages/files/acme/web/custom.image/1";
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let reply = browser.request(Method::GET, path).send().await.unwrap();
    let headers = headers(&reply);
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"web-custom.image-1\""
    );
    assert_eq!(reply.bytes().await.unwrap(), &b"<script>"[..]);
    for token in [None, Some("RIVAL")] {
        let other = match token {
            None => Browser::new(&fixture),
            Some(token) => Browser::signed_in(&fixture, token).await,
        };
        assert_eq!(other.open(path).await.status, 404);
    }
}

#[tokio::test]
async fn what_strangers_send_is_shown_as_text() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let long = "x".repeat(50_000);
    let metadata = json!({HOSTILE: HOSTILE, "long": long});
    fixture
        .make_version(json!({"id": HOSTILE, "metadata": metadata}))
        .await;
    fixture
        .make_version(json!({"id": "x", "metadata": {"long": "y"}}))
        .await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    for path in [
        "/acme/web",
        "/acme/web?type=custom.image&version=1",
        "/acme/web?type=custom.image&from=1&to=2",
    ] {
        let page = browser.page(path).await;
        assert!(
            !page.contains("<script>alert") && !page.contains("<img"),
            "{path}"
        );
        assert!(!page.contains('\u{202e}'), "{path}");
        assert!(page.contains("&lt;script&gt;alert(1)"), "{path}: {page}");
        assert!(
            page.contains("<span class=\"mark\">U+202E</span>"),
            "{path}"
        );
    }
    let page = browser.page("/acme/web?type=custom.image&version=1").await;
    assert!(page.contains(&long));
}

#[tokio::test]
async fn two_versions_are_compared_by_their_metadata() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for metadata in [
        json!({"same": "1", "gone": "2", "other": "3"}),
        json!({"same": "1", "new": "4", "other": "5"}),
    ] {
        fixture
            .make_version(json!({"id": "x", "metadata": metadata}))
            .await;
    }
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let page = browser
        .page("/acme/web?type=custom.image&from=1&to=2")
        .await;
    for row in [
        "<tr class=\"removed\"><th scope=\"row\">gone",
        "<tr class=\"added\"><th scope=\"row\">new",
        "<tr class=\"changed\"><th scope=\"row\">other",
        "1 keys are the same",
    ] {
        assert!(page.contains(row), "{row}: {page}");
    }
}

#[tokio::test]
async fn a_box_is_shown_released_and_revoked() {
    let fixture = Fixture::new().await;
    fixture.push_box().await;
    let anybody = Browser::new(&fixture);
    let page = anybody.page("/acme/debian").await;
    for text in [
        "vagrant box add acme/debian",
        "--box-version 1.0.0",
        "virtualbox",
        "amd64",
        "5 bytes",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("Revoke 1.0.0"), "nobody is signed in");
    let root = Browser::signed_in(&fixture, "ROOT").await;
    let status = async || {
        let shown = fixture
            .get("/api/v2/box/acme/debian/version/1.0.0")
            .await
            .json();
        shown["status"].as_str().unwrap().to_owned()
    };
    let change = async |browser: &Browser<'_>, action| {
        let fields = [("version", "1.0.0"), ("action", action)];
        let reply = browser
            .submit("/_mock/pages/boxes/acme/debian", &fields)
            .await;
        reply.status().as_u16()
    };
    assert!(root.page("/acme/debian").await.contains("Revoke 1.0.0"));
    assert_eq!(
        (change(&root, "revoke").await, status().await.as_str()),
        (303, "revoked")
    );
    assert!(root.page("/acme/debian").await.contains("Release 1.0.0"));
    assert_eq!(
        (change(&root, "release").await, status().await.as_str()),
        (303, "active")
    );
    assert_eq!(change(&root, "release").await, 422);
    assert_eq!(change(&root, "<b>").await, 422);
    let rival = Browser::signed_in(&fixture, "RIVAL").await;
    assert_eq!(
        (change(&rival, "revoke").await, status().await.as_str()),
        (404, "active")
    );
}

#[tokio::test]
async fn what_is_deleted_on_a_page_is_gone() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"one").await;
    fixture.push(b"two").await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let of = [
        ("artifact", "acme/web"),
        ("type", "custom.image"),
        ("version", "1"),
    ];
    let delete = async |action| {
        let mut fields = vec![("action", action)];
        fields.extend(of);
        browser.submit("/_mock/control/data", &fields).await
    };
    assert_eq!(location(&delete("delete-version").await), "/acme/web");
    assert_eq!(fixture.found("").await, [2]);
    assert_eq!(location(&delete("delete-artifact").await), "/acme");
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 404);
    assert_eq!(delete("delete-artifact").await.status(), 404);
}

#[tokio::test]
async fn a_channel_is_set_rolled_back_and_removed_by_whoever_may_write() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for _ in 0..2 {
        fixture.make_version(json!({"id": "x"})).await;
    }
    let root = Browser::signed_in(&fixture, "ROOT").await;
    let change = async |browser: &Browser<'_>, action, channel, version| {
        let fields = [
            ("action", action),
            ("type", "custom.image"),
            ("channel", channel),
            ("version", version),
        ];
        browser
            .submit("/_mock/pages/channels/acme/web", &fields)
            .await
    };
    let shown = async || {
        let page = root.page("/acme/web").await;
        ["production → 1", "production → 2"].map(|text| page.contains(text))
    };
    for version in ["1", "2"] {
        let reply = change(&root, "set", "production", version).await;
        assert_eq!(location(&reply), "/acme/web?type=custom.image");
    }
    assert_eq!(shown().await, [false, true]);
    let reply = change(&root, "rollback", "production", "").await;
    assert_eq!(
        (reply.status().as_u16(), shown().await),
        (303, [true, false])
    );
    for (action, channel, version, status) in [
        ("set", "production", "9", 422),
        ("set", "production", "<b>", 422),
        ("set", "latest", "1", 422),
        ("rollback", "production", "", 409),
        ("remove", "none", "", 404),
        ("<b>", "production", "1", 422),
    ] {
        let reply = change(&root, action, channel, version).await;
        assert_eq!(reply.status(), status, "{action} {channel} {version}");
        assert!(!reply.text().await.unwrap().contains("<b>"));
    }
    let rival = Browser::signed_in(&fixture, "RIVAL").await;
    for action in ["set", "rollback", "remove"] {
        let reply = change(&rival, action, "production", "2").await;
        assert_eq!(reply.status(), 404, "{action}");
    }
    assert_eq!(shown().await, [true, false]);
    assert_eq!(
        change(&root, "remove", "production", "").await.status(),
        303
    );
    assert_eq!(shown().await, [false, false]);
    let audit = fixture.mock(Method::GET, "/audit", None).await.json();
    let told = "/_mock/pages/channels/acme/web?action=remove&type=custom.image&channel=production";
    let entries = audit["entries"].as_array().unwrap();
    assert!(entries.iter().any(|of| of["path"] == told), "{audit}");
}

#[tokio::test]
async fn only_whoever_may_change_channels_gets_the_forms() {
    let seed = r#"{"artifacts": [{"name": "acme/open", "public": true, "versions": [{"type": "t", "id": "x"}]}]}"#;
    let fixture =
        Fixture::with(|builder| builder.seed(mock_atlas::Seed::from_json(seed).unwrap())).await;
    fixture.push_box().await;
    let root = Browser::signed_in(&fixture, "ROOT").await;
    let rival = Browser::signed_in(&fixture, "RIVAL").await;
    for (browser, sees) in [
        (&root, true),
        (&rival, false),
        (&Browser::new(&fixture), false),
    ] {
        let page = browser.page("/acme/open").await;
        assert_eq!(page.contains("Change channels"), sees, "{page}");
    }
    let page = root.page("/acme/debian").await;
    assert!(!page.contains("Change channels"), "a box has none: {page}");
}
