//! These tests mirror from registries and stores that break, lie, stall and refuse, and kill the program
//! meanwhile: no file in place is ever incomplete, and the next run continues.

use std::path::Path;
use std::time::Duration;

use crate::support::program::{Program, Run};
use crate::support::registry::{
    Api, AtEnd, Checksum, Counters, Etag, Fault, File, Kind, Limit, Options, Registry, Rule, Says,
    Signature, Tree,
};

/// The length of a file, large enough that a connection makes progress before it breaks.
const LENGTH: u64 = 300_000;

fn tree(file: &File) -> Tree {
    Tree::new().owner("acme", |acme| {
        acme.box_("web", |web| {
            web.version("1.0.0", |v| v.provider("virtualbox", "amd64", file.clone()))
        })
    })
}

/// Returns a tree with one box of `count` versions, each with a file of its own.
fn versions(count: u64, length: u64) -> Tree {
    Tree::new().owner("acme", |acme| {
        acme.box_("web", |web| {
            web.versions(count, |v, n| {
                v.provider("virtualbox", "amd64", File::noise(n, length))
            })
        })
    })
}

fn arguments<'a>(registry: &'a Registry, more: &[&'a str]) -> Vec<&'a str> {
    let mirror = [
        "box",
        "mirror",
        "acme",
        "--to",
        "tree",
        "--from",
        registry.url(),
    ];
    let soon = ["--timeout", "2", "--retry-time", "30"];
    [&mirror[..], &soon, more].concat()
}

async fn mirror(registry: &Registry, program: &Program, more: &[&str]) -> Run {
    let arguments = arguments(registry, more);
    let run = program.run(&arguments);
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, run)
        .await
        .expect("it waits without end")
}

fn place(program: &Program, n: u64) -> std::path::PathBuf {
    let place = format!("tree/acme/web/1.0.{n}/virtualbox/amd64/vagrant.box");
    program.path(&place)
}

/// Asserts that the file is either absent or complete and correct; returns whether it is present.
fn is_whole_or_absent(path: &Path, file: &File) -> bool {
    match std::fs::read(path) {
        Ok(bytes) => {
            assert!(bytes == file.read(), "{path:?} is not whole");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            false
        }
    }
}

