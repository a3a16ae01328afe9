//! What scripts and screens rely on: the form of a diagnosis, its bounds, the words of the causes.

use super::sample::{NOW, alpha, healthy, probed, problem, silent};
use super::{first, of};
use crate::{Diagnosis, EVENTS_MAX, Evidence, FINDINGS_MAX, diagnose, words};

#[test]
fn ages_are_said_as_people_say_them() {
    for (ms, said) in [
        (40, "40 ms"),
        (12_400, "12 s"),
        (119_000, "119 s"),
        (180_000, "3 min"),
        (7_500_000, "2 h 5 min"),
        (300_000_000, "3 days"),
    ] {
        assert_eq!(words::age(ms), said);
    }
}

#[test]
fn a_peer_is_named_by_its_whole_name() {
    assert!(words::names_peer("twinhaul limit x-1 --peer a '1 MiB/s'", "a"));
    assert!(words::names_peer("twinhaul pause x-1 --peer a", "a"));
    assert!(!words::names_peer("twinhaul pause x-1 --peer ab", "a"));
    assert!(!words::names_peer("twinhaul pause x-1", "a"));
}

#[test]
fn a_diagnosis_goes_through_json_unchanged() {
    let d = of(probed(), |e| silent(e, 9000));
    let json = serde_json::to_string(&d).unwrap();
    assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), d);
    assert!(json.contains(r#""verdict":"trouble""#) && json.contains(r#""cause":"peer_silent""#), "{json}");
}

#[test]
fn findings_and_events_are_bounded() {
    let d = of(healthy(), |e| {
        for n in 0..100 {
            alpha(e).problems.push(problem(&format!("odd-{n}"), &format!("odd thing {n}"), ""));
            let mut one = problem("suspect", &format!("cartridge {n}"), "");
            one.transfer = Some(n);
            alpha(e).problems.push(one);
        }
        alpha(e).problems.iter_mut().enumerate().for_each(|(n, p)| p.transfer = Some(n as u64));
    });
    assert!(d.findings.len() <= FINDINGS_MAX, "{}", d.findings.len());
    let many: Evidence = {
        let mut e = healthy();
        let one = e.events[1].clone();
        e.events.extend(std::iter::repeat_n(one, 3 * EVENTS_MAX));
        e
    };
    let snapshots: Vec<_> = many.peers.iter().filter_map(|p| p.snapshot.clone()).collect();
    let bounded = Evidence::of_snapshots(many.snapshot.as_ref().unwrap(), &snapshots, &many.events);
    assert_eq!(bounded.events.len(), EVENTS_MAX);
    assert_eq!(diagnose(&many, NOW).findings.len(), 0);
}

#[test]
fn a_sentence_is_a_sentence() {
    let d = of(probed(), |e| silent(e, 9000));
    assert!(first(&d).sentence.ends_with('.'), "{}", first(&d).sentence);
    assert!(d.sentence.ends_with('.'));
}
