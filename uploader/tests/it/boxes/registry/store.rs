//! These tests ask the store of the fake registry: ranges, faults, sizes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{AMD64, HCP, client, get, in_store, json_of, sent, start, web};
use crate::support::registry::{AtEnd, Etag, Fault, File, Options, Origin, Tree};
use crate::support::until;

#[tokio::test]
async fn a_store_goes_on_where_a_file_broke_off() {
    let registry = start(Options::default()).await;
    let (url, whole) = (in_store(&registry).await, web().read());
    let etag = get(&url).await.header("etag").unwrap().to_owned();
    let asked = |range: &str, condition: Option<&str>| {
        let request = client().get(&url).header("range", range);
        sent(condition.map_or(request.try_clone().unwrap(), |c| {
            request.header("if-range", c)
        }))
    };
    let got = asked("bytes=70000-", Some(&etag)).await;
    assert_eq!(
        (got.status, got.header("content-range")),
        (206, Some("bytes 70000-199999/200000"))
    );
    assert_eq!(got.bytes(), &whole[70_000..]);
    assert_eq!(asked("bytes=5-9", None).await.bytes(), &whole[5..10]);
    assert_eq!(asked("bytes=-7", None).await.bytes(), &whole[199_993..]);
    assert_eq!(asked("bytes=5-", Some("\"other\"")).await.status, 200);

    let end = "bytes=200000-";
    let got = asked(end, None).await;
    assert_eq!(
        (got.status, got.header("content-range")),
        (416, Some("bytes */200000"))
    );
    registry.change(|options| options.at_end = AtEnd::Bare);
    let got = asked(end, None).await;
    assert_eq!((got.status, got.header("content-range")), (416, None));
    registry.change(|options| options.at_end = AtEnd::Whole);
    assert_eq!(asked(end, None).await.bytes(), whole);

    registry.change(|options| options.etag = Etag::Weak);
    let weak = get(&url).await.header("etag").unwrap().to_owned();
    assert_eq!(asked("bytes=5-", Some(&weak)).await.status, 200);
    registry.change(|options| options.etag = Etag::Changes);
    let (first, second) = (get(&url).await, get(&url).await);
    assert_ne!(first.header("etag"), second.header("etag"));
    registry.change(|options| {
        (options.etag, options.ranges, options.head) = (Etag::None, false, false)
    });
    let got = asked("bytes=5-", None).await;
    assert_eq!(
        (got.status, got.header("etag"), got.header("accept-ranges")),
        (200, None, None)
    );
    assert_eq!(sent(client().head(&url)).await.status, 403);
}

#[tokio::test]
async fn a_store_breaks_in_each_way_where_it_is_told_to_and_as_often() {
    let registry = start(Options::default()).await;
    let (url, whole) = (in_store(&registry).await, web().read());
    let strike = async |fault: Fault| {
        let at = "acme/web/1.0.0/virtualbox/amd64";
        registry.change(|options| options.faults = vec![fault.times(1).at(at)]);
        let struck = sent(client().get(&url).header("range", "bytes=100-")).await;
        assert_eq!(get(&url).await.bytes(), whole, "well again");
        struck
    };
    for broken in [Fault::Reset(1000), Fault::Cut(1000)] {
        let got = strike(broken).await;
        assert_eq!(
            (got.status, got.header("content-length")),
            (206, Some("199900"))
        );
        got.body.unwrap_err();
    }
    assert_eq!(
        strike(Fault::Shorter(1000)).await.bytes(),
        &whole[100..1100]
    );
    let longer = strike(Fault::Longer(3)).await;
    assert_eq!(
        (longer.bytes().len(), &longer.bytes()[..199_900]),
        (199_903, &whole[100..])
    );
    let other = strike(Fault::OtherBytes).await;
    assert!(other.bytes().len() == 199_900 && other.bytes()[0] != whole[100]);
    let replaced = strike(Fault::Replaced).await;
    assert_eq!(replaced.status, 200);
    assert_ne!(replaced.header("etag"), other.header("etag"));
    assert_eq!(strike(Fault::NoRange).await.bytes(), whole);
    let elsewhere = strike(Fault::OtherRange).await;
    assert_eq!(
        elsewhere.header("content-range"),
        Some("bytes 0-99999/200000")
    );
    assert_eq!(elsewhere.bytes(), &whole[..100_000]);
    for status in [404, 410, 500, 503] {
        assert_eq!(strike(Fault::Status(status)).await.status, status);
    }
    let busy = Fault::StatusWith(503, "Retry-After".to_owned(), "7".to_owned());
    assert_eq!(strike(busy).await.header("retry-after"), Some("7"));
    let slow = strike(Fault::Slow(2_000_000)).await;
    assert_eq!(slow.bytes(), &whole[100..]);
}

