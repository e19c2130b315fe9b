//! These tests ask the fake registry as Vagrant Cloud: its catalogs, and files on other hosts.

use serde_json::{Value, json};

use super::{AMD64, HCP, client, get, json_of, sent, start, web};
use crate::support::registry::{Api, Fault, File, Options, Registry, Tree, Version};

#[tokio::test]
async fn vagrant_cloud_knows_architectures_from_its_second_version_on() {
    let registry = start(Options::default()).await;
    let user = json_of(&registry, "/api/v1/user/acme").await;
    assert_eq!(user["boxes"][0]["tag"], "acme/web");
    assert!(user["boxes"][0].get("versions").is_none());
    assert_eq!(user["boxes"][0]["current_version"]["number"], "1.0.0");

    let second = json_of(&registry, "/api/v2/box/acme/web").await;
    let providers = second["versions"][0]["providers"].as_array().unwrap();
    let pairs: Vec<_> = providers
        .iter()
        .map(|p| (&p["name"], &p["architecture"]))
        .collect();
    let expected = [
        ("virtualbox", "amd64"),
        ("virtualbox", "arm64"),
        ("libvirt", "unknown"),
    ];
    assert_eq!(pairs.len(), 3);
    assert!(
        pairs
            .iter()
            .zip(expected)
            .all(|(a, b)| a.0 == b.0 && a.1 == b.1)
    );
    assert_eq!(providers[0]["hosted"], true);
    assert_eq!(
        providers[0]["download_url"],
        format!("{}{AMD64}", registry.url())
    );
    assert_eq!(providers[0]["checksum_type"], "sha256");
    assert_eq!(providers[2]["checksum"], Value::Null);

    let first = json_of(&registry, "/api/v1/box/acme/web").await;
    let providers = first["versions"][0]["providers"].as_array().unwrap();
    assert_eq!(providers.len(), 2);
    assert!(providers[0].get("architecture").is_none() && providers[0].get("checksum").is_none());
    let url = providers[0]["download_url"].as_str().unwrap();
    assert!(url.ends_with("/acme/boxes/web/versions/1.0.0/providers/virtualbox.box"));
    let location = get(url).await.header("location").unwrap().to_owned();
    assert_eq!(
        get(&location).await.bytes(),
        b"arm",
        "the default architecture"
    );
    let path = "/api/v1/box/acme/web/version/1.0.0/provider/virtualbox";
    assert_eq!(json_of(&registry, path).await["checksum_type"], "sha256");
}

