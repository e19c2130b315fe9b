//! These rules are about publishing a Vagrant box: the order of the steps, the bytes and their checksum.

use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{
    client::{
        box_steps::{BoxStep, HCP, Kind, Upload, VERSION, provider_fields},
        observation::{Observation, require},
        rule::{Rule, each, rule},
    },
    failure::{CheckResult, violation},
    self_test::proxy::Transaction,
    suite::clause::Evidence::{Client, Inferred},
};

pub(super) const RULES: &[Rule] = &[
    rule(
        "client.boxes-order",
        "it makes the box before the version, the provider and the upload, and releases at the end",
        &[Client],
        order,
    ),
    rule(
        "client.boxes-callback",
        "a direct upload is called back once its bytes have arrived, and only then",
        &[Client],
        callback,
    ),
    rule(
        "client.boxes-checksum",
        "a checksum that it tells of a box is that of the bytes that it sends",
        &[Inferred],
        checksum,
    ),
    rule(
        "client.boxes-released-whole",
        "it releases a version when each provider that it made has its bytes or a url",
        &[Client],
        released_whole,
    ),
    rule(
        "client.boxes-made-once",
        "it makes no box, version or provider a second time",
        &[Client],
        made_once,
    ),
    rule(
        "client.boxes-architecture",
        "under /api/v2 it makes a provider with its architecture",
        &[Client],
        architecture,
    ),
];

/// Tells whether the server did what a request asked for, and the client knows it.
fn is_done(transaction: &Transaction) -> bool {
    transaction
        .delivered()
        .is_some_and(|reply| reply.succeeded())
}

fn order(observed: &Observation) -> Option<CheckResult> {
    let steps = observed.box_steps();
    let within = steps.filter(|(_, step, ..)| step.object.len() >= VERSION);
    let within = within.filter(|(_, step, ..)| step.kind != Kind::Read);
    each(within, |(before, step, transaction, later)| {
        let request = &transaction.request;
        if step.kind == Kind::Release {
            let late = later.iter().find(|it| is_before_release(it, &step.object));
            let late = late.filter(|_| is_done(transaction));
            return late.map_or(Ok(()), |late| {
                let came = format!("{} {}", late.request.method, late.request.path());
                require(
                    false,
                    "nothing of the version after its release",
                    came,
                    request,
                )
            });
        }
        // HCP's architectures are one level deeper than the providers of the other APIs.
        let deep = step.kind != Kind::Make || request.path().starts_with(HCP);
        let parent = match step.kind {
            Kind::Make => step.object.len() - 1,
            _ => step.object.len(),
        };
        let deepest = parent.min(VERSION + usize::from(deep));
        let known = |depth: usize| {
            step.object
                .get(..depth)
                .is_none_or(|it| is_known(before, it))
        };
        let holds = (2..=deepest).all(known);
        require(
            holds,
            "what is around it made or asked for before",
            "neither",
            request,
        )
    })
}

/// Tells whether a request before showed that an object exists.
fn is_known(before: &[Transaction], object: &[String]) -> bool {
    let shown = |it: &Transaction| BoxStep::of(&it.request).is_some_and(|step| step.shows(object));
    before.iter().any(|it| is_done(it) && shown(it))
}

/// Tells whether a request is a step that belongs before the release of a version.
fn is_before_release(transaction: &Transaction, version: &[String]) -> bool {
    BoxStep::of(&transaction.request).is_some_and(|step| {
        let early = matches!(step.kind, Kind::Make | Kind::Ask | Kind::CallBack);
        early && step.object.starts_with(version)
    })
}

fn callback(observed: &Observation) -> Option<CheckResult> {
    let direct = observed.box_uploads().filter(|it| it.callback.is_some());
    each(direct, |upload| {
        match (upload.arrived(), upload.called_back()) {
            (Some(arrived), Some(called)) if arrived < called => Ok(()),
            (None, None) => Ok(()),
            (Some(_), None) => Err(violation("a callback after the bytes", "none")),
            (None, Some(_)) => Err(violation("no callback without the bytes", "one")),
            (Some(_), Some(_)) => Err(violation("a callback after the bytes", "one before")),
        }
    })
}

