//! The compact form of a request in the journal.

use std::time::{Duration, SystemTime};

use super::texts::{Texts, read};
use super::{Request, TokenPlace};
use crate::domain::Digest;
use crate::endpoint::Endpoint;

/// The fields of a [`Request`] with a fixed size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) number: u64,
    pub(crate) time: SystemTime,
    pub(crate) method: &'static str,
    pub(crate) endpoint: Endpoint,
    pub(crate) token: Option<TokenPlace>,
    pub(crate) content_length: Option<u64>,
    pub(crate) chunked: bool,
    pub(crate) received: u64,
    pub(crate) sha256: Option<Digest>,
    pub(crate) announces_file: bool,
    pub(crate) stored: bool,
    pub(crate) status: Option<u16>,
    pub(crate) duration: Duration,
}

/// The texts of a request's head. The texts of [`Tail`] follow, and [`request`] reads both in this
/// order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head<'a> {
    pub(crate) id: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) content_type: Option<&'a str>,
}

impl Head<'_> {
    pub(crate) fn texts(&self) -> Texts {
        // This is enough for most requests, the texts of the tail included.
        let mut texts = Texts::with_capacity(512);
        texts.push(Some(self.id));
        texts.push(Some(self.path));
        texts.push(self.query);
        texts.push(self.content_type);
        texts
    }
}

/// The texts of a request that are known only at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tail<'a> {
    pub(crate) username: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
    pub(crate) fields: Option<&'a Texts>,
}

impl Tail<'_> {
    pub(crate) fn append_to(&self, texts: &mut Texts) {
        texts.push(self.username);
        texts.push(self.version);
        if let Some(fields) = self.fields {
            texts.append(fields);
        }
    }
}

/// Decodes a request from its facts and the bytes of its texts.
pub(crate) fn request(facts: &Facts, texts: &[u8]) -> Request {
    let mut texts = read(texts).map(|text| text.map(str::to_owned));
    let mut next = || texts.next().flatten();
    Request {
        number: facts.number,
        id: next().unwrap_or_default(),
        time: facts.time,
        method: facts.method.to_owned(),
        endpoint: facts.endpoint,
        route: facts.endpoint.path().map(str::to_owned),
        path: next().unwrap_or_default(),
        query: next(),
        token: facts.token,
        content_type: next(),
        content_length: facts.content_length,
        chunked: facts.chunked,
        username: next(),
        version: next(),
        fields: texts.flatten().collect(),
        received: facts.received,
        sha256: facts.sha256.map(|digest| digest.to_string()),
        announces_file: facts.announces_file,
        stored: facts.stored,
        status: facts.status,
        duration: facts.duration,
    }
}

#[cfg(test)]
impl Facts {
    /// Creates the facts of a request that was answered with 200.
    pub(crate) fn example(number: u64) -> Self {
        Self {
            number,
            time: SystemTime::UNIX_EPOCH,
            method: "GET",
            endpoint: Endpoint::Unknown,
            token: None,
            content_length: None,
            chunked: false,
            received: 0,
            sha256: None,
            announces_file: false,
            stored: false,
            status: Some(200),
            duration: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Api;

    #[test]
    fn each_text_is_what_it_was() {
        let head = Head {
            id: "one",
            path: "/x",
            query: Some(""),
            content_type: Some("text/plain"),
        };
        let mut fields = Texts::default();
        fields.push(Some("artifact"));
        fields.push(Some("artifact.name"));
        let tail = Tail {
            username: Some("acme"),
            version: Some("acme/web/x/1"),
            fields: Some(&fields),
        };
        let mut texts = head.texts();
        tail.append_to(&mut texts);
        let facts = Facts {
            endpoint: Endpoint::Api(Api::ShowArtifact),
            ..Facts::example(1)
        };
        let found = request(&facts, texts.as_bytes());
        let expected = Request {
            id: "one".to_owned(),
            endpoint: Endpoint::Api(Api::ShowArtifact),
            route: Some("/api/v1/artifacts/{username}/{name}".to_owned()),
            query: Some(String::new()),
            content_type: Some("text/plain".to_owned()),
            username: Some("acme".to_owned()),
            version: Some("acme/web/x/1".to_owned()),
            fields: vec!["artifact".to_owned(), "artifact.name".to_owned()],
            ..Request::example(1, "GET", "/x")
        };
        assert_eq!(found, expected);
    }
}
