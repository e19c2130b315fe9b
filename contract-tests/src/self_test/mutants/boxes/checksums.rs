//! These mutants are wrong about the checksums of boxes.

use std::collections::HashMap;

use axum::http::Method;
use serde_json::Value;

use super::{
    super::{
        Mutant,
        memory::Memory,
        mutant, replies,
        wire::{fields, refuse},
    },
    wire::{BoxCall, change, change_providers, is},
};
use crate::self_test::proxy::{Interceptor, Reply, Request};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "boxes.checksum-types",
        "capitals",
        "the type of a checksum is in capitals",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| {
                    let kind = it["checksum_type"].as_str().map(str::to_uppercase);
                    it["checksum_type"] = kind.into();
                });
            })
        },
    ),
    mutant(
        "boxes.checksum-none",
        "none",
        "the type of no checksum is none",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| {
                    if it["checksum_type"].is_null() {
                        it["checksum_type"] = "none".into();
                    }
                });
            })
        },
    ),
    mutant(
        "boxes.checksum-void",
        "kept",
        "a checksum is kept for other bytes",
        checksum_kept,
    ),
    mutant(
        "boxes.checksum-told",
        "checked",
        "a checksum must have the digits of its type",
        || {
            replies(|request, reply| {
                let fields = fields(request);
                let checksum = fields["checksum"].as_str().unwrap_or_default();
                if is(request, &Method::POST, BoxCall::Providers) && checksum.len() == 3 {
                    refuse(reply, 422, "The checksum is not valid");
                }
            })
        },
    ),
    mutant(
        "boxes.checksum-told",
        "unshown",
        "the checksum of bytes on the server is not shown",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| {
                    if it["hosted"] == true {
                        it["checksum"] = Value::Null;
                    }
                });
            })
        },
    ),
    mutant(
        "boxes.checksum-computed",
        "untold",
        "no checksum is shown unless told",
        || {
            replies(|request, reply| {
                change_providers(request, reply, |it| it["checksum"] = Value::Null);
            })
        },
    ),
];

fn checksum_kept() -> Box<dyn Interceptor> {
    let told = Memory::<HashMap<String, Value>>::default();
    replies(move |request: &Request, reply: &mut Reply| {
        let fields = fields(request);
        if is(request, &Method::POST, BoxCall::Providers) && fields["checksum"].is_string() {
            let (version, _) = request.path().rsplit_once('/').unwrap_or_default();
            let provider = fields["name"].as_str().unwrap_or_default();
            let path = format!("{version}/provider/{provider}");
            told.lock().insert(path, fields["checksum"].clone());
        }
        let kept = told.lock().get(request.path()).cloned();
        if let Some(kept) = kept {
            change(request, reply, &[BoxCall::Provider], |it| {
                it["checksum"] = kept
            });
        }
    })
}
