//! A run that goes half as fast from the half of its way on.

use super::{alpha, beta, model, peer_msg, run, run_msg};
use crate::{Model, update};
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{PeerSnapshot, PeerState, QueueSize, Rates, RunSnapshot, RunState, Totals};

const MIB: u64 = 1 << 20;
/// Each peer has so much to move.
const EACH: u64 = 600 * MIB;
/// The second in which it ends.
const END_S: u64 = 90;

fn peer(base: PeerSnapshot, done: u64, rate: u64) -> PeerSnapshot {
    let finished = done >= EACH;
    PeerSnapshot {
        state: if finished { PeerState::Finished } else { PeerState::Running },
        queue: QueueSize { transfers: u64::from(!finished), bytes: EACH - done },
        in_flight: Vec::new(),
        done: QueueSize { transfers: u64::from(finished), bytes: done },
        rate: Rates { now: rate, one_min: rate, average: rate },
        ..base
    }
}

/// The run at `s` seconds: both have done so much each, and go on at this rate each.
pub(crate) fn at(model: &mut Model, s: u64, done: u64, rate: u64) {
    let now = Moment(s * 1_000_000);
    let totals = Totals { transfers: 2, bytes: 2 * EACH, growing: false };
    let run = RunSnapshot { totals, started_at_ms: model.clock.zero_ms, ..run() };
    update(model, run_msg(&run), now);
    for (id, base) in [(PeerId::First, alpha()), (PeerId::Second, beta())] {
        update(model, peer_msg(id, &peer(base, done, rate)), now);
    }
}

pub(crate) fn end(model: &mut Model, s: u64, state: RunState) {
    let now = Moment(s * 1_000_000);
    let totals = Totals { transfers: 2, bytes: 2 * EACH, growing: false };
    let (started_at_ms, ended_at_ms) = (model.clock.zero_ms, Some(model.clock.zero_ms + s * 1000));
    let run = RunSnapshot { totals, state, started_at_ms, ended_at_ms, ..run() };
    update(model, run_msg(&run), now);
}

/// Some of its seconds: each peer does 10 MiB/s for 30 s, then 5 MiB/s.
pub(crate) fn go(model: &mut Model, seconds: std::ops::Range<u64>) {
    for s in seconds {
        let (done, rate) = if s <= 30 { (10 * s, 10) } else { (300 + 5 * (s - 30), 5) };
        at(model, s, done * MIB, rate * MIB);
    }
}

/// In its last third.
pub fn slowing() -> Model {
    let mut model = model();
    go(&mut model, 0..70);
    model
}

/// As that, complete.
pub fn slowed(mut model: Model) -> Model {
    go(&mut model, 70..END_S + 1);
    end(&mut model, END_S, RunState::Complete);
    model
}
