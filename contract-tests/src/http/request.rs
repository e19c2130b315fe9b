//! A request is built once, and then shown, refused or sent in that form.

use std::{fmt, io};

use futures_util::stream;
use reqwest::{Body, Client, Method, RequestBuilder, Url};

use crate::{
    failure::Sent,
    http::Auth,
    safety::{
        journal::CreatedObject,
        secrets::{Piece, Secrets},
    },
    text::plain,
};

const CHUNK: usize = 64 * 1024;

/// The way in which the bytes of an upload are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// The upload has a Content-Length.
    Sized,
    /// The upload is chunked, as when a client does not know its size.
    Chunked,
    /// The upload has a Content-Length, but the connection breaks half-way.
    Interrupted,
}

/// The body of a request before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The request has no body.
    None,
    /// The encoded fields of a call.
    Text(String),
    /// The bytes of a file.
    File(Vec<u8>, Sending),
}

/// A request, which may contain secrets: it may leave the crate only redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address, including the query.
    pub url: Url,
    /// The headers that matter to the contract; the client adds Host, Accept and the length.
    pub headers: Vec<(&'static str, String)>,
    /// The payload.
    pub payload: Payload,
    /// The object that the request makes on the server, if it is a write.
    pub makes: Option<CreatedObject>,
}

