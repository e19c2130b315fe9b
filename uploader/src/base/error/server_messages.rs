//! Reads the messages of an error reply.

use serde_json::Value;

/// The longest part of a message that is shown, in characters.
const LONGEST: usize = 1000;

/// Returns the messages of an error reply: `{"errors": ["text", …]}`, which HashiCorp's client reads,
/// `{"errors": {"name": ["text", …]}}`, which the documentation shows, or `{"message": "text", …}`, which HCP
/// sends. The result is empty for any other body.
pub fn server_messages(body: &[u8]) -> Vec<String> {
    let errors = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|mut reply| {
            let key = ["errors", "message"]
                .into_iter()
                .find(|key| reply.get(key).is_some())?;
            reply.get_mut(key).map(Value::take)
        });
    match errors {
        Some(Value::Array(texts)) => texts.iter().map(message).collect(),
        Some(Value::Object(fields)) => fields.iter().flat_map(field_messages).collect(),
        Some(Value::String(text)) => vec![one_line(&text)],
        _ => Vec::new(),
    }
}

fn field_messages((field, texts): (&String, &Value)) -> Vec<String> {
    let texts = match texts {
        Value::Array(texts) => texts.as_slice(),
        text => std::slice::from_ref(text),
    };
    texts
        .iter()
        .map(|text| format!("{} {}", one_line(field), message(text)))
        .collect()
}

fn message(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        other => one_line(&other.to_string()),
    }
}

/// Returns the text as one line of limited length, so that a server can neither forge lines of a log, nor
/// send codes to a terminal, nor fill it.
fn one_line(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_beginning_is_repeated() {
        let body = serde_json::json!({"errors": ["é".repeat(30_000), ["é".repeat(30_000)]]});
        for message in server_messages(body.to_string().as_bytes()) {
            assert_eq!(message.chars().count(), LONGEST + 1);
            assert!(message.ends_with('…'));
        }
    }

    #[test]
    fn both_shapes_of_errors_are_read() {
        assert_eq!(
            server_messages(br#"{"errors": ["one", "two"], "success": false}"#),
            ["one", "two"]
        );
        assert_eq!(
            server_messages(br#"{"errors": {"name": ["has already been taken", "is short"]}}"#),
            ["name has already been taken", "name is short"]
        );
        assert_eq!(
            server_messages(br#"{"errors": {"name": "is bad"}}"#),
            ["name is bad"]
        );
        assert_eq!(server_messages(br#"{"errors": "no"}"#), ["no"]);
    }

    #[test]
    fn a_body_that_is_no_error_has_no_words() {
        for body in ["", "<html>", "{}", "[]", r#"{"errors": null}"#] {
            assert!(server_messages(body.as_bytes()).is_empty(), "{body}");
        }
    }

    #[test]
    fn a_server_cannot_forge_a_line() {
        assert_eq!(
            server_messages(b"{\"errors\": [\"a\\nerror: b\\u001b[2J\"]}"),
            ["a error: b [2J"]
        );
    }
}
