//! Reads and writes values of Terraform's language as MessagePack, and reads the JSON and the flat texts of stored
//! states.

use std::collections::{BTreeMap, HashMap};

use rmpv::Value as Packed;
use serde_json::Value as Json;

use super::protocol::DynamicValue;
use crate::api::wire::scalar_text;

/// The deepest nesting of a value; the schemas have four levels.
const DEEPEST: usize = 16;
/// A value that is known only after apply: MessagePack's extension 0, with one byte of any content.
const UNKNOWN: (i8, [u8; 1]) = (0, [0]);

/// A value. Numbers are texts, because no schema here has numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// The value is known only after apply.
    Unknown,
    Truth(bool),
    Text(String),
    List(Vec<Value>),
    /// A map, or an object.
    Map(BTreeMap<String, Value>),
}

/// The reason why a value cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the value is not MessagePack: {0}")]
    MessagePack(#[from] rmpv::decode::Error),
    #[error("the value is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a text of the value is not UTF-8")]
    Text,
    #[error("a key of the value is not a text")]
    Key,
}

impl Value {
    /// Reads a value; one that is absent is null.
    pub(super) fn read(dynamic: Option<&DynamicValue>) -> Result<Self, Unreadable> {
        match dynamic {
            Some(value) if !value.msgpack.is_empty() => {
                let mut bytes = value.msgpack.as_slice();
                unpacked(rmpv::decode::read_value_with_max_depth(
                    &mut bytes, DEEPEST,
                )?)
            }
            Some(value) if !value.json.is_empty() => Self::read_json(&value.json),
            _ => Ok(Self::Null),
        }
    }

    /// Reads the JSON of a stored state.
    pub(super) fn read_json(json: &[u8]) -> Result<Self, Unreadable> {
        Ok(from_json(serde_json::from_slice(json)?))
    }

    /// Reads a state of Terraform up to 0.11, in which `KEY.%` and `KEY.#` give the sizes of maps and sets.
    pub(super) fn read_flatmap(flat: &HashMap<String, String>) -> Self {
        let mut all = BTreeMap::new();
        for (key, text) in flat {
            let text = Self::Text(text.clone());
            match key.split_once('.') {
                None => {
                    all.insert(key.clone(), text);
                }
                Some((name, "%")) => {
                    all.entry(name.to_owned())
                        .or_insert(Self::Map(BTreeMap::new()));
                }
                Some((name, "#")) => {
                    all.insert(name.to_owned(), Self::List(flat_list(flat, name)));
                }
                Some((name, key)) if flat.contains_key(&format!("{name}.%")) => {
                    let map = all
                        .entry(name.to_owned())
                        .or_insert(Self::Map(BTreeMap::new()));
                    if let Self::Map(map) = map {
                        map.insert(key.to_owned(), text);
                    }
                }
                // An element of a list.
                Some(_) => {}
            }
        }
        Self::Map(all)
    }

    /// Writes the value.
    pub(super) fn write(&self) -> DynamicValue {
        let mut msgpack = Vec::new();
        // Writing to memory does not fail.
        let _ = rmpv::encode::write_value(&mut msgpack, &self.packed());
        let json = Vec::new();
        DynamicValue { msgpack, json }
    }

    fn packed(&self) -> Packed {
        match self {
            Self::Null => Packed::Nil,
            Self::Unknown => Packed::Ext(UNKNOWN.0, UNKNOWN.1.to_vec()),
            Self::Truth(truth) => Packed::Boolean(*truth),
            Self::Text(text) => text.as_str().into(),
            Self::List(values) => Packed::Array(values.iter().map(Self::packed).collect()),
            Self::Map(values) => {
                let pair = |(key, value): (&String, &Self)| (key.as_str().into(), value.packed());
                Packed::Map(values.iter().map(pair).collect())
            }
        }
    }

    /// Returns whether any part of the value is known only after apply.
    pub(super) fn has_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::List(values) => values.iter().any(Self::has_unknown),
            Self::Map(values) => values.values().any(Self::has_unknown),
            Self::Null | Self::Truth(_) | Self::Text(_) => false,
        }
    }

    /// Returns whether the value says nothing: null, or an empty text, list or map.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.is_empty(),
            Self::Map(values) => values.is_empty(),
            Self::Unknown | Self::Truth(_) => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

