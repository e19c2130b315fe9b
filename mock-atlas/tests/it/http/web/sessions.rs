//! Tests of sessions, and of the guard of forms against forgery.

use mock_atlas::User;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_cookie_is_for_this_server_alone_and_no_script_reads_it() {
    let fixture = Fixture::new().await;
    let browser = Browser::new(&fixture);
    let fields = [("token", "ROOT"), ("then", "/acme/public?type=x")];
    let reply = browser.send("/_mock/pages/sign-in", &fields).await;
    assert_eq!(
        (reply.status().as_u16(), location(&reply)),
        (303, "/acme/public?type=x")
    );
    let set = reply.headers()[SET_COOKIE].to_str().unwrap();
    for part in [
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=43200",
    ] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("ROOT") && !set.contains("Secure"), "{set}");
    let elsewhere = [("token", "ROOT"), ("then", "//evil.example")];
    let reply = browser.send("/_mock/pages/sign-in", &elsewhere).await;
    assert_eq!(location(&reply), "/");
}

#[tokio::test]
async fn behind_https_a_cookie_is_secure() {
    let fixture = Fixture::with(|builder| builder.public_url("https://atlas.example.com")).await;
    let browser = Browser::new(&fixture);
    let reply = browser
        .send("/_mock/pages/sign-in", &[("token", "ROOT")])
        .await;
    assert!(
        reply.headers()[SET_COOKIE]
            .to_str()
            .unwrap()
            .ends_with("; Secure")
    );
}

/// Cookies do not tell ports apart, so that a browser sends those of both emulators to each.
#[tokio::test]
async fn a_session_is_left_alone_by_another_emulator_on_the_host() {
    let (one, two) = (Fixture::new().await, Fixture::new().await);
    let mut first = Browser::signed_in(&one, "RIVAL").await;
    let mut second = Browser::signed_in(&two, "ROOT").await;
    let cookies = [&first, &second].map(|browser| browser.cookie.clone().unwrap());
    let names = cookies.each_ref().map(|cookie| cookie.split('=').next());
    assert_ne!(names[0], names[1]);
    for (browser, user) in [(&mut first, "rival"), (&mut second, "atlas")] {
        browser.cookie = Some(cookies.join("; "));
        let out = format!("Sign out {user}");
        assert!(browser.page("/").await.contains(&out), "{user}");
    }
}

#[tokio::test]
async fn a_wrong_token_or_password_begins_no_session() {
    let fixture = Fixture::new().await;
    let browser = Browser::new(&fixture);
    for fields in [
        &[("token", "WRONG<b>")][..],
        &[("user", "rival"), ("password", "wrong")],
        &[("user", "<script>"), ("password", "")],
        &[],
    ] {
        let reply = browser.send("/_mock/pages/sign-in", fields).await;
        assert_eq!(reply.status(), 401);
        assert!(reply.headers().get(SET_COOKIE).is_none());
        let page = reply.text().await.unwrap();
        assert!(
            page.contains("role=\"alert\"") && !page.contains("<b>"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let fixture = Fixture::new().await;
    let new = json!({"token": {"username": "rival"}});
    let made = fixture
        .mock(Method::POST, "/tokens", Some(new))
        .await
        .json();
    let browser = Browser::signed_in(&fixture, made["token"].as_str().unwrap()).await;
    assert!(browser.page("/").await.contains("Sign out rival"));
    let revoke = format!("/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(
        fixture.mock(Method::DELETE, &revoke, None).await.status,
        204
    );
    assert!(!browser.page("/").await.contains("Sign out"));
}

#[tokio::test]
async fn a_session_that_began_with_a_password_leaves_no_token() {
    let fixture = Fixture::new().await;
    let tokens = async || {
        let tokens = fixture.mock(Method::GET, "/tokens", None).await.json();
        tokens["tokens"].as_array().unwrap().len()
    };
    let before = tokens().await;
    let mut browser = Browser::new(&fixture);
    let fields = [("user", "rival"), ("password", "secret")];
    let reply = browser.send("/_mock/pages/sign-in", &fields).await;
    browser.cookie = Some(cookie(&reply));
    assert_eq!(tokens().await, before + 1);
    let reply = browser.submit("/_mock/pages/sign-out", &[]).await;
    let name = browser.cookie.as_ref().unwrap().split('=').next().unwrap();
    assert_eq!(
        (reply.status().as_u16(), cookie(&reply)),
        (303, format!("{name}="))
    );
    assert_eq!(tokens().await, before);
    assert!(
        !browser.page("/").await.contains("Sign out"),
        "the old cookie is void"
    );
}

#[tokio::test]
async fn a_second_factor_is_asked_for() {
    let user = User::new("careful").password("secret").two_factor("123456");
    let fixture = Fixture::with(|builder| builder.user(user)).await;
    let browser = Browser::new(&fixture);
    let login = [("user", "careful"), ("password", "secret")];
    let reply = browser.send("/_mock/pages/sign-in", &login).await;
    assert_eq!(reply.status(), 406);
    let with_code = [login[0], login[1], ("code", "123456")];
    assert_eq!(
        browser
            .send("/_mock/pages/sign-in", &with_code)
            .await
            .status(),
        303
    );
}

#[tokio::test]
async fn a_changed_cookie_is_none() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::signed_in(&fixture, "ROOT").await;
    let good = browser.cookie.clone().unwrap();
    for other in [
        good[..good.len() - 1].to_owned(),
        format!("{good}0"),
        good.replace("hcp.", ""),
    ] {
        browser.cookie = Some(other);
        let reply = browser
            .request(Method::GET, "/_mock/")
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 303);
        assert_eq!(location(&reply), "/_mock/pages/sign-in?then=%2F_mock%2F");
    }
}

#[tokio::test]
async fn the_api_takes_no_cookie() {
    let fixture = Fixture::new().await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    assert_eq!(browser.open("/api/v1/authenticate").await.status, 401);
    let reset = browser
        .request(Method::POST, "/_mock/reset")
        .send()
        .await
        .unwrap();
    assert_eq!(reset.status(), 401);
}

#[tokio::test]
async fn a_form_from_elsewhere_or_without_proof_does_nothing() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let rival = Browser::signed_in(&fixture, "RIVAL").await;
    let (proof, of_another) = (browser.proof().await, rival.proof().await);
    let own = fixture.atlas.url();
    let attempts: [(Option<&str>, Option<&str>, &str); 7] = [
        (None, None, &proof),
        (Some("null"), None, &proof),
        (Some("http://evil.example"), None, &proof),
        (Some(own), Some("cross-site"), &proof),
        (Some(own), Some("same-site"), &proof),
        (Some(own), None, &of_another),
        (Some(own), None, ""),
    ];
    for (origin, site, proof) in attempts {
        for action in ["reset", "delete-artifact"] {
            let fields = [
                ("form_token", proof),
                ("action", action),
                ("artifact", "acme/web"),
            ];
            let mut request = browser
                .request(Method::POST, "/_mock/control/data")
                .form(&fields);
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            if let Some(site) = site {
                request = request.header("Sec-Fetch-Site", site);
            }
            let status = request.send().await.unwrap().status();
            assert_eq!(status, 403, "{origin:?} {site:?} {action}");
        }
    }
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 200);
    let login = browser
        .request(Method::POST, "/_mock/pages/sign-in")
        .form(&[("token", "ROOT")]);
    let login = login
        .header(ORIGIN, "http://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(login.status(), 403, "nobody is signed in by another site");
}

