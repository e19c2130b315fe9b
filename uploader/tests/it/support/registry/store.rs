//! The files themselves, as an object store or a web server sends them.

use std::sync::atomic::Ordering;

use super::super::server::Request;
use super::content::File;
use super::faults::Fault;
use super::options::{AtEnd, Etag, Options};
use super::tree::Tree;
use super::wire::{Reply, Target, decoded, encoded};
use super::{Origin, World};

/// The names that lead to a file, as one part of a path.
pub(super) fn key(names: [&str; 5]) -> String {
    encoded(&names.map(encoded).join("/"))
}

/// The file that a part of a path names, itself decoded already.
pub(super) fn named<'a>(tree: &'a Tree, key: &str) -> Option<&'a File> {
    let names: Vec<String> = key.split('/').map(decoded).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    tree.file(names.try_into().ok()?)
}

/// What the store answers, or the owner's own host, which signs nothing.
pub(super) fn answer(
    world: &World,
    origin: Origin,
    request: &Request,
    fault: Option<&Fault>,
) -> Reply {
    let (tree, options) = (world.tree(), world.options());
    let target = Target::of(request);
    if origin == Origin::Store {
        let mut signatures = world.signatures.lock().unwrap();
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
        Some(file) => send(world, &options, file, request, fault),
        None => refusal(404, "NoSuchKey"),
    }
}

/// A file, or the part of it that was asked for.
pub(super) fn send(
    world: &World,
    options: &Options,
    file: &File,
    request: &Request,
    fault: Option<&Fault>,
) -> Reply {
    let (length, etag) = (file.length(), etag(world, options, file, fault));
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

/// An error as object stores write it.
pub(super) fn refusal(status: u16, code: &str) -> Reply {
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    Reply::text(status, "application/xml", &text)
}

fn etag(world: &World, options: &Options, file: &File, fault: Option<&Fault>) -> Option<String> {
    let mark = file.content.mark() ^ u64::from(fault == Some(&Fault::Replaced));
    match options.etag {
        Etag::None => None,
        Etag::Strong => Some(format!("\"{mark:016x}\"")),
        Etag::Weak => Some(format!("W/\"{mark:016x}\"")),
        Etag::Changes => {
            let count = world.etags.fetch_add(1, Ordering::Relaxed);
            Some(format!("\"{mark:016x}-{count}\""))
        }
    }
}

/// Whether a range may be answered: `If-Range` names the file as it is, or is not there.
fn unchanged(request: &Request, etag: Option<&str>) -> bool {
    request
        .header("if-range")
        .is_none_or(|condition| !condition.starts_with("W/") && Some(condition) == etag)
}

enum Part {
    /// From, and to before.
    Of(u64, u64),
    /// It begins at the end or after it.
    Beyond,
}

/// `None` for what is no range of bytes, or several.
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
