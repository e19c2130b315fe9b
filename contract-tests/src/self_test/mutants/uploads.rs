//! These mutants are wrong about uploads: which bytes are accepted, and what happens without them.

use std::collections::HashMap;

use axum::{body::Bytes, http::header::CONTENT_LENGTH};
use futures_util::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use super::{
    Mutant,
    memory::{Memory, Upload, Uploads, path_of},
    mutant, replies, requests,
    wire::{
        Call, answer, call, change_found, change_made, content_type, query, refuse, typed, version,
    },
};
use crate::self_test::proxy::{Emulator, Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "uploads.path-absolute",
        "relative",
        "upload_path is relative",
        || {
            replies(|request, reply| {
                change_made(request, reply, |made| {
                    made["upload_path"] = path_of(made).into()
                });
            })
        },
    ),
    mutant(
        "uploads.path-absolute",
        "relative-without-file",
        "where no file is to come upload_path is relative",
        || {
            replies(|request, reply| {
                change_made(request, reply, |made| {
                    if made["file"] == false {
                        made["upload_path"] = path_of(made).into();
                    }
                });
            })
        },
    ),
    mutant(
        "uploads.path-authorises",
        "signed",
        "an upload needs the signature in its query",
        || {
            replies(|request, reply| {
                change_made(request, reply, |made| {
                    let path = made["upload_path"].as_str().unwrap_or_default();
                    made["upload_path"] = format!("{path}?signature=s").into();
                });
                if call(request) == Call::Upload && query(request).is_empty() {
                    refuse(reply, 403, "The signature is missing");
                }
            })
        },
    ),
    mutant(
        "uploads.path-authorises",
        "newest-version",
        "the bytes go to the version that was made last",
        || Box::new(NewestVersion::default()),
    ),
    mutant(
        "uploads.path-secret",
        "counted",
        "upload paths are counted",
        || Box::new(Counted::default()),
    ),
    mutant(
        "uploads.path-secret",
        "guessed",
        "bytes sent to a path that was never given out are taken",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && reply.status == 404 {
                    answer(reply, 200, &json!({}));
                }
            })
        },
    ),
    mutant(
        "uploads.chunked",
        "length-required",
        "an upload without a Content-Length is answered with 411",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && !sized(request) {
                    refuse(reply, 411, "A Content-Length is required");
                }
            })
        },
    ),
    mutant(
        "uploads.chunked",
        "cut",
        "an upload in chunks ends with one of its buffers",
        || cut(|request| !sized(request)),
    ),
    mutant(
        "uploads.sized",
        "too-large",
        "more than half a megabyte in one piece is answered with 413",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && sized(request) && request.body.len() > 500_000 {
                    refuse(reply, 413, "The file is too large");
                }
            })
        },
    ),
    mutant(
        "uploads.sized",
        "type-required",
        "an upload without a Content-Type is answered with 415",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && content_type(request).is_empty() {
                    refuse(reply, 415, "A Content-Type is required");
                }
            })
        },
    ),
    mutant(
        "uploads.unfinished-hidden",
        "found",
        "a search finds a version that awaits its file",
        || unfinished_found(|request| query(request).is_empty()),
    ),
    mutant(
        "uploads.unfinished-hidden",
        "empty",
        "a file that did not come yet is empty",
        unfinished_empty,
    ),
    mutant(
        "uploads.half-hidden",
        "taken",
        "half a file is taken for the whole",
        || Box::new(IncompleteUploadAcceptor::default()),
    ),
    mutant(
        "uploads.same-again",
        "conflict",
        "a finished upload takes nothing more, not even the same",
        same_refused,
    ),
    mutant(
        "uploads.other-refused",
        "ignored",
        "other bytes for a finished upload are thrown away without a word",
        || {
            replies(|request, reply| {
                if call(request) == Call::Upload && reply.status == 409 {
                    answer(reply, 200, &json!({}));
                }
            })
        },
    ),
    mutant(
        "uploads.other-refused",
        "lost",
        "other bytes are refused when they have taken the place of the first",
        overwritten,
    ),
];

const BUFFER: usize = 64 * 1024;

fn sized(request: &Request) -> bool {
    request.headers.contains_key(CONTENT_LENGTH)
}

fn cut(is_chosen: fn(&Request) -> bool) -> Box<dyn Interceptor> {
    requests(move |request: &mut Request| {
        let length = request.body.len();
        if call(request) == Call::Upload && is_chosen(request) && length > BUFFER {
            request.body.truncate(length - length % BUFFER);
        }
    })
}

