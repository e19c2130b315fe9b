//! These tests ask the fake registry which caller sees which boxes, with which token, and how often.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{AMD64, HCP, client, get, in_store, json_of, sent, start, token, web};
use crate::support::registry::{Counters, Limit, Options, Origin, Says, Signature};

#[tokio::test]
async fn only_a_good_token_finds_what_is_not_public() {
    let registry = start(Options::default()).await;
    let (hcp, cloud) = (token(&registry).await, Options::default().cloud_token);
    let hidden = [
        format!("{HCP}/box/secret"),
        format!("{HCP}/box/web/version/1.1.0"),
        format!("{HCP}/box/web/version/1.2.0"),
        "/api/v1/box/acme/secret".to_owned(),
        "/api/v2/box/acme/secret".to_owned(),
        "/api/v2/box/acme/web/version/1.2.0".to_owned(),
        "/acme/secret".to_owned(),
        "/api/v2/vagrant/acme/secret".to_owned(),
        "/acme/boxes/secret/versions/1.0.0/providers/virtualbox/amd64/vagrant.box".to_owned(),
    ];
    for path in hidden {
        let url = format!("{}{path}", registry.url());
        assert_eq!(get(&url).await.status, 404, "{path}");
        for (token, takes_cloud) in [(&hcp, true), (&cloud, !path.starts_with("/vagrant"))] {
            for shown in [token.clone(), format!("other;{token}"), format!("{token};")] {
                let got = sent(client().get(&url).bearer_auth(&shown)).await;
                let expected = if takes_cloud {
                    [200, 302].as_slice()
                } else {
                    &[401]
                };
                assert!(expected.contains(&got.status), "{path} {shown}: {got:?}");
            }
        }
        let got = sent(client().get(&url).bearer_auth("wrong")).await;
        assert_eq!(got.status, 401, "{path}");
    }
    let url = format!("{}/acme/secret?access_token={cloud}", registry.url());
    assert_eq!(get(&url).await.status, 200);
    let got = get(&format!("{}{HCP}/box/nothing", registry.url())).await;
    let error = json!({"code": 5, "message": "box not found", "details": []});
    assert_eq!(got.json(), error);
    let boxes = json_of(&registry, &format!("{HCP}/boxes")).await;
    assert_eq!(boxes["boxes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tokens_wear_out_by_use_and_by_time_and_are_only_given_to_who_may_have_them() {
    let registry = start(Options {
        token_uses: Some(2),
        audience: Some("https://api.hashicorp.cloud".to_owned()),
        ..Options::default()
    })
    .await;
    let url = format!("{}/oauth2/token", registry.url());
    let ask = |form: &str| {
        let request = client().post(&url).body(form.to_owned());
        sent(request.header("content-type", "application/x-www-form-urlencoded"))
    };
    let whole =
        "grant_type=client_credentials&client_id=client-id-7Q&client_secret=client-secret-9Z";
    assert_eq!(ask("grant_type=password").await.status, 400);
    assert_eq!(
        ask("grant_type=client_credentials&client_id=a&client_secret=b")
            .await
            .status,
        401
    );
    assert_eq!(ask(whole).await.status, 403, "no audience");
    let got = ask(&format!(
        "{whole}&audience=https%3A%2F%2Fapi.hashicorp.cloud"
    ))
    .await
    .json();
    assert_eq!(got["expires_in"], 3600);
    assert_eq!(registry.tokens_issued(), 1);
    let bearer = got["access_token"].as_str().unwrap();
    let secret = format!("{}{HCP}/box/secret", registry.url());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(sent(client().get(&secret).bearer_auth(bearer)).await.status);
    }
    assert_eq!(statuses, [200, 200, 401]);

    registry.change(|options| {
        options.audience = None;
        options.token_uses = None;
        options.token_lasts = Some(Duration::ZERO);
    });
    let late = token(&registry).await;
    let got = sent(client().get(&secret).bearer_auth(&late)).await;
    assert_eq!((got.status, &got.json()["code"]), (401, &json!(16)));
}

#[tokio::test]
async fn a_limit_names_a_time_and_who_comes_earlier_is_noted() {
    // The wait is longer than the requests below take on a busy machine.
    let wait = Duration::from_secs(3);
    let limit = Some(Limit {
        wait,
        ..Limit::downloads(2)
    });
    let registry = start(Options {
        limit,
        ..Options::default()
    })
    .await;

    let url = format!("{}{AMD64}", registry.url());
    let remain = "x-hcp-vagrant-limit-boxdownloads-remain";
    let first = get(&url).await;
    assert_eq!((first.status, first.header(remain)), (302, Some("1/2")));
    assert_eq!(
        first.header("x-hcp-vagrant-limit-global-remain"),
        Some("1999/2000")
    );
    assert_eq!(get(&url).await.header(remain), Some("0/2"));
    let refused = get(&url).await;
    assert_eq!((refused.status, refused.header(remain)), (429, Some("0/2")));
    let until = refused.header("x-hcp-vagrant-limit-retry-after").unwrap();
    let until = UNIX_EPOCH + Duration::from_secs(until.parse().unwrap());
    let left = until.duration_since(SystemTime::now()).unwrap();
    assert!(left <= wait + Duration::from_secs(1), "{left:?}");
    let metadata = get(&format!("{}{HCP}", registry.url())).await;
    assert_eq!(metadata.status, 200, "only downloads are refused");
    let set = |on_the_way| {
        registry.change(|options| options.limit.as_mut().unwrap().on_the_way = on_the_way);
    };
    set(Duration::from_secs(60));
    assert_eq!(get(&url).await.status, 429);
    assert!(registry.early().is_empty(), "it may have been on the way");
    set(Duration::ZERO);
    assert_eq!(get(&url).await.status, 429);
    assert_eq!(registry.early().len(), 1);
    // The client waits until the time that the reply told.
    tokio::time::sleep(until.duration_since(SystemTime::now()).unwrap()).await;
    assert_eq!(get(&url).await.header(remain), Some("1/2"));
    assert_eq!(registry.early().len(), 1);
}

#[tokio::test]
async fn a_limit_may_say_when_to_come_again_in_each_way() {
    for (says, counters) in [
        (Says::Seconds, Counters::Old),
        (Says::Date, Counters::None),
        (Says::Nothing, Counters::Old),
        (Says::Nonsense("soon".to_owned()), Counters::Hcp),
    ] {
        let limit = Limit {
            says: says.clone(),
            counters,
            ..Limit::downloads(0)
        };
        let registry = start(Options {
            limit: Some(limit),
            ..Options::default()
        })
        .await;
        let before = SystemTime::now();
        let got = get(&format!("{}{AMD64}", registry.url())).await;
        assert_eq!(got.status, 429);
        let after = got.header("retry-after");
        match says {
            Says::Seconds => assert!(["1", "2"].contains(&after.unwrap())),
            Says::Date => {
                assert!(httpdate::parse_http_date(after.unwrap()).unwrap() > before)
            }
            Says::Nonsense(_) => assert_eq!(after, Some("soon")),
            _ => assert_eq!(after, None),
        }
        assert_eq!(
            got.header("x-ratelimit-remaining").is_some(),
            counters == Counters::Old
        );
    }
}

#[tokio::test]
async fn signatures_wear_out() {
    let registry = start(Options {
        signature: Signature::Uses(1),
        ..Options::default()
    })
    .await;
    let url = in_store(&registry).await;
    assert_eq!(get(&url).await.status, 200);
    assert_eq!(get(&url).await.status, 403);
    registry.change(|options| options.signature = Signature::Lasts(Duration::ZERO));
    assert_eq!(get(&in_store(&registry).await).await.status, 403);
    registry.change(|options| options.signature = Signature::None);
    let url = in_store(&registry).await;
    assert_eq!(url, in_store(&registry).await);
    assert_eq!(get(&url).await.status, 200);
}

#[tokio::test]
async fn downloads_lead_to_the_store_and_a_token_that_follows_is_a_leak() {
    let registry = start(Options {
        two_redirects: true,
        ..Options::default()
    })
    .await;
    let path =
        format!("{HCP}/box/web/version/1.0.0/provider/virtualbox/architecture/amd64/download");
    let got = json_of(&registry, &path).await;
    assert_eq!(got["checksum_type"], "SHA256");
    let url = got["url"].as_str().unwrap();
    assert!(url.starts_with(registry.store_url()));
    assert_eq!(get(url).await.bytes(), web().read());

    let next = in_store(&registry).await;
    assert!(next.ends_with("/amd64/download/vagrant.box"), "{next}");
    let location = get(&next).await.header("location").unwrap().to_owned();
    assert_ne!(location, url, "another signature");
    assert_eq!(get(&location).await.bytes(), web().read());
    assert!(registry.leaks().is_empty());
    sent(client().get(&location).bearer_auth("any")).await;
    let secret = registry.secrets().pop().unwrap();
    get(&format!("{location}&x={secret}")).await;
    get(&format!(
        "{}/anything?access_token=x",
        registry.owners_url()
    ))
    .await;
    assert_eq!(registry.leaks().len(), 3);
    assert_eq!(registry.downloads().len(), 5);
    assert_eq!(registry.lines(Origin::Registry).len(), 3);
}
