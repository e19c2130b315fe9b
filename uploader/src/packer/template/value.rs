//! Defines the values of Go's template language that Packer uses.

use super::error::TemplateError;

/// The text that Go prints for a field without a value.
pub(super) const NO_VALUE: &str = "<no value>";

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Value {
    /// The value of every field, since the template has no data.
    #[default]
    Nil,
    Text(String),
    Number(i64),
    Truth(bool),
}

impl Value {
    /// Returns the text that an action with this value outputs.
    pub(super) fn printed(self) -> String {
        match self {
            Self::Nil => NO_VALUE.to_owned(),
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }

    /// Returns Go's name of the type, if the value has one.
    pub(super) fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Nil => None,
            Self::Text(_) => Some("string"),
            Self::Number(_) => Some("int"),
            Self::Truth(_) => Some("bool"),
        }
    }

    /// Returns whether the value is true as a condition.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0,
            Self::Truth(truth) => *truth,
        }
    }
}

/// Returns the arguments of a function that takes `N` texts.
pub(super) fn texts<const N: usize>(
    name: &str,
    arguments: Vec<Value>,
) -> Result<[String; N], TemplateError> {
    let text = |value| match value {
        Value::Text(text) => Ok(text),
        Value::Nil => Err(format!(
            "{name}: expected a text, not a field without a value"
        )),
        other => Err(format!("{name}: expected a text, not {}", other.printed())),
    };
    let texts = arguments.into_iter().map(text);
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let texts = texts.try_into();
    Ok(texts.map_err(|_| wrong_number(name, N))?)
}

pub(super) fn wrong_number(name: &str, wanted: usize) -> String {
    format!("{name}: wrong number of arguments, want {wanted}")
}
