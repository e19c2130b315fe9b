//! A request before it is sent: the one form in which it can be shown, held back, and put on the wire.

use std::{fmt, io};

use futures_util::stream;
use reqwest::{Body, Client, Method, RequestBuilder, Url};

use crate::{http::Auth, journal::Makes};

const CHUNK: usize = 64 * 1024;

/// How the bytes of an upload are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// With a Content-Length.
    Sized,
    /// In chunks, as a client sends what it knows no size of.
    Chunked,
    /// With a Content-Length, but the connection dies half-way.
    Broken,
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
pub struct Outgoing {
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
impl fmt::Debug for Outgoing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("makes", &self.makes)
            .finish_non_exhaustive()
    }
}

impl Outgoing {
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

    /// The request for this client to send.
    pub(crate) fn request(self, client: &Client) -> RequestBuilder {
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
            Payload::File(bytes, Sending::Broken) => request
                .header("Content-Length", bytes.len() * 2)
                .body(Body::wrap_stream(stream::iter(
                    pieces(&bytes).into_iter().chain([Err(half_way())]),
                ))),
        }
    }
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
    fn a_line_names_the_method_the_address_and_what_is_carried() {
        let url = Url::parse("http://a.test/x?y=1").unwrap();
        let line = |method, payload| Outgoing::new(method, url.clone()).carrying(payload).line();
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
