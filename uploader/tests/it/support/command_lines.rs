//! Contains command lines that several tests use.

pub(crate) const PUSH: [&str; 5] = ["push", "acme/web", "--type", "t", "disk.img.gz"];

pub(crate) const PUSH_WITH_RECEIPT: [&str; 7] = [
    "push",
    "acme/web",
    "--type",
    "t",
    "disk.img.gz",
    "--receipt",
    "push.json",
];

pub(crate) const RESUME: [&str; 3] = ["push", "--resume", "push.json"];

/// Pulls version 1 into `image`.
pub(crate) const PULL: [&str; 8] = [
    "pull",
    "acme/web",
    "--type",
    "t",
    "--version",
    "1",
    "-o",
    "image",
];
