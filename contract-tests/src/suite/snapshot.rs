//! Snapshots are bodies that are known word for word: `insta` files in `snapshots/`, which are compiled into the
//! program.
//!
//! A part that differs from run to run is replaced by a placeholder before the comparison, but only if it has the
//! required shape. Any other part stays unchanged, and so differs from the file.

use std::path::Path;

use include_dir::{Dir, include_dir};
use serde_json::{Map, Value};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/snapshots");

/// The significance of the order of keys in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The keys must be in the order of the file.
    Exact,
    /// The keys may be in any order.
    Any,
}

/// Returns the redacted body of a snapshot.
pub fn expected(name: &str) -> Option<Value> {
    let text = FILES
        .get_file(Path::new(&format!("{name}.snap")))?
        .contents_utf8()?;
    let (_front_matter, body) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
    serde_json::from_str(body).ok()
}

/// Formats a body as in a snapshot file.
pub fn text(body: &Value) -> String {
    format!("{body:#}")
}

/// Returns the body with everything that belongs to one run replaced by placeholders: the namespace, the artifact's
/// name, the login's name, upload paths and tokens.
pub fn redact(body: &Value, namespace: &str, artifact: &str) -> Value {
    match body {
        Value::Array(items) => items
            .iter()
            .map(|item| redact(item, namespace, artifact))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), redact_field(key, value, namespace, artifact)))
            .collect::<Map<_, _>>()
            .into(),
        scalar => scalar.clone(),
    }
}

/// Compares a redacted body with the expected one. `Ok` lists the additional fields of the body, which break no client.
///
/// # Errors
/// Returns the first place where something is missing, misplaced, or has another value.
pub fn compare(expected: &Value, came: &Value, order: Order) -> Result<Vec<String>, String> {
    let mut extra = Vec::new();
    compare_at("", expected, came, order, &mut extra)?;
    Ok(extra)
}

fn redact_field(key: &str, value: &Value, namespace: &str, artifact: &str) -> Value {
    let tag = format!("{namespace}/{artifact}");
    let Some(text) = value.as_str() else {
        return match key {
            "user" => redact_user(value),
            // The keys of a client may be named like a field of the server. Their values are the client's, so they are
            // not redacted.
            "metadata" => value.clone(),
            _ => redact(value, namespace, artifact),
        };
    };
    match key {
        "username" if text == namespace => "[namespace]".into(),
        "name" if text == artifact => "[name]".into(),
        "tag" if text == tag => "[namespace]/[name]".into(),
        "slug" => match text.strip_prefix(&tag) {
            Some(rest) => format!("[namespace]/[name]{rest}").into(),
            None => value.clone(),
        },
        "upload_path" | "upload_token" | "token" if !text.is_empty() => format!("[{key}]").into(),
        _ => value.clone(),
    }
}

fn redact_user(user: &Value) -> Value {
    let mut user = user.clone();
    let named = user["username"]
        .as_str()
        .is_some_and(|name| !name.is_empty());
    if named {
        user["username"] = "[username]".into();
    }
    user
}

fn compare_at(
    place: &str,
    expected: &Value,
    came: &Value,
    order: Order,
    extra: &mut Vec<String>,
) -> Result<(), String> {
    match (expected, came) {
        (Value::Object(expected), Value::Object(came)) => {
            compare_fields(place, expected, came, order, extra)
        }
        (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
            let mut pairs = expected.iter().zip(came).enumerate();
            pairs.try_for_each(|(index, (expected, came))| {
                compare_at(&format!("{place}/{index}"), expected, came, order, extra)
            })
        }
        _ if expected == came => Ok(()),
        _ => Err(format!("{expected} at {place}, not {came}")),
    }
}

fn compare_fields(
    place: &str,
    expected: &Map<String, Value>,
    came: &Map<String, Value>,
    order: Order,
    extra: &mut Vec<String>,
) -> Result<(), String> {
    for (key, value) in expected {
        let inner = format!("{place}/{key}");
        let came = came.get(key).ok_or_else(|| format!("{inner} is missing"))?;
        compare_at(&inner, value, came, order, extra)?;
    }
    let unknown = came.keys().filter(|key| !expected.contains_key(*key));
    extra.extend(unknown.map(|key| format!("{place}/{key}")));
    let known = came.keys().filter(|key| expected.contains_key(*key));
    if order == Order::Exact && !known.clone().eq(expected.keys()) {
        let keys = |keys: Vec<&String>| format!("{keys:?}");
        let (wanted, got) = (keys(expected.keys().collect()), keys(known.collect()));
        return Err(format!(
            "the keys at {place}/ in the order {wanted}, not {got}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_belongs_to_a_run_is_replaced_where_it_has_its_shape() {
        let body = json!({
            "username": "acme", "name": "n1", "tag": "acme/n1", "slug": "acme/n1/t/7",
            "upload_path": "https://x.test/1", "upload_token": "u", "metadata": {"name": "n1"}
        });
        let redacted = json!({
            "username": "[namespace]", "name": "[name]", "tag": "[namespace]/[name]",
            "slug": "[namespace]/[name]/t/7", "upload_path": "[upload_path]",
            "upload_token": "[upload_token]", "metadata": {"name": "n1"}
        });
        assert_eq!(redact(&body, "acme", "n1"), redacted);
    }

    #[test]
    fn what_has_another_shape_stays_and_is_found() {
        let body = json!({"name": "n2", "tag": "acme-n1", "upload_path": "", "upload_token": 7});
        assert_eq!(redact(&body, "acme", "n1"), body);
    }

    #[test]
    fn a_missing_or_misspelt_key_and_another_value_are_broken() {
        let expected = json!({"a": {"b": 1}, "c": ["x"]});
        for came in [
            json!({"a": {"b": 2}, "c": ["x"]}),
            json!({"a": {"B": 1}, "c": ["x"]}),
            json!({"a": {"b": "1"}, "c": ["x"]}),
            json!({"a": {"b": 1}, "c": []}),
            json!({"a": {"b": 1}}),
            json!([]),
        ] {
            assert!(compare(&expected, &came, Order::Any).is_err(), "{came}");
        }
    }

    #[test]
    fn the_order_counts_only_when_asked_for() {
        let expected = json!({"a": 1, "b": 2});
        let came = json!({"b": 2, "x": 0, "a": 1});
        assert!(compare(&expected, &came, Order::Exact).is_err());
        assert_eq!(
            compare(&expected, &came, Order::Any),
            Ok(vec!["/x".to_owned()])
        );
    }

    #[test]
    fn extra_keys_are_listed_and_forgiven() {
        let expected = json!({"versions": [{"a": 1}]});
        let came = json!({"versions": [{"z": 0, "a": 1}], "total": 1});
        let extra = vec!["/versions/0/z".to_owned(), "/total".to_owned()];
        assert_eq!(compare(&expected, &came, Order::Exact), Ok(extra));
    }
}
