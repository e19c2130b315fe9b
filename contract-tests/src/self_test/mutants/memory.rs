//! A memory stores facts about earlier requests for a mutant.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use super::wire::{Call, call, fields, slug, token, typed};
use crate::self_test::proxy::{Reply, Request};

/// A `Memory` is a value behind a mutex.
#[derive(Default)]
pub(super) struct Memory<T>(Mutex<T>);

impl<T> Memory<T> {
    /// Locks the value; the guard must not be held across an await.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tokens that made artifacts, by the artifacts' slugs.
#[derive(Default)]
pub(super) struct CreatorTokens(Memory<HashMap<String, String>>);

impl CreatorTokens {
    /// Remembers the artifact if the request made one.
    pub(super) fn learn(&self, request: &Request, reply: &Reply) {
        if call(request) == Call::Create && reply.status == 200 {
            let fields = fields(request);
            let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
            let slug = format!("{}/{}", text("username"), text("name"));
            let token = token(request).unwrap_or_default();
            self.0.lock().insert(slug, token);
        }
    }

    /// Returns the token that made the artifact of a request.
    pub(super) fn of(&self, request: &Request) -> Option<String> {
        self.0.lock().get(&slug(request)).cloned()
    }
}

/// The versions that were made, by the paths of their uploads.
#[derive(Default)]
pub(super) struct Uploads(Memory<HashMap<String, Upload>>);

/// A version that was made, and whether its file was received.
#[derive(Clone)]
pub(super) struct Upload {
    /// `USER/NAME/TYPE`.
    pub(super) typed: String,
    /// The version as in the reply.
    pub(super) version: Value,
    /// Whether the file was received.
    pub(super) finished: bool,
}

impl Upload {
    /// Tells whether the version still awaits its file.
    pub(super) fn awaits(&self) -> bool {
        self.version["file"] == true && !self.finished
    }

    /// Returns the path for its file.
    pub(super) fn path(&self) -> String {
        path_of(&self.version)
    }

    /// Returns its number.
    pub(super) fn number(&self) -> u64 {
        self.version["version"].as_u64().unwrap_or_default()
    }
}

impl Uploads {
    /// Remembers the version that the request made, or that the file of a version was received.
    pub(super) fn learn(&self, request: &Request, reply: &Reply) {
        match call(request) {
            Call::Push if reply.status == 200 => {
                let version: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let upload = Upload {
                    typed: typed(request),
                    finished: false,
                    version,
                };
                self.0.lock().insert(upload.path(), upload);
            }
            Call::Upload if reply.status == 200 => {
                let mut uploads = self.0.lock();
                if let Some(upload) = uploads.get_mut(request.path()) {
                    upload.finished = true;
                }
            }
            _ => {}
        }
    }

    /// Returns the version whose file a request sends.
    pub(super) fn sent(&self, request: &Request) -> Option<Upload> {
        self.0.lock().get(request.path()).cloned()
    }

    /// Returns the versions of a type, given as `USER/NAME/TYPE`, the newest first.
    pub(super) fn of(&self, typed: &str) -> Vec<Upload> {
        let mut uploads: Vec<_> = self.0.lock().values().cloned().collect();
        uploads.retain(|upload| upload.typed == typed);
        uploads.sort_by_key(|upload| std::cmp::Reverse(upload.number()));
        uploads
    }
}

/// Returns the path of a version's upload address.
pub(super) fn path_of(version: &Value) -> String {
    let address = version["upload_path"].as_str().unwrap_or_default();
    let path = address.splitn(4, '/').nth(3).unwrap_or_default();
    format!("/{path}")
}
