//! These mutants are wrong about the search for versions by the build that made them.

use super::{
    Mutant, mutant, requests,
    wire::{mistake, overlook, value},
};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "search.build-latest",
        "as-any",
        "the latest build is any build",
        || requests(|request| mistake(request, is_build("latest"), "any")),
    ),
    mutant(
        "search.build-latest",
        "all",
        "of the latest build everything that matches is found",
        || requests(|request| overlook(request, is_build("latest"))),
    ),
    mutant(
        "search.build-any",
        "as-latest",
        "any build is the latest build",
        || requests(|request| mistake(request, is_build("any"), "latest")),
    ),
    mutant(
        "search.build-any",
        "overlooked",
        "any build is also none",
        || requests(|request| overlook(request, is_build("any"))),
    ),
    mutant(
        "search.build-number",
        "as-any",
        "the number of a build is overlooked",
        || requests(|request| mistake(request, is_numbered, "any")),
    ),
    mutant(
        "search.version-over-build",
        "build-wins",
        "with version and build together build wins",
        || {
            requests(|request| {
                let both = value(request, "build").is_some();
                overlook(request, |key, _| both && key == "version");
            })
        },
    ),
    mutant(
        "search.build-zero",
        "overlooked",
        "build=0 is no filter",
        || requests(|request| overlook(request, is_build("0"))),
    ),
    mutant(
        "search.build-zero",
        "as-any",
        "build=0 is any build",
        || requests(|request| mistake(request, is_build("0"), "any")),
    ),
];

fn is_build(build: &'static str) -> impl Fn(&str, &str) -> bool {
    move |key, value| key == "build" && value == build
}

fn is_numbered(key: &str, value: &str) -> bool {
    key == "build" && value != "0" && value.bytes().all(|byte| byte.is_ascii_digit())
}
