//! A limit that both peers share, divided between them by what each can use. Pure: snapshots in, parts out.
//!
//! The parts never add up to more than the whole: one is made larger only by what the other has given up before. A peer
//! whose process is gone has no part; one that does not answer keeps its own, because it may wake.

use std::collections::BTreeMap;
use std::time::Duration;
use twinhaul_units::{Dial, Moment};
use twinhaul_wire::{DialSnapshot, PeerSnapshot};

/// Between two looks at one division.
const EVERY: Duration = Duration::from_secs(1);
/// Parts are thousandths.
const WHOLE: u64 = 1000;
/// What a peer has at least, so that it can show that it needs more.
const LEAST: u64 = 50;
/// Smaller changes are not worth a message.
const STEP: u64 = 20;
/// A peer that waited for its part during so much of the time could use more: one of this many milliseconds.
const HUNGRY: u64 = 10;

/// What a peer had taken, and when.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at_ms: u64,
    taken: u64,
    waited_ms: u64,
}

/// A peer as it is seen now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer<'a> {
    /// No process.
    Gone,
    /// Nothing is known of it yet.
    Unknown,
    Known(&'a PeerSnapshot),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    before: BTreeMap<Dial, [Option<Seen>; 2]>,
    looked_at: Option<Moment>,
}

