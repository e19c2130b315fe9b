//! Tests the pages of lists.

use reqwest::Method;
use serde_json::json;

use super::{Hcp, all, path_of};

/// Returns the names on each page of a list.
async fn pages(hcp: &Hcp, path: &str, field: &str, name: &str) -> Vec<String> {
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let query = format!("pagination.page_size=2&pagination.next_page_token={next}");
        let list = hcp.get(&format!("{path}?{query}")).await;
        pages.push(all(&list[field], name).join(" "));
        next = list["pagination"]["next_page_token"]
            .as_str()
            .unwrap()
            .to_owned();
        if next.is_empty() {
            return pages;
        }
    }
}

#[tokio::test]
async fn each_list_is_cut_into_pages() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    for name in ["app", "db", "mail"] {
        hcp.post("/registry/acme/boxes", json!({ "name": name }))
            .await;
    }
    for version in ["1.9.0", "1.10.0", "1.0.0.beta", "2"] {
        hcp.post(&path_of("/versions"), json!({ "name": version }))
            .await;
    }
    let version = path_of("/version/1.0.0");
    for provider in ["docker", "hyperv", "qemu"] {
        hcp.post(&format!("{version}/providers"), json!({ "name": provider }))
            .await;
    }
    let architectures = format!("{version}/provider/virtualbox/architectures");
    for architecture in ["arm64", "i386"] {
        hcp.post(&architectures, json!({ "architecture_type": architecture }))
            .await;
    }
    for (path, field, name, expected) in [
        (
            "/registry/acme/boxes".to_owned(),
            "boxes",
            "name",
            vec!["app db", "mail web"],
        ),
        (
            path_of("/versions"),
            "versions",
            "name",
            vec!["2 1.10.0", "1.9.0 1.0.0", "1.0.0.beta"],
        ),
        (
            format!("{version}/providers"),
            "providers",
            "name",
            vec!["docker hyperv", "qemu virtualbox"],
        ),
        (
            architectures,
            "architectures",
            "architecture_type",
            vec!["amd64 arm64", "i386"],
        ),
    ] {
        assert_eq!(pages(&hcp, &path, field, name).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_page_leads_back_to_the_one_before() {
    let hcp = Hcp::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        hcp.post("/registry/acme/boxes", json!({ "name": name }))
            .await;
    }
    let get = async |query: &str| {
        let list = hcp
            .get(&format!(
                "/registry/acme/boxes?pagination.page_size=2{query}"
            ))
            .await;
        let token = |name: &str| list["pagination"][name].as_str().unwrap().to_owned();
        let names = all(&list["boxes"], "name").join(" ");
        (
            names,
            token("next_page_token"),
            token("previous_page_token"),
        )
    };
    let (first, next, previous) = get("").await;
    assert_eq!((&*first, &*previous), ("a b", ""));
    let (second, next, _) = get(&format!("&pagination.next_page_token={next}")).await;
    assert_eq!(second, "c d");
    let (third, next, previous) = get(&format!("&pagination.next_page_token={next}")).await;
    assert_eq!((&*third, &*next), ("e", ""));
    // What is deleted meanwhile moves nothing.
    hcp.delete("/registry/acme/box/e").await;
    let (back, _, _) = get(&format!("&pagination.previous_page_token={previous}")).await;
    assert_eq!(back, "c d");
}

#[tokio::test]
async fn a_page_has_at_most_a_hundred_elements() {
    let hcp = Hcp::new().await;
    for number in 0..101 {
        let name = format!("box-{number:03}");
        hcp.post("/registry/acme/boxes", json!({ "name": name }))
            .await;
    }
    for (query, expected) in [
        ("", 50),
        ("?pagination.page_size=0", 50),
        ("?pagination.page_size=1000", 100),
    ] {
        let list = hcp.get(&format!("/registry/acme/boxes{query}")).await;
        assert_eq!(list["boxes"].as_array().unwrap().len(), expected, "{query}");
        assert_ne!(list["pagination"]["next_page_token"], "");
    }
}

#[tokio::test]
async fn a_wrong_page_is_an_error_that_names_it() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    for (path, query) in [
        (path_of("/versions"), "pagination.page_size=x"),
        (
            path_of("/versions"),
            "pagination.next_page_token=not-a-version",
        ),
        ("/search".to_owned(), "pagination.previous_page_token=x"),
        ("/search".to_owned(), "pagination.next_page_token=9999"),
    ] {
        let refused = hcp
            .refused(Method::GET, &format!("{path}?{query}"), None)
            .await;
        assert_eq!((refused.0, refused.1), (422, 3));
        let name = query.split('=').next().unwrap();
        assert!(refused.2.starts_with(name), "{}", refused.2);
    }
}
