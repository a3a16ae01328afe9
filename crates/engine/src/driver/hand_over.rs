//! Single transfers handed over to the other peer, by their ids: an assignment like any other. What has started stays.

use super::control::{Asker, refused};
use super::{Driver, DriverEvent};
use crate::error::Result;
use crate::ledger_thread::Job;
use tokio::sync::oneshot;
use twinhaul_assist::{Event, Interval};
use twinhaul_units::{Bytes, TransferId, Transfers, text::counted};
use twinhaul_wire::CommandResult;

impl Driver {
    pub(super) fn hand_over(&mut self, ids: &[u64], asker: Asker) -> Result<()> {
        let name = self.options.name();
        let Some(named) = Transfers::new(ids.to_vec()) else {
            let why = format!("between 1 and {} transfers can be handed over by their ids", Transfers::MAX);
            self.acknowledge(refused(why, "twinhaul rebalance --share '50 %'"), asker);
            return Ok(());
        };
        let ids: Vec<TransferId> = named.ids().iter().copied().map(TransferId).collect();
        let intervals = self.core.would_hand_over(&ids);
        let refusal = if !self.core.peer().1 {
            Some(refused("the other peer is not joined", "twinhaul status"))
        } else if intervals.is_empty() && ids.iter().any(|id| self.core.is_pinned(*id)) {
            let other = self.options.other_name();
            Some(refused(format!("{other} cannot reach their target"), ""))
        } else if intervals.is_empty() {
            let why = format!("{name} has none of them queued; what has started is not handed over");
            Some(refused(why, "twinhaul status"))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.acknowledge(refusal, asker);
            return Ok(());
        }
        let (found, weighed) = oneshot::channel();
        self.ledger(Job::Weigh { intervals, answer: found })?;
        let driver = self.out.driver.clone();
        tokio::spawn(async move {
            if let Ok(bytes) = weighed.await {
                let _ = driver.send(DriverEvent::Weighed { ids, bytes, asker }).await;
            }
        });
        Ok(())
    }

    /// The ledger knows what they hold. What has started since is not in it any more, and its bytes are only told.
    pub(super) fn on_weighed(&mut self, ids: Vec<TransferId>, bytes: Bytes, asker: Asker) -> Result<()> {
        let name = self.options.name();
        let count: u64 = self.core.would_hand_over(&ids).iter().map(Interval::count).sum();
        let result = if count == 0 {
            refused(format!("{name} has started them meanwhile"), "twinhaul status")
        } else if asker.is_dry_run() {
            self.preview(count, bytes)
        } else {
            let stays = ids.len() as u64 - count;
            let rest = if stays == 0 { String::new() } else { format!("; {stays} are not queued here") };
            let words = format!("{name} hands over {}, {bytes}{rest}", counted(count, "transfer"));
            self.tell_core(Event::HandOver { ids })?;
            CommandResult::Done(words)
        };
        self.acknowledge(result, asker);
        Ok(())
    }
}