fn checksum(observed: &Observation) -> Option<CheckResult> {
    let told: Vec<_> = observed
        .box_steps()
        .filter(|(_, step, ..)| matches!(step.kind, Kind::Make | Kind::Change))
        .filter_map(|(_, step, transaction, _)| Some((step, told_checksum(transaction)?)))
        .collect();
    let uploads = observed.box_uploads().filter_map(|upload| {
        let mut of_it = told
            .iter()
            .filter(|(step, _)| upload.object.starts_with(&step.object));
        let (_, told) = of_it.next_back()?;
        let put = upload.puts().find(|put| Upload::has_arrived(put))?;
        Some((told, put))
    });
    let uploads: Vec<_> = uploads.collect();
    each(uploads, |((kind, value), put)| {
        let sum = sum(kind, &put.request.body);
        let holds = sum.is_none_or(|sum| sum.eq_ignore_ascii_case(value));
        let expected = format!("the {kind} of the bytes that were sent");
        require(holds, expected, value, &put.request)
    })
}

/// Returns the type, in lower case, and the value of the checksum that a request tells.
fn told_checksum(transaction: &Transaction) -> Option<(String, String)> {
    let fields = provider_fields(&transaction.request)?;
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let (kind, value) = (text("checksum_type")?, text("checksum")?);
    let told = !value.is_empty() && is_done(transaction);
    told.then(|| (kind.to_lowercase(), value.to_owned()))
}

/// Returns the checksum of bytes in hexadecimal digits, or `None` for a type that is none.
fn sum(kind: &str, bytes: &[u8]) -> Option<String> {
    let sum = match kind {
        "md5" => Md5::digest(bytes).to_vec(),
        "sha1" => Sha1::digest(bytes).to_vec(),
        "sha256" => Sha256::digest(bytes).to_vec(),
        "sha384" => Sha384::digest(bytes).to_vec(),
        "sha512" => Sha512::digest(bytes).to_vec(),
        _ => return None,
    };
    Some(sum.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn released_whole(observed: &Observation) -> Option<CheckResult> {
    let releases = observed.box_steps();
    let releases = releases.filter(|(_, step, ..)| step.kind == Kind::Release);
    each(releases, |(before, version, release, _)| {
        let entries = before
            .iter()
            .filter_map(|it| made_entry(it, &version.object));
        for entry in entries.collect::<Vec<_>>() {
            let mut uploads = observed
                .box_uploads()
                .filter(|it| it.object.starts_with(&entry));
            let holds = uploads.any(|it| it.arrived().is_some());
            let came = format!("none of {}", entry[VERSION..].join("/"));
            require(
                holds,
                "the bytes of each provider before",
                came,
                &release.request,
            )?;
        }
        Ok(())
    })
}

/// Returns the provider entry without a url that a request made in a version.
fn made_entry(transaction: &Transaction, version: &[String]) -> Option<Vec<String>> {
    let step = BoxStep::of(&transaction.request)?;
    let fields = provider_fields(&transaction.request)?;
    let has_url = ["url", "download_url"]
        .iter()
        .any(|it| fields.get(*it).is_some_and(Value::is_string));
    let made = step.kind == Kind::Make && step.object.len() > VERSION;
    let here = step.object.starts_with(version) && is_done(transaction);
    (made && here && !has_url).then_some(step.object)
}

fn made_once(observed: &Observation) -> Option<CheckResult> {
    let made = observed
        .box_steps()
        .filter(|(_, step, ..)| step.kind == Kind::Make);
    each(made, |(before, step, transaction, _)| {
        let same = |it: &Transaction| BoxStep::of(&it.request).as_ref() == Some(&step);
        let again = before.iter().any(|it| is_done(it) && same(it));
        require(!again, "made once", "made again", &transaction.request)
    })
}

fn architecture(observed: &Observation) -> Option<CheckResult> {
    let providers = observed.box_steps().filter(|(_, step, transaction, _)| {
        let of_api = transaction.request.path().starts_with("/api/v2/");
        of_api && step.kind == Kind::Make && step.object.len() > VERSION
    });
    each(providers, |(_, step, transaction, _)| {
        let told = step.object.len() > VERSION + 1;
        require(
            told,
            "the architecture of the provider",
            "none",
            &transaction.request,
        )
    })
}
