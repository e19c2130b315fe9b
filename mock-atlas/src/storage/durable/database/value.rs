//! Values of columns, and rows of them.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::domain::Name;
use crate::storage::BackendError;

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage::durable) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Makes an array of values.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::storage::durable::database::Value::from($value)),*] };
}
pub(in crate::storage::durable) use values;

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

/// Numbers of versions and sizes of files are below 2^63.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<NonZeroU64> for Value {
    fn from(value: NonZeroU64) -> Self {
        value.get().into()
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&Name> for Value {
    fn from(value: &Name) -> Self {
        value.as_str().into()
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        value.into_bytes().into()
    }
}

/// Times are kept in microseconds since 1970.
impl From<SystemTime> for Value {
    fn from(value: SystemTime) -> Self {
        let since = value.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::Integer(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of values, which its reader takes in the order of the columns.
#[derive(Debug)]
pub(in crate::storage::durable) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// Takes the next column.
    ///
    /// # Errors
    /// When the row has no more columns, or the value is none of this type: the statement and its
    /// reader do not fit.
    pub(in crate::storage::durable) fn take<T: FromValue>(&mut self) -> Result<T, BackendError> {
        let value = self.0.next().unwrap_or(Value::Null);
        T::from_value(value).map_err(|value| BackendError::unexpected(&value))
    }
}

/// A type that a column can be read as.
pub(in crate::storage::durable) trait FromValue: Sized {
    /// Reads a value, or gives it back.
    fn from_value(value: Value) -> Result<Self, Value>;
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(number) => Ok(number),
            other => Err(other),
        }
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        let number = i64::from_value(value)?;
        Self::try_from(number).map_err(|_| Value::Integer(number))
    }
}

impl FromValue for NonZeroU64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        Self::new(u64::from_value(value)?).ok_or(Value::Integer(0))
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Value> {
        Ok(i64::from_value(value)? != 0)
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromValue for Name {
    fn from_value(value: Value) -> Result<Self, Value> {
        let text = String::from_value(value)?;
        text.parse().map_err(|_| Value::Text(text))
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Bytes(bytes) => bytes.try_into().map_err(Value::Bytes),
            other => Err(other),
        }
    }
}

impl FromValue for Uuid {
    fn from_value(value: Value) -> Result<Self, Value> {
        <[u8; 16]>::from_value(value).map(Self::from_bytes)
    }
}

impl FromValue for SystemTime {
    fn from_value(value: Value) -> Result<Self, Value> {
        let micros = u64::from_value(value)?;
        Ok(UNIX_EPOCH + Duration::from_micros(micros))
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}
