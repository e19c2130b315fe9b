//! Sends files as an object store or a web server does.

use std::sync::atomic::Ordering;

use super::super::server::Request;
use super::content::File;
use super::faults::Fault;
use super::options::{AtEnd, Etag, Options};
use super::tree::Tree;
use super::wire::{Reply, Target, decoded, encoded};
use super::{Origin, Shared};

/// Returns the names that lead to a file, as one segment of a path.
pub(super) fn key(names: [&str; 5]) -> String {
    encoded(&names.map(encoded).join("/"))
}

/// Returns the file that a decoded segment of a path names.
pub(super) fn named<'a>(tree: &'a Tree, key: &str) -> Option<&'a File> {
    let names: Vec<String> = key.split('/').map(decoded).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    tree.file(names.try_into().ok()?)
}

/// Returns the reply of the store, or of the owner's own host, which signs nothing.
pub(super) fn answer(
    shared: &Shared,
    origin: Origin,
    request: &Request,
    fault: Option<&Fault>,
) -> Reply {
    let (tree, options) = (shared.tree(), shared.options());
    let target = Target::of(request);
    if origin == Origin::Store {
        let mut signatures = shared.signatures.lock().unwrap();
        if !signatures.is_good(&target.query, options.signature) {
            return refusal(403, "AccessDenied");
        }
    }
    let file = match target.parts().as_slice() {
        ["files", key] => named(&tree, key),
        _ => None,
    };
    match file {
        _ if request.method == "HEAD" && !options.head => refusal(403, "SignatureDoesNotMatch"),
        Some(file) => send(shared, &options, file, request, fault),
        None => refusal(404, "NoSuchKey"),
    }
}

/// Returns a reply with a file, or with the requested part of it.
pub(super) fn send(
    shared: &Shared,
    options: &Options,
    file: &File,
    request: &Request,
    fault: Option<&Fault>,
) -> Reply {
    let (length, etag) = (file.length(), etag(shared, options, file, fault));
    let range = request.header("range").filter(|_| {
        let ignored = matches!(fault, Some(Fault::NoRange | Fault::Replaced));
        options.ranges && !ignored && unchanged(request, etag.as_deref())
    });
    let range = range.and_then(|range| part(range, length));
    let mut reply = Reply::of(200, file.content.clone());
    match range {
        Some(Part::Of(..)) if fault == Some(&Fault::OtherRange) => {
            reply.status = 206;
            reply.to = length.div_ceil(2);
        }
        Some(Part::Of(from, to)) => (reply.status, reply.from, reply.to) = (206, from, to),
        Some(Part::Beyond) if options.at_end != AtEnd::Whole => {
            let refusal = refusal(416, "InvalidRange");
            return match options.at_end {
                AtEnd::Refused => refusal.with("Content-Range", &format!("bytes */{length}")),
                _ => refusal,
            };
        }
        _ => {}
    }
    if reply.status == 206 {
        let (from, to) = (reply.from, reply.to);
        let range = format!("bytes {from}-{}/{length}", to.saturating_sub(1));
        reply = reply.with("Content-Range", &range);
    }
    if options.ranges {
        reply = reply.with("Accept-Ranges", "bytes");
    }
    if let Some(etag) = etag {
        reply = reply.with("ETag", &etag);
    }
    reply.with("Content-Type", "application/octet-stream")
}

/// Returns an error as object stores write it.
pub(super) fn refusal(status: u16, code: &str) -> Reply {
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    Reply::text(status, "application/xml", &text)
}

fn etag(shared: &Shared, options: &Options, file: &File, fault: Option<&Fault>) -> Option<String> {
    let mark = file.content.mark() ^ u64::from(fault == Some(&Fault::Replaced));
    match options.etag {
        Etag::None => None,
        Etag::Strong => Some(format!("\"{mark:016x}\"")),
        Etag::Weak => Some(format!("W/\"{mark:016x}\"")),
        Etag::Changes => {
            let count = shared.etags.fetch_add(1, Ordering::Relaxed);
            Some(format!("\"{mark:016x}-{count}\""))
        }
    }
}

/// Returns whether a range may be answered: `If-Range` names the current file, or is missing.
fn unchanged(request: &Request, etag: Option<&str>) -> bool {
    request
        .header("if-range")
        .is_none_or(|condition| !condition.starts_with("W/") && Some(condition) == etag)
}

enum Part {
    /// The first position, and the one after the last.
    Of(u64, u64),
    /// A range that begins at the end or after it.
    Beyond,
}

/// Parses a range. Returns `None` for a text that is not a range of bytes, or has several.
fn part(range: &str, length: u64) -> Option<Part> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    if from.is_empty() {
        let last: u64 = to.parse().ok()?;
        return Some(Part::Of(length.saturating_sub(last), length));
    }
    let from: u64 = from.parse().ok()?;
    let to = match to {
        "" => length,
        to => to.parse::<u64>().ok()?.saturating_add(1).min(length),
    };
    Some(if from >= length {
        Part::Beyond
    } else {
        Part::Of(from, to)
    })
}
