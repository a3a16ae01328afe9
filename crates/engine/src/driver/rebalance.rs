//! Rebalance and the previews of what would move. One definition for shares: what is *queued* (owned, not started, and
//! either peer can do it), because nothing else can move. Times to the end count what is in flight too.

use super::control::{Asker, refused};
use super::{Driver, DriverEvent};
use crate::error::Result;
use crate::ledger_thread::{Job, Tail};
use tokio::sync::oneshot;
use twinhaul_assist::{Control, Event};
use twinhaul_units::{Amount, Bytes, text::counted};
use twinhaul_wire::{CommandResult, Preview, QueueSize};

impl Driver {
    /// Hands over the tail of the queue until this peer keeps `keep` of all queued bytes.
    pub(super) fn rebalance(&mut self, keep: f64, asker: Asker) -> Result<()> {
        let refusal = if !(0.0..=1.0).contains(&keep) {
            Some(refused(format!("{keep} is not a share from 0 to 1"), "twinhaul rebalance --share '50 %'"))
        } else if !self.core.peer().1 {
            Some(refused("the other peer is not joined", "twinhaul status"))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.acknowledge(refusal, asker);
            return Ok(());
        }
        let queue = self.core.queue().copied().collect();
        let others = self.view.other_queue().bytes;
        let (found, tail) = oneshot::channel();
        self.ledger(Job::Tail { queue, keep, others, answer: found })?;
        let driver = self.out.driver.clone();
        tokio::spawn(async move {
            if let Ok(tail) = tail.await {
                // The driver ending is an answer too: the channel closes.
                let _ = driver.send(DriverEvent::Tail { keep, tail, asker }).await;
            }
        });
        Ok(())
    }

    /// The ledger knows how many transfers hold the bytes to move.
    pub(super) fn on_tail(&mut self, keep: f64, tail: Tail, asker: Asker) -> Result<()> {
        let name = self.options.name();
        // What has started since cannot move any more; it was at the head.
        let count = tail.count.min(self.core.queued());
        let result = if tail.queued == Bytes::ZERO {
            refused(format!("{name} has nothing queued that could move"), "")
        } else if tail.share() <= keep {
            let (has, keep) = (tail.share() * 100.0, keep * 100.0);
            let why = format!(
                "{name} gives nothing: it has {has:.0} % of the queued bytes, and may keep {keep:.0} %"
            );
            refused(why, "")
        } else if count == 0 {
            refused("no whole transfer is small enough to move", "")
        } else if asker.is_dry_run() {
            self.preview(count, tail.bytes)
        } else {
            let words = format!("{name} hands over {}, {}", counted(count, "transfer"), tail.bytes);
            self.tell_core(Event::Control(Control::Give { count }))?;
            CommandResult::Done(words)
        };
        self.acknowledge(result, asker);
        Ok(())
    }

    /// What moving so much would change.
    pub(super) fn preview(&mut self, transfers: u64, bytes: Bytes) -> CommandResult {
        let moved = Amount { transfers, bytes };
        let mine = Amount { transfers: self.core.queued(), bytes: self.view.queued_bytes(&self.shared) };
        let queues = [mine, self.view.other_queue()];
        let after = [queues[0] - moved, queues[1] + moved];
        let left = self.left();
        let rates = [self.view.rates(self.clock.ms(), &self.shared).one_min, self.view.other_rate()];
        let size = |a: Amount| QueueSize { transfers: a.transfers, bytes: a.bytes.0 };
        CommandResult::Preview(Preview {
            from: self.options.name().to_owned(),
            to: self.options.other_name().to_owned(),
            transfers,
            bytes: bytes.0,
            now: queues.map(size),
            after: after.map(size),
            eta_now_s: ends_in(left, rates),
            eta_after_s: ends_in([left[0] - moved, left[1] + moved], rates),
        })
    }

    /// What this peer and the other one have still to do: as of the last poll, and no less than what is queued.
    pub(super) fn left(&self) -> [Amount; 2] {
        let polled = &self.view.polled;
        let mine = Amount { transfers: self.core.queued(), bytes: self.view.queued_bytes(&self.shared) };
        let at_least = |polled: Amount, queued: Amount| Amount {
            transfers: polled.transfers.max(queued.transfers),
            bytes: polled.bytes.max(queued.bytes),
        };
        let me = self.options.me;
        [
            at_least(polled.remaining_of(me), mine),
            at_least(polled.remaining_of(me.other()), self.view.other_queue()),
        ]
    }
}

/// Seconds to the end, each peer alone with what it has still to do; `None` where a rate is not known.
pub(super) fn ends_in(left: [Amount; 2], rates: [u64; 2]) -> Option<f64> {
    let of = |i: usize| match (left[i].bytes.0, rates[i]) {
        (0, _) => Some(0.0),
        (_, 0) => None,
        (bytes, rate) => Some(bytes as f64 / rate as f64),
    };
    Some(f64::max(of(0)?, of(1)?))
}
