//! Decodes values weakly, as Packer reads templates: a number becomes a text where a text is expected.

use std::collections::BTreeMap;

use serde_json::Value;

/// Converts a scalar to a text.
pub(crate) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        Value::Bool(truth) => Ok(u8::from(*truth).to_string()),
        // Packer reads every number as a float of 64 bits: 3.0 is 3, and large ones lose digits.
        Value::Number(number) => Ok(number
            .as_f64()
            .map_or_else(|| number.to_string(), |float| float.to_string())),
        Value::Array(_) | Value::Object(_) => Err("expected a text".to_owned()),
    }
}

/// Converts a scalar to a boolean.
pub(crate) fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(truth) => Ok(*truth),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            _ => Err("expected true or false".to_owned()),
        },
        Value::Array(_) | Value::Object(_) => Err("expected true or false".to_owned()),
    }
}

/// Converts an object of scalars, or a list of such objects, to a map of texts.
pub(crate) fn map(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let objects = match value {
        Value::Null => &[],
        Value::Array(objects) => objects.as_slice(),
        object => std::slice::from_ref(object),
    };
    let mut map = BTreeMap::new();
    for object in objects {
        let object = object.as_object().ok_or("expected a map")?;
        for (key, value) in object {
            let value = text(value).map_err(|reason| format!("{key}: {reason}"))?;
            map.insert(key.clone(), value);
        }
    }
    Ok(map)
}

/// Converts a list of scalars, or a single one, to a list of texts.
pub(crate) fn list(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(values) => values.iter().map(text).collect(),
        single => text(single).map(|text| vec![text]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_is_a_float_as_packer_passes_it_to_a_plugin() {
        for (number, expected) in [
            (json!(3), "3"),
            (json!(3.0), "3"),
            (json!(1.5), "1.5"),
            (json!(-7), "-7"),
            (json!(9_007_199_254_740_992_u64), "9007199254740992"),
            (json!(9_007_199_254_740_993_u64), "9007199254740992"),
            (
                json!(12_345_678_901_234_567_890_u64),
                "12345678901234567000",
            ),
            (json!(-9_007_199_254_740_993_i64), "-9007199254740992"),
            (json!(1e21), "1000000000000000000000"),
            (json!(1e-7), "0.0000001"),
        ] {
            assert_eq!(text(&number).as_deref(), Ok(expected));
        }
    }
}