impl Shares {
    /// Who is to have what part from now on: only what changes.
    pub(crate) fn divide(&mut self, now: Moment, peers: [Peer<'_>; 2]) -> Vec<(usize, Dial, u16)> {
        if self.looked_at.is_some_and(|at| now.since(at) < EVERY) {
            return Vec::new();
        }
        self.looked_at = Some(now);
        let mut dials: Vec<Dial> = peers.iter().flat_map(shared).map(|d| d.dial.clone()).collect();
        dials.sort();
        dials.dedup();
        self.before.retain(|dial, _| dials.contains(dial));
        dials.into_iter().flat_map(|dial| self.divide_one(&dial, peers)).collect()
    }

    fn divide_one(&mut self, dial: &Dial, peers: [Peer<'_>; 2]) -> Vec<(usize, Dial, u16)> {
        let before = self.before.entry(dial.clone()).or_default();
        let mut parts = [0; 2];
        let mut needs = [0; 2];
        for (at, peer) in peers.iter().enumerate() {
            if matches!(peer, Peer::Gone) {
                before[at] = None;
                continue;
            }
            let found = shared(peer).find(|d| d.dial == *dial);
            let (Some(d), Peer::Known(snapshot)) = (found, peer) else { return Vec::new() };
            let seen = Seen { at_ms: snapshot.at_ms, taken: d.taken, waited_ms: d.waited_ms };
            let Some(need) = before[at].and_then(|before| need(before, seen, d)) else {
                before[at].get_or_insert(seen);
                return Vec::new();
            };
            before[at] = Some(seen);
            (parts[at], needs[at]) = (u64::from(d.part), need);
        }
        let wanted = fair(needs);
        let order = |at: usize| {
            // What the other still has cannot be given away.
            let part = wanted[at].min(WHOLE.saturating_sub(parts[1 - at])).max(wanted[at].min(parts[at]));
            let changes = needs[at] > 0 && part.abs_diff(parts[at]) >= STEP;
            changes.then(|| (at, dial.clone(), u16::try_from(part).unwrap_or(0)))
        };
        [order(0), order(1)].into_iter().flatten().collect()
    }
}

fn shared<'a>(peer: &Peer<'a>) -> impl Iterator<Item = &'a DialSnapshot> + use<'a> {
    let dials = if let Peer::Known(snapshot) = peer { snapshot.dials.as_slice() } else { &[] };
    dials.iter().filter(|d| d.dial.is_shared() && d.value.is_some_and(|value| value > 0))
}

/// What it could use, in thousandths of the limit; `None`: nothing new is known.
fn need(before: Seen, seen: Seen, d: &DialSnapshot) -> Option<u64> {
    let passed = seen.at_ms.checked_sub(before.at_ms).filter(|ms| *ms > 0)?;
    let waited = seen.waited_ms.saturating_sub(before.waited_ms);
    if waited * HUNGRY >= passed {
        return Some(WHOLE);
    }
    let taken = u128::from(seen.taken.saturating_sub(before.taken)) * 1000 / u128::from(passed);
    let part = taken * u128::from(WHOLE) / u128::from(d.value.unwrap_or(u64::MAX).max(1));
    // A quarter more than it took, so that it can grow.
    Some(u64::try_from(part * 5 / 4).unwrap_or(WHOLE).saturating_add(LEAST).min(WHOLE))
}

/// Who needs less than half has what it needs, and the other the rest; what nobody needs is halved.
fn fair([a, b]: [u64; 2]) -> [u64; 2] {
    match (a, b) {
        (0, 0) => [0, 0],
        (_, 0) => [WHOLE, 0],
        (0, _) => [0, WHOLE],
        _ if a + b <= WHOLE => {
            let spare = (WHOLE - a - b) / 2;
            [a + spare, b + spare]
        }
        _ if a <= WHOLE / 2 => [a, WHOLE - a],
        _ if b <= WHOLE / 2 => [WHOLE - b, b],
        _ => [WHOLE / 2, WHOLE / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1_000_000;

    /// Two peers with one limit: each moves what it can of its part.
    struct Two {
        shares: Shares,
        s: u64,
        parts: [u16; 2],
        taken: [u64; 2],
        waited_ms: [u64; 2],
        gone: [bool; 2],
    }

    impl Two {
        fn new() -> Self {
            Self {
                shares: Shares::default(),
                s: 0,
                parts: [500; 2],
                taken: [0; 2],
                waited_ms: [0; 2],
                gone: [false; 2],
            }
        }

        /// Seconds pass; `can`: bytes a second that each could move.
        fn pass(&mut self, seconds: u64, can: [u64; 2]) {
            for _ in 0..seconds {
                self.s += 1;
                for at in (0..2).filter(|at| !self.gone[*at]) {
                    let may = LIMIT * u64::from(self.parts[at]) / 1000;
                    self.taken[at] += can[at].min(may);
                    self.waited_ms[at] += if can[at] > may { 900 } else { 0 };
                }
                let snapshots = [0, 1].map(|at| PeerSnapshot {
                    at_ms: self.s * 1000,
                    dials: vec![DialSnapshot {
                        dial: Dial::SharedLimit,
                        value: Some(LIMIT),
                        turned: false,
                        part: self.parts[at],
                        taken: self.taken[at],
                        waited_ms: self.waited_ms[at],
                    }],
                    ..PeerSnapshot::default()
                });
                let peer = |at: usize| if self.gone[at] { Peer::Gone } else { Peer::Known(&snapshots[at]) };
                let now = Moment::ZERO + Duration::from_secs(self.s);
                for (at, _, part) in self.shares.divide(now, [peer(0), peer(1)]) {
                    self.parts[at] = part;
                }
                let sum: u16 = (0..2).filter(|at| !self.gone[*at]).map(|at| self.parts[at]).sum();
                assert!(sum <= 1000, "{:?}", self.parts);
            }
        }
    }

    #[test]
    fn both_hungry_have_half_each() {
        let mut two = Two::new();
        two.pass(10, [LIMIT, LIMIT]);
        assert_eq!(two.parts, [500, 500]);
    }

    #[test]
    fn what_one_cannot_use_the_other_has_and_gives_back() {
        let mut two = Two::new();
        two.pass(6, [100_000, LIMIT]);
        assert_eq!(two.parts, [175, 825]);
        two.pass(6, [0, LIMIT]);
        assert_eq!(two.parts, [50, 950], "one that does nothing can still begin");
        two.pass(8, [LIMIT, LIMIT]);
        assert_eq!(two.parts, [500, 500]);
    }

    #[test]
    fn who_is_gone_has_no_part() {
        let mut two = Two::new();
        two.pass(3, [LIMIT, LIMIT]);
        two.gone[1] = true;
        two.pass(3, [LIMIT, LIMIT]);
        assert_eq!(two.parts[0], 1000);
        // As a new incarnation begins.
        (two.gone[1], two.parts[1], two.taken[1], two.waited_ms[1]) = (false, 0, 0, 0);
        two.pass(6, [LIMIT, LIMIT]);
        assert_eq!(two.parts, [500, 500]);
    }

    #[test]
    fn one_that_does_not_answer_keeps_its_part() {
        let mut shares = Shares::default();
        let dial = |part| DialSnapshot {
            dial: Dial::TargetLimit("b".into()),
            value: Some(LIMIT),
            turned: true,
            part,
            taken: 0,
            waited_ms: 0,
        };
        let silent = PeerSnapshot { at_ms: 1000, dials: vec![dial(500)], ..PeerSnapshot::default() };
        for s in 1..20 {
            let heard = PeerSnapshot { at_ms: s * 1000, ..silent.clone() };
            let now = Moment::ZERO + Duration::from_secs(s);
            assert_eq!(shares.divide(now, [Peer::Known(&heard), Peer::Known(&silent)]), []);
        }
        assert_eq!(shares.divide(Moment::ZERO + Duration::from_secs(30), [Peer::Unknown, Peer::Unknown]), []);
    }
}