fn flat_list(flat: &HashMap<String, String>, name: &str) -> Vec<Value> {
    let elements = flat.iter().filter(|(key, _)| {
        let rest = key
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| rest != "#")
    });
    let mut elements: Vec<_> = elements.map(|(_, text)| text.as_str()).collect();
    // The keys are numbers or hashes, whose order says nothing.
    elements.sort_unstable();
    elements.into_iter().map(Value::from).collect()
}

fn unpacked(value: Packed) -> Result<Value, Unreadable> {
    let text = |text: rmpv::Utf8String| text.into_str().ok_or(Unreadable::Text);
    Ok(match value {
        Packed::Nil => Value::Null,
        Packed::Ext(..) => Value::Unknown,
        Packed::Boolean(truth) => Value::Truth(truth),
        Packed::Integer(number) => Value::Text(number.to_string()),
        Packed::F32(number) => Value::Text(number.to_string()),
        Packed::F64(number) => Value::Text(number.to_string()),
        Packed::String(found) => Value::Text(text(found)?),
        Packed::Binary(bytes) => {
            Value::Text(String::from_utf8(bytes).map_err(|_| Unreadable::Text)?)
        }
        Packed::Array(values) => {
            Value::List(values.into_iter().map(unpacked).collect::<Result<_, _>>()?)
        }
        Packed::Map(pairs) => {
            let pair = |(key, value)| match key {
                Packed::String(key) => Ok((text(key)?, unpacked(value)?)),
                _ => Err(Unreadable::Key),
            };
            Value::Map(pairs.into_iter().map(pair).collect::<Result<_, _>>()?)
        }
    })
}

fn from_json(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Truth(truth),
        Json::Array(values) => Value::List(values.into_iter().map(from_json).collect()),
        Json::Object(pairs) => {
            let pair = |(key, value)| (key, from_json(value));
            Value::Map(pairs.into_iter().map(pair).collect())
        }
        scalar => Value::Text(scalar_text(scalar)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            Just(Value::Unknown),
            any::<bool>().prop_map(Value::Truth),
            any::<String>().prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_makes_the_round_trip(value in value()) {
            let written = value.write();
            prop_assert_eq!(Value::read(Some(&written)).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(msgpack in prop::collection::vec(any::<u8>(), 1..200)) {
            let _ = Value::read(Some(&DynamicValue { msgpack, json: Vec::new() }));
        }
    }

    #[test]
    fn an_unknown_value_is_what_terraform_sends() {
        assert_eq!(Value::Unknown.write().msgpack, [0xd4, 0, 0]);
        let refined = DynamicValue {
            msgpack: vec![0xc7, 3, 12, 0x81, 1, 0xc2],
            json: Vec::new(),
        };
        assert_eq!(Value::read(Some(&refined)).unwrap(), Value::Unknown);
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let msgpack = vec![0x91; 100_000];
        let json = Vec::new();
        assert!(Value::read(Some(&DynamicValue { msgpack, json })).is_err());
        assert!(Value::read_json(&vec![b'['; 100_000]).is_err());
    }

    #[test]
    fn a_state_of_0_11_is_read() {
        let flat = [
            ("id", "ami-1"),
            ("metadata.%", "1"),
            ("metadata.region.us", "x"),
            ("metadata_keys.#", "1"),
            ("metadata_keys.123", "created"),
            ("empty.%", "0"),
        ];
        let flat = flat.map(|(key, text)| (key.to_owned(), text.to_owned()));
        let Value::Map(read) = Value::read_flatmap(&HashMap::from(flat)) else {
            panic!("no map");
        };
        let metadata = Value::Map(BTreeMap::from([("region.us".to_owned(), "x".into())]));
        assert_eq!(read["metadata"], metadata);
        assert_eq!(read["metadata_keys"], Value::List(vec!["created".into()]));
        assert_eq!(read["id"], "ami-1".into());
        assert!(read["empty"].is_empty());
    }
}
