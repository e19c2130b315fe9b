//! A request as the journal keeps it. A record that is forgotten is written over by the next one: to
//! give back and ask for some ten pieces of memory, on another processor than they were used on, took
//! a POST longer than all else that the journal does.

use std::time::{Duration, SystemTime};

use super::texts::Texts;
use super::{Request, TokenPlace};
use crate::store::Digest;

/// What is known of a request.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) facts: Facts,
    texts: Texts,
}

/// What takes no memory of its own. As in [`Request`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) number: u64,
    pub(super) time: SystemTime,
    pub(super) method: &'static str,
    pub(super) token: Option<TokenPlace>,
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) received: u64,
    pub(super) sha256: Option<Digest>,
    pub(super) announces_file: bool,
    pub(super) stored: bool,
    pub(super) status: Option<u16>,
    pub(super) duration: Duration,
}

/// The texts besides the fields, as in [`Request`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named<'a> {
    pub(super) id: &'a str,
    pub(super) route: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) username: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) version: Option<&'a str>,
}

impl Record {
    /// A record in the memory of an old one.
    pub(super) fn over(mut texts: Texts, facts: Facts, named: &Named<'_>) -> Self {
        let Named {
            id,
            route,
            path,
            query,
            username,
            content_type,
            version,
        } = *named;
        texts.clear();
        for text in [
            Some(id),
            route,
            Some(path),
            query,
            username,
            content_type,
            version,
        ] {
            texts.push(text);
        }
        Self { facts, texts }
    }

    /// Adds the name of a field of the body.
    pub(super) fn has_field(&mut self, name: &str) {
        self.texts.push(Some(name));
    }

    /// What a new record may be written over.
    pub(super) fn into_texts(self) -> Texts {
        self.texts
    }
}

impl From<&Record> for Request {
    fn from(record: &Record) -> Self {
        let facts = record.facts;
        let mut texts = record.texts.iter();
        let mut next = || texts.next().flatten().map(str::to_owned);
        Self {
            number: facts.number,
            id: next().unwrap_or_default(),
            time: facts.time,
            method: facts.method.to_owned(),
            route: next(),
            path: next().unwrap_or_default(),
            query: next(),
            username: next(),
            token: facts.token,
            content_type: next(),
            content_length: facts.content_length,
            chunked: facts.chunked,
            version: next(),
            fields: texts.flatten().map(str::to_owned).collect(),
            received: facts.received,
            sha256: facts.sha256.map(|digest| digest.to_string()),
            announces_file: facts.announces_file,
            stored: facts.stored,
            status: facts.status,
            duration: facts.duration,
        }
    }
}

#[cfg(test)]
impl Record {
    /// One that was answered with 200.
    pub(super) fn example(number: u64) -> Self {
        let facts = Facts {
            number,
            time: SystemTime::UNIX_EPOCH,
            method: "GET",
            token: None,
            content_length: None,
            chunked: false,
            received: 0,
            sha256: None,
            announces_file: false,
            stored: false,
            status: Some(200),
            duration: Duration::ZERO,
        };
        let named = Named {
            id: "id",
            path: "/a/b",
            ..Named::default()
        };
        Self::over(Texts::default(), facts, &named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_written_over_another_is_whole() {
        let mut full = Record::over(
            Texts::default(),
            Record::example(1).facts,
            &Named {
                id: "one",
                route: Some("/{a}"),
                path: "/x",
                query: Some(""),
                username: Some("acme"),
                content_type: Some("text/plain"),
                version: Some("acme/web/x/1"),
            },
        );
        full.has_field("artifact");
        full.has_field("artifact.name");
        let request = Request::from(&full);
        assert_eq!(
            (&*request.id, &*request.path, request.query.as_deref()),
            ("one", "/x", Some(""))
        );
        assert_eq!(request.route.as_deref(), Some("/{a}"));
        assert_eq!(request.username.as_deref(), Some("acme"));
        assert_eq!(request.content_type.as_deref(), Some("text/plain"));
        assert_eq!(request.version.as_deref(), Some("acme/web/x/1"));
        assert_eq!(request.fields, ["artifact", "artifact.name"]);
        let facts = Record::example(2).facts;
        let named = Named {
            id: "two",
            path: "/y",
            ..Named::default()
        };
        let empty = Record::over(full.into_texts(), facts, &named);
        let expected = Request {
            id: "two".to_owned(),
            ..Request::example(2, "GET", "/y")
        };
        assert_eq!(Request::from(&empty), expected);
    }
}
