//! Compares the replies of the server with those that satisfied the clients.
//!
//! The recorded replies come from a stand-in. What it made up (times, counts, addresses, ids) need only be of the same
//! kind; what the client had told it, and what the client reads, must be equal.

use serde_json::Value;

/// Fields that only a server can know.
const OF_THE_SERVER: [&str; 22] = [
    "avatar_url",
    "created_at",
    "default",
    "description_html",
    "downloads",
    "error_description",
    "expires_in",
    "hosted",
    "hosted_token",
    "message",
    "obfuscated_destination",
    "profile_html",
    "profile_markdown",
    "release_url",
    "revoke_url",
    "size",
    "state",
    "summary",
    "token",
    "token_hash",
    "token_type",
    "updated_at",
];

/// Fields whose values the client puts into later requests.
const FOR_LATER: [&str; 9] = [
    "access_token",
    "callback",
    "download_url",
    "id",
    "object",
    "organization_id",
    "project_id",
    "upload_path",
    "url",
];

/// Pairs of an address, an id or a token of the stand-in, and that of the server in its place.
#[derive(Default)]
pub(super) struct Learned(Vec<(String, String)>);

impl Learned {
    /// Compares a body, and learns from it. `place` says where it was seen.
    pub(super) fn compare(&mut self, actual: &Value, recorded: &Value, place: &str) {
        match recorded {
            Value::Object(fields) => {
                for (key, recorded) in fields {
                    let place = format!("{place} .{key}");
                    let actual = actual.get(key);
                    let actual = actual.unwrap_or_else(|| panic!("missing: {place}"));
                    if key == "private" && is_made_without_visibility(fields) {
                        assert!(actual.is_boolean(), "{place}");
                    } else {
                        self.compare_field(key, actual, recorded, &place);
                    }
                }
            }
            Value::Array(recorded) => {
                let actual = actual.as_array();
                let actual = actual.unwrap_or_else(|| panic!("no list: {place}"));
                self.compare_items(actual, recorded, place);
            }
            _ => assert_eq!(actual, recorded, "{place}"),
        }
    }

    fn compare_field(&mut self, key: &str, actual: &Value, recorded: &Value, place: &str) {
        match key {
            _ if OF_THE_SERVER.contains(&key) => same_kind(actual, recorded, place),
            _ if FOR_LATER.contains(&key) => {
                same_kind(actual, recorded, place);
                if let (Some(actual), Some(recorded)) = (actual.as_str(), recorded.as_str()) {
                    self.0.push((recorded.to_owned(), actual.to_owned()));
                }
            }
            // A server may tell the checksum that it computed, where the client had told none.
            "checksum" if !is_told(recorded) => same_kind(actual, recorded, place),
            "checksum_type" => same_checksum_type(actual, recorded, place),
            "description" if recorded.is_null() => same_kind(actual, recorded, place),
            "default_architecture" => assert!(actual == true || recorded == false, "{place}"),
            "errors" => assert!(are_messages(actual), "{place}"),
            _ => self.compare(actual, recorded, place),
        }
    }

    fn compare_items(&mut self, actual: &[Value], recorded: &[Value], place: &str) {
        let is_partial = place.contains("/search") || place.contains("/vagrant/2022-09-30/");
        if !is_partial {
            assert_eq!(actual.len(), recorded.len(), "{place}");
        }
        for item in actual {
            let same = recorded.iter().find(|it| identity(it) == identity(item));
            match same {
                Some(same) => self.compare(item, same, place),
                None => assert!(is_partial, "{item} was not expected: {place}"),
            }
        }
        if actual.iter().any(|item| item.get("version").is_some()) && !is_partial {
            let order: Vec<_> = actual.iter().map(identity).collect();
            let expected: Vec<_> = recorded.iter().map(identity).collect();
            assert_eq!(order, expected, "{place}");
        }
        one_default_each(actual, place);
    }

    /// Returns the target of the request that the client sends to this server instead of the recorded one.
    pub(super) fn target(&self, recorded: &str) -> String {
        let (path, query) = recorded.split_at(recorded.find('?').unwrap_or(recorded.len()));
        let mut latest = self.0.iter().rev();
        if let Some((_, url)) = latest.find(|(from, _)| path_of(from) == Some(path)) {
            return format!("{}{query}", path_of(url).unwrap());
        }
        let segments = path.split('/').map(|it| self.value(it).unwrap_or(it));
        let segments: Vec<&str> = segments.collect();
        format!("{}{query}", segments.join("/"))
    }

    /// Returns the value in place of one of the stand-in.
    pub(super) fn value(&self, recorded: &str) -> Option<&str> {
        let latest = self.0.iter().rev().find(|(from, _)| from == recorded);
        latest.map(|(_, to)| to.as_str())
    }
}

/// Returns the path of an absolute address.
pub(super) fn path_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://")?;
    Some(&rest[rest.find('/')?..])
}

/// Returns whether the client had not told whether a box is private. The stand-in took it for public; here it is
/// private, as the documentation of the API says.
fn is_made_without_visibility(of_box: &serde_json::Map<String, Value>) -> bool {
    let names = ["g2", "m", "m1", "pub2", "pub3"];
    names.iter().any(|name| of_box["name"] == *name)
}

/// Returns what tells an element of a list from the others.
fn identity(item: &Value) -> [&Value; 3] {
    let name = ["tag", "version", "name"]
        .iter()
        .find_map(|key| item.get(key));
    [
        name.unwrap_or(item),
        &item["architecture"],
        &item["architecture_type"],
    ]
}

/// Asserts that exactly one entry of each provider name is the default.
fn one_default_each(items: &[Value], place: &str) {
    let providers = items
        .iter()
        .filter(|item| item.get("default_architecture").is_some());
    for provider in providers.clone() {
        let of_name = providers
            .clone()
            .filter(|it| it["name"] == provider["name"]);
        let defaults = of_name.filter(|it| it["default_architecture"] == true);
        assert_eq!(defaults.count(), 1, "{place}");
    }
}

/// Asserts that both are texts, numbers, flags, lists or objects; a text may be missing.
fn same_kind(actual: &Value, recorded: &Value, place: &str) {
    let kind = |value: &Value| match value {
        Value::Null | Value::String(_) => "text",
        Value::Bool(_) => "flag",
        Value::Number(_) => "number",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    assert_eq!(kind(actual), kind(recorded), "{place}");
}

/// Returns whether the client had told this checksum: the tests of the clients told short ones.
fn is_told(recorded: &Value) -> bool {
    let told = recorded.as_str();
    told.is_some_and(|told| !told.is_empty() && told.len() < 20)
}

/// Asserts that the type is that of the recording in any case, or that of a checksum that the server computed.
fn same_checksum_type(actual: &Value, recorded: &Value, place: &str) {
    same_kind(actual, recorded, place);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let expected = [text(recorded), "sha256".to_owned()];
    assert!(expected.contains(&text(actual)), "{place}");
}

fn are_messages(errors: &Value) -> bool {
    let errors = errors.as_array();
    errors.is_some_and(|errors| {
        let text = |error: &Value| error.as_str().is_some_and(|it| !it.is_empty());
        !errors.is_empty() && errors.iter().all(text)
    })
}