#[tokio::test]
async fn a_form_is_small_unless_root_sends_it() {
    let fixture = Fixture::new().await;
    let large = "a".repeat(100_000);
    let fields = [("action", "seed"), ("seed", large.as_str())];
    let path = "/_mock/control/data";
    let (root, rival) = (
        Browser::signed_in(&fixture, "ROOT").await,
        Browser::signed_in(&fixture, "RIVAL").await,
    );
    let refused_as_a_seed = root.submit(path, &fields).await;
    assert_eq!(refused_as_a_seed.status(), 422);
    assert_eq!(rival.submit(path, &fields).await.status(), 401);
    let sign_in = [("token", large.as_str())];
    let sign_in = rival.submit("/_mock/pages/sign-in", &sign_in).await;
    assert_eq!(sign_in.status(), 413);
}

#[tokio::test]
async fn the_control_room_is_for_the_root_token() {
    let fixture = Fixture::new().await;
    let (rival, anybody) = (
        Browser::signed_in(&fixture, "RIVAL").await,
        Browser::new(&fixture),
    );
    let pages = [
        "faults",
        "data",
        "access",
        "webhooks",
        "audit",
        "metrics",
        "live",
        "requests/1",
    ];
    let pages = pages.iter().map(|page| format!("/_mock/control/{page}"));
    for page in pages.chain(["/_mock/".to_owned()]) {
        assert_eq!(rival.open(&page).await.status, 401, "{page}");
        assert_eq!(anybody.open(&page).await.status, 303, "{page}");
    }
    for page in ["faults", "data", "access", "webhooks"] {
        let path = format!("/_mock/control/{page}");
        let fields = [("action", "clear")];
        assert_eq!(rival.submit(&path, &fields).await.status(), 401, "{page}");
        assert_eq!(anybody.send(&path, &fields).await.status(), 403, "{page}");
    }
}

#[tokio::test]
async fn who_has_signed_in_is_in_the_audit() {
    let fixture = Fixture::new().await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let fields = [("user", "rival"), ("password", "secret")];
    let reply = browser.send("/_mock/pages/sign-in", &fields).await;
    assert_eq!(reply.status(), 303);
    let wrong = [("user", "rival"), ("password", "wrong")];
    let reply = browser.send("/_mock/pages/sign-in", &wrong).await;
    assert_eq!(reply.status(), 401);
    let audit = fixture.mock(Method::GET, "/audit", None).await.json();
    let entries = audit["entries"].as_array().unwrap();
    let users: Vec<_> = entries
        .iter()
        .filter(|entry| entry["path"] == "/_mock/pages/sign-in")
        .map(|entry| &entry["username"])
        .collect();
    assert_eq!(users, ["atlas", "rival"], "{audit}");
}

#[tokio::test]
async fn what_a_form_did_is_in_the_audit() {
    let fixture = Fixture::new().await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let reply = browser
        .submit("/_mock/control/data", &[("action", "reset")])
        .await;
    assert_eq!(reply.status(), 303);
    let audit = fixture.mock(Method::GET, "/audit", None).await.json();
    let last = audit["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["path"], &last["username"]),
        (&json!("/_mock/control/data?action=reset"), &json!("atlas"))
    );
}
