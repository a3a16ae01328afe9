//! The portion of `balanced` (protocol.md 4): as much as lets both peers finish at the same moment.
//!
//! The paces of both, what is in flight on both sides, and the half round trip before the portion arrives say for how
//! long the owner will be the later one. That time is filled with whole transfers, and what they leave of it with
//! ranges cut off transfers in flight. What cannot be cut any more is done twice, if the other is that much faster.

use super::Core;
use super::parts::{GRAIN, Rest, claim_at, prices};
use crate::{AnswerFigures, CUTS_MAX, Cut, Interval, Millionths, Pace, Policy};
use twinhaul_units::{Bytes, Moment};

/// A part in flight is done a second time when its rest takes the owner so many times as long (protocol.md 4).
const HEDGE_AT: f64 = 1.3;
/// The other peer is so much better at small transfers before the order of work follows that.
const ADVANTAGE_MIN: f64 = 2.0;
/// What transfers cost besides their bytes must be such a share of the work before it decides the order.
const SET_UP_SHARE_MIN: f64 = 0.1;
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
        let fits = |count: u64, bytes: u64| scales.cost(count, bytes) <= scales.budget;
        let (mut count, _) = self.whole_transfers(from_tail, fits);
        if !can_cut && self.one_more_helps(&scales, count, from_tail, end, asker.start) {
            count += 1;
        }
        let bytes = self.queue_bytes(count, from_tail);
        let rest = scales.budget - scales.cost(count, bytes) - scales.transfer[1];
        let cut_bytes = if rest > 0.0 { (rest / (scales.byte[0] + scales.byte[1])) as u64 } else { 0 };
        let cuts = level(&rests, cut_bytes);
        let moved: u64 = bytes + cuts.iter().map(|c| c.bytes).sum::<u64>();
        let pieces = count + cuts.len() as u64;
        let there = scales.at(1, count + u64::from(!cuts.is_empty()), moved);
        let ends = [end - scales.at(0, count, moved), asker.start + there];
        // Where each slot has its own limit, what is small takes longer: then too this must not make the end later.
        let slow =
            |peer: usize, pieces: u64, bytes: u64| self.slots_per_stream(scales.byte[peer], pieces, bytes);
        let at_worst = asker.start + there * slow(1, pieces, moved);
        let kept = end * slow(0, self.unbegun() + rests.len() as u64, remaining.0);
        let gain = end - ends[0].max(ends[1]);
        let mut share = Share { count, from_tail, cuts, ..Share::default() };
        if gain < self.gain_min(now) || at_worst > kept {
            share = Share::default();
        }
        let moved = if share.count == 0 && share.cuts.is_empty() { 0 } else { moved };
        if moved == 0 && share.count == 0 {
            share.cuts = self.hedges(now, &rests, &scales, asker.start);
        }
        share.figures = self.balance_figures(&share, moved, remaining);
        share
    }

    /// How many times as long a portion may take the other peer than its pace says, which is that of all its slots: what is too
    /// small to be divided among them goes as fast as one of them went, where each has its own limit. Nobody can tell
    /// from here whether it has, nor its slots: as many as here.
    fn slots_per_stream(&self, byte: f64, pieces: u64, bytes: u64) -> f64 {
        let slots = self.tuning.slots as u64;
        let least = claim_at(1.0 / byte.max(f64::MIN_POSITIVE), slots);
        let streams = pieces.max(bytes / least).clamp(1, slots);
        slots as f64 / streams as f64
    }

    /// Where opening and closing cost time, the peer with the fast link asks for the large transfers long before it is
    /// idle, and gets those that it does better: so many that both, each with its own kind, finish together. What is
    /// wrong with that is put right when one of them runs dry.
    pub(super) fn exchange(&self, now: Moment, asker: &Asker, its_queue: u64) -> Share {
        let mine = self.pace();
        if mine.is_unknown() || !self.advantage(asker.pace, mine) {
            return self.balance(now, asker);
        }
        let ((own_byte, own_transfer), (byte, transfer)) = (prices(mine), prices(asker.pace));
        let (all, total) = (self.queued(), self.queued_bytes().0);
        // The small ones that the asker will hand over are taken to be like those that stay here.
        let alike = its_queue as f64 / all.max(1) as f64;
        let rests = self.rests(now);
        let flying: u64 = rests.iter().map(|r| r.left).sum();
        let fits = |count: u64, bytes: u64| {
            let (stay, stays) = ((all - count) as f64, (total - bytes) as f64);
            let given = transfer * count as f64 + byte * (bytes + flying) as f64;
            let there = asker.start + given - alike * (transfer * stay + byte * stays);
            there <= (1.0 + alike) * (own_transfer * stay + own_byte * stays)
        };
        let (count, bytes) = self.whole_transfers(false, fits);
        let (_, before) = self.whole_transfers(false, |n, _| n < count);
        let smallest = bytes - before;
        let large: Vec<Rest> = rests.into_iter().filter(|r| count > 0 && r.free > smallest).collect();
        let cuts = level(&large, large.iter().map(|r| r.free).sum());
        let moved = bytes + cuts.iter().map(|c| c.bytes).sum::<u64>();
        let mut share = Share { count, from_tail: false, cuts, ..Share::default() };
        share.figures = self.balance_figures(&share, moved, self.left_at(now));
        share
    }

    /// Whether this peer should have the other's large transfers, and the other this one's small ones.
    pub(super) fn wants_large(&self) -> bool {
        let other = &self.other;
        other.at.is_some() && other.queued > 0 && self.queued() > 0 && self.advantage(self.pace(), other.pace)
    }

    fn balance_figures(&self, share: &Share, moved: u64, remaining: Bytes) -> AnswerFigures {
        let (queued, ranges) = (self.queued(), share.cuts.len() as u64);
        let portion = share.count + ranges;
        // As in claim 4.2, of the number of transfers; of bytes only where nothing but parts of what is in flight moves.
        let (part, whole) = if share.count > 0 || remaining == Bytes::ZERO {
            (portion.min(queued), queued)
        } else {
            (moved, remaining.0)
        };
        AnswerFigures {
            ratio: Millionths::quotient(part, whole),
            portion: Millionths::whole(portion),
            minimum: self.tuning.minimum,
            queued,
            portion_bytes: Bytes(moved),
            remaining_bytes: remaining,
            ranges,
        }
    }

    /// As many whole transfers as fit, and their bytes.
    fn whole_transfers(&self, from_tail: bool, fits: impl Fn(u64, u64) -> bool) -> (u64, u64) {
        let (mut count, mut bytes) = (0, 0);
        for run in self.runs(from_tail) {
            let all = (run.count(), self.work.book.bytes(&run).0);
            if fits(count + all.0, bytes + all.1) {
                (count, bytes) = (count + all.0, bytes + all.1);
                continue;
            }
            let some = |n: u64| if n == 0 { 0 } else { self.work.book.bytes(&piece(&run, n, from_tail)).0 };
            let (mut low, mut high) = (0, all.0);
            while low < high {
                let middle = low + (high - low).div_ceil(2);
                if fits(count + middle, bytes + some(middle)) { low = middle } else { high = middle - 1 }
            }
            return (count + low, bytes + some(low));
        }
        (count, bytes)
    }

    /// The queue's intervals in the order in which they are handed over: by their largest, or by their smallest.
    fn runs(&self, from_tail: bool) -> Vec<Interval> {
        let w = &self.work;
        w.queue.ranked(from_tail, |part| w.book.end_rank(part, from_tail))
    }

    /// Takes what [`Self::whole_transfers`] counted out of the queue; in order.
    pub(super) fn cut_queue(&mut self, count: u64, from_tail: bool) -> Vec<Interval> {
        if self.tuning.policy != Policy::Balanced {
            return self.work.queue.cut_tail(count);
        }
        let mut wanted = count;
        let mut cut = Vec::new();
        for run in self.runs(from_tail) {
            if wanted == 0 {
                break;
            }
            let piece = piece(&run, run.count().min(wanted), from_tail);
            wanted -= piece.count();
            self.work.queue.take(&piece);
            cut.push(piece);
        }
        cut.sort_unstable_by_key(|piece| piece.first);
        cut
    }

    /// Nothing can be cut: is it better to hand over one transfer too many than one too few?
    fn one_more_helps(&self, scales: &Scales, count: u64, from_tail: bool, end: f64, start: f64) -> bool {
        let over = |count: u64| {
            let bytes = self.queue_bytes(count, from_tail);
            (end - scales.at(0, count, bytes)).max(start + scales.at(1, count, bytes))
        };
        count < self.queued() && over(count + 1) < over(count).min(end)
    }

    /// Bytes of the `count` transfers that would be handed over first.
    fn queue_bytes(&self, count: u64, from_tail: bool) -> u64 {
        self.whole_transfers(from_tail, |n, _| n <= count).1
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
        large * self.queued() as f64 > SET_UP_SHARE_MIN * self.queued_bytes().0 as f64
    }

    /// Parts that cannot be cut any more and that the asker would still finish much sooner.
    fn hedges(&self, now: Moment, rests: &[Rest], scales: &Scales, start: f64) -> Vec<Cut> {
        let streams = rests.len() as f64;
        let worth = |rest: &&Rest| {
            let here = rest.left as f64 * scales.byte[0] * streams;
            let there = start + scales.at(1, 1, rest.left);
            let copied = self.work.lent.iter().any(|r| r.hedge && r.id == rest.id && r.to == rest.to);
            let gain = here - there;
            rest.shared
                && rest.free < GRAIN
                && !rest.hedge
                && !copied
                && here > HEDGE_AT * there
                && gain > self.gain_min(now)
        };
        // From the boundary before what is reached, or the bytes up to the next one would be left to the owner.
        // Never all of an own transfer: somebody must bring it to its end here.
        let most = |rest: &Rest| rest.to - rest.from - u64::from(rest.from == 0);
        let bytes = |rest: &Rest| (rest.left + GRAIN).min(most(rest));
        let cut = |rest: &Rest| Cut { id: rest.id, from: rest.from, bytes: bytes(rest), hedge: true };
        rests.iter().filter(worth).map(cut).take(CUTS_MAX).collect()
    }
}

/// The first or last `n` transfers of an interval.
fn piece(run: &Interval, n: u64, from_tail: bool) -> Interval {
    let n = n.max(1);
    if from_tail {
        run.part(run.last.0 - (n - 1), run.last.0)
    } else {
        run.part(run.first.0, run.first.0 + (n - 1))
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
