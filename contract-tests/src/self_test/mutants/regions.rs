//! These mutants are wrong about the two lists that the server derives from the AWS regions in the metadata.

use serde_json::{Map, Value};

use super::{
    Mutant, mutant, replies,
    wire::{change_made, change_metadata, change_versions, fields, kind},
};
use crate::self_test::proxy::{Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "regions.lists-added",
        "none",
        "the server adds no lists",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    if !pairs(metadata, "region.").is_empty() {
                        metadata.retain(|key, _| key != "ami_id" && key != "region");
                    }
                });
            })
        },
    ),
    mutant(
        "regions.lists-added",
        "mixed-up",
        "the two lists are in different orders",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    if let Some(Value::String(list)) = metadata.get_mut("ami_id") {
                        *list = list.split(',').rev().collect::<Vec<_>>().join(",");
                    }
                });
            })
        },
    ),
    mutant(
        "regions.lists-added",
        "any-region",
        "every key that begins with region counts as one",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    let pairs = pairs(metadata, "region");
                    if !pairs.is_empty() && !metadata.contains_key("region") {
                        set_lists(metadata, &pairs);
                    }
                });
            })
        },
    ),
    mutant(
        "regions.older-names",
        "todays-name-only",
        "the server adds the lists for amazon.image alone",
        || {
            replies(|request, reply| {
                let is_today = kind(request) == "amazon.image";
                change_metadata(request, reply, |metadata| {
                    if !is_today && !pairs(metadata, "region.").is_empty() {
                        metadata.retain(|key, _| key != "ami_id" && key != "region");
                    }
                });
            })
        },
    ),
    mutant(
        "regions.other-types",
        "every-type",
        "the server adds the lists for every type",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    let mut pairs = pairs(metadata, "region.");
                    pairs.sort();
                    if !pairs.is_empty() && !metadata.contains_key("region") {
                        set_lists(metadata, &pairs);
                    }
                });
            })
        },
    ),
    mutant(
        "regions.sorted",
        "as-sent",
        "the lists have the order in which the client sent the keys",
        || {
            replies(|request, reply| {
                let sent = fields(request);
                change_made(request, reply, |version| {
                    let sent = sent["metadata"].as_object();
                    let pairs = sent.map(|sent| pairs(sent, "region.")).unwrap_or_default();
                    override_lists(version, &pairs);
                });
            })
        },
    ),
    mutant(
        "regions.from-metadata",
        "from-id",
        "the lists come from the id",
        || {
            replies(|request, reply| {
                change_versions(request, reply, |version| {
                    let id = version["id"].as_str().unwrap_or_default().to_owned();
                    let pairs = id.split(',').filter_map(|pair| pair.split_once(':'));
                    let owned = |(region, ami): (&str, &str)| (region.to_owned(), ami.to_owned());
                    override_lists(version, &pairs.map(owned).collect::<Vec<_>>());
                });
            })
        },
    ),
    mutant(
        "regions.clients-keys-win",
        "overwritten",
        "the server's lists take the place of the client's keys",
        || replies(overwritten),
    ),
];

type Pairs = Vec<(String, String)>;

fn overwritten(request: &Request, reply: &mut Reply) {
    change_versions(request, reply, |version| {
        let metadata = version["metadata"].as_object();
        let mut pairs = metadata.map(|it| pairs(it, "region.")).unwrap_or_default();
        pairs.sort();
        override_lists(version, &pairs);
    });
}

/// Returns the regions and their AMIs, in the order of the keys.
fn pairs(metadata: &Map<String, Value>, prefix: &str) -> Pairs {
    let pair = |(key, value): (&String, &Value)| {
        let region = key.strip_prefix(prefix).filter(|it| !it.is_empty())?;
        Some((region.to_owned(), value.as_str()?.to_owned()))
    };
    metadata.iter().filter_map(pair).collect()
}

/// Replaces the lists of a version, unless there are no pairs.
fn override_lists(version: &mut Value, pairs: &[(String, String)]) {
    let metadata = version["metadata"].as_object_mut();
    if let Some(metadata) = metadata.filter(|_| !pairs.is_empty()) {
        set_lists(metadata, pairs);
    }
}

fn set_lists(metadata: &mut Map<String, Value>, pairs: &[(String, String)]) {
    let list = |texts: Vec<&str>| Value::from(texts.join(","));
    let regions = pairs.iter().map(|(region, _)| region.as_str()).collect();
    let amis = pairs.iter().map(|(_, ami)| ami.as_str()).collect();
    metadata.insert("ami_id".to_owned(), list(amis));
    metadata.insert("region".to_owned(), list(regions));
}