/// Omits the address, the headers and the payload, which may contain secrets.
impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Request")
            .field("method", &self.method)
            .field("makes", &self.makes)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Creates a request without a payload.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            payload: Payload::None,
            makes: None,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the header of a token, if the token belongs in a header.
    pub fn authorised(self, auth: Auth<'_>) -> Self {
        match auth {
            Auth::Anonymous | Auth::Query(_) => self,
            Auth::Header(token) => self.header("X-Atlas-Token", token),
            Auth::Bearer(token) => self.header("Authorization", format!("Bearer {token}")),
            Auth::Basic(credentials) => {
                self.header("Authorization", format!("Basic {credentials}"))
            }
        }
    }

    /// Sets the payload.
    pub fn carrying(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Sets the object that the request creates on the server.
    pub fn making(mut self, object: CreatedObject) -> Self {
        self.makes = Some(object);
        self
    }

    /// Returns the request on one line: the method, the address, and the fields or the size of the file.
    pub fn line(&self) -> String {
        let Self { method, url, .. } = self;
        match &self.payload {
            Payload::None => format!("{method} {url}"),
            Payload::Text(text) => format!("{method} {url} {text}").trim_end().to_owned(),
            Payload::File(bytes, _) => format!("{method} {url}, {} bytes", bytes.len()),
        }
    }

    /// Returns the size of the payload in bytes.
    pub(crate) fn size(&self) -> usize {
        match &self.payload {
            Payload::None => 0,
            Payload::Text(text) => text.len(),
            Payload::File(bytes, _) => bytes.len(),
        }
    }

    /// Returns the request for display, without secrets.
    pub(crate) fn shown(&self, secrets: &Secrets) -> Sent {
        Sent {
            request: plain(&secrets.redact(&self.line())),
            curl: plain(&self.curl(secrets)),
        }
    }

    /// Returns a shell command that sends the request again.
    ///
    /// Secrets become variables: `[token]` becomes `$ATLAS_TOKEN`, `[upload path]` becomes `$ATLAS_UPLOAD_PATH`. Their
    /// values must be encoded as their place demands: percent-encoded in a query or a form. The bytes of an upload are
    /// left out; a comment states how many bytes `@FILE` must have.
    pub fn curl(&self, secrets: &Secrets) -> String {
        let mut words = vec!["curl -i --globoff".to_owned()];
        if self.method != Method::GET {
            words.push(format!("-X {}", self.method));
        }
        words.extend(self.header_words(secrets));
        words.extend(self.payload_words(secrets));
        words.join(" ")
    }

    fn header_words(&self, secrets: &Secrets) -> Vec<String> {
        let headers = self.headers.iter().map(|(name, value)| {
            // curl sends an empty header only when it is written with a semicolon; with a colon, it would leave the
            // header out.
            let sign = if value.is_empty() { ";" } else { ": " };
            format!("{name}{sign}{value}")
        });
        let words = headers.map(|header| format!("-H {}", quoted(&secrets.pieces(&header))));
        let mut words: Vec<_> = words.collect();
        let typed = self.headers.iter().any(|(name, _)| *name == "Content-Type");
        if self.payload != Payload::None && !typed {
            words.push("-H 'Content-Type:'".to_owned());
        }
        words
    }

    fn payload_words(&self, secrets: &Secrets) -> Vec<String> {
        let url = quoted(&secrets.pieces(self.url.as_str()));
        let mut words = Vec::new();
        match &self.payload {
            Payload::None => words.push(url),
            Payload::Text(text) => {
                words.push(format!("--data-raw {}", quoted(&secrets.pieces(text))));
                words.push(url);
            }
            Payload::File(bytes, sending) => {
                if *sending == Sending::Chunked {
                    words.push("-H 'Transfer-Encoding: chunked'".to_owned());
                }
                let end = match sending {
                    Sending::Interrupted => ", sent under twice their length, and broken off",
                    Sending::Sized | Sending::Chunked => "",
                };
                words.push(format!("--data-binary @FILE {url}"));
                words.push(format!("# FILE: {} bytes{end}", bytes.len()));
            }
        }
        words
    }

    /// Converts the request for this HTTP client.
    pub(crate) fn builder(self, client: &Client) -> RequestBuilder {
        let mut request = client.request(self.method, self.url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        match self.payload {
            Payload::None => request,
            Payload::Text(text) => request.body(text),
            Payload::File(bytes, Sending::Sized) => request.body(bytes),
            Payload::File(bytes, Sending::Chunked) => {
                request.body(Body::wrap_stream(stream::iter(pieces(&bytes))))
            }
            Payload::File(bytes, Sending::Interrupted) => request
                .header("Content-Length", bytes.len() * 2)
                .body(Body::wrap_stream(stream::iter(
                    pieces(&bytes).into_iter().chain([Err(interrupted())]),
                ))),
        }
    }
}

/// Quotes one word for a shell. All text is literal; only the variables of secrets are expanded.
fn quoted(pieces: &[Piece<'_>]) -> String {
    let mut word = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Open(text) if pieces.len() == 1 => {
                return format!("'{}'", text.replace('\'', r"'\''"));
            }
            Piece::Open(text) => text.chars().for_each(|c| match c {
                '\\' | '"' | '$' | '`' => word.extend(['\\', c]),
                // In an interactive shell, `!` expands even within double quotes.
                '!' => word.push_str(r#""'!'""#),
                c => word.push(c),
            }),
            Piece::Secret(placeholder) if continues_name(pieces.get(index + 1)) => {
                word.push_str(&format!("${{{}}}", variable(placeholder)));
            }
            Piece::Secret(placeholder) => word.push_str(&format!("${}", variable(placeholder))),
        }
    }
    format!("\"{word}\"")
}

/// Tells whether the shell would take the next piece as a part of the variable's name.
fn continues_name(next: Option<&Piece<'_>>) -> bool {
    matches!(next, Some(Piece::Open(text)) if text.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Returns the variable of a placeholder: `[other token]` becomes `ATLAS_OTHER_TOKEN`.
fn variable(placeholder: &str) -> String {
    let name = placeholder.trim_matches(['[', ']']).replace(' ', "_");
    format!("ATLAS_{}", name.to_uppercase())
}

fn pieces(bytes: &[u8]) -> Vec<io::Result<Vec<u8>>> {
    bytes
        .chunks(CHUNK)
        .map(|piece| Ok(piece.to_vec()))
        .collect()
}

fn interrupted() -> io::Error {
    io::Error::other("interrupted on purpose")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_no_secret_and_is_literal_but_for_its_variables() {
        let secrets = Secrets::default();
        secrets.add("canary", "[token]");
        secrets.add("0000-1111", "[upload path]");
        let url = |text| Url::parse(text).unwrap();
        let post = Request::new(
            Method::POST,
            url("http://a.test/x?access_token=canary&y=[1]"),
        )
        .authorised(Auth::Header("canary"))
        .header("Content-Type", "application/json")
        .carrying(Payload::Text(
            r#"{"a":"it's $HOME!","b":"canary2"}"#.to_owned(),
        ));
        assert_eq!(
            post.curl(&secrets),
            concat!(
                r#"curl -i --globoff -X POST -H "X-Atlas-Token: $ATLAS_TOKEN" -H 'Content-Type: application/json' "#,
                r#"--data-raw "{\"a\":\"it's \$HOME"'!'"\",\"b\":\"${ATLAS_TOKEN}2\"}" "#,
                r#""http://a.test/x?access_token=$ATLAS_TOKEN&y=[1]""#
            )
        );
        let get = Request::new(Method::GET, url("http://a.test/it's")).authorised(Auth::Header(""));
        assert_eq!(
            get.curl(&secrets),
            r"curl -i --globoff -H 'X-Atlas-Token;' 'http://a.test/it'\''s'"
        );
        let put = |sending| {
            Request::new(Method::PUT, url("http://a.test/0000-1111"))
                .carrying(Payload::File(vec![0; 3], sending))
                .curl(&secrets)
        };
        assert_eq!(
            put(Sending::Chunked),
            "curl -i --globoff -X PUT -H 'Content-Type:' -H 'Transfer-Encoding: chunked' \
             --data-binary @FILE \"http://a.test/$ATLAS_UPLOAD_PATH\" # FILE: 3 bytes"
        );
        assert!(
            put(Sending::Interrupted)
                .ends_with("3 bytes, sent under twice their length, and broken off")
        );
    }

    #[test]
    fn a_line_names_the_method_the_address_and_what_is_carried() {
        let url = Url::parse("http://a.test/x?y=1").unwrap();
        let line = |method, payload| Request::new(method, url.clone()).carrying(payload).line();
        assert_eq!(line(Method::GET, Payload::None), "GET http://a.test/x?y=1");
        assert_eq!(
            line(Method::POST, Payload::Text("{}".to_owned())),
            "POST http://a.test/x?y=1 {}"
        );
        assert_eq!(
            line(Method::PUT, Payload::File(vec![0; 3], Sending::Sized)),
            "PUT http://a.test/x?y=1, 3 bytes"
        );
    }
}
