//! Extracts the parameters of a request body, JSON or a form.

use std::borrow::Cow;
use std::fmt::Display;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::form_body::{self, FormError, shown};
use super::json_body::{self, JsonError};
use super::{text, whole_number};
use crate::domain::text::truncated;
use crate::domain::{Digest, Limits, Metadata};
use crate::endpoint::{self, Api, Secret};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;

/// The largest body of JSON or a form, in bytes: far larger than any of a genuine client.
// Contract: silent.refusals
const MAX_PARAMS: usize = 8 * 1024 * 1024;

/// The greatest number of values in JSON or a form: ten times that of a version with the most metadata.
const MAX_VALUES: usize = 10_000;

/// The parameter with the token of a request that has none elsewhere.
const TOKEN: &str = "access_token";

/// The parameters of a request: JSON, with or without a Content-Type, or a form (contract: Base
/// URL and authentication). An empty body has no parameters.
// Contract: requests.json
#[derive(Debug)]
pub(crate) struct Params {
    fields: Map<String, Value>,
    encoding: Encoding,
}

/// The encoding of a body. In a form every value is a text, so `true` and `5` are parsed from texts; in JSON
/// a text in place of a number is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Json,
    Form,
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let encoding = encoding(request.headers())?;
        let context = RequestContext::of(request.extensions());
        let body = read_body(request.into_body(), MAX_PARAMS).await?;
        context.set_digest(Digest::of(&body));
        let fields = match encoding {
            Encoding::Form => form_body::decode(&body, MAX_VALUES)?,
            Encoding::Json if body.is_empty() => Map::new(),
            Encoding::Json => json_body::decode(&body, MAX_VALUES)?,
        };
        context.set_fields(&fields);
        Ok(Self { fields, encoding })
    }
}

/// A body as text, which the handler parses.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read_body(request.into_body(), MAX_PARAMS).await?;
        String::from_utf8(body.into())
            .map(Self)
            .map_err(|_| ApiError::Malformed("The body is no UTF-8.".to_owned()))
    }
}

impl From<FormError> for ApiError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::TooMany => too_many(),
            error => malformed("a form", error),
        }
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::TooMany => too_many(),
            JsonError::Malformed(error) => malformed("a JSON object", error),
        }
    }
}

impl Params {
    /// Creates the parameters of a request without a body.
    pub(crate) fn none() -> Self {
        Self {
            fields: Map::new(),
            encoding: Encoding::Json,
        }
    }

    /// Returns the parameters of a form.
    ///
    /// # Errors
    /// When the names have brackets that do not match, or there are too many.
    pub(crate) fn of_form(form: &[u8]) -> Result<Self, ApiError> {
        Ok(Self {
            fields: form_body::decode(form, MAX_VALUES)?,
            encoding: Encoding::Form,
        })
    }

    /// Returns the token that is among the parameters. An empty one counts as absent.
    pub(crate) fn token(&self) -> Option<&str> {
        let token = self.fields.get(TOKEN)?.as_str()?;
        Some(token).filter(|token| !token.is_empty())
    }

    /// Returns whether there is no parameter besides a token.
    pub(crate) fn are_none(&self) -> bool {
        self.fields.keys().all(|name| name == TOKEN)
    }

    /// Returns the parameters below a name or, if one of `names` is among the others, those without a name.
    /// Fails when there are none.
    // Contract: boxes.flat-fields
    pub(crate) fn section_or_flat(
        &self,
        name: &'static str,
        names: &[&str],
    ) -> Result<Section<'_>, ApiError> {
        let is_flat = !matches!(self.fields.get(name), Some(Value::Object(_)))
            && names.iter().any(|name| self.fields.contains_key(*name));
        if !is_flat {
            return self.section(name);
        }
        Ok(Section {
            name,
            fields: &self.fields,
            encoding: self.encoding,
        })
    }

    /// Returns the parameters that are below no name.
    pub(crate) fn fields(&self) -> Section<'_> {
        Section {
            name: "",
            fields: &self.fields,
            encoding: self.encoding,
        }
    }

    /// Returns the parameters below a name; none are no error.
    pub(crate) fn optional_section(
        &self,
        name: &'static str,
    ) -> Result<Option<Section<'_>>, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.section(name).map(Some),
        }
    }

    /// Returns the parameters below a name, as in `artifact[…]`. Fails when there are none.
    pub(crate) fn section(&self, name: &'static str) -> Result<Section<'_>, ApiError> {
        match self.fields.get(name) {
            Some(Value::Object(fields)) => Ok(Section {
                name,
                fields,
                encoding: self.encoding,
            }),
            None | Some(Value::Null) => Err(ApiError::Invalid(self.missing(name))),
            Some(other) => Err(wrong_type(name, "an object", other)),
        }
    }

    fn missing(&self, name: &str) -> String {
        // `curl -d '{…}'` without a header sends its JSON as a form: a common mistake, which is hard to find
        // without this hint.
        let is_json = self
            .fields
            .keys()
            .any(|key| key.trim_start().starts_with('{'));
        if self.encoding == Encoding::Form && is_json {
            return format!(
                "{name} parameter is required! The body looks like JSON but was sent as a form: \
                 add the header Content-Type: application/json."
            );
        }
        format!("{name} parameter is required!")
    }
}

/// The parameters below one name. `null` is the same as absent.
// Contract: silent.types-of-parameters
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    name: &'static str,
    fields: &'a Map<String, Value>,
    encoding: Encoding,
}

