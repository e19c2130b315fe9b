//! These mutants are wrong about the search for versions by number and by metadata.

use serde_json::{Value, json};

use super::{
    Mutant, answers,
    memory::{CreatorTokens, Uploads},
    mutant, replies, requests,
    wire::{
        Call, answer, call, change_found, change_query, mistake, overlook, query, refuse, token,
        typed, value,
    },
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "search.element-fields",
        "other-order",
        "the type comes first in an element",
        || {
            replies(|request, reply| {
                change_found(request, reply, |found| {
                    for fields in found.iter_mut().filter_map(Value::as_object_mut) {
                        let kind = fields.shift_remove("artifact_type").unwrap_or_default();
                        fields.shift_insert(0, "artifact_type".to_owned(), kind);
                    }
                });
            })
        },
    ),
    mutant(
        "search.element-fields",
        "username-lost",
        "an element has no username",
        || {
            replies(|request, reply| {
                change_found(request, reply, |found| {
                    for fields in found.iter_mut().filter_map(Value::as_object_mut) {
                        fields.shift_remove("username");
                    }
                });
            })
        },
    ),
    mutant(
        "search.element-fields",
        "upload-shown",
        "a search shows where the file of a version goes to",
        upload_shown,
    ),
    mutant(
        "search.newest-first",
        "oldest-first",
        "the oldest version is found first",
        || replies(|request, reply| change_found(request, reply, |found| found.reverse())),
    ),
    mutant(
        "search.newest-first",
        "as-texts",
        "the numbers of versions are ordered as texts",
        || {
            replies(|request, reply| {
                change_found(request, reply, |found| {
                    found.sort_by_key(|it| std::cmp::Reverse(it["version"].to_string()));
                });
            })
        },
    ),
    mutant(
        "search.newest-first",
        "one-page",
        "no more than ten versions are found",
        || replies(|request, reply| change_found(request, reply, |found| found.truncate(10))),
    ),
    mutant(
        "search.version-latest",
        "as-any",
        "latest is the latest that matches",
        || requests(|request| mistake(request, is("version", "latest"), "any")),
    ),
    mutant(
        "search.version-any",
        "as-latest",
        "any is the latest, if it matches",
        || requests(|request| mistake(request, is("version", "any"), "latest")),
    ),
    mutant(
        "search.version-any",
        "all",
        "any is every version that matches",
        || requests(|request| overlook(request, is("version", "any"))),
    ),
    mutant(
        "search.version-number",
        "or-newest",
        "where a version is not there the newest is found",
        || {
            answers(|request, emulator| {
                let numbered = |key: &str, value: &str| key == "version" && is_number(value);
                Box::pin(if_none(request, emulator, move |request| {
                    mistake(request, numbered, "latest");
                }))
            })
        },
    ),
    mutant(
        "search.version-number",
        "overlooked",
        "the number of a version is overlooked",
        || requests(|request| overlook(request, |key, value| key == "version" && is_number(value))),
    ),
    mutant(
        "search.key-without-value",
        "overlooked",
        "a metadata key without a value is overlooked",
        || {
            requests(|request| {
                let pairs = query(request);
                overlook(request, |key, _| is_alone(&pairs, key));
            })
        },
    ),
    mutant(
        "search.key-without-value",
        "empty-is-none",
        "a metadata key without a value matches no empty value",
        || replies(empty_is_none),
    ),
    mutant(
        "search.keys-and",
        "first-only",
        "of several metadata keys the first counts",
        || requests(|request| overlook(request, |key, _| key.starts_with("metadata.2."))),
    ),
    mutant(
        "search.keys-and",
        "any-case",
        "case does not count in a value",
        || {
            requests(|request| {
                if call(request) == Call::Search {
                    change_query(request, |pairs| {
                        for (key, value) in pairs {
                            if key.ends_with(".value") {
                                *value = value.to_lowercase();
                            }
                        }
                    });
                }
            })
        },
    ),
    mutant(
        "search.index-gaps",
        "stops",
        "metadata keys are read up to the first gap",
        || {
            requests(|request| {
                let pairs = query(request);
                overlook(request, |key, _| behind_a_gap(&pairs, key));
            })
        },
    ),
    mutant(
        "search.version-neither",
        "refused",
        "a version that is none is refused",
        || {
            replies(|request, reply| {
                let known = |it: &str| is_number(it) || matches!(it, "latest" | "any");
                let none = value(request, "version").is_some_and(|it| !known(&it));
                if call(request) == Call::Search && none {
                    refuse(reply, 422, "The version is none");
                }
            })
        },
    ),
    mutant(
        "search.version-neither",
        "any-case",
        "case does not count in latest",
        || {
            requests(|request| {
                let latest = |key: &str, value: &str| {
                    key == "version" && value.eq_ignore_ascii_case("latest")
                };
                mistake(request, latest, "latest");
            })
        },
    ),
    mutant(
        "search.version-neither",
        "leading-digits",
        "the digits at the beginning are the version",
        || requests(leading_digits),
    ),
    mutant(
        "search.nothing-matches",
        "null",
        "where nothing matches the list is null",
        || {
            replies(|request, reply| {
                if call(request) == Call::Search {
                    reply.replace("\"versions\":[]", "\"versions\":null");
                }
            })
        },
    ),
    mutant(
        "search.nothing-matches",
        "no-such-type",
        "a type that has no version yet is not found",
        || {
            replies(|request, reply| {
                if call(request) == Call::Search && query(request).is_empty() {
                    let none = reply.body == br#"{"versions":[]}"#;
                    if none {
                        refuse(reply, 404, "Resource not found!");
                    }
                }
            })
        },
    ),
    mutant(
        "search.missing-artifact",
        "empty",
        "in an artifact that is not there nothing is found",
        || nothing_found(|made| !made),
    ),
    mutant(
        "search.hidden-artifact",
        "empty",
        "in an artifact that is hidden nothing is found",
        || nothing_found(|made| made),
    ),
];

