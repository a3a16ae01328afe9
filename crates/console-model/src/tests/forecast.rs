//! Earlier forecasts, and how far off they were.

use crate::board::LinkState;
use crate::sample::slowing::{at, end, go};
use crate::sample::{self, peer_msg};
use crate::words::forecast;
use crate::{Model, Msg, To, state_json, update};
use std::time::Duration;
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{PeerSnapshot, QueueSize, Rates, RunState};

const MIB: u64 = 1 << 20;

#[test]
fn an_ended_run_tells_how_far_off_it_was() {
    let mut model = sample::model();
    go(&mut model, 0..90);
    assert!(model.judged().is_empty(), "it is not over");
    assert_eq!(forecast::judged(&model), None);
    end(&mut model, 90, RunState::Complete);
    // At a quarter 45 s were forecast and it took 75; at the half, 30 and 60; at three quarters it knew.
    assert_eq!(
        forecast::judged(&model).unwrap(),
        "at 25%: it ended 00:30 later (40%), at 50%: it ended 00:30 later (50%), at 75%: right"
    );
    assert!(model.live.forecasts.all().count() <= 20);
}

#[test]
fn what_was_not_seen_is_not_known_and_a_stop_is_no_error() {
    let mut late = sample::model();
    at(&mut late, 80, 550 * MIB, 5 * MIB);
    assert_eq!(late.live.end_moved(late.now), None, "nothing to compare with");
    end(&mut late, 90, RunState::Complete);
    assert_eq!(forecast::judged(&late).unwrap(), "at 91%: right");
    let mut blind = sample::model();
    end(&mut blind, 90, RunState::Complete);
    assert_eq!(forecast::judged(&blind).unwrap(), "not known: none was seen here");
    let mut stopped = sample::model();
    go(&mut stopped, 0..90);
    end(&mut stopped, 90, RunState::Stopped);
    assert_eq!(forecast::judged(&stopped), None);
    assert!(stopped.judged().is_empty());
}

#[test]
fn while_it_runs_the_end_moves() {
    let mut model = sample::model();
    go(&mut model, 0..90);
    let moved = model.live.end_moved(model.now).unwrap();
    // 61 s ago it went twice as fast, and 32 s were left; now one is.
    assert_eq!(forecast::moved(moved), "+00:30 in the last minute");
    assert!(forecast::moved_news(&model).unwrap().starts_with("end +00:30 in "));
    let drifts: Vec<String> = model.misses().iter().map(forecast::drift).collect();
    assert_eq!(drifts[0], "at 0% it was 01:00; the end has moved by +00:30 since");
    assert!(drifts.last().unwrap().ends_with("; the end is where it was"), "{drifts:?}");
    assert_eq!(state_json(&model)["eta"]["earlier"][0]["low_s"], 60.0);
    let stalled = Rates { one_min: 0, ..Rates::default() };
    let alpha =
        PeerSnapshot { rate: stalled, queue: QueueSize { transfers: 1, bytes: MIB }, ..sample::alpha() };
    let now = model.now;
    update(&mut model, peer_msg(PeerId::First, &alpha), now);
    assert_eq!(model.live.end_moved(now), None);
    assert!(model.misses().is_empty(), "there is nothing to measure them by");
}

#[test]
fn a_replay_that_goes_back_tells_the_same_again() {
    let run = |model: &mut Model| {
        for to in [To::Peer(PeerId::First), To::Peer(PeerId::Second), To::Supervisor] {
            update(model, Msg::Link(to, LinkState::Up), Moment::ZERO);
        }
        go(model, 0..90);
        end(model, 90, RunState::Complete);
        forecast::judged(model)
    };
    let mut model = sample::model();
    let first = run(&mut model);
    update(&mut model, Msg::Rewound, Moment::ZERO);
    assert_eq!(model.live.forecasts.all().count(), 0);
    assert_eq!(run(&mut model), first);
}

#[test]
fn a_run_that_goes_on_after_an_end_begins_anew() {
    let mut model = sample::model();
    go(&mut model, 0..90);
    end(&mut model, 89, RunState::Stopped);
    at(&mut model, 5_000, 595 * MIB, 5 * MIB);
    assert_eq!(model.live.forecasts.all().count(), 1);
    let later = model.now + Duration::from_secs(1);
    model.now = later;
    assert_eq!(model.misses().len(), 1);
}
