//! These mutants are wrong about the bytes that a download returns.

use std::collections::HashMap;

use axum::http::{HeaderValue, header::CONTENT_ENCODING};

use super::{
    Mutant,
    memory::{Memory, Upload, Uploads},
    mutant, replies, requests,
    wire::{Call, call, slug, take_for, typed, version},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "download.numbered",
        "byte-changed",
        "the last byte of a file is another one",
        || {
            replies(|request, reply| {
                if call(request) == Call::File && reply.status == 200 {
                    reply
                        .body
                        .last_mut()
                        .into_iter()
                        .for_each(|byte| *byte ^= 1);
                }
            })
        },
    ),
    mutant(
        "download.numbered",
        "cut",
        "the last byte of a file is lost",
        || {
            replies(|request, reply| {
                if call(request) == Call::File && reply.status == 200 {
                    reply.body.pop();
                }
            })
        },
    ),
    mutant(
        "download.numbered",
        "always-latest",
        "the file is that of latest, whatever the number",
        || {
            requests(|request| {
                if call(request) == Call::File {
                    take_for(request, "latest");
                }
            })
        },
    ),
    mutant(
        "download.latest",
        "first",
        "the file of latest is that of the first version",
        || {
            requests(|request| {
                if call(request) == Call::File && version(request) == "latest" {
                    take_for(request, "1");
                }
            })
        },
    ),
    mutant(
        "download.latest",
        "any-type",
        "the file of latest is the newest of the artifact, whatever its type",
        || Box::new(AnyType::default()),
    ),
    mutant(
        "download.no-file",
        "empty",
        "the file of a version that has none is empty",
        no_file_empty,
    ),
    mutant(
        "download.no-file",
        "unprocessable",
        "the file of a type without any is answered with 422",
        || {
            replies(|request, reply| {
                let latest = call(request) == Call::File && version(request) == "latest";
                if latest && reply.status == 404 {
                    reply.status = 422;
                }
            })
        },
    ),
    mutant(
        "download.latest-with-file",
        "newest",
        "the file of latest is that of the newest version, which may have none",
        || Box::new(Newest::default()),
    ),
    mutant(
        "download.as-sent",
        "encoded",
        "a gzip file comes as the encoding of what is in it",
        || {
            replies(|request, reply| {
                let gzip = reply.body.starts_with(&[0x1f, 0x8b]);
                if call(request) == Call::File && gzip {
                    let gzip = HeaderValue::from_static("gzip");
                    reply.headers.insert(CONTENT_ENCODING, gzip);
                }
            })
        },
    ),
];

/// An `AnyType` answers `latest` with the artifact's last finished file, of whatever type.
#[derive(Default)]
struct AnyType {
    uploads: Uploads,
    newest: Memory<HashMap<String, String>>,
}

impl Interceptor for AnyType {
    fn request(&self, request: &mut Request) {
        let newest = self.newest.lock().get(&slug(request)).cloned();
        if let (Call::File, "latest", Some(newest)) =
            (call(request), version(request).as_str(), newest)
        {
            request.target = request.target.replacen(request.path(), &newest, 1);
        }
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        self.uploads.learn(request, reply);
        if let Some(sent) = self.uploads.sent(request).filter(|it| it.finished) {
            let slug = sent.typed.rsplit_once('/').unwrap_or_default().0.to_owned();
            let file = format!("/api/v1/artifacts/{}/{}/file", sent.typed, sent.number());
            self.newest.lock().insert(slug, file);
        }
    }
}

fn no_file_empty() -> Box<dyn Interceptor> {
    let uploads = Uploads::default();
    replies(move |request: &Request, reply: &mut Reply| {
        uploads.learn(request, reply);
        let asked = version(request);
        let mut versions = uploads.of(&typed(request)).into_iter();
        let none = |it: &Upload| it.version["file"] == false;
        let none = versions.any(|it| none(&it) && it.number().to_string() == asked);
        if call(request) == Call::File && none {
            *reply = Reply::new(200, "");
        }
    })
}

/// A `Newest` answers `latest` with the version that was made last, even without a file.
#[derive(Default)]
struct Newest(Uploads);

impl Interceptor for Newest {
    fn request(&self, request: &mut Request) {
        let newest = self.0.of(&typed(request)).first().map(Upload::number);
        if let (Call::File, "latest", Some(newest)) =
            (call(request), version(request).as_str(), newest)
        {
            take_for(request, &newest.to_string());
        }
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        self.0.learn(request, reply);
    }
}
