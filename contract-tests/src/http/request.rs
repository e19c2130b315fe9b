//! A request is built once, and then shown, withheld or sent in that form.

use std::{fmt, io};

use futures_util::stream;
use reqwest::{Body, Client, Method, RequestBuilder, Url};

use crate::{
    failure::Sent,
    http::Auth,
    safety::{
        journal::Makes,
        secrets::{Piece, Secrets},
    },
    text::plain,
};

const CHUNK: usize = 64 * 1024;

/// How the bytes of an upload are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// With a Content-Length.
    Sized,
    /// In chunks, as a client sends what it knows no size of.
    Chunked,
    /// With a Content-Length, but the connection dies half-way.
    Interrupted,
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Nothing.
    None,
    /// The fields of a call, as they were encoded.
    Text(String),
    /// The bytes of a file.
    File(Vec<u8>, Sending),
}

/// A request, with whatever secrets it holds: only redacted may it leave the crate.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Where it goes, query and all.
    pub url: Url,
    /// The headers that matter to the contract; the client adds Host, Accept and the length.
    pub headers: Vec<(&'static str, String)>,
    /// What it carries.
    pub payload: Payload,
    /// What it makes on the server, if it is a write.
    pub makes: Option<Makes>,
}

/// Without secrets, which may be anywhere in it.
impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("makes", &self.makes)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A request that carries nothing.
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

    /// Adds the header of a token, if that is where the token stands.
    pub fn authorised(self, auth: Auth<'_>) -> Self {
        match auth {
            Auth::Anonymous | Auth::Query(_) => self,
            Auth::Header(token) => self.header("X-Atlas-Token", token),
            Auth::Bearer(token) => self.header("Authorization", format!("Bearer {token}")),
        }
    }

    /// Carries this.
    pub fn carrying(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Makes this on the server.
    pub fn making(mut self, makes: Makes) -> Self {
        self.makes = Some(makes);
        self
    }

    /// The request on one line: the method, the address, and the fields or the size of the file.
    pub fn line(&self) -> String {
        let Self { method, url, .. } = self;
        match &self.payload {
            Payload::None => format!("{method} {url}"),
            Payload::Text(text) => format!("{method} {url} {text}").trim_end().to_owned(),
            Payload::File(bytes, _) => format!("{method} {url}, {} bytes", bytes.len()),
        }
    }

    /// How many bytes it carries.
    pub(crate) fn size(&self) -> usize {
        match &self.payload {
            Payload::None => 0,
            Payload::Text(text) => text.len(),
            Payload::File(bytes, _) => bytes.len(),
        }
    }

    /// The request as it may be shown.
    pub(crate) fn shown(&self, secrets: &Secrets) -> Sent {
        Sent {
            request: plain(&secrets.redact(&self.line())),
            curl: plain(&self.curl(secrets)),
        }
    }

    /// The command of a shell that sends the same again.
    ///
    /// Secrets are variables: `[token]` becomes `$ATLAS_TOKEN`, `[upload path]` becomes `$ATLAS_UPLOAD_PATH`. Who
    /// exports them spells them as the place demands: percent-encoded where one stands in a query or a form. The bytes
    /// of an upload are left out; a comment says how many `@FILE` is to have.
    pub fn curl(&self, secrets: &Secrets) -> String {
        let mut words = vec!["curl -i --globoff".to_owned()];
        if self.method != Method::GET {
            words.push(format!("-X {}", self.method));
        }
        let headers = self.headers.iter().map(|(name, value)| {
            // An empty header is written so; with a colon it would be one that curl leaves out.
            let sign = if value.is_empty() { ";" } else { ": " };
            format!("{name}{sign}{value}")
        });
        words.extend(headers.map(|header| format!("-H {}", quoted(&secrets.pieces(&header)))));
        let typed = self.headers.iter().any(|(name, _)| *name == "Content-Type");
        if self.payload != Payload::None && !typed {
            words.push("-H 'Content-Type:'".to_owned());
        }
        let url = quoted(&secrets.pieces(self.url.as_str()));
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
        words.join(" ")
    }

    /// The request for this client to send.
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
                    pieces(&bytes).into_iter().chain([Err(half_way())]),
                ))),
        }
    }
}

/// One word for a shell. What is open is taken literally; only the variable of a secret is looked up.
fn quoted(pieces: &[Piece<'_>]) -> String {
    let mut word = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Open(text) if pieces.len() == 1 => {
                return format!("'{}'", text.replace('\'', r"'\''"));
            }
            Piece::Open(text) => text.chars().for_each(|c| match c {
                '\\' | '"' | '$' | '`' => word.extend(['\\', c]),
                // Within double quotes nothing makes it literal for somebody who pastes it.
                '!' => word.push_str(r#""'!'""#),
                c => word.push(c),
            }),
            Piece::Secret(placeholder) if runs_on(pieces.get(index + 1)) => {
                word.push_str(&format!("${{{}}}", variable(placeholder)));
            }
            Piece::Secret(placeholder) => word.push_str(&format!("${}", variable(placeholder))),
        }
    }
    format!("\"{word}\"")
}

/// Whether what follows would be taken for a part of a variable's name.
fn runs_on(next: Option<&Piece<'_>>) -> bool {
    matches!(next, Some(Piece::Open(text)) if text.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// `[other token]` becomes `ATLAS_OTHER_TOKEN`.
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

fn half_way() -> io::Error {
    io::Error::other("broken off on purpose")
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