/// Mirrors one file through a fault; returns the run, and whether the complete file is present.
async fn ends(file: File, rule: Rule, with: impl Fn(&mut Options)) -> (Run, bool, Registry) {
    let mut options = Options {
        faults: vec![rule],
        ..Options::default()
    };
    with(&mut options);
    let registry = Registry::start(tree(&file), options).await;
    let program = Program::new();
    let run = mirror(&registry, &program, &[]).await;
    let there = is_whole_or_absent(&place(&program, 0), &file);
    (run, there, registry)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_is_whole_in_the_end() {
    let faults = [
        Fault::Cut(100_000),
        Fault::Reset(100_000),
        Fault::Shorter(100_000),
        Fault::Longer(100),
        Fault::Stall(100_000),
        Fault::Silence,
        Fault::Hangup,
        Fault::OtherBytes,
        Fault::Replaced,
        Fault::Status(503),
        Fault::Status(500),
        Fault::Status(429),
        Fault::Status(408),
    ];
    for checksum in [Checksum::Right(Kind::Sha256), Checksum::None] {
        for fault in &faults {
            // These faults cannot be detected without a checksum.
            let is_seen =
                checksum != Checksum::None || !matches!(fault, Fault::OtherBytes | Fault::Replaced);
            if !is_seen {
                continue;
            }
            // A complete file that contradicts the source is rejected without another attempt.
            let lies = matches!(fault, Fault::OtherBytes | Fault::Replaced)
                || matches!(fault, Fault::Shorter(_) | Fault::Longer(_));
            let file = File::noise(1, LENGTH).checksum(checksum);
            let (run, there, _) = ends(file, fault.clone().times(1), |_| {}).await;
            let expected = if lies { (8, false) } else { (0, true) };
            assert_eq!((run.code, there), expected, "{fault:?} {checksum:?}: {run}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_behind_a_break_is_the_rest_of_the_same_file() {
    for (etag, rules) in [
        (Etag::Strong, vec![Fault::Cut(100_000).times(1)]),
        (Etag::Weak, vec![Fault::Cut(100_000).times(1)]),
        (Etag::None, vec![Fault::Cut(100_000).times(1)]),
        (Etag::Changes, vec![Fault::Cut(100_000).times(1)]),
        (
            Etag::Strong,
            vec![Fault::Cut(100_000).times(1), Fault::NoRange.always()],
        ),
        (
            Etag::Strong,
            vec![Fault::Cut(100_000).times(1), Fault::OtherRange.times(1)],
        ),
        (
            Etag::None,
            vec![Fault::Cut(100_000).times(1), Fault::OtherRange.times(1)],
        ),
    ] {
        for checksum in [Checksum::Right(Kind::Md5), Checksum::None] {
            let file = File::noise(1, LENGTH).checksum(checksum);
            let told = format!("{etag:?} {rules:?} {checksum:?}");
            let (run, there, registry) = ends(file, rules[0].clone(), |options| {
                options.etag = etag;
                options.faults = rules.clone();
            })
            .await;
            assert_eq!((run.code, there), (0, true), "{told}: {run}");
            assert!(registry.leaks().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_gives_next_to_nothing_at_a_time_is_not_asked_for_ever() {
    let file = File::noise(1, LENGTH);
    let rule = Fault::Cut(10).always();
    let (run, there, registry) = ends(file, rule, |_| {}).await;
    assert_eq!((run.code, there), (7, false), "{run}");
    let asked = registry.downloads().len();
    assert!(asked <= 7, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_right_one_and_breaks_each_time_is_not_fetched_for_ever() {
    let file = File::noise(1, LENGTH).checksum(Checksum::Wrong(Kind::Sha256));
    let rule = Fault::Cut(100_000).every(2);
    let (run, there, registry) = ends(file, rule, |_| {}).await;
    assert_eq!((run.code, there), (8, false), "{run}");
    let asked = registry.downloads().len();
    assert!(asked <= 6, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_or_forbidden_is_told_with_its_code() {
    for (status, code) in [(404, 5), (410, 6), (403, 6), (503, 7)] {
        let rule = Fault::Status(status).always();
        let (run, there, _) = ends(File::noise(1, LENGTH), rule, |_| {}).await;
        assert_eq!((run.code, there), (code, false), "{status}: {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_goes_on_where_an_earlier_one_broke_off() {
    for at_end in [AtEnd::Refused, AtEnd::Bare, AtEnd::Whole] {
        let file = File::noise(1, LENGTH);
        // With the second value, the last byte arrives, but the end of the reply does not.
        for cut in [30_000, LENGTH] {
            let options = Options {
                at_end,
                faults: vec![Fault::Stall(cut).always()],
                ..Options::default()
            };
            let registry = Registry::start(tree(&file), options).await;
            let program = Program::new();
            let first = mirror(&registry, &program, &["--retries", "0"]).await;
            if cut < LENGTH {
                assert_eq!(first.code, 7, "{first}");
            }
            registry.change(|options| options.faults.clear());
            let second = mirror(&registry, &program, &[]).await;
            assert_eq!(second.code, 0, "{at_end:?} {cut}: {second}");
            assert!(is_whole_or_absent(&place(&program, 0), &file));
            let ranges: Vec<_> = registry.downloads();
            let ranges = ranges
                .iter()
                .filter_map(|seen| seen.request.header("range"));
            assert!(cut == LENGTH || ranges.clone().any(|range| range == "bytes=30000-"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_strikes_on_the_way_is_waited_for_and_nobody_comes_too_early() {
    for (says, counters) in [
        (Says::Epoch, Counters::Hcp),
        (Says::Seconds, Counters::Hcp),
        (Says::Date, Counters::None),
        (Says::Epoch, Counters::Old),
    ] {
        let limit = Limit {
            says: says.clone(),
            counters,
            ..Limit::downloads(4)
        };
        let options = Options {
            limit: Some(limit),
            ..Options::default()
        };
        let registry = Registry::start(versions(10, 5000), options).await;
        let program = Program::new();
        let run = mirror(&registry, &program, &["--jobs", "3", "--retries", "0"]).await;
        assert_eq!(run.code, 0, "{says:?} {counters:?}: {run}");
        assert!(run.stderr.contains("waiting until"), "{run}");
        assert!(
            registry.early().is_empty(),
            "{says:?}: {:?}",
            registry.early()
        );
        for n in 0..10 {
            assert!(is_whole_or_absent(
                &place(&program, n),
                &File::noise(n, 5000)
            ));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_out_of_service_until_a_time_is_waited_for() {
    let later = Fault::StatusWith(503, "Retry-After".to_owned(), "1".to_owned());
    let options = Options {
        faults: vec![later.times(2).in_registry()],
        ..Options::default()
    };
    let registry = Registry::start(versions(2, 100), options).await;
    let run = mirror(&registry, &Program::new(), &["--retries", "0"]).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("waiting until"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_asks_for_a_year_ends_the_run() {
    let says = Says::Nonsense((4_000_000_000_u64).to_string());
    let limit = Limit {
        says,
        counters: Counters::None,
        ..Limit::downloads(1)
    };
    let options = Options {
        limit: Some(limit),
        ..Options::default()
    };
    let registry = Registry::start(versions(3, 5000), options).await;
    let run = mirror(
        &registry,
        &Program::new(),
        &["--jobs", "1", "--retries", "0"],
    )
    .await;
    assert_eq!(run.code, 7, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_whose_lists_do_not_end_or_that_is_silent_ends_the_run() {
    let options = Options {
        endless_pages: true,
        speaks: vec![Api::Hcp],
        ..Options::default()
    };
    let registry = Registry::start(versions(3, 100), options).await;
    let run = mirror(&registry, &Program::new(), &["--retries", "0"]).await;
    assert_eq!(run.code, 1, "{run}");
    let options = Options {
        faults: vec![Fault::Silence.always().in_registry()],
        ..Options::default()
    };
    let registry = Registry::start(versions(3, 100), options).await;
    let run = mirror(&registry, &Program::new(), &["--retries", "0"]).await;
    assert_eq!(run.code, 7, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_refuses_the_size_of_a_page_is_asked_for_its_own() {
    let options = Options {
        faults: vec![Fault::Status(400).always().at("page_size").in_registry()],
        page_size: 2,
        speaks: vec![Api::Hcp],
        ..Options::default()
    };
    let tree = Tree::new().owner("acme", |acme| {
        ["a", "b", "c", "d", "e"]
            .into_iter()
            .fold(acme, |acme, name| {
                acme.box_(name, |one| {
                    one.version("1.0.0", |v| v.provider("p", "amd64", File::noise(1, 100)))
                })
            })
    });
    let registry = Registry::start(tree, options).await;
    let program = Program::new();
    let run = mirror(&registry, &program, &["--retries", "0"]).await;
    assert_eq!(run.code, 0, "{run}");
    let last = program.path("tree/acme/e/1.0.0/p/amd64/vagrant.box");
    assert!(is_whole_or_absent(&last, &File::noise(1, 100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_box_that_cannot_be_read_does_not_keep_the_others() {
    let tree = Tree::new().owner("acme", |acme| {
        ["bad", "good"].into_iter().fold(acme, |acme, name| {
            acme.box_(name, |web| {
                web.version("1.0.0", |v| {
                    v.provider("virtualbox", "amd64", File::noise(1, 100))
                })
            })
        })
    });
    let options = Options {
        faults: vec![Fault::Status(500).always().at("/box/bad").in_registry()],
        ..Options::default()
    };
    let registry = Registry::start(tree, options).await;
    let program = Program::new();
    let run = mirror(&registry, &program, &["--retries", "0"]).await;
    assert_eq!(run.code, 7, "{run}");
    assert!(run.stderr.contains("acme/bad is left out"), "{run}");
    let good = program.path("tree/acme/good/1.0.0/virtualbox/amd64/vagrant.box");
    assert!(is_whole_or_absent(&good, &File::noise(1, 100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_twenty_times_between_resets_and_cuts_the_tree_is_that_of_the_source_in_the_end() {
    const FILES: u64 = 200;
    const LENGTH: u64 = 90_000;
    let options = Options {
        faults: vec![
            Fault::Reset(30_000).every(7),
            Fault::Cut(70_000).every(11),
            Fault::Shorter(40_000).every(29).after(3),
            Fault::Status(503).every(13).in_registry(),
        ],
        signature: Signature::Uses(1),
        ..Options::default()
    };
    let registry = Registry::start(versions(FILES, LENGTH), options).await;
    let program = Program::new();
    let files: Vec<_> = (0..FILES).map(|n| File::noise(n, LENGTH)).collect();
    let whole = || {
        let whole = (0..FILES).filter(|n| {
            is_whole_or_absent(&place(&program, *n), &files[usize::try_from(*n).unwrap()])
        });
        whole.count()
    };
    let mut before = 0;
    for kill in 0..20 {
        let seen = registry.downloads().len();
        let mut child = program.command();
        let child = child.args(arguments(&registry, &["--quiet"]));
        let mut child = child.spawn().unwrap();
        // The kill comes in the middle of the work: after some more downloads, or at the end of the run.
        let busy = async {
            while registry.downloads().len() < seen + 7 + kill % 5 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            () = busy => child.kill().await.unwrap(),
            ended = child.wait() => drop(ended),
        }
        let now = whole();
        assert!(now >= before, "a file has vanished");
        before = now;
    }
    registry.change(|options| options.faults.clear());
    let run = mirror(&registry, &program, &[]).await;
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(whole(), files.len());
    let checked = program.run(&["box", "check", "tree"]).await;
    assert_eq!(checked.code, 0, "{checked}");
    let left = walkdir::WalkDir::new(program.path("tree")).into_iter();
    let left = left
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().contains(".part"));
    assert_eq!(left.count(), 0, "temporary files stay");
}
