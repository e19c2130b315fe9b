//! An encoding writes the fields of a request as its body.

use serde_json::Value;

/// The format in which the fields of a request are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON with its Content-Type.
    Json,
    /// JSON without a Content-Type, as some genuine clients send it.
    BareJson,
    /// A form whose names are percent-encoded, as libraries write it.
    Form,
    /// A form whose names have literal brackets, as `curl -d` writes it.
    CurlForm,
    /// JSON that is cut off in the middle.
    HalfJson,
}

impl Encoding {
    /// Returns the matching Content-Type.
    pub fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Json | Self::HalfJson => Some("application/json"),
            Self::BareJson => None,
            Self::Form | Self::CurlForm => Some("application/x-www-form-urlencoded"),
        }
    }

    /// Encodes the fields as the body of a request.
    pub fn write(self, fields: &Value) -> String {
        let json = fields.to_string();
        match self {
            Self::Json | Self::BareJson => json,
            Self::HalfJson => json.chars().take(json.chars().count() / 2).collect(),
            Self::Form => form(fields, percent_encoded),
            Self::CurlForm => form(fields, str::to_owned),
        }
    }
}

fn form(fields: &Value, spell: impl Fn(&str) -> String) -> String {
    let mut pairs = Vec::new();
    flatten(String::new(), fields, &mut pairs);
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", spell(name), percent_encoded(value)))
        .collect();
    pairs.join("&")
}

fn percent_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Flattens nested fields: `{"a": {"b": "c"}}` becomes `a[b]=c`.
fn flatten(name: String, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            let inner = if name.is_empty() {
                key.clone()
            } else {
                format!("{name}[{key}]")
            };
            flatten(inner, value, pairs);
        }),
        Value::String(text) => pairs.push((name, text.clone())),
        other => pairs.push((name, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_encoding_writes_what_its_clients_write() {
        let fields = json!({"a": {"b": {"c.d": "1 & 2"}, "e": true}});
        let written = |encoding: Encoding| encoding.write(&fields);
        assert_eq!(written(Encoding::CurlForm), "a[b][c.d]=1+%26+2&a[e]=true");
        assert_eq!(
            written(Encoding::Form),
            "a%5Bb%5D%5Bc.d%5D=1+%26+2&a%5Be%5D=true"
        );
        assert_eq!(
            written(Encoding::BareJson),
            r#"{"a":{"b":{"c.d":"1 & 2"},"e":true}}"#
        );
        assert_eq!(written(Encoding::HalfJson), r##"{"a":{"b":{"c.d":""##);
    }
}
