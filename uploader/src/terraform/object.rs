//! An `Object` holds the attributes of a resource, of a data source or of the provider, which fit its schema.

use std::collections::BTreeMap;

use super::problem::Problem;
use super::protocol::{DynamicValue, RawState};
use super::schema::{Attribute, Kind, Schema};
use super::value::Value;

/// The attributes, each of them present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object(BTreeMap<&'static str, Value>);

impl Object {
    /// Reads an object; `None` for null.
    pub(super) fn read(
        schema: &Schema,
        dynamic: Option<&DynamicValue>,
    ) -> Result<Option<Self>, Problem> {
        let value = Value::read(dynamic).map_err(unusable)?;
        Self::fitting(schema, value)
    }

    /// Reads an object that must not be null.
    pub(super) fn present(
        schema: &Schema,
        dynamic: Option<&DynamicValue>,
    ) -> Result<Self, Problem> {
        Self::read(schema, dynamic)?.ok_or_else(|| unusable("there is no value"))
    }

    /// Reads a stored state. Attributes that the schema does not have are left out. In a state of Terraform 0.11 and
    /// before, those that are empty become null: it did not tell the two apart.
    pub(super) fn stored(schema: &Schema, raw: &RawState) -> Result<Option<Self>, Problem> {
        let value = match raw.json.is_empty() {
            true => Value::read_flatmap(&raw.flatmap),
            false => Value::read_json(&raw.json).map_err(unusable)?,
        };
        let Some(mut object) = Self::fitting(schema, value)? else {
            return Ok(None);
        };
        for attribute in schema.inputs() {
            if raw.json.is_empty() && object.get(attribute.name).is_empty() {
                object.set(attribute.name, Value::Null);
            }
        }
        Ok(Some(object))
    }

    fn fitting(schema: &Schema, value: Value) -> Result<Option<Self>, Problem> {
        let mut values = match value {
            Value::Null => return Ok(None),
            Value::Map(values) => values,
            _ => return Err(unusable("the value is no object")),
        };
        let taken = |attribute: &Attribute| {
            let value = values.remove(attribute.name).unwrap_or(Value::Null);
            match fits(&value, attribute.kind) {
                true => Ok((attribute.name, value)),
                false => Err(unusable("the value has another type").at(attribute.name)),
            }
        };
        let object = schema.attributes.iter().map(taken);
        Ok(Some(Self(object.collect::<Result<_, _>>()?)))
    }

    pub(super) fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// Returns whether no input is known only after apply.
    pub(super) fn has_known_inputs(&self, schema: &Schema) -> bool {
        let mut inputs = schema.inputs();
        inputs.all(|input| !self.get(input.name).has_unknown())
    }

    /// Returns a text that is set and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Returns the texts of a set.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let Value::List(values) = self.get(name) else {
            return Vec::new();
        };
        values.iter().filter_map(Value::text).collect()
    }

    /// Returns the texts of a map, by their keys.
    pub(super) fn map(&self, name: &str) -> BTreeMap<&str, &str> {
        let Value::Map(values) = self.get(name) else {
            return BTreeMap::new();
        };
        let texts = values.iter();
        texts
            .filter_map(|(key, value)| Some((key.as_str(), value.text()?)))
            .collect()
    }

    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.insert(name, value.into());
    }

    /// Returns whether any of these attributes is known only after apply.
    pub(super) fn has_unknown(&self) -> bool {
        self.0.values().any(Value::has_unknown)
    }

    pub(super) fn write(self) -> DynamicValue {
        let pair = |(name, value): (&'static str, Value)| (name.to_owned(), value);
        Value::Map(self.0.into_iter().map(pair).collect()).write()
    }
}

/// Writes an object; null for none.
pub(super) fn write(object: Option<Object>) -> DynamicValue {
    object.map_or_else(|| Value::Null.write(), Object::write)
}

impl Value {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn fits(value: &Value, kind: Kind) -> bool {
    match (value, kind) {
        (Value::Null | Value::Unknown, _)
        | (Value::Text(_), Kind::Text)
        | (Value::Truth(_), Kind::Truth) => true,
        (Value::List(values), Kind::TextSet) => values.iter().all(|value| fits(value, Kind::Text)),
        (Value::Map(values), Kind::TextMap) => values.values().all(|value| fits(value, Kind::Text)),
        (Value::List(values), Kind::Objects(fields)) => values.iter().all(|value| match value {
            Value::Map(found) => fields
                .iter()
                .all(|(name, kind)| found.get(*name).is_none_or(|value| fits(value, *kind))),
            _ => false,
        }),
        _ => false,
    }
}

fn unusable(reason: impl std::fmt::Display) -> Problem {
    Problem::new("Terraform sent a value that this provider cannot use")
        .with_detail(reason.to_string())
}