#[tokio::test]
async fn catalogs_answer_as_vagrant_was_answered_when_it_was_recorded() {
    let tree = Tree::new().owner("acme", |acme| {
        let version = |v: Version| {
            v.provider("virtualbox", "amd64", File::noise(1, 200_410))
                .provider("virtualbox", "arm64", File::noise(2, 5))
        };
        acme.box_("multi", |multi| {
            multi.version("1.0.0", version).version("1.1.0", version)
        })
    });
    let options = Options::default();
    let cloud_token = "TOKEN".to_owned();
    let registry = Registry::start(
        tree,
        Options {
            cloud_token,
            ..options
        },
    )
    .await;
    let steps = [
        "box add, no token",
        "box add, VAGRANT_CLOUD_TOKEN",
        "box add, composite token",
        "box add, token by URL",
        "box add, unknown box",
    ];
    let mut replayed = 0;
    for line in include_str!("../../../data/wire/vagrant-2.4.9-box.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if !steps.contains(&line["step"].as_str().unwrap()) {
            continue;
        }
        let request = &line["request"];
        let url = format!("{}{}", registry.url(), request["target"].as_str().unwrap());
        let method = request["method"].as_str().unwrap().parse().unwrap();
        let mut sending = client().request(method, &url);
        for header in request["headers"].as_array().unwrap() {
            sending = sending.header(header[0].as_str().unwrap(), header[1].as_str().unwrap());
        }
        let got = sent(sending).await;
        // The recorded server sent files itself; the fake redirects to its store.
        let expected = if url.contains(".box") {
            302
        } else {
            line["answered"]["status"].as_u64().unwrap()
        };
        assert_eq!(u64::from(got.status), expected, "{line}");
        if got.status == 200 {
            assert!(
                got.header("content-type")
                    .unwrap()
                    .starts_with("application/json")
            );
        }
        replayed += 1;
    }
    assert_eq!(replayed, 18);
    let old = json_of(&registry, "/acme/multi").await;
    assert_eq!(old["name"], "acme/multi");
    assert_eq!(old["versions"][1]["providers"].as_array().unwrap().len(), 1);
    let new = json_of(&registry, "/api/v2/vagrant/acme/multi").await;
    assert_eq!(new["versions"][1]["providers"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_plain_catalog_has_its_boxes_beside_it_and_what_is_not_spoken_is_a_page() {
    let registry = start(Options {
        speaks: vec![Api::Plain],
        ..Options::default()
    })
    .await;
    let catalog = json_of(&registry, "/plain/web.json").await;
    let url = catalog["versions"][0]["providers"][0]["url"]
        .as_str()
        .unwrap();
    assert!(url.starts_with(registry.url()));
    let got = sent(client().get(url).header("range", "bytes=5-")).await;
    assert_eq!((got.status, got.bytes()), (206, &web().read()[5..]));
    let head = sent(client().head(format!("{}/plain/web.json", registry.url()))).await;
    assert_eq!((head.status, head.bytes().len()), (200, 0));
    for path in [
        &format!("{HCP}/boxes"),
        "/api/v1/user/acme",
        "/api/v2/box/acme/web",
        "/acme/web",
        AMD64,
    ] {
        let got = get(&format!("{}{path}", registry.url())).await;
        assert_eq!(
            (got.status, got.header("content-type")),
            (404, Some("text/html")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_file_may_be_at_its_owners_and_dead_and_names_may_be_odd() {
    let odd = "Größe & +%2F/..";
    let theirs = File::bytes("theirs").on_owners_host();
    let tree = Tree::new().owner("acme", |acme| {
        acme.box_(odd, |web_box| {
            web_box.version("1.0.0", |version| {
                version
                    .provider("virtualbox", "amd64", theirs.clone())
                    .provider("libvirt", "amd64", theirs.clone().through_registry())
                    .provider("vmware", "amd64", File::link("http://files.test/a.box"))
                    .provider("hyperv", "amd64", File::bytes("ours"))
            })
        })
    });
    let registry = Registry::start(tree, Options::default()).await;
    let name = percent_encoding::utf8_percent_encode(odd, percent_encoding::NON_ALPHANUMERIC);
    let whole = json_of(&registry, &format!("{HCP}/box/{name}?expanded=true")).await;
    let providers = &whole["box"]["versions"][0]["providers"];
    let url = providers[0]["architectures"][0]["box_data"]["download_url"]
        .as_str()
        .unwrap();
    assert!(url.starts_with(registry.owners_url()));
    assert_eq!(get(url).await.bytes(), b"theirs");
    let link = &providers[2]["architectures"][0]["box_data"];
    assert_eq!(
        (&link["download_url"], &link["size"]),
        (&json!("http://files.test/a.box"), &json!("0"))
    );

    let second = json_of(&registry, &format!("/api/v2/box/acme/{name}")).await;
    assert_eq!(second["name"], odd);
    let providers = &second["versions"][0]["providers"];
    assert_eq!(
        (&providers[0]["hosted"], &providers[0]["download_url"]),
        (&json!(false), &json!(url))
    );
    assert_eq!(
        providers[1]["original_url"]
            .as_str()
            .unwrap()
            .split('/')
            .nth(2),
        url.split('/').nth(2)
    );
    for (provider, bytes) in [(1, "theirs"), (3, "ours")] {
        let own = providers[provider]["download_url"].as_str().unwrap();
        assert!(own.starts_with(registry.url()));
        let location = get(own).await.header("location").unwrap().to_owned();
        assert_eq!(get(&location).await.bytes(), bytes.as_bytes());
    }
    registry.change(|options| options.faults = vec![Fault::Status(410).always()]);
    assert_eq!(get(url).await.status, 410);
}
