//! Decodes `application/x-www-form-urlencoded` with bracketed names, as Rails does:
//! `artifact[name]=web` is the same request as `{"artifact": {"name": "web"}}`.
//!
//! It follows Rack's rules rather than those of a general query-string crate: `metadata[0]` is a key named
//! `0`, not the first element of a list, since metadata keys are free text.

use serde_json::{Map, Value};

use crate::domain::text::truncated;

/// The greatest nesting depth of names: deeper than any request of Atlas, shallow enough for any stack.
const MAX_DEPTH: usize = 16;

/// A `FormError` says why a form cannot be decoded, and names the parameter at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    #[error("the parameter {0:?} has brackets that do not match")]
    Brackets(String),
    #[error("the parameter {0:?} is nested deeper than {MAX_DEPTH} levels")]
    TooDeep(String),
    #[error("the parameter {0:?} is given both as a value and with parameters inside it")]
    Conflict(String),
    #[error("the parameters are more than are read")]
    TooMany,
}

/// Decodes a form of at most `most` parameters into the object that the same request would be in JSON. All
/// values are texts; the last value of a repeated parameter counts.
// Contract: requests.form, silent.form-names
pub(crate) fn decode(form: &[u8], most: usize) -> Result<Map<String, Value>, FormError> {
    let mut root = Map::new();
    for (at, (name, value)) in form_urlencoded::parse(form).enumerate() {
        if at == most {
            return Err(FormError::TooMany);
        }
        let path = segments(&name)?;
        insert(&mut root, &path, value.into_owned())
            .ok_or_else(|| FormError::Conflict(shown(&name)))?;
    }
    Ok(root)
}

/// Splits `a[b][c]` into `a`, `b` and `c`.
// Contract: requests.form-of-curl
fn segments(name: &str) -> Result<Vec<&str>, FormError> {
    let Some((first, rest)) = name.split_once('[') else {
        return Ok(vec![name]);
    };
    let inner = rest
        .strip_suffix(']')
        .ok_or_else(|| FormError::Brackets(shown(name)))?;
    let path = std::iter::once(first).chain(inner.split("]["));
    let path: Vec<&str> = path.take(MAX_DEPTH + 1).collect();
    if path.iter().any(|segment| segment.contains(['[', ']'])) {
        return Err(FormError::Brackets(shown(name)));
    }
    if path.len() > MAX_DEPTH {
        return Err(FormError::TooDeep(shown(name)));
    }
    Ok(path)
}

/// Inserts a value at a path. Returns `None` when the path already has a value of another kind.
fn insert(object: &mut Map<String, Value>, path: &[&str], value: String) -> Option<()> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        let previous = object.insert((*first).to_owned(), Value::String(value));
        return (!matches!(previous, Some(Value::Object(_)))).then_some(());
    }
    match object
        .entry(*first)
        .or_insert_with(|| Value::Object(Map::new()))
    {
        Value::Object(inner) => insert(inner, rest, value),
        _ => None,
    }
}

/// Returns the beginning of a client's text, for a message.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    truncated(text, SHOWN).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn decoded(form: &str) -> Value {
        Value::Object(decode(form.as_bytes(), usize::MAX).unwrap())
    }

    /// Generates nested objects of texts, whose keys have no brackets.
    fn nested() -> impl Strategy<Value = Value> {
        let leaf = any::<String>().prop_map(Value::String);
        leaf.prop_recursive(4, 32, 5, |inner| {
            proptest::collection::btree_map("[^\\[\\]]{1,8}", inner, 1..5)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        })
    }

    fn encode(prefix: &str, value: &Value, form: &mut form_urlencoded::Serializer<'_, String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    encode(&format!("{prefix}[{key}]"), value, form);
                }
            }
            Value::String(text) => {
                form.append_pair(prefix, text);
            }
            other => panic!("{other} is no part of a form"),
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(value in nested()) {
            let mut form = form_urlencoded::Serializer::new(String::new());
            encode("root", &value, &mut form);
            prop_assert_eq!(decoded(&form.finish()), json!({ "root": value }));
        }

        #[test]
        fn any_bytes_are_a_form_or_a_clear_error(form in any::<Vec<u8>>()) {
            if let Err(error) = decode(&form, usize::MAX) {
                prop_assert!(error.to_string().starts_with("the parameter"));
            }
        }

        #[test]
        fn any_brackets_are_a_form_or_a_clear_error(form in "[ab\\[\\]=&]{0,40}") {
            if let Err(error) = decode(form.as_bytes(), usize::MAX) {
                prop_assert!(error.to_string().starts_with("the parameter"));
            }
        }
    }

    #[test]
    fn brackets_nest_and_dots_do_not() {
        assert_eq!(
            decoded("v[metadata][region.us-east-1]=ami-1&v[metadata][0]=zero&v%5Bfile%5D=true"),
            json!({"v": {"metadata": {"region.us-east-1": "ami-1", "0": "zero"}, "file": "true"}})
        );
    }

    #[test]
    fn plus_is_a_space_and_the_last_value_counts() {
        assert_eq!(
            decoded("a=1&a=two+three%2B&b="),
            json!({"a": "two three+", "b": ""})
        );
    }

    #[test]
    fn what_has_no_meaning_names_the_parameter() {
        for form in ["a[=1", "a[b=1", "a[b]c=1", "a[[b]]=1", "a[b]]=1"] {
            assert!(
                matches!(
                    decode(form.as_bytes(), usize::MAX),
                    Err(FormError::Brackets(_))
                ),
                "{form}"
            );
        }
        for form in ["a=1&a[b]=2", "a[b]=2&a=1", "a[b]=1&a[b][c]=2"] {
            assert!(
                matches!(
                    decode(form.as_bytes(), usize::MAX),
                    Err(FormError::Conflict(_))
                ),
                "{form}"
            );
        }
        let deep = format!("a{}=1", "[b]".repeat(MAX_DEPTH));
        assert!(matches!(
            decode(deep.as_bytes(), usize::MAX),
            Err(FormError::TooDeep(_))
        ));
        assert!(decode(b"a=1&b=2", 2).is_ok());
        assert_eq!(decode(b"a=1&a=2&a=3", 2), Err(FormError::TooMany));
    }
}
