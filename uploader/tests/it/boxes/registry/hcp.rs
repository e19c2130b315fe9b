//! These tests ask the fake registry as HCP: its boxes, its pages, and its descriptions of files.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{HCP, get, json_of, start, web};
use crate::support::registry::{Checksum, Expands, File, Kind, Options, Registry, Size, Tree};

#[tokio::test]
async fn hcp_answers_with_a_whole_tree_when_asked_for_it() {
    let registry = start(Options::default()).await;
    let whole = json_of(&registry, &format!("{HCP}/box/web?expanded=true")).await;
    let web_box = &whole["box"];
    assert_eq!(web_box["summary"]["versions_count"], "1");
    assert_eq!(web_box["state"], "AVAILABLE");
    assert_eq!(web_box["is_private"], false);
    let version = &web_box["versions"][0];
    assert_eq!(version["state"], "ACTIVE");
    let architectures = version["providers"][0]["architectures"].as_array().unwrap();
    let defaults: Vec<_> = architectures.iter().map(|one| &one["default"]).collect();
    assert_eq!(defaults, [false, true]);
    let data = json!({
        "download_url": "",
        "checksum": web().hex(Kind::Sha256),
        "checksum_type": "SHA256",
        "size": "200000",
        "created_at": "0001-01-01T00:00:00.000Z",
        "updated_at": "0001-01-01T00:00:00.000Z",
    });
    assert_eq!(architectures[0]["box_data"], data);
    let unknown = &version["providers"][1]["architectures"][0]["box_data"];
    assert_eq!(unknown["checksum_type"], "NONE");
    assert_eq!(unknown["size"], "0");

    let bare = json_of(&registry, &format!("{HCP}/box/web")).await;
    assert_eq!(bare["box"]["versions"], json!([]));
    let owner = json_of(&registry, HCP).await;
    assert_eq!(owner["registry"]["description"], "all of acme");
}

#[tokio::test]
async fn hcp_leaves_children_out_and_gives_each_level_by_itself() {
    let expands = Expands::Children;
    let registry = start(Options {
        expands,
        ..Options::default()
    })
    .await;
    let one_level = json_of(&registry, &format!("{HCP}/box/web?expanded=true")).await;
    assert_eq!(one_level["box"]["versions"][0]["providers"], json!([]));
    let below = format!("{HCP}/box/web/version/1.0.0");
    let version = json_of(&registry, &format!("{below}?expanded=true")).await;
    let providers = &version["version"]["providers"];
    assert_eq!(providers[0]["architectures"], json!([]));
    let list = json_of(&registry, &format!("{below}/providers")).await;
    assert_eq!(list["providers"].as_array().unwrap().len(), 2);
    let below = format!("{below}/provider/virtualbox");
    let list = json_of(&registry, &format!("{below}/architectures")).await;
    assert_eq!(list["architectures"][1]["architecture_type"], "arm64");
    let one = json_of(&registry, &format!("{below}/architecture/arm64")).await;
    assert_eq!(one["architecture"], list["architectures"][1]);
}

#[tokio::test]
async fn three_thousand_versions_come_in_pages_and_quickly() {
    let tree = Tree::new().owner("acme", |acme| {
        acme.box_("web", |web_box| {
            web_box.versions(3000, |version, n| {
                version.provider("virtualbox", "amd64", File::noise(n, 100))
            })
        })
    });
    let begun = Instant::now();
    let registry = Registry::start(tree, Options::default()).await;
    let (mut numbers, mut token) = (Vec::new(), String::new());
    for page in 1.. {
        let query = [
            ("pagination.page_size", "1000"),
            ("pagination.next_page_token", &token),
        ];
        let url = format!("{}{HCP}/box/web/versions", registry.url());
        let url = reqwest::Url::parse_with_params(&url, query).unwrap();
        let got = get(url.as_str()).await.json();
        let versions = got["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 100);
        numbers.extend(
            versions
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        token = got["pagination"]["next_page_token"]
            .as_str()
            .unwrap()
            .to_owned();
        if token.is_empty() {
            assert_eq!(page, 30);
            break;
        }
    }
    let expected: Vec<String> = (0..3000).map(|n| format!("1.0.{n}")).collect();
    assert_eq!(numbers, expected);
    let whole = json_of(&registry, &format!("{HCP}/box/web?expanded=true")).await;
    assert_eq!(whole["box"]["versions"].as_array().unwrap().len(), 3000);
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn pages_may_never_end() {
    let endless_pages = true;
    let registry = start(Options {
        endless_pages,
        ..Options::default()
    })
    .await;
    let got = json_of(&registry, &format!("{HCP}/boxes")).await;
    assert_ne!(got["pagination"]["next_page_token"], "");
}

#[tokio::test]
async fn checksums_and_sizes_are_as_a_test_wants_them() {
    let hello = || File::bytes("hello");
    let known = [
        "5d41402abc4b2a76b9719d911017c592",
        "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
    ];
    assert_eq!([hello().hex(Kind::Md5), hello().hex(Kind::Sha1)], known);
    let lengths = Kind::ALL.map(|kind| hello().hex(kind).len());
    assert_eq!(lengths, [32, 40, 64, 96, 128]);
    let sha1 = Kind::Sha1;
    let files = [
        ("right", hello().checksum(Checksum::Right(sha1))),
        (
            "upper",
            hello().checksum(Checksum::Upper(sha1)).size(Size::Wrong(7)),
        ),
        (
            "wrong",
            hello().checksum(Checksum::Wrong(sha1)).size(Size::Missing),
        ),
        ("none", hello().checksum(Checksum::None)),
        ("unset", hello().checksum(Checksum::Unset)),
        ("missing", hello().checksum(Checksum::Missing)),
    ];
    let tree = Tree::new().owner("acme", |acme| {
        acme.box_("web", |web_box| {
            web_box.version("1.0.0", |version| {
                files
                    .into_iter()
                    .fold(version, |v, (name, file)| v.provider(name, "amd64", file))
            })
        })
    });
    let registry = Registry::start(tree, Options::default()).await;
    let whole = json_of(&registry, &format!("{HCP}/box/web?expanded=true")).await;
    let providers = whole["box"]["versions"][0]["providers"]
        .as_array()
        .unwrap()
        .clone();
    let data: Vec<_> = providers
        .iter()
        .map(|p| &p["architectures"][0]["box_data"])
        .collect();
    let pairs: Vec<_> = data
        .iter()
        .map(|d| (d["checksum_type"].as_str(), d["checksum"].as_str()))
        .collect();
    let (right, upper) = (known[1], known[1].to_uppercase());
    let wrong = format!("0{}", &right[1..]);
    assert_eq!(
        pairs,
        [
            (Some("SHA1"), Some(right)),
            (Some("SHA1"), Some(&upper)),
            (Some("SHA1"), Some(&wrong)),
            (Some("NONE"), Some("")),
            (Some("UNSET"), Some("")),
            (None, None),
        ]
    );
    let sizes: Vec<_> = data.iter().map(|d| d["size"].as_str()).collect();
    assert_eq!(sizes[..3], [Some("5"), Some("7"), None]);
    let second = json_of(&registry, "/api/v2/box/acme/web").await;
    let providers = &second["versions"][0]["providers"];
    assert_eq!(
        (&providers[1]["checksum_type"], &providers[1]["checksum"]),
        (&json!("SHA1"), &json!(upper))
    );
    assert_eq!(
        (&providers[3]["checksum_type"], &providers[3]["checksum"]),
        (&json!("none"), &Value::Null)
    );
    assert_eq!(providers[4]["checksum_type"], Value::Null);
}