#[tokio::test]
async fn a_store_that_stalls_stays_until_the_client_goes_away() {
    let registry = start(Options::default()).await;
    let url = in_store(&registry).await;
    registry.change(|options| {
        options.faults = vec![
            Fault::Stall(1000).times(1),
            Fault::Silence.times(1),
            Fault::Hangup.times(1),
        ];
    });
    let mut stalled = client().get(&url).send().await.unwrap();
    let mut bytes = 0;
    while bytes < 1000 {
        bytes += stalled.chunk().await.unwrap().unwrap().len();
    }
    assert_eq!(bytes, 1000);
    let patience = Duration::from_millis(100);
    let more = tokio::time::timeout(patience, stalled.chunk()).await;
    assert!(more.is_err(), "{more:?}");
    let silent = tokio::spawn(client().get(&url).send());
    until(|| registry.downloads().len() == 2).await;
    let answer = tokio::time::timeout(patience, silent).await;
    assert!(answer.is_err(), "{answer:?}");
    client().get(&url).send().await.unwrap_err();
    assert_eq!(get(&url).await.status, 200);
}

#[tokio::test]
async fn a_fault_strikes_the_registry_when_told_to_and_every_so_manieth_time() {
    let rule = Fault::Status(500)
        .every(2)
        .after(1)
        .at("/boxes")
        .in_registry();
    let registry = start(Options {
        faults: vec![rule],
        ..Options::default()
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(get(&format!("{}{HCP}/boxes", registry.url())).await.status);
        json_of(&registry, HCP).await;
    }
    assert_eq!(statuses, [200, 200, 500, 200, 500, 200]);
}

#[tokio::test]
async fn what_is_held_may_change_and_gibibytes_take_no_memory() {
    let registry = start(Options::default()).await;
    const GIB: u64 = 1 << 30;
    let huge = File::zeros(6 * GIB).unknown();
    registry.hold(Tree::new().owner("acme", |acme| {
        acme.box_("web", |b| {
            b.version("1.0.0", |v| v.provider("virtualbox", "amd64", huge))
        })
    }));
    let url = in_store(&registry).await;
    let mut response = client().get(&url).send().await.unwrap();
    assert_eq!(response.content_length(), Some(6 * GIB));
    let mut read = 0;
    while read < 50_000_000 {
        let chunk = response.chunk().await.unwrap().unwrap();
        assert!(chunk.iter().all(|byte| *byte == 0));
        read += chunk.len();
    }
    let from = 6 * GIB - 5;
    let got = sent(client().get(&url).header("range", format!("bytes={from}-"))).await;
    assert_eq!(got.bytes(), [0; 5]);
}

#[tokio::test]
async fn files_that_are_on_their_way_at_once_are_counted() {
    let registry = start(Options::default()).await;
    let url = in_store(&registry).await;
    registry.change(|options| options.faults = vec![Fault::Stall(10).always()]);
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(client().get(&url).send().await.unwrap());
    }
    assert_eq!(registry.at_once(), 3);
    drop(open);
    registry.change(|options| options.faults.clear());
    get(&url).await;
    assert_eq!(registry.downloads().len(), 4);
    let one = &registry.requests()[0];
    assert_eq!(
        (one.origin, one.status, one.request.method.as_str()),
        (Origin::Registry, 302, "GET")
    );
}

#[tokio::test]
async fn one_connection_serves_several_requests() {
    let registry = start(Options::default()).await;
    let address = registry.url().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let first = format!("HEAD {AMD64} HTTP/1.1\r\nHost: x\r\n\r\n");
    let last = format!("GET {HCP} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut answers = String::new();
    for request in [first, last] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await.unwrap();
        answers += std::str::from_utf8(&begun).unwrap();
        while !answers.contains("\r\n\r\n") {
            answers.push(char::from(stream.read_u8().await.unwrap()));
        }
    }
    stream.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 302") && answers.contains("HTTP/1.1 200"));
    assert!(answers.ends_with("}}"), "{answers}");
}
