//! The portion of `balanced` (protocol.md 4): as much as lets both peers finish at the same moment.
//!
//! The paces of both, what is in flight on both sides, and the half round trip before the portion arrives say for how
//! long the owner will be the later one. That time is filled with whole transfers, and what they leave of it with
//! ranges cut off transfers in flight. What cannot be cut any more is done twice, if the other is that much faster.

use super::Core;
use super::parts::{GRAIN, Rest, prices};
use crate::{AnswerFigures, CUTS_MAX, Cut, Millionths, Pace};
use twinhaul_units::{Bytes, Moment};

/// A part in flight is done a second time when its rest takes the owner so many times as long (protocol.md 4).
const HEDGE_AT: f64 = 1.3;
/// The other peer is so much better at small transfers before the order of work follows that.
const ADVANTAGE_MIN: f64 = 2.0;
/// What transfers cost besides their bytes must be such a share of the work before it decides the order.
const SET_UP_SHARE_MIN: f64 = 0.03;
/// With nothing measured at all, both peers are taken to be alike.
const ANY_PACE: Pace = Pace { per_byte_ps: 10_000, per_transfer_ns: 0 };

/// The one that asks, at the moment of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    /// Seconds until it can begin with what it gets.
    pub(super) start: f64,
    pub(super) pace: Pace,
}

/// What would be handed over.
#[derive(Clone, Debug, Default)]
pub(super) struct Share {
    pub(super) figures: AnswerFigures,
    /// Whole transfers …
    pub(super) count: u64,
    /// … from the tail of the queue, not from its head.
    pub(super) from_tail: bool,
    pub(super) cuts: Vec<Cut>,
}

impl Share {
    /// `count` transfers of the queue's tail: what the claims' ratio or an operator hands over.
    pub(super) fn of_tail(figures: AnswerFigures, count: u64) -> Self {
        Self { figures, count, from_tail: true, cuts: Vec::new() }
    }
}

/// Both peers' prices, and the time to be shared.
struct Scales {
    byte: [f64; 2],
    transfer: [f64; 2],
    /// Seconds of both peers' work that may move.
    budget: f64,
}

impl Scales {
    fn cost(&self, count: u64, bytes: u64) -> f64 {
        (self.transfer[0] + self.transfer[1]) * count as f64 + (self.byte[0] + self.byte[1]) * bytes as f64
    }

    fn at(&self, peer: usize, count: u64, bytes: u64) -> f64 {
        self.transfer[peer] * count as f64 + self.byte[peer] * bytes as f64
    }
}

impl Core {
    /// What this peer would hand over to `asker` now (claims 4.1, 4.2; 5.1, 5.2).
    pub(super) fn balance(&self, now: Moment, asker: &Asker) -> Share {
        let mine = [self.pace(), asker.pace].into_iter().find(|p| !p.is_unknown()).unwrap_or(ANY_PACE);
        let theirs = if asker.pace.is_unknown() { mine } else { asker.pace };
        let ((own_byte, own_transfer), (byte, transfer)) = (prices(mine), prices(theirs));
        let remaining = self.left_at(now);
        let mut scales = Scales { byte: [own_byte, byte], transfer: [own_transfer, transfer], budget: 0.0 };
        if remaining == Bytes::ZERO && mine.per_transfer_ns == 0 && theirs.per_transfer_ns == 0 {
            scales.transfer = scales.byte; // sizes are not known: all transfers are alike
        }
        let end = scales.at(0, self.unbegun(), remaining.0);
        scales.budget = (end - asker.start).max(0.0) * self.learned.correction.get();
        let from_tail = self.gives_small(theirs);
        let rests = self.rests(now);
        let can_cut = rests.iter().any(|r| r.free >= GRAIN);
        let mut count = self.whole_transfers(&scales, from_tail);
        if !can_cut && self.one_more_helps(&scales, count, from_tail, end, asker.start) {
            count += 1;
        }
        let bytes = self.queue_bytes(count, from_tail);
        let rest = scales.budget - scales.cost(count, bytes) - scales.transfer[1];
        let cut_bytes = if rest > 0.0 { (rest / (scales.byte[0] + scales.byte[1])) as u64 } else { 0 };
        let cuts = level(&rests, cut_bytes);
        let moved: u64 = bytes + cuts.iter().map(|c| c.bytes).sum::<u64>();
        let ends = [
            end - scales.at(0, count, moved),
            asker.start + scales.at(1, count + u64::from(!cuts.is_empty()), moved),
        ];
        let gain = end - ends[0].max(ends[1]);
        let mut share = Share { count, from_tail, cuts, ..Share::default() };
        if gain < self.gain_min(now) {
            share = Share::default();
        }
        let moved = if share.count == 0 && share.cuts.is_empty() { 0 } else { moved };
        if moved == 0 && share.count == 0 {
            share.cuts = self.hedges(now, &rests, &scales, asker.start);
        }
        share.figures = self.balance_figures(&share, moved, remaining);
        share
    }

