//! What assistance was worth: the time that the run would have taken without it.

use crate::sample::{self, peer_msg, tell};
use crate::{Clean, Msg};
use std::time::Duration;
use twinhaul_units::PeerId;
use twinhaul_wire::{EventKind, InFlight, QueueSize, RangeShown};

#[test]
fn without_assistance_the_later_peer_would_have_decided() {
    let mut model = sample::finished();
    let mut alpha = sample::alpha();
    let mut beta = sample::beta();
    // 400 units given 60 / 340; alpha took 270 and runs at 16, beta at 1.25: see demo.md.
    for (s, done, got, gave, up_ms) in [(&mut alpha, 330, 270, 0, 20_625), (&mut beta, 70, 0, 270, 56_000)] {
        s.done.bytes = done << 20;
        s.assisted.bytes = got << 20;
        s.was_assisted.bytes = gave << 20;
        (s.up_ms, s.idle_ms) = (up_ms, 0);
        (s.queue, s.in_flight) = (QueueSize::default(), Vec::new());
    }
    sample::refresh(&mut model, &alpha, &beta, &sample::run());
    assert_eq!(model.live.without_assistance().unwrap().as_secs(), 272);
    // In the middle of a run what is left counts as it would have been done: alpha has half of its own left.
    (alpha.done.bytes, alpha.queue.bytes) = (300 << 20, 30 << 20);
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert_eq!(model.live.without_assistance().unwrap().as_secs(), 272, "beta still is the later one");
    // On tape what has moved is done only when its data set closes: the pace is that of moving.
    (beta.done.bytes, beta.settling.bytes) = (7 << 20, 63 << 20);
    tell(&mut model, peer_msg(PeerId::Second, &beta));
    assert_eq!(model.live.without_assistance().unwrap().as_secs(), 272);
    alpha.assisted.bytes = 0;
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert_eq!(model.live.without_assistance(), None);
}

/// One file at the tail, of which the other peer did a third: see profiles/demo-giant.yaml.
#[test]
fn what_was_done_in_ranges_counts_for_the_pace_of_who_did_it() {
    let mut model = sample::finished();
    let (mut alpha, mut beta) = (sample::alpha(), sample::beta());
    for (s, done, got, gave) in [(&mut alpha, 150, 68, 0), (&mut beta, 200, 0, 68)] {
        s.done.bytes = done << 20;
        (s.assisted, s.was_assisted) = Default::default();
        // The sums of bytes hold those of ranges too.
        (s.assisted.range_bytes, s.was_assisted.range_bytes) = (got << 20, gave << 20);
        (s.assisted.bytes, s.was_assisted.bytes) = (got << 20, gave << 20);
        (s.up_ms, s.idle_ms) = (22_000, 0);
        (s.queue, s.in_flight) = (QueueSize::default(), Vec::new());
    }
    sample::refresh(&mut model, &alpha, &beta, &sample::run());
    assert_eq!(model.live.without_assistance().unwrap().as_secs(), 33, "200 MiB at 6 MiB/s, and not at 9");
    // In the middle of it: of the file's 200 MiB beta has done 96, alpha 40 of the 68 that it was lent.
    (beta.done.bytes, beta.up_ms) = (0, 16_000);
    (alpha.assisted.range_bytes, alpha.up_ms) = (0, 19_000);
    let range = |peer: &str, from: u64, to: u64, done: u64| RangeShown {
        peer: peer.into(),
        from: from << 20,
        to: to << 20,
        done: done << 20,
    };
    let ranges = vec![range("beta", 0, 132, 96), range("alpha", 132, 200, 0)];
    beta.in_flight =
        vec![InFlight { id: 7, bytes: 200 << 20, done: 96 << 20, ranges, ..InFlight::default() }];
    let ranges = vec![range("alpha", 132, 200, 40)];
    alpha.in_flight =
        vec![InFlight { id: 7, bytes: 68 << 20, done: 40 << 20, ranges, ..InFlight::default() }];
    sample::refresh(&mut model, &alpha, &beta, &sample::run());
    assert_eq!(model.live.without_assistance().unwrap().as_secs(), 33);
    let left = PeerId::BOTH.map(|peer| model.live.pane(peer).remaining_bytes() >> 20);
    assert_eq!(left, [28, 36], "what is lent is left where it is done, and nowhere else");
}

#[test]
fn ranges_that_were_lent_are_known_from_the_events_too() {
    let mut model = sample::finished();
    let before = model.live.lent(PeerId::Second);
    let lent = EventKind::RangesLent { op: 1, to: "alpha".into(), count: 30, bytes: 1, ranges: Vec::new() };
    tell(&mut model, Msg::Event(Clean::new(sample::event(900, 0.0, Some("beta"), lent)).unwrap()));
    assert_eq!((before, model.live.lent(PeerId::Second)), (0, 30));
}

#[test]
fn a_run_that_stood_still_took_as_long_as_it_worked() {
    let mut model = sample::mid_run();
    let up = model.up().unwrap();
    let mut at = |seq, at_s, kind| {
        tell(&mut model, Msg::Event(Clean::new(sample::event(seq, at_s, None, kind)).unwrap()));
        model.up().unwrap()
    };
    let ended = EventKind::RunEnded { state: "stopped".into(), done: 1, skipped: 0, failed: 0 };
    assert_eq!(at(900, -100.0, ended) + Duration::from_secs(100), up, "it goes on, and nobody is there yet");
    assert_eq!(at(901, -40.0, EventKind::Joined { pid: 7 }) + Duration::from_mins(1), up);
}

#[test]
fn the_average_of_a_peer_that_came_back_covers_what_it_did_before() {
    let mut model = sample::finished();
    let mut beta = model.live.pane(PeerId::Second).snapshot.clone().unwrap();
    assert_eq!(model.live.average(PeerId::Second, 0).0, beta.rate.average, "it never went");
    (beta.incarnation, beta.rate.average) = (2, 1);
    tell(&mut model, peer_msg(PeerId::Second, &beta));
    let took = model.up().unwrap().as_secs();
    assert_eq!(model.live.average(PeerId::Second, 0).0 / 1_000, beta.done.bytes / took / 1_000);
}
