//! Tests of the text form of faults, of the requests that meet them, and of reproducible chance.

use proptest::prelude::*;

use super::*;
use crate::endpoint::ArtifactCall;

const UPLOAD: Api = Api::Artifact(ArtifactCall::Upload);

const NO_CHAOS: Chaos = Chaos {
    probability: 0.0,
    seed: 7,
};

fn asked(endpoint: Api, method: &str) -> RequestInfo<'_> {
    RequestInfo {
        endpoint,
        method,
        upload_age: None,
    }
}

fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

fn faults(texts: &[&str]) -> Faults {
    Faults::new(texts.iter().map(|text| fault(text)).collect(), NO_CHAOS)
}

/// Returns the numbers of the uploads, counted from 1, that meet a fault.
fn fired(faults: &Faults, uploads: u64) -> Vec<u64> {
    let meets = |_: &u64| faults.next_fault(&asked(UPLOAD, "PUT")).is_some();
    (1..=uploads).filter(meets).collect()
}

#[test]
fn settings_choose_among_requests_by_their_number() {
    for (text, numbers) in [
        ("upload:reset", &[1, 2, 3, 4, 5, 6, 7, 8][..]),
        ("upload:reset,times=2", &[1, 2]),
        ("upload:reset,after=3", &[4, 5, 6, 7, 8]),
        ("upload:reset,after=3,times=2", &[4, 5]),
        ("upload:reset,every=3", &[3, 6]),
        ("upload:reset,after=1,every=3", &[4, 7]),
        ("upload:reset,every=2,times=3", &[2, 4, 6]),
        ("upload:reset,method=PUT,times=1", &[1]),
        ("*:reset,times=1", &[1]),
        ("upload:reset,method=GET", &[]),
        ("search:reset", &[]),
        // The upload path is unknown, so it has no age.
        ("upload:expire", &[]),
    ] {
        assert_eq!(fired(&faults(&[text]), 8), numbers, "{text}");
    }
}

#[test]
fn a_request_meets_the_first_fault_that_is_due_and_all_count_it() {
    let faults = faults(&["upload:reset,times=1", "upload:no-reply,after=1,times=1"]);
    let met: Vec<_> = (0..3)
        .map(|_| faults.next_fault(&asked(UPLOAD, "PUT")))
        .map(|met| met.map(|met| met.effect))
        .collect();
    assert_eq!(met, [Some(Effect::Reset), Some(Effect::NoReply), None]);
    let counts = faults.reports().into_iter();
    let counts: Vec<_> = counts.map(|report| (report.seen, report.fired)).collect();
    assert_eq!(counts, [(3, 1), (3, 1)]);
}

#[test]
fn an_upload_path_expires_at_its_age() {
    let faults = faults(&["upload:expire=60s"]);
    for (age, is_due) in [(None, false), (Some(59), false), (Some(60), true)] {
        let asked = RequestInfo {
            upload_age: age.map(Duration::from_secs),
            ..asked(UPLOAD, "PUT")
        };
        assert_eq!(faults.next_fault(&asked).is_some(), is_due, "{age:?}");
    }
}

#[test]
fn what_cannot_be_malformed_passes() {
    let faults = faults(&["*:malformed"]);
    for (route, method, is_due) in [
        (Api::Artifact(ArtifactCall::Download), "GET", false),
        (Api::Artifact(ArtifactCall::Search), "HEAD", false),
        (Api::Artifact(ArtifactCall::Search), "GET", true),
    ] {
        let met = faults.next_fault(&asked(route, method));
        assert_eq!(met.is_some(), is_due, "{route:?} {method}");
    }
}

#[test]
fn a_reset_goes_back_to_the_faults_of_the_start_uncounted() {
    let faults = faults(&["upload:reset,times=1", "search:reset"]);
    let first = faults.reports();
    assert_eq!(fired(&faults, 2), [1]);
    assert!(faults.remove(2) && !faults.remove(2));
    assert_eq!(faults.add(fault("upload:malformed")).id, 3);
    faults.reset();
    assert_eq!(faults.reports(), first);
    assert_eq!(fired(&faults, 2), [1]);
    faults.clear();
    assert_eq!(faults.reports(), []);
    // `clear` does not make ids available again.
    assert_eq!(faults.add(fault("upload:reset")).id, 3);
}

#[test]
fn each_mistake_says_what_there_is_instead() {
    let mut messages = String::new();
    for text in [
        "",
        "reset",
        "uploads:reset",
        "upload:",
        "upload:cut",
        "upload:cut-after",
        "upload:cut-after=1k",
        "upload:cut-after=-1",
        "upload:reset=1",
        "upload:latency=5",
        "upload:latency=s",
        "upload:latency=99999999999999999999s",
        "upload:latency=307445734561825861m",
        "search:status=200",
        "search:status=x",
        "search:status=503,retry-after=soon",
        "search:reset,retry-after=1",
        "search:reset,colour=red",
        "search:reset,times",
        "search:reset,",
        "search:reset,times=0",
        "search:reset,every=0",
        "search:reset,times=1,times=2",
        "search:reset,method=get",
        "search:reset,probability=0",
        "search:reset,probability=1.5",
        "search:reset,probability=NaN",
        "search:cut-after=1",
        "download:malformed",
    ] {
        let error = text.parse::<Fault>().unwrap_err();
        messages.push_str(&format!("{error}\n"));
    }
    insta::assert_snapshot!(messages);
}

