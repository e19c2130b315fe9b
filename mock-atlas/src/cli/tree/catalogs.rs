//! Writes the catalogs of boxes, the JSON documents in which Vagrant finds versions on any web server: one for Vagrant
//! before 2.4, which knows no architectures, and one for Vagrant from 2.4 on.

use serde_json::{Value, json};

use super::{elements, tag};

/// Returns both catalogs of a box, each with its path in the tree.
pub(super) fn catalogs(record: &Value, base_url: &str) -> [(String, Value); 2] {
    let tag = tag(record);
    let catalog = |has_architectures| {
        let active = elements(&record["versions"]).filter(|version| version["state"] == "active");
        let versions =
            active.filter_map(|version| of_version(version, base_url, has_architectures));
        json!({
            "name": tag, "description": record["description"],
            "short_description": record["short_description"],
            "versions": versions.collect::<Vec<_>>(),
        })
    };
    [
        (format!("{tag}/metadata.json"), catalog(false)),
        (format!("api/v2/vagrant/{tag}.json"), catalog(true)),
    ]
}

fn of_version(version: &Value, base_url: &str, has_architectures: bool) -> Option<Value> {
    let providers = elements(&version["providers"]);
    let providers: Vec<Value> = providers
        .filter(|provider| has_architectures || provider["default_architecture"] == true)
        .filter_map(|provider| of_provider(provider, base_url, has_architectures))
        .collect();
    (!providers.is_empty()).then(|| {
        json!({
            "version": version["version"], "status": version["state"],
            "description_markdown": version["description"], "providers": providers,
        })
    })
}

fn of_provider(provider: &Value, base_url: &str, has_architectures: bool) -> Option<Value> {
    let url = match provider["file"].as_str() {
        // A box has only names that need no escaping but a plus, which some stores decode as a blank.
        Some(path) => format!(
            "{}/{}",
            base_url.trim_end_matches('/'),
            path.replace('+', "%2B")
        ),
        None => provider["url"].as_str()?.to_owned(),
    };
    let mut entry = json!({"name": provider["provider"], "url": url});
    let mut keys = vec!["checksum", "checksum_type"];
    if has_architectures {
        keys.extend(["architecture", "default_architecture"]);
    }
    for key in keys.into_iter().filter(|key| !provider[*key].is_null()) {
        entry[key] = provider[key].clone();
    }
    Some(entry)
}