    fn balance_figures(&self, share: &Share, moved: u64, remaining: Bytes) -> AnswerFigures {
        let queued = self.queued();
        let (part, whole) =
            if remaining == Bytes::ZERO { (share.count, queued) } else { (moved, remaining.0) };
        let ranges = share.cuts.len() as u64;
        AnswerFigures {
            ratio: Millionths::quotient(part, whole),
            portion: Millionths::whole(share.count + ranges),
            minimum: self.tuning.minimum,
            queued,
            portion_bytes: Bytes(moved),
            remaining_bytes: remaining,
            ranges,
        }
    }

    /// As many whole transfers as the time allows.
    fn whole_transfers(&self, scales: &Scales, from_tail: bool) -> u64 {
        let (mut low, mut high) = (0, self.queued());
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if scales.cost(middle, self.queue_bytes(middle, from_tail)) <= scales.budget {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Nothing can be cut: is it better to hand over one transfer too many than one too few?
    fn one_more_helps(&self, scales: &Scales, count: u64, from_tail: bool, end: f64, start: f64) -> bool {
        let over = |count: u64| {
            let bytes = self.queue_bytes(count, from_tail);
            (end - scales.at(0, count, bytes)).max(start + scales.at(1, count, bytes))
        };
        count < self.queued() && over(count + 1) < over(count).min(end)
    }

    /// Bytes of the first or last `count` transfers of the queue.
    fn queue_bytes(&self, count: u64, from_tail: bool) -> u64 {
        let w = &self.work;
        w.queue.peek(count, from_tail).map(|part| w.book.bytes(&part).0).sum()
    }

    /// Whether the other peer is the one that should do the small transfers: where opening and closing cost time, a
    /// peer with a slow link loses least by them.
    fn gives_small(&self, theirs: Pace) -> bool {
        self.advantage(self.pace(), theirs)
    }

    /// Whether this peer should do its small transfers first.
    pub(super) fn starts_small(&self) -> bool {
        self.advantage(self.other.pace, self.pace())
    }

    /// Whether the peer with the pace `small` is relatively better at small transfers, and it matters here.
    fn advantage(&self, large: Pace, small: Pace) -> bool {
        let fixed = |pace: Pace| {
            let (byte, transfer) = prices(pace);
            if byte > 0.0 { transfer / byte } else { 0.0 }
        };
        let (large, small) = (fixed(large), fixed(small));
        if small <= 0.0 || large < small * ADVANTAGE_MIN {
            return false;
        }
        let count = self.queued();
        let bytes = self.queue_bytes(count, false) as f64;
        large * count as f64 > SET_UP_SHARE_MIN * bytes
    }

    /// Parts that cannot be cut any more and that the asker would still finish much sooner.
    fn hedges(&self, now: Moment, rests: &[Rest], scales: &Scales, start: f64) -> Vec<Cut> {
        let streams = rests.len() as f64;
        let worth = |rest: &&Rest| {
            let here = rest.left as f64 * scales.byte[0] * streams;
            let there = start + scales.at(1, 1, rest.left);
            let copied = self.work.lent.iter().any(|r| r.hedge && r.id == rest.id && r.to == rest.to);
            let gain = here - there;
            rest.shared && !rest.hedge && !copied && here > HEDGE_AT * there && gain > self.gain_min(now)
        };
        let cut = |rest: &Rest| Cut { id: rest.id, from: rest.from, bytes: rest.left, hedge: true };
        rests.iter().filter(worth).map(cut).take(CUTS_MAX).collect()
    }
}

/// Cuts that bring the longest parts down to one level, together `bytes`.
fn level(rests: &[Rest], bytes: u64) -> Vec<Cut> {
    let mut longest: Vec<&Rest> = rests.iter().filter(|r| !r.hedge && r.free >= GRAIN).collect();
    longest.sort_by_key(|r| (std::cmp::Reverse(r.free), r.id, r.from));
    longest.truncate(CUTS_MAX);
    let mut sum = 0u64;
    let mut level = 0;
    let mut used = 0;
    for (at, rest) in longest.iter().enumerate() {
        sum += rest.free;
        used = at + 1;
        let next = longest.get(used).map_or(0, |r| r.free);
        level = sum.saturating_sub(bytes) / used as u64;
        if level >= next {
            break;
        }
    }
    let cut = |rest: &&Rest| Cut {
        id: rest.id,
        from: rest.from,
        bytes: rest.free.saturating_sub(level),
        hedge: false,
    };
    longest.iter().take(used).map(cut).filter(|cut| cut.bytes >= GRAIN).collect()
}