fn any_route() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "*",
        "authenticate",
        "artifact.create",
        "search",
        "upload",
    ])
}

fn any_effect() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..u64::MAX / 1000).prop_map(|time| format!("latency={time}ms")),
        (1..1000_u64).prop_map(|time| format!("delay-reply={time}m")),
        (400..600_u16).prop_map(|status| format!("status={status}")),
        (400..600_u16, any::<u64>())
            .prop_map(|(status, seconds)| format!("status={status},retry-after={seconds}")),
        Just("malformed".to_owned()),
        Just("reset".to_owned()),
        Just("no-reply".to_owned()),
    ]
}

fn any_when() -> impl Strategy<Value = String> {
    (
        any::<u64>(),
        1..u64::MAX,
        1..u64::MAX,
        (1..=1000_u32).prop_map(|number| f64::from(number) / 1000.0),
        prop::option::of(prop::sample::select(vec!["GET", "PUT"])),
    )
        .prop_map(|(after, every, times, probability, method)| {
            let method = method.map(|method| format!(",method={method}"));
            let method = method.unwrap_or_default();
            format!("{method},after={after},every={every},times={times},probability={probability}")
        })
}

proptest! {
    #[test]
    fn a_fault_is_read_back_from_what_it_shows(
        route in any_route(), effect in any_effect(), when in any_when()
    ) {
        let fault = fault(&format!("{route}:{effect}{when}"));
        prop_assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
    }

    #[test]
    fn no_text_breaks_the_reading(text in "[a-z*.:=,0-9-]{0,40}") {
        let _ = text.parse::<Fault>();
    }

    #[test]
    fn the_same_seed_makes_the_same_faults_whatever_other_faults_there_are(
        seed: u64, routes in prop::collection::vec(0..3_usize, 0..200)
    ) {
        let chaos = Chaos { probability: 0.3, seed };
        let ask = |faults: &Faults, route: usize| {
            let (route, method) = [
                (UPLOAD, "PUT"), (Api::Artifact(ArtifactCall::Search), "GET"), (Api::Artifact(ArtifactCall::CreateVersion), "POST"),
            ][route];
            faults.next_fault(&asked(route, method))
        };
        let play = |faults: &Faults| -> Vec<_> {
            routes.iter().map(|route| ask(faults, *route)).collect()
        };
        let one = Faults::new(vec![fault("upload:reset,probability=0.5")], chaos);
        let same = Faults::new(vec![fault("upload:reset,probability=0.5")], chaos);
        let first = play(&one);
        prop_assert_eq!(&first, &play(&same));
        one.reset();
        prop_assert_eq!(&first, &play(&one));
        // The rule does not disturb the faults that chaos draws for other requests.
        let alone = play(&Faults::new(Vec::new(), chaos));
        for (with, without) in first.iter().zip(&alone) {
            let is_rule = with.as_ref().is_some_and(|met| met.fault.starts_with("upload:"));
            prop_assert!(is_rule || with == without);
        }
    }

    #[test]
    fn chaos_hides_no_change_from_whoever_made_it(seed: u64) {
        let faults = Faults::new(Vec::new(), Chaos { probability: 1.0, seed });
        for _ in 0..50 {
            let met = faults.next_fault(&asked(Api::Artifact(ArtifactCall::CreateVersion), "POST")).unwrap();
            prop_assert!(
                matches!(met.effect, Effect::Latency(_) | Effect::Status(_) | Effect::Reset),
                "{}", met.fault
            );
            let met = faults.next_fault(&asked(UPLOAD, "PUT")).unwrap();
            prop_assert!(
                !matches!(met.effect, Effect::NoReply | Effect::Malformed | Effect::Expire(_)),
                "{}", met.fault
            );
        }
    }
}

#[test]
fn as_many_requests_meet_chaos_as_it_is_probable() {
    let chaos = Chaos {
        probability: 0.05,
        seed: 42,
    };
    let met = fired(&Faults::new(Vec::new(), chaos), 10_000).len();
    assert!((400..600).contains(&met), "{met}");
    let faults = faults(&["upload:reset,probability=0.25"]);
    let met = fired(&faults, 10_000).len();
    assert!((2_300..2_700).contains(&met), "{met}");
}

#[test]
fn of_many_requests_at_a_time_exactly_as_many_as_were_asked_for_meet_a_fault() {
    let faults = faults(&["upload:reset,times=100"]);
    let all: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| fired(&faults, 1000).len()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(all, 100);
    assert_eq!(faults.reports()[0].seen, 4000);
}
