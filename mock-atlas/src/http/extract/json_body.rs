//! Decodes the JSON body of a request: an object with a limited number of values.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A `JsonError` says why a body is no JSON object, or that it has too many values.
#[derive(Debug)]
pub(crate) enum JsonError {
    /// The object has more values than allowed.
    TooMany,
    /// The body is no JSON, or no object.
    Malformed(serde_json::Error),
}

/// Decodes an object with at most `most` values, nested values included.
///
/// # Errors
/// [`JsonError`]. Decoding stops at the first value beyond the limit, since building all values of a large
/// body would delay other requests.
pub(crate) fn decode(body: &[u8], most: usize) -> Result<Map<String, Value>, JsonError> {
    let left = Cell::new(most);
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Object(&left).deserialize(&mut json);
    let read = read.and_then(|object| json.end().map(|()| object));
    read.map_err(|error| match left.get() {
        0 if error.is_data() => JsonError::TooMany,
        _ => JsonError::Malformed(error),
    })
}

/// A seed that reads an object and counts its values down in the cell.
struct Object<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = from.next_key()? {
            let value = from.next_value_seed(Any(self.0))?;
            object.insert(key, value);
        }
        Ok(object)
    }
}

/// A seed that reads any value and counts it, and the values within it, down in the cell.
#[derive(Clone, Copy)]
struct Any<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let left = self.0.get();
        if left == 0 {
            return Err(D::Error::custom("there are too many values"));
        }
        self.0.set(left - 1);
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element_seed(self)? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Value, A::Error> {
        Object(self.0).visit_map(from).map(Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Generates any JSON value.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_object_is_read_as_serde_json_reads_it(value in value()) {
            let body = json!({ "a": value }).to_string();
            let expected: Map<String, Value> = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(decode(body.as_bytes(), usize::MAX).unwrap(), expected);
        }

        #[test]
        fn what_is_no_object_is_told_as_serde_json_tells_it(body in "[\\[\\]{}\":,a0 ]{0,12}") {
            let expected = serde_json::from_str::<Map<String, Value>>(&body);
            match decode(body.as_bytes(), usize::MAX) {
                Ok(object) => prop_assert_eq!(object, expected.unwrap()),
                Err(JsonError::Malformed(error)) => {
                    prop_assert_eq!(error.to_string(), expected.unwrap_err().to_string());
                }
                Err(JsonError::TooMany) => prop_assert!(false, "{body} has few values"),
            }
        }
    }

    #[test]
    fn each_value_counts_wherever_it_stands() {
        for body in [
            r#"{"a": 1, "b": 2, "c": 3}"#,
            r#"{"a": [1, 2]}"#,
            r#"{"a": {"b": {"c": null}}}"#,
            // The same name three times.
            r#"{"a": 1, "a": 2, "a": 3}"#,
        ] {
            assert!(decode(body.as_bytes(), 3).is_ok(), "{body}");
            let error = decode(body.as_bytes(), 2).unwrap_err();
            assert!(matches!(error, JsonError::TooMany), "{body}: {error:?}");
        }
    }

    #[test]
    fn a_mistake_behind_the_last_value_that_may_be_is_told_as_one() {
        for body in [r#"{"a": 1"#, r#"{"a": 1} x"#, "[1]"] {
            let error = decode(body.as_bytes(), 1).unwrap_err();
            assert!(
                matches!(error, JsonError::Malformed(_)),
                "{body}: {error:?}"
            );
        }
    }
}