/// A `NewestVersion` gives each upload to the newest version of the type that awaits one.
#[derive(Default)]
struct NewestVersion(Uploads);

impl Interceptor for NewestVersion {
    fn request(&self, request: &mut Request) {
        let Some(addressed) = self.0.sent(request) else {
            return;
        };
        let mut versions = self.0.of(&addressed.typed).into_iter();
        if let Some(newest) = versions.find(|it| it.awaits()) {
            request.target = newest.path();
        }
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        self.0.learn(request, reply);
    }
}

/// A `Counted` replaces the random UUIDs in upload paths by consecutive ones.
#[derive(Default)]
struct Counted(Memory<Vec<String>>);

const FIRST_UUID: u128 = 0x0000_0000_0000_4000_8000_0000_0000_0001;

impl Interceptor for Counted {
    fn request(&self, request: &mut Request) {
        let uuid = request.target.rsplit('/').next().map(Uuid::parse_str);
        let index = match uuid {
            Some(Ok(uuid)) => uuid.as_u128().checked_sub(FIRST_UUID),
            _ => None,
        };
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(path) = index.and_then(|index| self.0.lock().get(index).cloned()) {
            request.target = path;
        }
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        change_made(request, reply, |made| {
            let path = path_of(made);
            let mut paths = self.0.lock();
            let uuid = Uuid::from_u128(FIRST_UUID + paths.len() as u128).to_string();
            let address = made["upload_path"].as_str().unwrap_or_default();
            let real = path.rsplit('/').next().unwrap_or_default();
            made["upload_path"] = address.replace(real, &uuid).into();
            paths.push(path);
        });
    }
}

/// Returns a server where the chosen searches also find versions that await their file.
pub(super) fn unfinished_found(
    is_chosen: impl Fn(&Request) -> bool + Send + Sync + 'static,
) -> Box<dyn Interceptor> {
    let uploads = Uploads::default();
    replies(move |request: &Request, reply: &mut Reply| {
        uploads.learn(request, reply);
        change_found(request, reply, |found| {
            let versions = uploads.of(&typed(request)).into_iter();
            let mut awaiting = versions.filter(Upload::awaits).peekable();
            if awaiting.peek().is_some() && is_chosen(request) {
                found.splice(0..0, awaiting.map(|it| it.version));
            }
        });
    })
}

fn unfinished_empty() -> Box<dyn Interceptor> {
    let uploads = Uploads::default();
    replies(move |request: &Request, reply: &mut Reply| {
        uploads.learn(request, reply);
        let asked = version(request);
        let mut versions = uploads.of(&typed(request)).into_iter();
        let awaits = versions.any(|it| it.awaits() && it.number().to_string() == asked);
        if call(request) == Call::File && awaits {
            *reply = Reply::new(200, "");
        }
    })
}

/// An `IncompleteUploadAcceptor` accepts an incomplete upload as complete when its predicate says so. Other requests
/// wait until no upload is under way, so that they see the result.
pub(super) struct IncompleteUploadAcceptor(Box<dyn Fn() -> bool + Send + Sync>);

impl IncompleteUploadAcceptor {
    pub(super) fn when(when: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Box::new(when))
    }
}

impl Default for IncompleteUploadAcceptor {
    fn default() -> Self {
        Self::when(|| true)
    }
}

impl Interceptor for IncompleteUploadAcceptor {
    fn request(&self, request: &mut Request) {
        request.is_complete = request.is_complete || (self.0)();
    }

    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            if call(request) != Call::Upload {
                emulator.settled().await;
            }
            emulator.answer(request).await
        })
    }
}

fn same_refused() -> Box<dyn Interceptor> {
    let uploads = Uploads::default();
    replies(move |request: &Request, reply: &mut Reply| {
        let finished = uploads.sent(request).is_some_and(|it| it.finished);
        uploads.learn(request, reply);
        if finished {
            refuse(reply, 409, "The upload is finished");
        }
    })
}

fn overwritten() -> Box<dyn Interceptor> {
    let uploads = Uploads::default();
    let others = Memory::<HashMap<String, Bytes>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        uploads.learn(request, reply);
        match (call(request), uploads.sent(request)) {
            (Call::Upload, Some(sent)) if reply.status == 409 => {
                let file = format!("{}/{}", sent.typed, sent.number());
                others.lock().insert(file, request.body.clone());
            }
            (Call::File, _) => {
                let file = format!("{}/{}", typed(request), version(request));
                if let Some(other) = others.lock().get(&file) {
                    reply.body = other.to_vec();
                }
            }
            _ => {}
        }
    })
}
