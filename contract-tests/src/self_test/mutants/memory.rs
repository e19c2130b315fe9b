//! A memory is what a mutant remembers of earlier requests.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use super::wire::{Call, call, fields, slug, token, typed};
use crate::self_test::proxy::{Reply, Request};

/// Something remembered.
#[derive(Default)]
pub(super) struct Memory<T>(Mutex<T>);

impl<T> Memory<T> {
    /// What is remembered; the guard must not live on across an await.
    pub(super) fn open(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who made which artifact.
#[derive(Default)]
pub(super) struct Makers(Memory<HashMap<String, String>>);

impl Makers {
    /// Remembers the artifact if the request made one.
    pub(super) fn learn(&self, request: &Request, reply: &Reply) {
        if call(request) == Call::Create && reply.status == 200 {
            let fields = fields(request);
            let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
            let slug = format!("{}/{}", text("username"), text("name"));
            let token = token(request).unwrap_or_default();
            self.0.open().insert(slug, token);
        }
    }

    /// The token that made the artifact which a request is about.
    pub(super) fn of(&self, request: &Request) -> Option<String> {
        self.0.open().get(&slug(request)).cloned()
    }
}

/// The versions that were made, by the paths of their uploads.
#[derive(Default)]
pub(super) struct Uploads(Memory<HashMap<String, Upload>>);

/// A version that was made, and what was sent for it.
#[derive(Clone)]
pub(super) struct Upload {
    /// `USER/NAME/TYPE`.
    pub(super) typed: String,
    /// The version as the reply showed it.
    pub(super) version: Value,
    /// Whether its file is in.
    pub(super) finished: bool,
}

impl Upload {
    /// Whether its file is to come.
    pub(super) fn awaits(&self) -> bool {
        self.version["file"] == true && !self.finished
    }

    /// The path its file goes to.
    pub(super) fn path(&self) -> String {
        path_of(&self.version)
    }

    /// Its number.
    pub(super) fn number(&self) -> u64 {
        self.version["version"].as_u64().unwrap_or_default()
    }
}

impl Uploads {
    /// Remembers the version if the request made one, and the file if it sent one.
    pub(super) fn learn(&self, request: &Request, reply: &Reply) {
        match call(request) {
            Call::Push if reply.status == 200 => {
                let version: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let upload = Upload {
                    typed: typed(request),
                    finished: false,
                    version,
                };
                self.0.open().insert(upload.path(), upload);
            }
            Call::Upload if reply.status == 200 => {
                let mut uploads = self.0.open();
                if let Some(upload) = uploads.get_mut(request.path()) {
                    upload.finished = true;
                }
            }
            _ => {}
        }
    }

    /// The version whose file a request sends.
    pub(super) fn sent(&self, request: &Request) -> Option<Upload> {
        self.0.open().get(request.path()).cloned()
    }

    /// The versions of a type, given as `USER/NAME/TYPE`, the newest first.
    pub(super) fn of(&self, typed: &str) -> Vec<Upload> {
        let mut uploads: Vec<_> = self.0.open().values().cloned().collect();
        uploads.retain(|upload| upload.typed == typed);
        uploads.sort_by_key(|upload| std::cmp::Reverse(upload.number()));
        uploads
    }
}

/// The path of the address where the file of a version goes to.
pub(super) fn path_of(version: &Value) -> String {
    let address = version["upload_path"].as_str().unwrap_or_default();
    let path = address.splitn(4, '/').nth(3).unwrap_or_default();
    format!("/{path}")
}
