//! The compact form of a request in the journal.

use std::time::{Duration, SystemTime};

use super::packed_strings::{PackedStrings, read};
use super::{Finding, Request, TokenPlace};
use crate::domain::Digest;
use crate::endpoint::Endpoint;

/// The fields of a [`Request`] with a fixed size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedFields {
    pub(crate) number: u64,
    pub(crate) time: SystemTime,
    pub(crate) method: &'static str,
    pub(crate) endpoint: Endpoint,
    pub(crate) token: Option<TokenPlace>,
    pub(crate) content_length: Option<u64>,
    pub(crate) chunked: bool,
    pub(crate) received: u64,
    pub(crate) digest: Option<Digest>,
    pub(crate) announces_file: bool,
    pub(crate) stored: bool,
    pub(crate) status: Option<u16>,
    pub(crate) duration: Duration,
}

/// The strings of a request's head. Those of [`EndStrings`] follow, and [`request`] reads both in
/// this order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadStrings<'a> {
    pub(crate) id: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) content_type: Option<&'a str>,
}

impl HeadStrings<'_> {
    pub(crate) fn packed(&self) -> PackedStrings {
        // This is enough for most requests, the strings of the end included.
        let mut texts = PackedStrings::with_capacity(512);
        texts.push(Some(self.id));
        texts.push(Some(self.path));
        texts.push(self.query);
        texts.push(self.content_type);
        texts
    }
}

/// The strings of a request that are known only at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EndStrings<'a> {
    pub(crate) username: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
    pub(crate) fault: Option<&'a str>,
    pub(crate) fields: Option<&'a PackedStrings>,
    pub(crate) findings: &'a [Finding],
}

impl EndStrings<'_> {
    pub(crate) fn append_to(&self, texts: &mut PackedStrings) {
        texts.push(self.username);
        texts.push(self.version);
        texts.push(self.fault);
        if let Some(fields) = self.fields {
            texts.append(fields);
        }
        // A missing text ends the fields.
        if !self.findings.is_empty() {
            texts.push(None);
        }
        for Finding { kind, message } in self.findings {
            texts.push(Some(kind.name()));
            texts.push(Some(message));
        }
    }
}

/// Decodes a request from its fixed fields and the bytes of its strings.
pub(crate) fn request(fixed: &FixedFields, texts: &[u8]) -> Request {
    let mut texts = read(texts).map(|text| text.map(str::to_owned));
    let mut next = || texts.next().flatten();
    Request {
        number: fixed.number,
        id: next().unwrap_or_default(),
        time: fixed.time,
        method: fixed.method.to_owned(),
        endpoint: fixed.endpoint,
        route: fixed.endpoint.path().map(str::to_owned),
        path: next().unwrap_or_default(),
        query: next(),
        token: fixed.token,
        content_type: next(),
        content_length: fixed.content_length,
        chunked: fixed.chunked,
        username: next(),
        version: next(),
        fault: next(),
        fields: texts.by_ref().map_while(|text| text).collect(),
        findings: findings(texts),
        received: fixed.received,
        digest: fixed.digest.map(|digest| digest.to_string()),
        announces_file: fixed.announces_file,
        stored: fixed.stored,
        status: fixed.status,
        duration: fixed.duration,
    }
}

/// Decodes findings, each of which has the name of its kind and a message.
fn findings(texts: impl Iterator<Item = Option<String>>) -> Vec<Finding> {
    let mut texts = texts.flatten();
    let next = || Some((texts.next()?, texts.next()?));
    let pairs = std::iter::from_fn(next);
    pairs
        .filter_map(|(kind, message)| Finding::of_name(&kind, message))
        .collect()
}

#[cfg(test)]
impl FixedFields {
    /// Creates the fields of a request that was answered with 200.
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
            digest: None,
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
    use crate::endpoint::{Api, ArtifactCall};
    use crate::observe::LintKind;

    const SHOW: Api = Api::Artifact(ArtifactCall::ShowArtifact);

    #[test]
    fn each_text_is_what_it_was() {
        let head = HeadStrings {
            id: "one",
            path: "/x",
            query: Some(""),
            content_type: Some("text/plain"),
        };
        let mut fields = PackedStrings::default();
        fields.push(Some("artifact"));
        fields.push(Some("artifact.name"));
        let findings = [
            (LintKind::BoxProvider, "one"),
            (LintKind::BoxUnreadable, ""),
        ];
        let findings = findings.map(|(kind, message)| Finding {
            kind,
            message: message.to_owned(),
        });
        let end = EndStrings {
            username: Some("acme"),
            version: Some("acme/web/x/1"),
            fault: Some("upload:reset"),
            fields: Some(&fields),
            findings: &findings,
        };
        let mut texts = head.packed();
        end.append_to(&mut texts);
        let fixed = FixedFields {
            endpoint: Endpoint::Api(SHOW, SHOW.paths()[0]),
            ..FixedFields::example(1)
        };
        let found = request(&fixed, texts.as_bytes());
        let expected = Request {
            id: "one".to_owned(),
            endpoint: Endpoint::Api(SHOW, SHOW.paths()[0]),
            route: Some("/api/v1/artifacts/{username}/{name}".to_owned()),
            query: Some(String::new()),
            content_type: Some("text/plain".to_owned()),
            username: Some("acme".to_owned()),
            version: Some("acme/web/x/1".to_owned()),
            fault: Some("upload:reset".to_owned()),
            fields: vec!["artifact".to_owned(), "artifact.name".to_owned()],
            findings: findings.to_vec(),
            ..Request::example(1, "GET", "/x")
        };
        assert_eq!(found, expected);
    }
}
