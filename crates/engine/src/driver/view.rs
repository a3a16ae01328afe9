//! What the snapshot shows, gathered as it happens: counts, link, idle time, the ledger's sums.

use super::{Driver, Shared};
use crate::committer::GroupReport;
use crate::ledger_thread::{NEXT_UP_ROWS, Polled};
use crate::meter::Meter;
use crate::options::Options;
use crate::progress::SlotProgress;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use twinhaul_assist::Core;
use twinhaul_ledger::State;
use twinhaul_units::{Amount, Bytes, Dial, PeerId};
use twinhaul_wire::{
    Assisted, Envelope, KeyText, Link, Message, PeerSnapshot, PeerState, QueueRow, QueueSize, Rates,
    RatioMove, Slots,
};

/// Moves of the ratio kept for the screen.
const RATIO_MOVES_MAX: usize = 32;

/// See the module.
#[derive(Debug)]
pub(super) struct View {
    me: PeerId,
    started_ms: u64,
    meter: Meter,
    progressed_ms: Option<u64>,
    moving: bool,
    passed_ms: u64,
    /// Microseconds that slots stood empty, divided by their number, which may change.
    idle_us: u64,
    link: Link,
    heard_ms: Option<u64>,
    ratio_moves: VecDeque<RatioMove>,
    pub(super) rtt_us: Option<u64>,
    pub(super) assisted: Assisted,
    pub(super) was_assisted: Assisted,
    /// Queued and in the slots.
    pub(super) owned_bytes: Bytes,
    pub(super) polled: Polled,
    pub(super) paused_by: Option<String>,
    pub(super) draining: bool,
    pub(super) events_dropped: u64,
    /// Settled since the last poll, so that the figures move with every group.
    since_poll: [Amount; 4],
}

fn size(a: Amount) -> QueueSize {
    QueueSize { transfers: a.transfers, bytes: a.bytes.0 }
}

impl View {
    pub(super) fn new(options: &Options, now_ms: u64, polled: Polled) -> Self {
        Self {
            me: options.me,
            started_ms: now_ms,
            meter: Meter::default(),
            progressed_ms: None,
            moving: false,
            passed_ms: now_ms,
            idle_us: 0,
            link: Link::default(),
            heard_ms: None,
            ratio_moves: VecDeque::new(),
            rtt_us: None,
            assisted: Assisted::default(),
            was_assisted: Assisted::default(),
            owned_bytes: Bytes::ZERO,
            polled,
            paused_by: None,
            draining: false,
            events_dropped: 0,
            since_poll: [Amount::default(); 4],
        }
    }

    pub(super) fn progressed(&mut self, now_ms: u64) {
        self.progressed_ms = Some(now_ms);
    }

    /// Idle time is counted in slots that stand empty while the run goes on: what assistance is there to avoid.
    pub(super) fn pass_time(&mut self, now_ms: u64, core: &Core, used: u32, busy: bool) {
        let elapsed = now_ms.saturating_sub(self.passed_ms);
        self.passed_ms = now_ms;
        let over = self.polled.all_settled();
        if busy && !over && core.queued() == 0 {
            let slots = core.slots().max(1) as u64;
            self.idle_us += elapsed * 1000 * slots.saturating_sub(used.into()) / slots;
        }
    }

    /// Milliseconds that slots stood empty, divided by their number.
    pub(super) const fn idle_ms(&self) -> u64 {
        self.idle_us / 1000
    }

    pub(super) fn up_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.started_ms)
    }

    pub(super) fn rates(&mut self, now_ms: u64, shared: &Shared) -> Rates {
        let bytes = shared.totals.bytes.load(Ordering::Relaxed);
        self.meter.note(now_ms, bytes);
        let rates = self.meter.rates(now_ms, bytes);
        self.moving = rates.now > 0;
        rates
    }

    /// Whether bytes moved in the last seconds.
    pub(super) fn moves(&self) -> bool {
        self.moving
    }

    pub(super) fn settle(&mut self, report: &GroupReport) {
        for (sum, more) in
            self.since_poll.iter_mut().zip([report.done, report.verified, report.skipped, report.failed])
        {
            *sum += more;
        }
    }

    pub(super) fn take_poll(&mut self, polled: Polled) {
        self.since_poll = [Amount::default(); 4];
        self.polled = polled;
    }

    pub(super) fn ratio_moved(&mut self, moved: RatioMove) {
        if self.ratio_moves.len() == RATIO_MOVES_MAX {
            self.ratio_moves.pop_front();
        }
        self.ratio_moves.push_back(moved);
    }

    pub(super) fn link_up(&mut self, incarnation: u64, now_ms: u64) {
        self.link.up = true;
        self.link.incarnation = incarnation;
        self.heard_ms = Some(now_ms);
    }

    pub(super) fn link_down(&mut self) {
        self.link.up = false;
    }

    pub(super) fn heard(&mut self, envelope: &Envelope, now_ms: u64) {
        self.heard_ms = Some(now_ms);
        if let Message::Heartbeat { queued, queued_bytes, rate, ratio, .. } = envelope.body {
            let link = Link { queued, queued_bytes, rate, ratio, ..self.link };
            self.link = link;
        }
    }

    /// Owned and not started.
    pub(super) fn queued_bytes(&self, shared: &Shared) -> Bytes {
        let started: u64 = shared.slots.iter().filter_map(SlotProgress::size).sum();
        self.owned_bytes - Bytes(started)
    }

    /// What the other peer said last: its queue.
    pub(super) fn other_queue(&self) -> Amount {
        Amount::new(self.link.queued, self.link.queued_bytes)
    }

    /// What the other peer said last: its rate in bytes a second.
    pub(super) fn other_rate(&self) -> u64 {
        self.link.rate
    }

    /// Done, verified, skipped, failed: the last poll and what groups settled since.
    fn settled(&self) -> [Amount; 4] {
        let mut sums = self.since_poll;
        let counters = &self.polled.counters;
        let at = |state| counters.at(self.me, state);
        let polled =
            [at(State::Done), counters.verified[self.me.index()], at(State::Skipped), at(State::Failed)];
        for (sum, more) in sums.iter_mut().zip(polled) {
            *sum += more;
        }
        sums
    }
}

