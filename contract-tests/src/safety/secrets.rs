//! Redacts tokens, passwords and upload paths from every text that leaves this crate.

use std::sync::{Mutex, PoisonError};

use atlas_common::redaction::{self, KnownSecrets};
use serde_json::Value;

/// The parts of field names that mark a secret in a reply.
const FIELDS: [&str; 3] = ["upload_path", "callback", "token"];
/// The largest number of secrets in one reply; no client could use more.
const MAX_SECRETS_PER_REPLY: usize = 1000;

/// A `Piece` is a part of a text: either public text, or the placeholder of a secret, such as `[token]`.
pub type Piece<'t> = redaction::Piece<'t, &'static str>;

/// `Secrets` are the secrets known so far: those configured, and those that the server handed out.
#[derive(Default)]
pub struct Secrets(Mutex<KnownSecrets<&'static str>>);

impl Secrets {
    /// Redacts a secret from now on, in every spelling: verbatim, in a URL, in JSON, also as Rails writes it, and in
    /// HTML. A secret of less than four characters is not redacted.
    pub fn add(&self, secret: &str, placeholder: &'static str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.add(secret, placeholder);
    }

    /// Learns the secrets in the body of a reply: upload paths, callbacks and tokens, as JSON fields or within a text.
    ///
    /// # Errors
    /// Fails when the reply contains too many secrets. None of them is learnt then, so the reply must not be shown; the
    /// error states the limit that was exceeded.
    pub fn learn_reply(&self, body: &[u8]) -> Result<(), String> {
        let Ok(text) = std::str::from_utf8(body) else {
            return Ok(());
        };
        let named = FIELDS.iter().map(|field| text.matches(field).count());
        if named.sum::<usize>() > MAX_SECRETS_PER_REPLY {
            return Err(format!(
                "more than {MAX_SECRETS_PER_REPLY} paths and tokens"
            ));
        }
        if let Ok(reply) = serde_json::from_str(text) {
            self.learn(&reply);
        }
        self.learn_text(text);
        Ok(())
    }

    fn learn(&self, reply: &Value) {
        match reply {
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                if let Some(text) = value.as_str() {
                    self.learn_field(key, text);
                }
                self.learn(value);
            }),
            _ => {}
        }
    }

    /// Learns fields within a text, however often they are quoted: a server may repeat in one reply what it hands out
    /// in another that comes later.
    fn learn_text(&self, text: &str) {
        // Each piece ends at a quotation mark; the number of backslashes before the mark tells how deeply it is quoted.
        let pieces: Vec<_> = text
            .split_inclusive('"')
            .filter_map(|piece| piece.strip_suffix('"'))
            .map(|piece| {
                let bare = piece.trim_end_matches('\\');
                (bare, piece.len() - bare.len())
            })
            .collect();
        for piece in pieces.windows(3) {
            if let [(key, _), (between, opened), (value, closed)] = piece
                && between.trim() == ":"
                && opened == closed
            {
                self.learn_field(key, value);
            }
        }
    }

    /// Returns the text with every known secret replaced by its placeholder.
    pub fn redact(&self, text: &str) -> String {
        let pieces = self.pieces(text).into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Open(text) | Piece::Secret(text) => text,
            })
            .collect()
    }

    /// Splits the text into pieces, none of which contains a known secret.
    pub fn pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.pieces(text)
    }

    fn learn_field(&self, key: &str, value: &str) {
        match key {
            "upload_path" | "callback" => self.learn_upload_path(value),
            "upload_token" | "hosted_token" => self.add(value, "[upload token]"),
            "token" | "access_token" => self.add(value, "[login token]"),
            _ => {}
        }
    }

    /// Learns an upload path and its last segment. The segment alone authorises an upload, whatever host, prefix or
    /// query surrounds it.
    pub(crate) fn learn_upload_path(&self, path: &str) {
        self.add(path, "[upload path]");
        let bare = path.split(['?', '#']).next().unwrap_or_default();
        let last = bare.rsplit('/').next().unwrap_or_default();
        self.add(last, "[upload path]");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configured_secret_is_hidden_in_every_spelling() {
        let secrets = Secrets::default();
        secrets.add("a b\"c", "[token]");
        assert_eq!(
            secrets.redact(r#"a b"c, access_token=a+b%22c, {"token":"a b\"c"}"#),
            r#"[token], access_token=[token], {"token":"[token]"}"#
        );
    }

    #[test]
    fn a_signed_address_is_hidden_as_rails_and_html_write_it() {
        let secrets = Secrets::default();
        secrets.add("https://bin.test/key?a=1&signature=s", "[upload path]");
        assert_eq!(
            secrets.redact(
                r#"{"upload_path":"https://bin.test/key?a=1\u0026signature=s"}
                <a href="https://bin.test/key?a=1&amp;signature=s">"#
            ),
            r#"{"upload_path":"[upload path]"}
                <a href="[upload path]">"#
        );
    }

    #[test]
    fn what_a_reply_hands_out_is_hidden_from_then_on() {
        let secrets = Secrets::default();
        secrets.learn(&json!({"versions": [{
            "upload_path": "https://bin.test/a/0000-1111", "upload_token": "tok-1", "id": "x"
        }]}));
        assert_eq!(
            secrets.redact("PUT https://bin.test/a/0000-1111 or /other/0000-1111 with tok-1 for x"),
            "PUT [upload path] or /other/[upload path] with [upload token] for x"
        );
        secrets.learn(&json!({"upload_path": "https://bin.test/2222-3333?signature=s"}));
        assert_eq!(
            secrets.redact("PUT https://bin.test/2222-3333"),
            "PUT https://bin.test/[upload path]"
        );
    }

    #[test]
    fn what_is_handed_out_within_a_text_is_a_secret_however_often_it_is_quoted() {
        let secrets = Secrets::default();
        let path = |last: &str| json!({"upload_path": format!("https://bin.test/{last}")});
        let once = format!("you were told {}", path("0000-1111"));
        let twice = json!({"said": path("2222-3333").to_string()}).to_string();
        let slashes = path("4444-5555").to_string().replace('/', "\\/");
        // The JSON is cut off before it is quoted, so that the end of the text is not the end of the path.
        let cut = json!({"said": path("/open/").to_string()[..32]}).to_string();
        for text in [
            once,
            twice,
            slashes,
            cut,
            "\"upload_token\" : \"tok-1\"".to_owned(),
        ] {
            secrets.learn_text(&text);
        }
        assert_eq!(
            secrets
                .redact("https://bin.test /a/0000-1111 /b/2222-3333 /c/4444-5555 tok-1 \"token\""),
            "https://bin.test /a/[upload path] /b/[upload path] /c/[upload path] [upload token] \"token\""
        );
    }

    #[test]
    fn a_secret_within_a_placeholder_spoils_nothing() {
        let secrets = Secrets::default();
        secrets.add("a token of the server", "[token]");
        secrets.add("token", "[password]");
        assert_eq!(
            secrets.pieces("a token of the server, token"),
            [
                Piece::Secret("[token]"),
                Piece::Open(", "),
                Piece::Secret("[password]")
            ]
        );
        assert_eq!(secrets.redact("a token of the server"), "[token]");
    }

    #[test]
    fn a_reply_that_hands_out_without_end_fills_no_memory() {
        let secrets = Secrets::default();
        let path = |number: usize| json!({"upload_path": format!("https://bin.test/{number:08}")});
        let paths = |count| json!((0..count).map(path).collect::<Vec<_>>()).to_string();
        let many = secrets.learn_reply(paths(MAX_SECRETS_PER_REPLY + 1).as_bytes());
        assert_eq!(many, Err("more than 1000 paths and tokens".to_owned()));
        assert_eq!(secrets.redact("00000009"), "00000009");
        assert_eq!(secrets.learn_reply(paths(10).as_bytes()), Ok(()));
        assert_eq!(secrets.redact("00000009"), "[upload path]");
    }

    #[test]
    fn an_empty_or_tiny_word_does_not_blacken_the_text() {
        let secrets = Secrets::default();
        secrets.add("", "[token]");
        secrets.learn(&json!({"upload_token": "e"}));
        assert_eq!(secrets.redact("nothing here"), "nothing here");
    }
}