impl<'a> Section<'a> {
    /// Returns a text. One with the character NUL is refused, since not every database can hold it.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, ApiError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => Err(ApiError::Invalid(format!(
                "{} has the character NUL, which not every database can hold: leave it out",
                self.label(key)
            ))),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(key, "a string", other)),
        }
    }

    /// Returns a text. Fails when it is absent.
    pub(crate) fn required_text(&self, key: &str) -> Result<&'a str, ApiError> {
        self.text(key)?
            .ok_or_else(|| ApiError::Invalid(format!("{} parameter is required!", self.label(key))))
    }

    /// Returns a list of texts; none are no error. In a form they are one text with commas.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'a str>, ApiError> {
        let wanted = "a list of strings";
        match (self.get(key), self.encoding) {
            (None, _) => Ok(Vec::new()),
            (Some(Value::Array(values)), _) => {
                let texts = values.iter().map(Value::as_str).collect();
                let wrong = || {
                    let label = self.label(key);
                    ApiError::Invalid(format!("{label} must be {wanted}"))
                };
                Option::ok_or_else(texts, wrong)
            }
            (Some(Value::String(text)), Encoding::Form) => Ok(text.split(',').collect()),
            (Some(other), _) => Err(self.wrong_type(key, wanted, other)),
        }
    }

    /// Returns `true` or `false`.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, ApiError> {
        match (self.get(key), self.encoding) {
            (None, _) => Ok(None),
            (Some(Value::Bool(value)), _) => Ok(Some(*value)),
            (Some(Value::String(text)), Encoding::Form) if text == "true" => Ok(Some(true)),
            (Some(Value::String(text)), Encoding::Form) if text == "false" => Ok(Some(false)),
            (Some(other), _) => Err(self.wrong_type(key, "true or false", other)),
        }
    }

    /// Returns a whole number that is not negative.
    pub(crate) fn integer(&self, key: &str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = match (value, self.encoding) {
            (Value::String(text), Encoding::Form) => whole_number(text),
            _ => value.as_u64(),
        };
        number
            .map(Some)
            .ok_or_else(|| self.wrong_type(key, "a whole number that is not negative", value))
    }

    /// Returns metadata: texts by free keys. Numbers and booleans become texts, as Packer sends them.
    // Contract: metadata.optional, metadata.texts, metadata.empty-value, silent.null-and-numbers
    pub(crate) fn metadata(&self, key: &str) -> Result<Metadata, ApiError> {
        let fields = match self.get(key) {
            None => return Ok(Metadata::default()),
            Some(Value::Object(fields)) => fields,
            Some(other) => return Err(self.wrong_type(key, "an object", other)),
        };
        Limits::check_keys(fields.len())?;
        let mut pairs = Vec::with_capacity(fields.len());
        for (inner, value) in fields {
            let text: Cow<'_, str> = match value {
                Value::Null => continue,
                Value::String(text) => text.into(),
                Value::Bool(_) | Value::Number(_) => value.to_string().into(),
                Value::Array(_) | Value::Object(_) => {
                    let label = format!("{}[{inner}]", self.label(key));
                    return Err(wrong_type(
                        label,
                        "a string, a number, true or false",
                        value,
                    ));
                }
            };
            pairs.push((inner.as_str(), text));
        }
        Ok(pairs.into_iter().collect())
    }

    /// Returns the parameters of an object; none are no error.
    pub(crate) fn object(&self, key: &'static str) -> Result<Option<Self>, ApiError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self {
                name: key,
                fields,
                ..*self
            })),
            Some(other) => Err(self.wrong_type(key, "an object", other)),
        }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// Returns the full name of a parameter, as in `artifact[name]`.
    pub(crate) fn label(&self, key: &str) -> String {
        match self.name {
            "" => key.to_owned(),
            name => format!("{name}[{key}]"),
        }
    }

    fn wrong_type(&self, key: &str, wanted: &str, found: &Value) -> ApiError {
        wrong_type(self.label(key), wanted, found)
    }
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// When it is larger, or breaks off.
pub(crate) async fn read_body(body: Body, most: usize) -> Result<axum::body::Bytes, ApiError> {
    to_bytes(body, most).await.map_err(|error| {
        let too_large = std::error::Error::source(&error)
            .is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if too_large {
            ApiError::TooLarge { limit: most as u64 }
        } else {
            ApiError::broken_body(&error, "")
        }
    })
}

// Contract: requests.json-without-type
fn encoding(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(Encoding::Json);
    };
    let text = text(value.as_bytes());
    let essence = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/json" => Ok(Encoding::Json),
        "application/x-www-form-urlencoded" => Ok(Encoding::Form),
        other if other.starts_with("application/") && other.ends_with("+json") => {
            Ok(Encoding::Json)
        }
        _ => Err(ApiError::UnsupportedMediaType(
            truncated(&text, 100).into_owned(),
        )),
    }
}

fn too_many() -> ApiError {
    ApiError::Invalid(format!(
        "The body has more than the {MAX_VALUES} values that this emulator reads."
    ))
}

fn malformed(what: &str, error: impl Display) -> ApiError {
    ApiError::Malformed(format!("The body cannot be read as {what}: {error}."))
}

fn wrong_type(label: impl Display, wanted: &str, found: &Value) -> ApiError {
    let label = label.to_string();
    // The value may be a password, misplaced or of the wrong type.
    let found = if is_private(&label) {
        kind(found).to_owned()
    } else {
        shown(&found.to_string())
    };
    ApiError::Invalid(format!("{label} must be {wanted}, not {found}"))
}

/// Returns whether the value of a parameter must not appear in messages.
fn is_private(label: &str) -> bool {
    Api::all().any(|call| match (call.secret(), call.body()) {
        (Some(Secret::Body), endpoint::Body::Fields(fields)) => {
            let mut objects = fields.objects.iter();
            objects.any(|of| label.starts_with(of.object)) || fields.outside.contains(&label)
        }
        (Some(Secret::Body), endpoint::Body::File | endpoint::Body::Nothing)
        | (Some(Secret::Path) | None, _) => false,
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