impl Driver {
    pub(super) fn publish_snapshot(&mut self) {
        let snapshot = self.snapshot();
        self.out.snapshots.send_replace(Arc::new(snapshot));
    }

    fn snapshot(&mut self) -> PeerSnapshot {
        let now_ms = self.clock.ms();
        let rate = self.view.rates(now_ms, &self.shared);
        let (mut in_flight, awaiting) = self.in_flight();
        let mut settling_wait = self.settling_wait();
        let free_wait = self.waits.free(now_ms);
        if !matches!(self.life, super::Life::Ended(_)) {
            self.judge_waits(&mut in_flight, &mut settling_wait, free_wait.as_ref());
        }
        let view = &self.view;
        let config = self.options.profile.peer(self.options.me);
        let learning = self.options.profile.assistance.learning;
        let [done, verified, skipped, failed] = view.settled();
        let (ratio, portion) = self.core.gives();
        PeerSnapshot {
            run: self.options.run.clone(),
            peer: config.name.clone(),
            incarnation: self.incarnation.0,
            pid: std::process::id(),
            at_ms: crate::clock::wall_ms(),
            state: self.state(),
            paused_by: view.paused_by.clone(),
            policy: crate::policy_word(self.options.profile.assistance.policy).to_owned(),
            ratio: ratio.get(),
            increment: learning.increment,
            minimum: learning.minimum,
            portion: portion.get(),
            ratio_moves: view.ratio_moves.iter().copied().collect(),
            queue: QueueSize {
                transfers: self.core.queued() + self.core.pinned(),
                bytes: view.queued_bytes(&self.shared).0,
            },
            slots: Slots { used: u32::try_from(in_flight.len()).unwrap_or(u32::MAX), max: self.slots_max() },
            in_flight,
            awaiting,
            settling: size(self.shared.storage.settling.get()),
            settling_wait,
            published: size(self.shared.storage.published.get()),
            done: size(done),
            verified: size(verified),
            skipped: size(skipped),
            failed: size(failed),
            moved: self.shared.totals.bytes.load(Ordering::Relaxed),
            rate,
            last_progress_ms: view.progressed_ms.map(|at| now_ms.saturating_sub(at)),
            limit: self.shared.limits.limiter(&Dial::Limit).and_then(crate::limiter::Limiter::limit),
            dials: self.dials_shown(),
            assisted: view.assisted,
            was_assisted: view.was_assisted,
            link: Link {
                heard_ms_ago: view.heard_ms.map(|at| now_ms.saturating_sub(at)),
                rtt_us: view.rtt_us,
                ..view.link
            },
            idle_ms: view.idle_ms(),
            up_ms: view.up_ms(now_ms),
            waits: self.shared.totals.waits(),
            waits_at: self.shared.totals.waits_at(),
            free_wait,
            calls: self.waits.call_times().to_vec(),
            next_up: self.next_up(),
            targets: self.shared.storage.snapshots(),
            backends: self.shared.storage.backends.list(),
            problems: self.shared.storage.problems.list(&config.name),
            events_dropped: view.events_dropped,
        }
    }

    /// From the feeder's page, which is never behind; where it does not reach (before the first start, after a jump to
    /// another lot), as of the last poll.
    fn next_up(&self) -> Vec<QueueRow> {
        let Some(head) = self.core.queue().next() else { return Vec::new() };
        let mut rows = self.shared.ahead.rows(head.first, head.last, NEXT_UP_ROWS);
        if rows.first().is_none_or(|row| row.id != head.first) {
            rows.clone_from(&self.view.polled.next_up);
            rows.retain(|row| (head.first..=head.last).contains(&row.id));
        }
        let row = |row: twinhaul_ledger::Row| QueueRow {
            id: row.id.0,
            key: KeyText::from_bytes(&row.key[row.key.len().saturating_sub(512)..]),
            target: self.shared.storage.target_name(row.target).to_owned(),
            bytes: row.size,
            attempts: row.attempts,
        };
        rows.into_iter().map(row).collect()
    }

    fn state(&self) -> PeerState {
        use super::Life;
        match &self.life {
            Life::Stopping { .. } => PeerState::Stopping,
            Life::Finishing => PeerState::Finishing,
            Life::Ended(_) => PeerState::Finished,
            Life::Running if self.view.paused_by.is_some() => PeerState::Paused,
            Life::Running if self.view.draining => PeerState::Draining,
            Life::Running if self.core_is_idle() => PeerState::Idle,
            Life::Running => PeerState::Running,
        }
    }
}