fn is(key: &'static str, value: &'static str) -> impl Fn(&str, &str) -> bool {
    move |given, said| given == key && said == value
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn leading_digits(request: &mut Request) {
    let version = value(request, "version").unwrap_or_default();
    let digits = version.split(|c: char| !c.is_ascii_digit()).next();
    if let Some(digits) = digits.filter(|digits| !digits.is_empty()) {
        mistake(request, |key, _| key == "version", digits);
    }
}

fn upload_shown() -> Box<dyn Interceptor> {
    let uploads = Uploads::default();
    replies(move |request: &Request, reply: &mut Reply| {
        uploads.learn(request, reply);
        change_found(request, reply, |found| {
            for upload in uploads.of(&typed(request)) {
                let shown = found.iter_mut().find(|it| it["version"] == upload.number());
                if let Some(shown) = shown {
                    shown["upload_path"] = upload.version["upload_path"].clone();
                }
            }
        });
    })
}

/// Answers a search, or a changed search if the first one finds nothing.
async fn if_none(request: &Request, emulator: &Emulator, change: impl Fn(&mut Request)) -> Reply {
    let reply = emulator.answer(request).await;
    if call(request) != Call::Search || !reply.body.ends_with(b"[]}") {
        return reply;
    }
    let mut other = request.clone();
    change(&mut other);
    emulator.answer(&other).await
}

/// Tells whether a parameter is a metadata key without its value.
fn is_alone(pairs: &[(String, String)], key: &str) -> bool {
    let value = key.strip_suffix(".key").map(|stem| format!("{stem}.value"));
    value.is_some_and(|value| !pairs.iter().any(|(key, _)| *key == value))
}

fn empty_is_none(request: &Request, reply: &mut Reply) {
    let pairs = query(request);
    let alone = pairs.iter().filter(|(key, _)| is_alone(&pairs, key));
    let names: Vec<_> = alone.map(|(_, name)| name.as_str()).collect();
    change_found(request, reply, |found| {
        found.retain(|version| names.iter().all(|name| version["metadata"][*name] != ""));
    });
}

/// Tells whether a parameter follows a gap in the numbering of the metadata keys.
fn behind_a_gap(pairs: &[(String, String)], key: &str) -> bool {
    let index = |key: &str| key.split('.').nth(1)?.parse::<usize>().ok();
    let has = |index: usize| {
        pairs
            .iter()
            .any(|(key, _)| *key == format!("metadata.{index}.key"))
    };
    key.starts_with("metadata.") && !index(key).is_some_and(|index| (1..=index).all(has))
}

/// Returns a server whose search answers with an empty list instead of 404. `is_chosen` gets whether the artifact
/// exists, and chooses the searches.
fn nothing_found(is_chosen: fn(bool) -> bool) -> Box<dyn Interceptor> {
    let creators = CreatorTokens::default();
    replies(move |request: &Request, reply: &mut Reply| {
        creators.learn(request, reply);
        let unseen = call(request) == Call::Search && reply.status == 404;
        if unseen && token(request).is_some() && is_chosen(creators.of(request).is_some()) {
            answer(reply, 200, &json!({"versions": []}));
        }
    })
}
