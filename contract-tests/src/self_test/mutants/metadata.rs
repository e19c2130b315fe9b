//! These mutants are wrong about the metadata of a version.

use serde_json::{Map, Value, json};

use super::{
    Mutant, mutant, replies, requests,
    wire::{Call, call, change_fields, change_metadata, change_versions, fields, refuse},
};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "metadata.optional",
        "null-refused",
        "metadata that is null is refused",
        || {
            replies(|request, reply| {
                let null = fields(request).get("metadata").is_some_and(Value::is_null);
                if call(request) == Call::Push && null {
                    refuse(reply, 422, "Metadata must be an object");
                }
            })
        },
    ),
    mutant(
        "metadata.optional",
        "list",
        "no metadata comes back as an empty list",
        || {
            replies(|request, reply| {
                change_versions(request, reply, |version| {
                    if version["metadata"] == json!({}) {
                        version["metadata"] = json!([]);
                    }
                });
            })
        },
    ),
    mutant(
        "metadata.texts",
        "truth",
        "what looks like a truth value comes back as one",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    for value in metadata.values_mut().filter(|value| *value == "true") {
                        *value = true.into();
                    }
                });
            })
        },
    ),
    mutant(
        "metadata.texts",
        "numbers",
        "what looks like a number comes back as one",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    for value in metadata.values_mut() {
                        let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
                        number.into_iter().for_each(|number| *value = number.into());
                    }
                });
            })
        },
    ),
    mutant(
        "metadata.texts",
        "trimmed",
        "a value loses the spaces around it",
        || {
            requests(|request| {
                change_fields(request, |fields| {
                    let metadata = fields["metadata"].as_object_mut();
                    for value in metadata.into_iter().flat_map(Map::values_mut) {
                        *value = value.as_str().map(str::trim).into();
                    }
                });
            })
        },
    ),
    mutant(
        "metadata.dotted-keys",
        "dashes",
        "a search shows a dash for each dot of a key",
        || {
            replies(|request, reply| {
                if call(request) == Call::Search {
                    change_metadata(request, reply, |metadata| rename(metadata, '.', "-"));
                }
            })
        },
    ),
    mutant(
        "metadata.dotted-keys",
        "nested",
        "a key is lost when another goes on after it with a dot",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    let keys: Vec<_> = metadata.keys().cloned().collect();
                    metadata.retain(|key, _| {
                        let inner = format!("{key}.");
                        !keys.iter().any(|other| other.starts_with(&inner))
                    });
                });
            })
        },
    ),
    mutant(
        "metadata.order",
        "alphabetic",
        "keys come back in the order of the alphabet",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, Map::sort_keys);
            })
        },
    ),
    mutant(
        "metadata.order",
        "locale",
        "keys of one length come back with no regard to capitals",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    let mut pairs: Vec<_> = std::mem::take(metadata).into_iter().collect();
                    pairs.sort_by_key(|(key, _)| (key.len(), key.to_lowercase()));
                    metadata.extend(pairs);
                });
            })
        },
    ),
    mutant(
        "metadata.empty-value",
        "dropped",
        "a key with an empty value is dropped",
        || {
            replies(|request, reply| {
                change_metadata(request, reply, |metadata| {
                    metadata.retain(|_, value| value != "");
                });
            })
        },
    ),
];

fn rename(metadata: &mut Map<String, Value>, from: char, to: &str) {
    *metadata = std::mem::take(metadata)
        .into_iter()
        .map(|(key, value)| (key.replace(from, to), value))
        .collect();
}
