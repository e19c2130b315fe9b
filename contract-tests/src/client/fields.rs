//! This module reads the fields of a body, from JSON or from a form.

use axum::http::header;
use serde_json::{Map, Value};

use crate::self_test::proxy::Request;

const FORM: &str = "application/x-www-form-urlencoded";

/// The fields of a body.
pub(super) struct Fields {
    /// The fields by name.
    pub(super) value: Value,
    is_form: bool,
}

impl Fields {
    /// Returns the fields of a body, or `None` when the body does not fit its Content-Type. JSON needs no
    /// Content-Type.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let kind = request.headers.get(header::CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(FORM.as_bytes()));
        let value = if is_form {
            form(&request.body)
        } else {
            serde_json::from_slice(&request.body).ok()?
        };
        Some(Self { value, is_form })
    }

    /// Tells whether the value is `true` or `false`; in a form, it is a text.
    pub(super) fn is_flag(&self, value: &Value) -> bool {
        value.is_boolean() || self.is_form && matches!(value.as_str(), Some("true" | "false"))
    }

    /// Tells whether the value is a non-negative integer; in a form, it is a text of digits.
    pub(super) fn is_count(&self, value: &Value) -> bool {
        let digits = |text: &str| text.parse::<u64>().is_ok();
        value.is_u64() || self.is_form && value.as_str().is_some_and(digits)
    }
}

/// Returns the fields of a form: `a[b][c]=v` becomes `{"a": {"b": {"c": "v"}}}`.
fn form(body: &[u8]) -> Value {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let parts = name.split('[').map(|part| part.trim_end_matches(']'));
        put(&mut fields, &parts.collect::<Vec<_>>(), value.into_owned());
    }
    fields.into()
}

fn put(fields: &mut Map<String, Value>, path: &[&str], value: String) {
    let Some((name, inner)) = path.split_first() else {
        return;
    };
    if inner.is_empty() {
        fields.insert((*name).to_owned(), value.into());
        return;
    }
    let field = fields.entry(*name).or_insert_with(|| Map::new().into());
    if let Value::Object(fields) = field {
        put(fields, inner, value);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method};
    use serde_json::json;

    use super::*;

    fn fields(kind: Option<&'static str>, body: &'static str) -> Option<Fields> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        Fields::of(&Request {
            method: Method::POST,
            target: "/api/v1/artifacts".to_owned(),
            headers,
            body: body.into(),
            is_complete: true,
        })
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        let json = r#"{"v":{"id":"x y","metadata":{"region.us-east-1":"ami-1","k":""}}}"#;
        let expected: Value = serde_json::from_str(json).unwrap();
        assert_eq!(fields(None, json).unwrap().value, expected);
        let kind = Some("application/json; charset=utf-8");
        assert_eq!(fields(kind, json).unwrap().value, expected);
        let form = "v[id]=x+y&v%5Bmetadata%5D[region.us-east-1]=ami-1&v[metadata][k]=";
        assert_eq!(fields(Some(FORM), form).unwrap().value, expected);
        assert!(fields(None, form).is_none());
        assert!(fields(Some(FORM), json).unwrap().value.get("v").is_none());
    }

    #[test]
    fn only_in_a_form_is_a_text_a_number_or_a_flag() {
        let (json, form) = (fields(None, "{}").unwrap(), fields(Some(FORM), "").unwrap());
        let texts = [json!("7"), json!("true")];
        assert!(!json.is_count(&texts[0]) && !json.is_flag(&texts[1]));
        assert!(form.is_count(&texts[0]) && form.is_flag(&texts[1]));
        assert!(json.is_count(&json!(0)) && json.is_flag(&json!(false)));
        assert!(!json.is_count(&json!(-1)) && !form.is_flag(&json!("yes")));
    }
}
